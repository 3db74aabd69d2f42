/**
 * `npm run bench:fairness`: what a group waits for others. Two hundred groups, in which all is well; and as many, of which
 * one in ten has pods that hang, half of these for 2 s and half for 30 s. In each, one group fails over: by a pass alone,
 * by serve's loop, by its watch, and by an alert; and alerts about a group that is well are answered. A real control
 * plane; the two take turns, so that the ratios hold when the machine's speed drifts.
 */

import pLimit from 'p-limit'
import { aWebhook } from '../support/alerts.js'
import { startControlPlane } from '../support/cluster/control-plane.js'
import { until } from '../support/cluster/poll.js'
import { runsFlag, scriptFlags } from '../support/flags.js'
import { startHandler } from '../support/handler.js'
import { type OnCluster, openNamespace, WATCH_RIGHTS } from '../support/on-cluster.js'
import { podDraft, podStatus } from '../support/pods.js'
import { type Replica, startReplica } from '../support/replica.js'
import { startServer, type TestServer } from '../support/servers.js'
import { startWork } from '../support/work.js'
import { median, spread } from './measure.js'
import { compareAttacks } from './tenant-attacks.js'

const {
  groups: GROUPS,
  runs: RUNS,
  attacks,
  only,
} = await scriptFlags('bench:fairness')
  .option('groups', runsFlag('groups beside the one that fails', 200))
  .option('runs', runsFlag('runs of each kind', 5))
  .option('attacks', {
    type: 'boolean',
    default: false,
    describe: 'tenants who mean harm in place of groups that hang',
  })
  .option('only', { type: 'string', default: '', describe: 'of the attacks those whose name holds this' })
  .parseAsync()
/** As jobs/serve has them. */
const SERVE = ['--interval', '2s', '--watch', '--insecure']
const ALERTS = 50

interface World {
  readonly here: OnCluster
  /** The two pods of the group that fails. */
  readonly victims: readonly TestServer[]
}

const work = startWork('bench:fairness')
const cluster = await startControlPlane()
const shared = [await startServer('ok', { name: 'well' }), await startServer('hang', { name: 'hangs' })] as const
try {
  if (attacks) await compareAttacks(cluster, RUNS, SERVE, only, work)
  else await compareNeighbours()
} finally {
  work.done()
  await Promise.all(shared.map((server) => server.close()))
  await cluster.stop()
}

async function compareNeighbours(): Promise<void> {
  const worlds = [await world(0), await world(GROUPS / 10)] as const
  work.print(
    `${GROUPS} groups, of which none or one in ten hangs; median (min to max) of ${RUNS}; Node ${process.version}`,
  )
  await compare('run: from its start', worlds, byPass)
  const replicas = await Promise.all(worlds.map(({ here }) => startReplica(SERVE, { KUBECONFIG: here.kubeconfig })))
  const of = (one: World) => replicas[worlds.indexOf(one)] as Replica
  await compare('serve: by its loop', worlds, failing)
  await compare('serve: by its watch', worlds, notReady)
  await compare('serve: by an alert', worlds, (one) => alerted(one, of(one)))
  await compareAnswers(worlds, of)
  await Promise.all(replicas.map((replica) => replica.stop()))
  await Promise.all(worlds.map(({ here }) => here.close()))
}

async function world(hanging: number): Promise<World> {
  const here = await openNamespace(cluster, WATCH_RIGHTS)
  const limit = pLimit(8)
  const add = async (n: number) => {
    const isHanging = n < hanging
    const name = `group-${n}`
    const annotations = isHanging ? { 'active-passive/health-timeout': n % 2 === 0 ? '2s' : '30s' } : {}
    await here.addService({ name, selector: { app: name, role: 'active' }, annotations })
    for (const pod of [0, 1]) {
      const { port } = shared[isHanging ? 1 : 0]
      const labels = { app: name, role: pod === 0 ? 'active' : 'passive' }
      await here.admin.post(`${here.api}/pods`, podDraft({ name: `${name}-${pod}`, port, labels }))
      await here.admin.patch(`${here.api}/pods/${name}-${pod}/status`, { status: podStatus({}) })
    }
  }
  await Promise.all(Array.from({ length: GROUPS }, (_, n) => limit(() => add(n))))
  await here.addService({ name: 'victim', selector: { app: 'victim', role: 'active' } })
  const labels = { app: 'victim' }
  const victims = [await here.addPod('victim-0', 'ok', { labels }), await here.addPod('victim-1', 'ok', { labels })]
  await here.run(['--service', 'victim'])
  return { here, victims }
}

/** The active pod of the victim fails, by `fail`; how long it takes until another one is active. Milliseconds. */
async function failover({ here, victims }: World, fail: (active: string) => Promise<unknown>): Promise<number> {
  const activeOf = async () => (await here.actives()).find((name) => name.startsWith('victim'))
  const active = await activeOf()
  const startedAt = performance.now()
  await fail(active ?? '')
  await until(
    'another pod is active',
    async () => {
      const now = await activeOf()
      return now !== undefined && now !== active ? now : undefined
    },
    { timeoutMs: 120_000, everyMs: 10 },
  )
  const tookMs = performance.now() - startedAt
  for (const server of victims) {
    await server.behave('ok')
    await here.setStatus(server.name, { ready: true })
  }
  return tookMs
}

function fails({ victims }: World): (active: string) => Promise<unknown> {
  return (active) => Promise.all(victims.map((server) => server.behave(server.name === active ? 'error' : 'ok')))
}

async function byPass(one: World): Promise<number> {
  let ended: Promise<unknown> = Promise.resolve()
  const tookMs = await failover(one, async (active) => {
    await fails(one)(active)
    ended = startHandler([], { KUBECONFIG: one.here.kubeconfig }).done
  })
  await ended
  return tookMs
}

function failing(one: World): Promise<number> {
  return failover(one, fails(one))
}

function notReady(one: World): Promise<number> {
  return failover(one, (active) => one.here.setStatus(active, { ready: false }))
}

function alerted(one: World, replica: Replica): Promise<number> {
  return failover(one, async (active) => {
    await fails(one)(active)
    void ask(one, replica, 'victim')
  })
}

async function ask({ here }: World, { url }: Replica, service: string): Promise<number> {
  const startedAt = performance.now()
  const answer = await fetch(`${url}/alertmanager`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(aWebhook([{ namespace: here.namespace, service }])),
  })
  await answer.text()
  if (answer.status !== 200) throw new Error(`an alert was answered with ${answer.status}`)
  return performance.now() - startedAt
}

type Worlds = readonly [World, World]

async function compare(what: string, worlds: Worlds, measureOne: (one: World) => Promise<number>): Promise<void> {
  const times: (readonly [number, number])[] = []
  for (let n = 0; n < RUNS; n++) {
    work.at(`${what}, ${n} of ${RUNS} runs`)
    times.push([await measureOne(worlds[0]), await measureOne(worlds[1])])
  }
  const [none, some] = [times.map(([ms]) => ms), times.map(([, ms]) => ms)]
  const ratio = (median(some) / median(none)).toFixed(2)
  work.print(
    `  ${what.padEnd(22)} ${spread(none, 0)} ms; with neighbours that hang ${spread(some, 0)} ms; ratio ${ratio}`,
  )
}

async function compareAnswers(worlds: Worlds, of: (one: World) => Replica): Promise<void> {
  const times: [number[], number[]] = [[], []]
  for (let n = 0; n < ALERTS; n++) {
    for (const place of [0, 1] as const) {
      times[place].push(await ask(worlds[place], of(worlds[place]), `group-${GROUPS - 1 - (n % 20)}`))
    }
  }
  const p99 = (all: readonly number[]) => [...all].sort((a, b) => a - b)[Math.ceil(all.length * 0.99) - 1] ?? Number.NaN
  const [none, some] = times.map(p99) as [number, number]
  work.print(
    `  alerts about a group that is well, p99 of ${ALERTS}: ${none.toFixed(0)} ms; with neighbours that hang ${some.toFixed(0)} ms; ratio ${(some / none).toFixed(2)}`,
  )
}
