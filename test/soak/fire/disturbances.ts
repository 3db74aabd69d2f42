/** What is done to handlers under fire: to themselves, their connections, their pods and Services, the control plane. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ControlPlane } from '../../support/cluster/control-plane.js'
import { bears, type Change } from '../../support/cluster/history.js'
import type { Observer } from '../../support/cluster/observer.js'
import { until } from '../../support/cluster/poll.js'
import { seededRandom } from '../../support/random.js'
import type { Behaviour } from '../../support/servers.js'
import type { Chronicle } from './chronicle.js'
import type { FirePod, FireWorld } from './fire-world.js'
import type { Span } from './gap.js'
import type { Handler } from './handlers.js'

export interface Burning {
  readonly world: FireWorld
  readonly handlers: readonly Handler[]
  readonly plane: ControlPlane
  readonly observer: Observer
  readonly chronicle: Chronicle
}

export interface Damage {
  readonly outages: readonly Span[]
  /** How often each thing was done. */
  readonly done: Readonly<Record<Deed, number>>
}

const deeds = [
  ...(['handlers killed', 'handlers frozen', 'handlers overtaken', 'requests cut', 'answers cut'] as const),
  ...(['all connections cut', 'all connections held', 'a connection delayed'] as const),
  ...(['pods ill', 'pods not Ready', 'pods deleted', 'pods replaced', 'Services edited'] as const),
  ...(['API server killed', 'etcd killed', 'etcd paused'] as const),
] as const
type Deed = (typeof deeds)[number]

/** Does all of it at once until the signal aborts, and leaves everything whole. What is chosen depends on the seed alone. */
export async function disturb(burning: Burning, seed: string, signal: AbortSignal): Promise<Damage> {
  const damage: Scars = { outages: [], done: Object.fromEntries(deeds.map((deed) => [deed, 0])) as Scars['done'] }
  const { world, handlers } = burning
  await Promise.all([
    ...world.groups.map((group) => failPods(burning, group.pods, chanceOf(seed, group.app), damage, signal)),
    killHandlers(burning, chanceOf(seed, 'handlers'), damage, signal),
    overtakeHandlers(burning, chanceOf(seed, 'swaps'), damage, signal),
    meddleWithConnections(burning, chanceOf(seed, 'connections'), damage, signal),
    editServices(world, chanceOf(seed, 'users'), damage, signal),
    stopControlPlane(burning, chanceOf(seed, 'control plane'), damage, signal),
  ])
  const requests = handlers.reduce((sum, { proxy }) => sum + proxy.cuts.request, 0)
  const answers = handlers.reduce((sum, { proxy }) => sum + proxy.cuts.answer, 0)
  return { ...damage, done: { ...damage.done, 'requests cut': requests, 'answers cut': answers } }
}

interface Scars {
  readonly outages: Span[]
  readonly done: Record<Deed, number>
}

/** Each kind of disturbance has chances of its own: what the others do, and when, does not change them. */
function chanceOf(seed: string, what: string) {
  const random = seededRandom(`${seed} ${what}`)
  return {
    random,
    between: (least: number, most: number) => least + random() * (most - least),
    pick: <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T,
  }
}
type Chance = ReturnType<typeof chanceOf>

function count({ done }: Pick<Scars, 'done'>, deed: Deed): void {
  done[deed]++
}

/** Sleeps, but not beyond the end. */
function rest(ms: number, signal: AbortSignal): Promise<void> {
  return sleep(ms, undefined, { signal }).catch(() => {})
}

const illnesses: readonly Behaviour[] = ['error', 'hang', 'refuse', 'reset', 'drip']

/** Mostly the active one fails, at times the next one with it, in the middle of the swap; then they recover. */
async function failPods(
  { observer }: Burning,
  pods: readonly FirePod[],
  chance: Chance,
  damage: Scars,
  signal: AbortSignal,
): Promise<void> {
  const { between, pick, random } = chance
  const fail = async (pod: FirePod): Promise<() => Promise<void>> => {
    switch (pick(['ill', 'ill', 'not ready', 'deleted', 'replaced'] as const)) {
      case 'ill':
        count(damage, 'pods ill')
        await pod.behave(pick(illnesses))
        return () => pod.behave('ok')
      case 'not ready':
        count(damage, 'pods not Ready')
        await pod.setReady(false)
        return () => pod.setReady(true)
      case 'deleted':
        count(damage, 'pods deleted')
        await pod.remove()
        return () => pod.create()
      case 'replaced':
        count(damage, 'pods replaced')
        await pod.remove()
        await pod.create()
        return async () => {}
    }
  }
  while (!signal.aborted) {
    const [aim, twist, next] = [random(), random(), random()]
    const delayMs = between(0, 60)
    const stayMs = between(300, 2_000)
    const pauseMs = between(200, 1_200)
    const active = (await Promise.all(pods.map((pod) => pod.isActive()))).indexOf(true)
    const first = aim < 0.8 && active >= 0 ? active : Math.floor(aim * pods.length)
    const recoveries = [await fail(pods[first] as FirePod)]
    if (twist < 0.4) {
      await write(observer, 1_000)
      await sleep(delayMs)
      const other = first + 1 + Math.floor(next * (pods.length - 1))
      recoveries.push(await fail(pods[other % pods.length] as FirePod))
    }
    await rest(stayMs, signal)
    for (const recover of recoveries) await recover()
    await rest(pauseMs, signal)
  }
}

/** Resolves at the next write of anybody, or when there is none for so long. */
async function write(observer: Observer, timeoutMs: number): Promise<void> {
  const seen = observer.history.length
  await until('a write', () => observer.history.length > seen || undefined, { timeoutMs, everyMs: 2 }).catch(() => {})
}

/** Most of the times in the middle of somebody's swap. */
async function killHandlers(
  { handlers, observer }: Burning,
  { between, pick, random }: Chance,
  damage: Scars,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const [handler, how, inSwap] = [pick(handlers), random(), random() < 0.8]
    const [delayMs, frozenMs, pauseMs] = [between(0, 50), between(100, 2_000), between(500, 2_000)]
    if (inSwap) await write(observer, 2_000)
    await sleep(delayMs)
    if (how < 0.75) {
      count(damage, 'handlers killed')
      handler.kill()
    } else {
      count(damage, 'handlers frozen')
      handler.freeze()
      await sleep(frozenMs)
      handler.thaw()
    }
    await rest(pauseMs, signal)
  }
}

async function overtakeHandlers(burning: Burning, chance: Chance, damage: Scars, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const pauseMs = chance.between(300, 1_500)
    await overtake(burning, chance, damage)
    await rest(pauseMs, signal)
  }
}

/**
 * Stops all of them in the middle of a swap, and has a pod fail that may be about to take over. The first to go on
 * chooses another one; then the others go on with what they were about to write.
 */
async function overtake(
  { world, handlers, observer }: Burning,
  { pick, random }: Chance,
  damage: Scars,
): Promise<void> {
  const [first, where, which] = [pick(handlers), random(), random()]
  // Above all where there is no claim: nothing but the epochs is in their way.
  const group = where < 0.6 ? world.unclaimed : pick(world.groups)
  const labels = { app: group.app }
  const seen = observer.history.length
  const seal = await until('a seal', () => sealIn(observer.history, seen, labels), {
    timeoutMs: 3_000,
    everyMs: 1,
  }).catch(() => undefined)
  if (!seal) return
  for (const handler of handlers) handler.freeze()
  count(damage, 'handlers overtaken')
  const others = group.pods.filter(({ name }) => name !== seal.name)
  const pod = others[Math.floor(which ** 2 * others.length)] as FirePod // the first ones are chosen first
  await pod.setReady(false)
  first.thaw()
  const isDone = () =>
    Promise.all(others.map((other) => other.isActive())).then((all) => all.includes(true) || undefined)
  await until('another active', isDone, { timeoutMs: 1_500, everyMs: 50 }).catch(() => {})
  for (const handler of handlers) handler.thaw()
  await sleep(200)
  await pod.setReady(true)
}

/** The pod with these labels that was active and is sealed, among the changes from the nth on. */
function sealIn(
  history: readonly Change[],
  from: number,
  wanted: Readonly<Record<string, string>>,
): Change['object']['metadata'] | undefined {
  for (let n = from; n < history.length; n++) {
    const { kind, object } = history[n] as Change
    const { uid, labels } = object.metadata
    if (kind !== 'pod' || !bears(labels, { ...wanted, role: 'passive' })) continue
    const before = history.slice(0, n).findLast(({ object }) => object.metadata.uid === uid)
    if (before?.object.metadata.labels?.role === 'active') return object.metadata
  }
  return undefined
}

async function meddleWithConnections(
  { handlers, chronicle }: Burning,
  { between, pick, random }: Chance,
  damage: Scars,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const [{ name, proxy, latencyMs }, how, pauseMs] = [pick(handlers), random(), between(100, 800)]
    const [after, delayMs, lateMs] = [Math.floor(between(0, 20)), between(20, 400), between(300, 3_000)]
    if (how < 0.35) proxy.cutIn('request', after)
    else if (how < 0.7) proxy.cutIn('answer', after)
    else if (how < 0.8) {
      count(damage, 'all connections cut')
      chronicle.note(name, 'has all its connections cut')
      proxy.cut()
    } else if (how < 0.85) {
      count(damage, 'all connections held')
      chronicle.note(name, 'has all its connections held')
      proxy.hold()
    } else {
      count(damage, 'a connection delayed')
      chronicle.note(name, `is ${delayMs.toFixed(0)} ms away for ${lateMs.toFixed(0)} ms`)
      proxy.delay(delayMs)
      await rest(lateMs, signal)
      proxy.delay(latencyMs)
    }
    await rest(pauseMs, signal)
  }
}

async function editServices(
  { groups, edit }: FireWorld,
  { between, pick }: Chance,
  damage: Scars,
  signal: AbortSignal,
): Promise<void> {
  for (let note = 1; !signal.aborted; note++) {
    const group = pick(groups)
    const service = pick(Object.keys(group.services))
    await rest(between(500, 3_000), signal)
    count(damage, 'Services edited')
    await edit(group, service, String(note))
  }
}

async function stopControlPlane(
  { plane, chronicle }: Burning,
  { between, pick }: Chance,
  { outages, done }: Scars,
  signal: AbortSignal,
): Promise<void> {
  const outage = async (what: Deed, away: () => Promise<void>) => {
    count({ done }, what)
    const fromMs = performance.now()
    chronicle.note('control plane', what)
    await away()
    chronicle.note('control plane', 'is back')
    outages.push({ fromMs, toMs: performance.now() })
  }
  for (;;) {
    const how = pick(['API server', 'API server', 'etcd', 'pause', 'pause'] as const)
    const [calmMs, awayMs] = [between(3_000, 9_000), between(500, 5_000)]
    await rest(calmMs, signal)
    if (signal.aborted) return
    switch (how) {
      case 'API server':
        await outage('API server killed', async () => {
          await plane.stopApiServer()
          await plane.startApiServer()
        })
        break
      case 'etcd':
        await outage('etcd killed', plane.restartEtcd)
        break
      case 'pause':
        await outage('etcd paused', async () => {
          await plane.pauseEtcd()
          await sleep(awayMs)
          await plane.resumeEtcd()
        })
    }
  }
}
