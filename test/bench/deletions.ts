/**
 * `npm run bench:deletions`: how long clients get no answer when pods are taken away on purpose, under the CronJob
 * alone, with and without a preStop sleep that bridges the time to its next pass. Two real nodes; a client opens a new
 * connection every 20 ms through the Service's cluster IP.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../support/cluster/poll.js'
import { startTraffic } from '../support/node/client-traffic.js'
import { type Demo, demos, type NodeWorld, openNodeWorld, withoutSleep } from '../support/on-node.js'
import { startWork } from '../support/work.js'
import { clusterOrExit } from './cluster.js'
import { longestOf, outagesOf, secondsOf } from './outages.js'

/** Longer than any of them takes: two restarts with a sleep of 75 s and a minute of the CronJob for each. */
const lastMs = 8 * 60_000

interface Deletion {
  readonly name: string
  /** It takes a node out of service: two of them at once would leave none for the pass to run on. */
  readonly alone?: boolean
  /** Begins it; the Service's active pod is affected. */
  begin(world: NodeWorld, demo: Demo): Promise<void>
  /** Resolves when the pods that were there are gone, and as many others are Ready. */
  end(world: NodeWorld, demo: Demo): Promise<void>
}

const kinds: readonly Demo[] = ['statefulset', 'deployment']

const deletions: readonly Deletion[] = [
  {
    name: 'rollout restart',
    begin: async ({ kubectl, namespace }, demo) =>
      void (await kubectl('rollout', 'restart', '-n', namespace, `${demo}/${demos[demo].service}`)),
    end: async ({ kubectl, namespace }, demo) =>
      void (await kubectl('rollout', 'status', '-n', namespace, `${demo}/${demos[demo].service}`, '--timeout=10m')),
  },
  {
    name: 'deleted pod',
    begin: async (world, demo) => {
      const active = await world.active(demo)
      await world.kubectl('delete', 'pod', '-n', world.namespace, active?.name ?? '', '--wait=false')
    },
    end: async () => undefined,
  },
  {
    name: 'drained node',
    alone: true,
    begin: async (world, demo) => {
      const active = await world.active(demo)
      const drain = ['drain', active?.node ?? '', '--ignore-daemonsets', '--timeout=5m', '--pod-selector']
      await world.kubectl(...drain, `app=${demos[demo].service}`)
    },
    end: async ({ cluster, kubectl }) => {
      for (const { name } of cluster.nodes) await kubectl('uncordon', name)
    },
  },
]

const work = startWork('bench:deletions')
work.print('Seconds without an answer, of new connections, from the first failure to the last; and their number')
await Promise.all([measure('preStop sleep of 75 s', []), measure('no preStop sleep', [withoutSleep])]).finally(
  work.done,
)

/** One cluster for each, side by side: most of the time they wait. */
async function measure(name: string, patches: readonly unknown[]): Promise<void> {
  const cluster = await clusterOrExit({ nodes: 2 })
  try {
    const world = await openNodeWorld(cluster, 'default')
    await Promise.all(kinds.map((demo) => world.applyDemo(demo, { patches })))
    await world.apply({ resources: ['jobs/cronjob'] })
    for (const deletion of deletions) {
      if (deletion.alone) for (const demo of kinds) await once(name, deletion, world, demo)
      else await Promise.all(kinds.map((demo) => once(name, deletion, world, demo)))
    }
  } finally {
    await cluster.stop()
  }
}

async function once(name: string, { name: what, begin, end }: Deletion, world: NodeWorld, demo: Demo): Promise<void> {
  await settledWithActive(world, demo)
  await atSecond(20) // of the minute: the next pass is 40 s away
  const address = await world.clusterIp(demo)
  const traffic = await startTraffic(world.cluster.nodes[0].machine, { address, everyMs: 20, lastMs })
  await begin(world, demo)
  await end(world, demo)
  await settledWithActive(world, demo)
  await until('an answer at the end', () => (traffic.samples.at(-1)?.pod === undefined ? undefined : true))
  const outages = outagesOf(await traffic.stop())
  work.print(
    `${what.padEnd(16)} ${demo.padEnd(12)} ${name.padEnd(22)} ${secondsOf(outages).toFixed(1)} s in ` +
      `${outages.length} outages, the longest ${longestOf(outages).toFixed(1)} s`,
  )
}

async function settledWithActive(world: NodeWorld, demo: Demo): Promise<void> {
  await world.settled(demo)
  await until(`an active pod of ${demos[demo].service}`, () => world.active(demo), { timeoutMs: 90_000 })
}

async function atSecond(second: number): Promise<void> {
  const ms = second * 1000 - (Date.now() % 60_000)
  await sleep(ms < 0 ? ms + 60_000 : ms)
}
