/** From the moment a pod fails until the traffic has moved, with `serve` triggered in its different ways. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { spread } from '../bench/measure.js'
import { requestsOf } from './cluster/audit.js'
import { until } from './cluster/poll.js'
import { repository } from './handler.js'
import { type Handover, handoverOf, milliseconds, watchClients } from './handover.js'
import type { Traffic } from './node/client-traffic.js'
import type { Machine } from './node/machines.js'
import type { NodeCluster } from './node/node-cluster.js'
import { type DemoPod, demos, type NodeWorld, openNodeWorld } from './on-node.js'

export interface Way {
  readonly name: string
  readonly flags: readonly string[]
  /** What happens to the active pod. @returns when, in milliseconds since 1970 */
  readonly strike: (world: NodeWorld, pod: DemoPod, traffic: Traffic) => Promise<number>
  /** Undone before the next run. */
  readonly recovers: boolean
  /** Whether the kubelet is to notice at once, rather than after three probes, 5 s apart. */
  readonly quickKubelet?: boolean
}

const port = 8099
const demo = 'statefulset'
const { service } = demos[demo]

const fail: Way['strike'] = async (_world, { ip }, traffic) =>
  (await traffic.post({ url: `http://${ip}:8080/fail` })).at

const alert = JSON.stringify({
  version: '4',
  alerts: [{ status: 'firing', labels: { alertname: 'HelloworldFails', namespace: 'default', service } }],
})

/** In the order of the table. */
export const ways: readonly Way[] = [
  {
    name: 'webhook, as soon as it fails',
    flags: [],
    strike: async (world, pod, traffic) => {
      const at = await fail(world, pod, traffic)
      void traffic.post({ url: `http://127.0.0.1:${port}/alertmanager`, json: alert })
      return at
    },
    recovers: true,
  },
  { name: '--interval 1s', flags: ['--interval', '1s'], strike: fail, recovers: true },
  {
    name: '--interval 250ms, 3 failures in 200ms steps',
    flags: ['--interval', '250ms', '--period', '200ms', '--health-timeout', '200ms'],
    strike: fail,
    recovers: true,
  },
  {
    name: '--interval 50ms, 1 failure',
    flags: ['--interval', '50ms', '--failures', '1', '--health-timeout', '200ms'],
    strike: fail,
    recovers: true,
  },
  {
    name: '--watch, pod deleted',
    flags: ['--watch'],
    strike: async ({ api, namespace }, { name }) => {
      const at = performance.timeOrigin + performance.now()
      await api.delete(`/api/v1/namespaces/${namespace}/pods/${name}`)
      return at
    },
    recovers: false,
  },
  {
    name: '--watch, pod not Ready',
    flags: ['--watch'],
    strike: async (world, pod, traffic) => {
      const failed = await fail(world, pod, traffic)
      // What a watch can see begins when the kubelet has said so.
      const written = await until('the pod is not Ready', async () => {
        const requests = await requestsOf(world.cluster.auditLog, `system:node:${pod.node}`)
        const now = (await world.pods(demo)).find(({ uid }) => uid === pod.uid)
        const written = requests.find(
          ({ resource, name, receivedAt }) =>
            resource === 'pods/status' && name === pod.name && milliseconds(receivedAt) > failed,
        )
        return now?.ready === false ? written : undefined
      })
      return milliseconds(written.receivedAt)
    },
    recovers: true,
    quickKubelet: true,
  },
]

export interface Detection extends Handover {
  /** Until the new pod had its label, from the failure. */
  readonly labelled: number
}

export interface Detections {
  readonly way: Way
  readonly runs: readonly Detection[]
}

/** Makes `runs` failovers in each way, and yields each way's as soon as they are complete. */
export async function* detections(
  cluster: NodeCluster,
  runs: number,
  chosen: readonly Way[] = ways,
): AsyncGenerator<Detections> {
  const world = await openNodeWorld(cluster, 'default')
  await world.applyDemo(demo, { patches: [shortSleep] })
  await world.pass()
  for (const [n, way] of chosen.entries()) {
    if (way.quickKubelet) await quicken(world)
    const user = `serve-${n}`
    const serve = await startServe(world, user, way.flags)
    const found: Detection[] = []
    try {
      for (let run = 0; run < runs; run++) found.push(await detect(world, user, way))
    } finally {
      await serve.stop()
    }
    yield { way, runs: found }
  }
}

/** A pod that is deleted goes on answering for as long as serve needs, and no longer: a minute's sleep is for CronJobs. */
const shortSleep = patchOf([
  { op: 'replace', path: '/spec/template/spec/containers/0/lifecycle/preStop/sleep/seconds', value: 2 },
])

function patchOf(operations: readonly object[]) {
  return { target: { kind: 'StatefulSet' }, patch: JSON.stringify(operations) }
}

async function quicken(world: NodeWorld): Promise<void> {
  const probe = '/spec/template/spec/containers/0/readinessProbe'
  const quick = patchOf([
    { op: 'add', path: `${probe}/periodSeconds`, value: 1 },
    { op: 'add', path: `${probe}/failureThreshold`, value: 1 },
  ])
  const before = (await world.pods(demo)).map(({ uid }) => uid)
  await world.applyDemo(demo, { patches: [shortSleep, quick] })
  await until('both pods have been replaced', async () =>
    (await world.settled(demo)).every(({ uid }) => !before.includes(uid)) ? true : undefined,
  )
  await world.pass()
}

/** One line on a way: medians with their spread, in milliseconds from the failure. */
export function describeDetections({ way, runs }: Detections): string {
  const of = (figure: (one: Detection) => number): string => spread(runs.map(figure), 0).padEnd(20)
  const sum = (figure: (one: Detection) => number): number => runs.reduce((all, one) => all + figure(one), 0)
  return (
    `${way.name.padEnd(44)} label ${of(({ labelled }) => labelled)} new pod's first answer ${of(({ firstByNew }) => firstByNew)}` +
    ` old pod's last ${of(({ lastByOld }) => lastByOld)}` +
    ` refused ${sum(({ refused }) => refused.length)}, hung ${sum(({ hung }) => hung)}, other errors ${sum(({ otherErrors }) => otherErrors)}`
  )
}

async function detect(world: NodeWorld, user: string, way: Way): Promise<Detection> {
  const { before, traffic, samples, requests } = await watchClients(world, demo, user)
  await sleep(Math.random() * 1_000) // anywhere between two passes of the loop
  const start = await way.strike(world, before, traffic)
  await until('the other pod answers', () =>
    traffic.samples.find(({ at, pod }) => at > start && pod !== undefined && pod !== before.name),
  )
  await sleep(1_000) // whatever comes late, and for a connection to be known as hung
  const seen = await samples()
  const after = await until('a pod is active', () => world.active(demo))
  if (way.recovers) await world.tell(before, 'recover')
  const promoted = (await requests()).findLast(
    ({ verb, name, code }) => verb === 'patch' && name === after.name && code === 200,
  )
  if (promoted === undefined) throw new Error(`no write of serve to ${after.name} in the audit log`)
  return {
    ...handoverOf(seen, { start, before: before.name, after: after.name }),
    labelled: milliseconds(promoted.receivedAt) - start,
  }
}

interface Serving {
  stop(): Promise<void>
}

/** `node handler serve` on the first node, until it is ready. */
async function startServe({ cluster }: NodeWorld, user: string, flags: readonly string[]): Promise<Serving> {
  const [{ machine }] = cluster.nodes
  const kubeconfig = await cluster.kubeconfigFor(user, { commonName: user, organization: 'system:masters' })
  const program = [process.execPath, join(repository, 'handler'), 'serve', '--port', `${port}`, '-n', 'default']
  // Its number where it runs is the first thing to be read.
  const shell = ['-c', 'echo $$; exec "$@"', 'sh', 'env', `KUBECONFIG=${kubeconfig}`]
  const { command, args } = machine.place('sh', [...shell, ...program, ...flags])
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const closed = once(child, 'close')
  const [pid] = (await once(createInterface(child.stdout), 'line')) as [string]
  const log: string[] = []
  createInterface(child.stderr).on('line', (line) => log.push(line))
  await until('serve is ready', () => isReady(machine)).catch((error: Error) => {
    throw new Error(`${error.message}; it said: ${log.join('; ')}`)
  })
  return {
    stop: async () => {
      await machine.exec('kill', '-TERM', pid)
      await closed
    },
  }
}

function isReady(machine: Machine): Promise<true | undefined> {
  return machine.exec('busybox', 'wget', '-q', '-O', '-', `http://127.0.0.1:${port}/readyz`).then(
    () => true,
    () => undefined,
  )
}
