/**
 * `npm run bench:ended`: what pods that have ended cost. Two live pods stand beside thousands in phase Failed, as a
 * ReplicaSet leaves them after evictions, and are compared with two live pods alone, on a real control plane. The runs
 * take turns, so that the ratios hold when the machine's speed drifts.
 */

import pLimit from 'p-limit'
import { startControlPlane } from '../support/cluster/control-plane.js'
import { runsFlag, scriptFlags } from '../support/flags.js'
import { type OnCluster, openNamespace } from '../support/on-cluster.js'
import { podDraft } from '../support/pods.js'
import type { TestServer } from '../support/servers.js'
import { startWork } from '../support/work.js'
import { type Figures, measure, spread } from './measure.js'

const { pods: ENDED, runs: RUNS } = await scriptFlags('bench:ended')
  .option('pods', runsFlag('pods that have ended', 10_000))
  .option('runs', runsFlag('runs of each kind', 10))
  .parseAsync()

const work = startWork('bench:ended')
const cluster = await startControlPlane()
try {
  const worlds = [await world(0), await world(ENDED)] as const
  work.print(`Median (min to max) of ${RUNS} runs each, in turns; Node ${process.version}`)
  await compare('a steady pass', worlds, async () => ['handler'])
  await compare('a failover', worlds, async ({ here, servers }) => {
    const [active] = await here.actives()
    await Promise.all(servers.map((server) => server.behave(server.name === active ? 'error' : 'ok')))
    return ['handler', '--failures', '1']
  })
} finally {
  work.done()
  await cluster.stop()
}

interface World {
  readonly here: OnCluster
  readonly servers: readonly TestServer[]
}

async function world(ended: number): Promise<World> {
  const here = await openNamespace(cluster)
  await here.addService({ name: 'helloworld' })
  const servers = [await here.addPod('helloworld-0'), await here.addPod('helloworld-1')]
  const limit = pLimit(16)
  const draft = podDraft({ name: 'ended', port: 8080 })
  const add = async (n: number) => {
    const name = `helloworld-ended-${n}`
    await here.admin.post(`${here.api}/pods`, { ...draft, metadata: { ...draft.metadata, name } })
    await here.admin.patch(`${here.api}/pods/${name}/status`, { status: { phase: 'Failed', reason: 'Evicted' } })
  }
  await Promise.all(Array.from({ length: ended }, (_, n) => limit(() => add(n))))
  await here.run() // makes one active
  return { here, servers }
}

async function compare(
  what: string,
  worlds: readonly [World, World],
  prepare: (world: World) => Promise<readonly string[]>,
): Promise<void> {
  const figures: (readonly [Figures, Figures])[] = []
  const patches = [new Set<number>(), new Set<number>()] as const
  for (let n = 0; n < RUNS; n++) {
    work.at(`${what}, ${n} of ${RUNS} runs`)
    const pair: Figures[] = []
    for (const [place, one] of worlds.entries()) {
      const args = await prepare(one)
      await one.here.takeRequests()
      pair.push(await measure(args, { KUBECONFIG: one.here.kubeconfig }))
      const requests = (await one.here.takeRequests()) ?? []
      patches[place as 0 | 1].add(requests.filter((request) => request.startsWith('patch')).length)
    }
    figures.push([pair[0] as Figures, pair[1] as Figures])
  }
  for (const [place, name] of ['none', `${ENDED}`].entries()) {
    const own = figures.map((pair) => pair[place as 0 | 1])
    const writes = [...patches[place as 0 | 1]].join(' or ')
    work.print(
      `  ${what}, ${name.padStart(6)} ended: ${spread(
        own.map(({ ms }) => ms),
        0,
      )} ms, peak memory ${spread(
        own.map(({ peakMb }) => peakMb),
        0,
      )} MB, ${writes} PATCHes`,
    )
  }
  const ratio = spread(
    figures.map(([none, many]) => many.ms / none.ms),
    2,
  )
  work.print(`  ratio, pair by pair: ${ratio}`)
}
