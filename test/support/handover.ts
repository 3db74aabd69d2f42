/** Handovers on a real node, and what the clients of the Service saw of them. */
import { setTimeout as sleep } from 'node:timers/promises'
import { spread } from '../bench/measure.js'
import { type AuditedRequest, requestsOf } from './cluster/audit.js'
import { until } from './cluster/poll.js'
import { type Sample, startTraffic, type Traffic } from './node/client-traffic.js'
import type { ProxyMode } from './node/node-components.js'
import { type Demo, type DemoPod, demos, type NodeWorld, passUser, withoutSleep } from './on-node.js'

/** What is compared. */
export interface Setting {
  readonly proxyMode: ProxyMode
  readonly demo: Demo
  readonly latch: boolean
}

/** The handovers of one setting. */
export interface Series {
  readonly setting: Setting
  readonly handovers: readonly Handover[]
}

const modes: readonly ProxyMode[] = ['iptables', 'nftables']
const kinds: readonly Demo[] = ['statefulset', 'deployment']

/**
 * Makes `runs` handovers of each kind: with and without the latch in turns, of a StatefulSet and a Deployment, with
 * kube-proxy in each of its modes. Yields a pair of series, latched and not, as soon as they are complete.
 */
export async function* handovers(world: NodeWorld, runs: number): AsyncGenerator<readonly [Series, Series]> {
  for (const demo of kinds) await world.applyDemo(demo, { patches: [withoutSleep] })
  await world.pass()
  for (const proxyMode of modes) {
    await world.cluster.nodes[0].setProxyMode(proxyMode)
    for (const demo of kinds) {
      const series = (latch: boolean) => ({ setting: { proxyMode, demo, latch }, handovers: [] as Handover[] })
      const pair = [series(true), series(false)] as const
      for (let n = 0; n < runs; n++) {
        for (const { setting, handovers } of pair) handovers.push(await handOver(world, setting))
      }
      yield pair
    }
  }
}

/** One line on a planned move. */
export function describeSwitchover({
  connections,
  firstByNew,
  lastByOld,
  refused,
  hung,
  otherErrors,
}: Handover): string {
  const gap = Math.max(0, firstByNew - lastByOld)
  return (
    `a switchover under ${connections} connections: old pod's last answer ${lastByOld.toFixed(0)} ms, ` +
    `new pod's first ${firstByNew.toFixed(0)} ms after its first write, nobody's for ${gap.toFixed(0)} ms; ` +
    `refused ${refused.length}, hung ${hung}, other errors ${otherErrors}`
  )
}

/** One line on a series: medians with their spread, and how many connections failed. */
export function describeSeries({ setting, handovers }: Series): string {
  const { proxyMode, demo, latch } = setting
  const of = (figure: (handover: Handover) => number): string => spread(handovers.map(figure), 0)
  const sum = (figure: (handover: Handover) => number): number => handovers.reduce((all, one) => all + figure(one), 0)
  return (
    `${`${proxyMode}, ${demo}, ${latch ? 'latch' : 'no latch'}`.padEnd(34)}` +
    ` new pod's first answer ${of(({ firstByNew }) => firstByNew).padEnd(20)}` +
    ` old pod's last ${of(({ lastByOld }) => lastByOld).padEnd(18)}` +
    ` refused ${sum(({ refused }) => refused.length)}, for ${of(({ refusedMs }) => refusedMs)} ms;` +
    ` hung ${sum(({ hung }) => hung)}; other errors ${sum(({ otherErrors }) => otherErrors)}`
  )
}

/** Clients of a demo's Service, from when its active pod answers them on; and what somebody asks of the API server meanwhile. */
export interface Watched {
  readonly before: DemoPod
  readonly traffic: Traffic
  /** Ends the traffic. */
  samples(): Promise<readonly Sample[]>
  requests(): Promise<readonly AuditedRequest[]>
}

/** @param user whose requests are looked at */
export async function watchClients(world: NodeWorld, demo: Demo, user: string): Promise<Watched> {
  const [{ machine }] = world.cluster.nodes
  const before = (await world.settled(demo)).find(({ role }) => role === 'active')
  if (before === undefined) throw new Error(`${demos[demo].service} has no active pod`)
  const earlier = (await requestsOf(world.cluster.auditLog, user)).length
  const traffic = await startTraffic(machine, { address: await world.clusterIp(demo) })
  // A Service that has just got its first endpoint may take kube-proxy a second: that is no part of a handover.
  const first = await until(`${before.name} answers`, () => traffic.samples.find(({ pod }) => pod === before.name))
  return {
    before,
    traffic,
    samples: async () => (await traffic.stop()).filter(({ at }) => at >= first.at),
    requests: async () => (await requestsOf(world.cluster.auditLog, user)).slice(earlier),
  }
}

/** One handover: the active pod begins to fail, and one pass is made. Afterwards both pods are healthy again. */
async function handOver(world: NodeWorld, { demo, latch }: Setting): Promise<Handover> {
  const args = ['--service', demos[demo].service, ...(latch ? [] : ['--no-latch'])]
  let failing: DemoPod | undefined
  const handover = await observe(world, demo, async (active) => {
    failing = active
    await world.tell(active, 'fail')
    return world.pass(...args)
  })
  if (failing) await world.tell(failing, 'recover')
  return handover
}

/** A planned move between two healthy pods, by the command of a person. */
export function switchOver(world: NodeWorld, demo: Demo): Promise<Handover> {
  return observe(world, demo, () => world.pass('switchover', demos[demo].service, '--yes'))
}

/** What clients see of a handover. @param act makes it */
async function observe(
  world: NodeWorld,
  demo: Demo,
  act: (active: DemoPod) => ReturnType<NodeWorld['pass']>,
): Promise<Handover> {
  const { before, samples, requests } = await watchClients(world, demo, passUser)
  const { code, stdout, stderr } = await act(before)
  if (code !== 0) throw new Error(`the handler ended with exit code ${code}: ${stdout}${stderr}`)
  await sleep(1_300) // what the slowest setting takes to come to rest, and a connection to be known as hung
  const seen = await samples()
  const after = await world.active(demo)
  if (after === undefined || after.uid === before.uid) throw new Error(`no handover: ${stdout}`)
  const write = (await requests()).find(({ verb }) => verb === 'patch')
  if (write === undefined) throw new Error(`no write of the handler in the audit log: ${stdout}`)
  return handoverOf(seen, { start: milliseconds(write.receivedAt), before: before.name, after: after.name })
}

/** RFC 3339 with microseconds, which Date cuts off -> milliseconds since 1970. */
export function milliseconds(time: string): number {
  return Date.parse(time) + Number(/\.\d{3}(\d{3})Z$/.exec(time)?.[1] ?? 0) / 1000
}

/** All times are milliseconds from the pass's first write. */
export interface Handover {
  /** When the new pod's first answer was complete, and the old one's last. */
  readonly firstByNew: number
  readonly lastByOld: number
  /** When connections were refused, in their order; and for how long, from the first to the last of them. */
  readonly refused: readonly number[]
  readonly refusedMs: number
  /** Connections without any answer in time. */
  readonly hung: number
  readonly otherErrors: number
  /** How often one pod answered after the other, in the order in which the connections were opened. */
  readonly changes: number
  /** How many connections were opened in all. */
  readonly connections: number
}

export interface HandoverOptions {
  /** When the first write was made, in milliseconds since 1970. */
  readonly start: number
  /** The names of the pods. */
  readonly before: string
  readonly after: string
}

/** What the samples tell. @throws Error when the new pod never answered: there is nothing to compare then */
export function handoverOf(samples: readonly Sample[], { start, before, after }: HandoverOptions): Handover {
  const times = (which: (sample: Sample) => boolean): readonly number[] =>
    samples
      .filter(which)
      .map(({ at, ms }) => at + ms - start)
      .sort((a, b) => a - b)
  const refused = times(({ error }) => error === 'refused')
  const firstByNew = times(({ pod }) => pod === after)[0]
  if (firstByNew === undefined) throw new Error(`${after} answered none of ${samples.length} connections`)
  return {
    firstByNew,
    lastByOld: times(({ pod }) => pod === before).at(-1) ?? Number.NaN,
    refused,
    refusedMs: (refused.at(-1) ?? 0) - (refused[0] ?? 0),
    hung: times(({ error }) => error === 'hung').length,
    otherErrors: times(({ error }) => error !== undefined && error !== 'refused' && error !== 'hung').length,
    changes: changesIn(samples),
    connections: samples.length,
  }
}

function changesIn(samples: readonly Sample[]): number {
  const answers = samples.filter(({ pod }) => pod !== undefined).sort((a, b) => a.at - b.at)
  return answers.filter(({ pod }, n) => n > 0 && pod !== answers[n - 1]?.pod).length
}
