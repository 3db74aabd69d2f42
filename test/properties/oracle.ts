/**
 * What is to be decided, written down naively after the design's words, to be compared with what is decided. It works on
 * what the cluster holds, shares no code with the handler, and does not care how often it looks at the same thing.
 */
import { isIP } from 'node:net'
import type { Service } from '../../handler/kube/port.js'
import { NOW } from '../support/builders.js'
import { meaningOf } from './arbitraries.js'
import type { SeenPod, World } from './chain.js'

export interface Expected {
  readonly kind: string
  readonly code: string
  readonly winner: string | undefined
  /** By pod: its consecutive failures, and what is to be written on it. None where nothing is judged. */
  readonly counts: Readonly<Record<string, Count>>
}

interface Count {
  readonly failures: number
  readonly marks: Readonly<Record<string, string | null>>
}

/** What to do for the group of this Service; `undefined` when it is not managed. */
export function expected(world: World, service: Service): Expected | undefined {
  if (!isManaged(service)) return undefined
  const restOf = (one: Service) =>
    JSON.stringify([
      one.namespace,
      ...Object.keys(pairs(one))
        .sort()
        .map((key) => [key, pairs(one)[key]]),
    ])
  const managed = world.services.filter(isManaged)
  const group = managed.filter((one) => restOf(one) === restOf(service)).sort((a, b) => byName(a.name, b.name))
  const selected = world.pods.filter((seen) => isSelected(service, seen))

  // "What is not managed but an error that leaves everything untouched"
  if (Object.keys(pairs(service)).length === 0) return answer('error', 'selector-too-wide')
  const rivals = managed.filter((one) => restOf(one) !== restOf(service) && Object.keys(pairs(one)).length > 0)
  if (selected.some((seen) => rivals.some((rival) => isSelected(rival, seen)))) return answer('error', 'overlap')
  const labelled = selected.filter(({ pod }) => pod.labels.role === 'active')
  if (labelled.length > 1 && labelled.every((seen) => epochOf(seen) === 0)) return answer('error', 'role-in-template')
  const wrong = firstWrongAnnotation(group)
  if (wrong) return answer('error', wrong)

  const said = (setting: string): unknown => {
    const texts = group.map(({ annotations }) => annotations[`active-passive/${setting}`])
    // "`pause` on any of them pauses all"
    if (setting === 'pause') return texts.includes('true')
    return texts.map((text) => text !== undefined && meaningOf(setting, text)).find((meaning) => meaning !== false)
  }
  // "A pod with another value is no member of any group"
  const members = selected.filter(({ pod }) => ['active', 'passive', undefined].includes(pod.labels.role))
  const everyoneIsServed = group.every(({ publishNotReadyAddresses }) => publishNotReadyAddresses)
  const facts = members.map((seen) => factsOf(seen, said, everyoneIsServed))
  const counts = Object.fromEntries(facts.map(({ name, failures, marks }) => [name, { failures, marks }]))
  return { ...decideFor(facts, said, saidFalse(group)), counts }
}

type Says = (setting: string) => unknown

const answer = (kind: string, code: string, winner?: Facts): Expected => ({
  kind,
  code,
  winner: winner?.name,
  counts: {},
})

// ---------------------------------------------------------------------------------------------------- the Services

function pairs({ selector }: Service): Record<string, string> {
  return Object.fromEntries(Object.entries(selector).filter(([key]) => key !== 'role' && key !== 'active-passive/pod'))
}

/** "A Service is claimed if it has the annotation or the pin key; such a Service is a managed one." */
function isManaged({ annotations, selector }: Service): boolean {
  if (annotations['active-passive/swap'] !== undefined || selector['active-passive/pod'] !== undefined) return true
  return selector.role === 'active' && annotations['active-passive/managed'] !== 'false'
}

function isSelected(service: Service, { pod }: SeenPod): boolean {
  const labels = new Map(Object.entries(pod.labels))
  return service.namespace === pod.namespace && Object.entries(pairs(service)).every(([k, v]) => labels.get(k) === v)
}

/** "A bad value names the Service…"; "two different values of one annotation in a group are an error" */
function firstWrongAnnotation(group: readonly Service[]): string | undefined {
  const seen: Record<string, string> = {}
  for (const { annotations } of group) {
    for (const key in annotations) {
      const [, setting = ''] = key.split('active-passive/')
      if (!key.startsWith('active-passive/') || setting === 'swap') continue
      const meaning = JSON.stringify(meaningOf(setting, annotations[key] ?? ''))
      if (meaning === undefined) return 'bad-annotation'
      if (setting !== 'pause' && (seen[setting] ?? meaning) !== meaning) return 'conflicting-annotations'
      seen[setting] = meaning
    }
  }
  return undefined
}

const saidFalse = (group: readonly Service[]) => (setting: string) =>
  group.some(({ annotations }) => annotations[`active-passive/${setting}`] === 'false')

// -------------------------------------------------------------------------------------------------------- the pods

interface Facts {
  readonly name: string
  readonly isActive: boolean
  readonly epoch: number
  /** It will not serve again. */
  readonly isGone: boolean
  readonly isRunning: boolean
  readonly health: 'healthy' | 'under the threshold' | 'at the threshold' | 'conclusive' | 'not known'
  /** Consecutive failures: as they were written, and with those of this pass. */
  readonly wereFailures: number
  readonly failures: number
  readonly marks: Count['marks']
  readonly createdAtMs: number
  readonly revision: string | undefined
  readonly healthyForMs: number
  readonly activeForMs: number
}

function factsOf(seen: SeenPod, said: Says, everyoneIsServed: boolean): Facts {
  const { pod } = seen
  const note = (mark: string) => pod.annotations?.[`active-passive/${mark}`] ?? ''
  const isGone = pod.terminating || ['Failed', 'Succeeded'].includes(pod.phase)
  const isRunning = pod.phase === 'Running' && !pod.terminating

  // "a count or a time that makes no sense counts as absent"
  const wereFailures = consistsOfDigits(note('failures'), 9) ? Number.parseInt(note('failures'), 10) : 0
  const failedAtMs = Date.parse(note('failed-at'))
  const sinceMs = Date.parse(note('since'))
  const recoveredMs = Date.parse(note('healthy-since'))

  const how = checkOf(seen, said)
  const needsReady = how === 'ready' || !everyoneIsServed
  const threshold = Number(said('failures') ?? 3)
  const probes = Number(said('probes') ?? 3)
  const period = Number(said('period') ?? 1_000)

  let health: Facts['health'] = 'not known'
  let failures = wereFailures
  if (!isRunning || (needsReady && !pod.ready)) health = 'conclusive'
  else if (seen.probed) {
    // "the least time between two counted failures of different passes"
    const tooEarly = wereFailures > 0 && failedAtMs <= NOW && NOW - failedAtMs < period
    const toTheThreshold = wereFailures >= threshold ? 1 : threshold - wereFailures + (tooEarly ? 1 : 0)
    const results = Array.from({ length: Math.min(probes, toTheThreshold) }, (_, n) => passes(seen, how, n))
    if (results.includes(true)) [health, failures] = ['healthy', 0]
    else if (toTheThreshold <= probes) [health, failures] = ['at the threshold', Math.max(threshold, wereFailures)]
    else [health, failures] = ['under the threshold', wereFailures + probes - (tooEarly ? 1 : 0)]
  }
  return {
    name: pod.name,
    isActive: pod.labels.role === 'active',
    epoch: epochOf(seen),
    isGone,
    isRunning,
    health,
    wereFailures,
    failures,
    marks: marksOf(seen, health, wereFailures, failures, threshold),
    createdAtMs: pod.createdAtMs,
    revision: pod.labels['controller-revision-hash'] ?? pod.labels['pod-template-hash'],
    // One that is healthy since a time to come is not healthy for long enough.
    healthyForMs: NOW - Math.max(wereFailures > 0 ? NOW : 0, recoveredMs || 0, pod.readySinceMs),
    activeForMs: sinceMs <= NOW ? NOW - sinceMs : Number.POSITIVE_INFINITY,
  }
}

/**
 * "a success clears the count and writes healthy-since if it was at the threshold"; "Counts stop being written at the
 * threshold". A count of "0" is one that a promotion has cleared already.
 */
function marksOf(seen: SeenPod, health: Facts['health'], before: number, after: number, threshold: number) {
  const now = new Date(NOW).toISOString()
  const marks: Record<string, string | null> = {}
  if (health === 'healthy') {
    const { annotations = {} } = seen.pod
    for (const key of ['active-passive/failures', 'active-passive/failed-at'])
      if (key in annotations && annotations['active-passive/failures'] !== '0') marks[key] = null
    if (before >= threshold) marks['active-passive/healthy-since'] = now
  } else if (after !== before) {
    marks['active-passive/failures'] = `${after}`
    marks['active-passive/failed-at'] = now
  }
  return marks
}

function passes({ passes }: SeenPod, how: ReturnType<typeof checkOf>, n: number): boolean {
  return how === 'ready' || (how === 'runs' && (n < passes.length ? passes[n] : passes[passes.length - 1]) === true)
}

/** Whether the check can be run against this pod, or is its Ready condition. */
function checkOf({ pod }: SeenPod, said: Says): 'ready' | 'runs' | 'cannot run' {
  const check = said('health-check') ?? 'declared'
  const hasAddress = isIP(pod.ip ?? '') > 0
  if (check === 'ready') return hasAddress ? 'ready' : 'cannot run'
  if (check !== 'declared') {
    const ports = pod.containers.flatMap((one) => one.ports.map(({ name }) => name))
    return hasAddress && (typeof check === 'number' || ports.includes(String(check))) ? 'runs' : 'cannot run'
  }
  const answers: boolean[] = []
  for (const { readinessProbe: probe, ports } of pod.containers) {
    if (!probe || probe.kind === 'exec' || probe.kind === 'grpc' || probe.host) continue
    const isKnown = typeof probe.port === 'number' || ports.some(({ name }) => name === probe.port)
    answers.push(isKnown && hasAddress)
  }
  if (answers.length === 0) return hasAddress ? 'ready' : 'cannot run'
  return answers.includes(false) ? 'cannot run' : 'runs'
}

/** "an epoch that is no safe integer counts as 0"; nor may its successor be none. */
function epochOf({ pod }: SeenPod): number {
  const text = pod.annotations?.['active-passive/epoch'] ?? ''
  return consistsOfDigits(text, 16) && BigInt(text) < BigInt(Number.MAX_SAFE_INTEGER) ? Number(text) : 0
}

function consistsOfDigits(text: string, most: number): boolean {
  return text.length > 0 && text.length <= most && [...text].every((character) => '0123456789'.includes(character))
}

// ---------------------------------------------------------------------------------------------------- the decision

function decideFor(pods: readonly Facts[], said: Says, isFalse: (setting: string) => boolean): Expected {
  const prefer = (said('prefer') ?? []) as readonly string[]
  const never = (said('never') ?? []) as readonly string[]
  const mayBePromoted = pods.filter(({ name }) => !never.includes(name))
  const healthy = mayBePromoted.filter(({ health }) => health === 'healthy')
  const first = (some: readonly Facts[]) => firstOf(some, pods, prefer)

  // 1. "error (§2), empty (no pods), paused."
  if (pods.length === 0) return answer('empty', 'no-pods')
  if (said('pause')) return answer('paused', 'paused')

  // 2. "Two or more actives, at least one with our epoch → repair: keep the one with the highest epoch, then healthy,
  // then the first in order". One that will not serve again can't be kept; and one without traffic is kept last.
  const actives = pods.filter(({ isActive }) => isActive)
  const living = actives.filter(({ isGone }) => !isGone)
  if (actives.length > 1 && living.length > 0) {
    const highest = living.filter((one) => living.every((other) => one.epoch >= other.epoch))
    const fit = highest.filter(({ health }) => health === 'healthy')
    const ready = highest.filter(({ health }) => health !== 'conclusive')
    return answer('repair', 'several-actives', first(fit) ?? first(ready) ?? first(highest))
  }

  // 3. "No active, or the active is gone or terminating → first or failover at once to the first candidate. None
  // healthy: the first Running pod is made active […] unless promote-unhealthy: false → blocked." Not Ready comes last.
  const [active] = living
  if (!active) {
    // "failover: the active moved because it failed or is gone"
    const wasOne = actives.length > 0 || pods.some(({ epoch }) => epoch > 0)
    const running = mayBePromoted.filter(({ isRunning }) => isRunning)
    const doubtful = first(running.filter(({ health }) => health !== 'conclusive')) ?? first(running)
    const winner = first(healthy) ?? (isFalse('promote-unhealthy') ? undefined : doubtful)
    if (!winner) return answer('blocked', 'no-candidate')
    return wasOne ? answer('failover', 'active-gone', winner) : answer('first', 'no-active', winner)
  }

  // 4. "The active fails its check, under the threshold → count. At the threshold, or conclusively → failover to the
  // first candidate; inside cooldown → blocked; no candidate → blocked"
  if (active.health === 'not known') return answer('blocked', 'not-probed')
  if (active.health === 'under the threshold') return answer('count', 'under-threshold')
  if (active.health !== 'healthy') {
    const winner = first(healthy)
    if (!winner) return answer('blocked', 'no-candidate')
    if (active.activeForMs < Number(said('cooldown') ?? 0)) return answer('blocked', 'cooldown')
    return answer('failover', active.health === 'conclusive' ? 'active-not-ready' : 'active-failed', winner)
  }

  // 5. "failback if asked and due. Otherwise keep." "move to a preferred pod once it has been healthy that long"
  const place = (name: string) => (prefer.includes(name) ? prefer.indexOf(name) : prefer.length)
  const better = healthy.filter(({ name }) => place(name) < place(active.name))
  const due = better.filter(({ healthyForMs }) => healthyForMs >= Number(said('failback') ?? Number.POSITIVE_INFINITY))
  return due.length > 0 ? answer('failback', 'preferred', first(due)) : answer('keep', 'healthy')
}

/**
 * "order: prefer, then the revision of the youngest pod, then fewer failures, then name with numbers compared as
 * numbers": whoever is not among the best is sent away, criterion by criterion.
 */
function firstOf(some: readonly Facts[], all: readonly Facts[], prefer: readonly string[]): Facts | undefined {
  const preferred = prefer.map((name) => some.find((one) => one.name === name)).find((one) => one !== undefined)
  if (preferred) return preferred
  // Of pods of the same age the first by name counts as the youngest: it has to be the same one each time.
  const latest = Math.max(...all.map(({ createdAtMs }) => createdAtMs))
  const [youngest] = all.filter(({ createdAtMs }) => createdAtMs === latest).sort((a, b) => byName(a.name, b.name))
  let left = some
  if (left.some(({ revision }) => revision === youngest?.revision))
    left = left.filter(({ revision }) => revision === youngest?.revision)
  const fewest = Math.min(...left.map(({ failures }) => failures))
  left = left.filter(({ failures }) => failures === fewest)
  return left.find((one) => left.every((other) => one === other || byName(one.name, other.name) < 0))
}

/** For names of letters and hyphens with at most one number, at the end. */
function byName(a: string, b: string): number {
  const numberIn = (name: string) => Number(name.replace(/\D/g, '') || -1)
  const lettersIn = (name: string) => name.replace(/\d/g, '')
  if (lettersIn(a) !== lettersIn(b)) return lettersIn(a) < lettersIn(b) ? -1 : 1
  if (numberIn(a) !== numberIn(b)) return numberIn(a) - numberIn(b)
  return a < b ? -1 : 1
}
