/**
 * `npm run bench:traffic`: what clients notice of a handover, with the latch and without, in turns. On a real node, a
 * client opens a new connection every 5 ms through the Service's cluster IP while the active pod fails and a pass moves
 * the role. Times count from the pass's first write.
 */

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { kubernetesVersion } from '../support/cluster/binaries.js'
import { runsFlag, scriptFlags } from '../support/flags.js'
import { repository } from '../support/handler.js'
import { describeSeries, handovers, type Series } from '../support/handover.js'
import { openNodeWorld } from '../support/on-node.js'
import { startWork } from '../support/work.js'
import { chartOf } from './chart.js'
import { clusterOrExit } from './cluster.js'
import { spread } from './measure.js'

const { runs, chart } = scriptFlags('bench:traffic')
  .option('runs', runsFlag('Handovers of each kind', 20))
  .option('chart', { type: 'boolean', default: false, describe: 'Write docs/handover.svg from the figures' })
  .parseSync()

const work = startWork('bench:traffic')
const cluster = await clusterOrExit()
try {
  work.print(`Median (min to max) of ${runs} handovers each, ms from the first write; Node ${process.version}`)
  let drawn: readonly [Series, Series] | undefined
  for await (const pair of handovers(await openNodeWorld(cluster, 'default'), runs)) {
    const [latched, unlatched] = pair
    drawn ??= pair
    for (const series of pair) work.print(describeSeries(series))
    const ratios = unlatched.handovers.map(
      ({ firstByNew }, n) => firstByNew / (latched.handovers[n]?.firstByNew ?? Number.NaN),
    )
    work.print(`  without / with the latch, pair by pair, until the new pod answers: ${spread(ratios, 1)}`)
  }
  if (chart && drawn !== undefined) await draw(drawn)
} finally {
  work.done()
  await cluster.stop()
}

async function draw([latched, unlatched]: readonly [Series, Series]): Promise<void> {
  const { demo, proxyMode } = latched.setting
  const panels = [
    { title: 'With the latch', handovers: latched.handovers },
    { title: 'Without', handovers: unlatched.handovers },
  ]
  const caption =
    `${runs} handovers each of a ${demo}, kube-proxy in ${proxyMode} mode, Kubernetes ${kubernetesVersion}; ` +
    'a new connection every 5 ms'
  const title = 'Who answers during handovers with the latch and without, and when connections are refused'
  await mkdir(join(repository, 'docs'), { recursive: true })
  await writeFile(join(repository, 'docs', 'handover.svg'), chartOf({ title, panels, caption }))
}
