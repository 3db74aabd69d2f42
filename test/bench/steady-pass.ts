/**
 * `npm run bench`: what one steady pass costs as a whole process, against an empty Node process of the same moment.
 * The two run in turns, so that the ratios hold when the machine's speed drifts.
 */
import { buildWorld } from '../demo/demo-world.js'
import { startWork } from '../support/work.js'
import { type Figures, measure, spread } from './measure.js'

const WARM_UPS = 2
const RUNS = 20

const work = startWork('bench')
const world = await buildWorld()
const env = { KUBECONFIG: world.kubeconfig }
const pairs: { readonly handler: Figures; readonly empty: Figures }[] = []
try {
  for (let n = 0; n < WARM_UPS + RUNS; n++) {
    work.at(`${n} of ${WARM_UPS + RUNS} runs`)
    const pair = { handler: await measure(['handler'], env), empty: await measure(['-e', '0']) }
    if (n >= WARM_UPS) pairs.push(pair) // the first pass makes a pod active: it is among the warm-ups
  }
} finally {
  work.done()
  await world.close()
}

const rows = [
  ['node handler, a steady pass of two pods', pairs.map(({ handler }) => handler)],
  ['node -e 0', pairs.map(({ empty }) => empty)],
] as const
console.log(`Median (min to max) of ${RUNS} runs each, in turns; Node ${process.version}`)
for (const [name, figures] of rows) {
  const ms = figures.map((one) => one.ms)
  const peak = figures.map((one) => one.peakMb)
  console.log(`  ${name.padEnd(40)} ${spread(ms, 0).padEnd(20)} ms   peak memory ${spread(peak, 1)} MB`)
}
const ratio = (of: (figures: Figures) => number) =>
  spread(
    pairs.map(({ handler, empty }) => of(handler) / of(empty)),
    2,
  )
console.log(`  ratio, pair by pair: time ${ratio(({ ms }) => ms)}, peak memory ${ratio(({ peakMb }) => peakMb)}`)
