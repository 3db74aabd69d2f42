/**
 * What is to be decided, written down naively after the design's words, to be compared with what is decided. It works on
 * what the cluster holds, shares no code with the handler, and does not care how often it looks at the same thing.
 */
import { isIP } from 'node:net'
import type { Service } from '../../handler/kube/port.js'
import { MINUTE, NOW } from '../support/builders.js'
import { meaningOf } from './arbitraries.js'
import type { SeenPod, World } from './chain.js'

export interface Expected {
  readonly kind: string
  readonly code: string
  readonly winner: string | undefined
  /** Whether an error is reported whatever is decided: a pod that came up active by its template is made passive. */
  readonly isAlarmed: boolean
  /** By pod: its consecutive failures, and what is to be written on it. None where nothing is judged. */
  readonly counts: Readonly<Record<string, Count>>
}

interface Count {
  readonly failures: number
  readonly marks: Readonly<Record<string, string | null>>
}

/** Rules that can be left out, to see how often each of them makes a difference. */
export const RULES = [
  'a Service that leads to no pods is none of ours',
  'a Service that is being deleted is none of ours',
  'a pin beside a role is none of ours',
  'where it has to be asked for, what nobody asks for is none of ours',
  'one Service asks for all of its selector',
  'what has ended is no member',
  'marks beside the pin of another pod are void',
  'marks that a pod was created with are void',
  'a role from a template is an error',
  'a role from a manifest is none',
  'a second active pod from a template is taken back',
  'nothing is taken back once a pod has lost its controller',
  'taking back is not tried again',
  'one is taken back, and no other',
  'nothing is written once a controller has let go of a labelled pod',
  'several active pods, none ours, are an error',
  'roles of the application are an error',
  'pods that have all ended, with nobody to replace them, are an error',
  'pods of Jobs are no candidates',
  'a lost label goes back',
  'better evidence first',
  'no failback to worse evidence',
  'the kubelet is believed where the active pod is not Ready and no other passes',
  'what has lasted first',
  'a restart is no lasting',
  'a pod that has failed passes as often as it is asked to',
  'a terminating pod that serves is kept until another is healthy',
  'the role rests before it returns to a pod that has failed',
  'the rest doubles',
  'so many handovers in an hour',
  'the role rests before a failback',
  'so many failbacks in an hour',
  'no failback to a pod that was just restarted',
  'preferred pods first',
  'the workload of the active pod first',
  'the workload of the last active pod first',
  'the workload with the most pods first',
  'the youngest revision of a workload first',
  'the revision of the active pod first, where no rollout replaces it',
  'fewer failures first',
] as const

export type Rule = (typeof RULES)[number]

/**
 * What to do for the group of this Service; `undefined` when it is not managed.
 * @param without a rule that is left out
 */
export function expected(world: World, service: Service, without?: Rule): Expected | undefined {
  const holds: Holds = (rule) => rule !== without
  if (!isManaged(service, world, holds)) return undefined
  const managed = world.services.filter((one) => isManaged(one, world, holds))
  const group = managed.filter((one) => restOf(one) === restOf(service)).sort((a, b) => byName(a.name, b.name))
  const selected = world.pods.filter((seen) => isSelected(service, seen))

  // "What is not managed but an error that leaves everything untouched"
  if (Object.keys(pairs(service)).length === 0) return answer('error', 'selector-too-wide')
  const rivals = managed.filter((one) => restOf(one) !== restOf(service) && Object.keys(pairs(one)).length > 0)
  // "They are no members: not sealed, not marked, not labelled, not counted"
  const hasEnded = ({ pod }: SeenPod) =>
    holds('what has ended is no member') && ['Failed', 'Succeeded'].includes(pod.phase)
  const ended = selected.filter(hasEnded)
  const alive = selected.filter((seen) => !hasEnded(seen))
  if (alive.some((seen) => rivals.some((rival) => isSelected(rival, seen)))) return answer('error', 'overlap')

  // "A pod with another value is no member of any group"
  const members = alive.filter(({ pod }) => ['active', 'passive', undefined].includes(pod.labels.role))
  const roles = whoseLabels(members, holds)
  if (roles === 'not ours') return answer('error', 'role-in-template')
  // "Pods whose role has another value leave a group empty […] Error"; "A group that is really scaled to zero stays empty"
  if (members.length === 0) {
    if (alive.length > 0 && holds('roles of the application are an error')) return answer('error', 'foreign-role')
    if (
      ended.some(({ pod }) => !pod.owner) &&
      holds('pods that have all ended, with nobody to replace them, are an error')
    )
      return answer('error', 'all-ended')
  }
  const wrong = firstWrongAnnotation(group)
  if (wrong) return answer('error', wrong)

  const said = (setting: string): unknown => {
    const texts = group.map(({ annotations }) => annotations[`active-passive/${setting}`])
    // "`pause` on any of them pauses all"
    if (setting === 'pause') return texts.some((text) => meaningOf('pause', text ?? 'false'))
    return texts.map((text) => text !== undefined && meaningOf(setting, text)).find((meaning) => meaning !== false)
  }
  const everyoneIsServed = group.every(({ publishNotReadyAddresses }) => publishNotReadyAddresses)
  const facts = members.map((seen) => factsOf(seen, said, everyoneIsServed, holds))
  const counts = Object.fromEntries(facts.map(({ name, failures, marks }) => [name, { failures, marks }]))
  const over = ended.filter(({ pod }) => pod.labels.role === 'active').map((seen) => epochOf(seen, holds))
  const wasServed = over.length > 0 ? Math.max(...over) : undefined
  const isAlarmed = roles === 'one to take back'
  return { ...decideFor(facts, said, saidFalse(group), wasServed, holds), counts, isAlarmed }
}

type Holds = (rule: Rule) => boolean

type Says = (setting: string) => unknown

const answer = (kind: string, code: string, winner?: Facts): Expected => ({
  kind,
  code,
  winner: winner?.name,
  isAlarmed: false,
  counts: {},
})

// ---------------------------------------------------------------------------------------------------- the Services

function pairs({ selector }: Service): Record<string, string> {
  return Object.fromEntries(Object.entries(selector).filter(([key]) => key !== 'role' && key !== 'active-passive/pod'))
}

function restOf(one: Service): string {
  const rest = pairs(one)
  return JSON.stringify([
    one.namespace,
    ...Object.keys(rest)
      .sort()
      .map((key) => [key, rest[key]]),
  ])
}

/**
 * "Only a live Service that routes by its selector can be a group's or a rival: ExternalName never; one that is being
 * deleted never blocks a live one; a pin beside a role is not our state […]; a pin in place of the role is ours, with or
 * without the claim"; "nobody's `role: passive` is ever rewritten"
 */
function isManaged(service: Service, world: World, holds: Holds): boolean {
  if (!couldBeManaged(service, world.services, holds)) return false
  const isClaimed = service.annotations['active-passive/swap'] !== undefined
  if (isClaimed || service.selector['active-passive/pod'] !== undefined || !world.optIn) return true
  if (!holds('where it has to be asked for, what nobody asks for is none of ours')) return true
  // "only Services that are annotated with `managed: "true"` […], and those of the same selector in their namespace"
  return world.services.some(
    (one) =>
      one.annotations['active-passive/managed'] === 'true' &&
      (one === service || (holds('one Service asks for all of its selector') && restOf(one) === restOf(service))) &&
      couldBeManaged(one, world.services, holds),
  )
}

function couldBeManaged(service: Service, all: readonly Service[], holds: Holds): boolean {
  const { annotations, selector } = service
  if (service.external && holds('a Service that leads to no pods is none of ours')) return false
  if (service.terminating && holds('a Service that is being deleted is none of ours')) return false
  const role = selector.role ?? 'none'
  const isPinned = selector['active-passive/pod'] !== undefined
  if (role !== 'active' && role !== 'none') return false
  if (annotations['active-passive/swap'] !== undefined) return true
  if (role === 'none') return isPinned && Object.keys(pairs(service)).length > 0
  // "somebody copied a pod's labels" where the pod is another Service's; a manifest that goes on being applied elsewhere
  const isOfAnother = all.some(
    (other) =>
      isPlain(other) &&
      other.namespace === service.namespace &&
      Object.entries(pairs(other)).every(([key, value]) => selector[key] === value),
  )
  if (isPinned && holds('a pin beside a role is none of ours')) return !isOfAnother
  return annotations['active-passive/managed'] !== 'false'
}

/** Ours without a doubt: live, and with a claim, or a role, or a pin, but not with the two of them. */
function isPlain({ annotations, selector, external, terminating }: Service): boolean {
  if (external || terminating) return false
  const [role, pin] = [selector.role, selector['active-passive/pod']]
  if (role !== undefined && role !== 'active') return false
  if (annotations['active-passive/swap'] !== undefined) return true
  return role === undefined ? pin !== undefined && Object.keys(selector).length > 1 : pin === undefined
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
  readonly labels: Readonly<Record<string, string>>
  readonly isActive: boolean
  readonly hasRole: boolean
  readonly epoch: number
  /** It will not serve again. */
  readonly isGone: boolean
  readonly isTerminating: boolean
  /** Ready by its kubelet, with an address. */
  readonly isReachable: boolean
  readonly uid: string
  /** Of a pod of a StatefulSet. */
  readonly ordinal: number | undefined
  /** It has been Ready for so long, without a restart or a failure. */
  readonly lastedForMs: number
  readonly moves: readonly Moved[]
  readonly isRunning: boolean
  readonly phase: string
  /** By a probe of its own, at an address. */
  readonly isReadyByKubelet: boolean
  readonly health: 'healthy' | 'not confirmed' | 'under the threshold' | 'at the threshold' | 'conclusive' | 'not known'
  /** Consecutive failures: as they were written, and with those of this pass. */
  readonly wereFailures: number
  readonly failures: number
  readonly marks: Count['marks']
  /** What its health rests on, the best first: a check of ours, a readinessProbe, nothing. */
  readonly evidence: 1 | 2 | 3
  readonly isOfJob: boolean
  /** `undefined` of a pod that belongs to no controller. */
  readonly workload: string | undefined
  /** The workload of the last active pod, as the newest swap has noted it on this one. */
  readonly notedWorkload: string | undefined
  readonly createdAtMs: number
  readonly revision: string | undefined
  readonly healthyForMs: number
  /** Since a container of it was started again. */
  readonly restartedForMs: number
  /** When it was made active; `undefined`: no swap has done it. */
  readonly activeSinceMs: number | undefined
}

/** A handover, as it was noted on a pod. */
interface Moved {
  readonly atMs: number
  readonly failed: string | undefined
}

function factsOf(seen: SeenPod, said: Says, everyoneIsServed: boolean, holds: Holds): Facts {
  const { pod } = seen
  const note = (mark: string) => markOn(seen, mark, holds) ?? ''
  const isGone = pod.terminating || ['Failed', 'Succeeded'].includes(pod.phase)
  const isRunning = pod.phase === 'Running' && !pod.terminating

  // "a count or a time that makes no sense counts as absent"
  const wereFailures = consistsOfDigits(note('failures'), 9) ? Number.parseInt(note('failures'), 10) : 0
  const failedAtMs = Date.parse(note('failed-at'))
  const sinceMs = Date.parse(note('since'))
  const recoveredMs = Date.parse(note('healthy-since'))

  const { how, asksReady } = checksOf(seen, said)
  const needsReady = asksReady || !everyoneIsServed
  const threshold = Number(said('failures') ?? 3)
  const probes = Number(said('probes') ?? 3)
  const period = Number(said('period') ?? 1_000)

  const isActive = pod.labels.role === 'active'
  const rule = 'a pod that has failed passes as often as it is asked to'
  const rise = isActive || how === 'ready' || !holds(rule) ? 1 : Number(said('rise') ?? 2)

  let health: Facts['health'] = 'not known'
  let failures = wereFailures
  if (!isRunning || (needsReady && !pod.ready)) health = 'conclusive'
  else if (seen.probed) {
    // "the least time between two counted failures of different passes"
    const tooEarly = wereFailures > 0 && failedAtMs <= NOW && NOW - failedAtMs < period
    let inARow = 0
    for (let n = 0; health === 'not known'; n++) {
      inARow = passes(seen, how, n) ? inARow + 1 : 0
      if (inARow > 0) {
        if (inARow >= (failures > 0 ? rise : 1)) [health, failures] = ['healthy', 0]
        continue
      }
      const counts = failures < threshold && !(tooEarly && n === 0)
      failures += counts ? 1 : 0
      if (failures >= threshold) health = 'at the threshold'
      else if (n + 1 >= probes) health = 'under the threshold'
    }
    // "`confirm: ready`: a failure of our check counts only once the kubelet agrees"
    if (health !== 'healthy' && how === 'runs' && pod.ready && said('confirm') === 'ready')
      [health, failures] = ['not confirmed', wereFailures]
  }
  const isReachable = pod.ready && isIP(pod.ip ?? '') > 0
  const failedLately = wereFailures > 0 || !pod.ready
  const restartedMs = holds('a restart is no lasting') ? (pod.restartedAtMs ?? 0) : 0
  return {
    name: pod.name,
    isActive,
    labels: pod.labels,
    hasRole: pod.labels.role !== undefined,
    epoch: epochOf(seen, holds),
    isGone,
    isTerminating: pod.terminating,
    isReachable,
    uid: pod.uid,
    ordinal: pod.owner?.kind === 'StatefulSet' ? Number(pod.name.split('-').pop()) : undefined,
    lastedForMs: failedLately ? -1 : NOW - Math.max(pod.readySinceMs, restartedMs, recoveredMs || 0),
    moves: movedOf(note('moves')),
    isRunning,
    restartedForMs: NOW - (pod.restartedAtMs ?? Number.NEGATIVE_INFINITY),
    phase: pod.phase,
    isReadyByKubelet: isReachable && pod.containers.some((one) => one.readinessProbe),
    health,
    wereFailures,
    failures,
    marks: marksOf(seen, health, wereFailures, failures, threshold),
    evidence: how === 'runs' ? 1 : pod.containers.some((one) => one.readinessProbe) ? 2 : 3,
    isOfJob: pod.owner?.kind === 'Job',
    workload: workloadOf(seen),
    notedWorkload: markOn(seen, 'active-owner', holds),
    createdAtMs: pod.createdAtMs,
    revision: pod.labels['controller-revision-hash'] ?? pod.labels['pod-template-hash'],
    // One that is healthy since a time to come is not healthy for long enough.
    healthyForMs: NOW - Math.max(wereFailures > 0 ? NOW : 0, recoveredMs || 0, pod.readySinceMs),
    activeSinceMs: Number.isNaN(sinceMs) ? undefined : sinceMs,
  }
}

/** "it counts from failovers that our own check caused, from failbacks"; of nonsense as much as makes sense. */
function movedOf(text: string): readonly Moved[] {
  if (text.length > 1_024) return []
  const moves: Moved[] = []
  // Six that count for the limit, and the last switchover.
  for (const entry of text.split(',').slice(0, 7)) {
    const [time = '', failed] = entry.split('=')
    const atMs = time.endsWith('Z') && time.includes('T') ? Date.parse(time) : Number.NaN
    if (atMs > NOW - 60 * MINUTE && atMs < NOW + MINUTE) moves.push({ atMs, failed })
  }
  return moves
}

/**
 * "it doubles while handovers of the history are closer than ten cooldowns, up to 16 times"; "at most 6 handovers an hour".
 * @returns how long it rests yet: before a pod that has failed comes back, and before a failback
 */
function restsOf(pods: readonly Facts[], cooldown: number, holds: Holds) {
  const texts = new Set(pods.flatMap(({ moves }) => moves.map((move) => JSON.stringify(move))))
  const moves = [...texts].map((text): Moved => JSON.parse(text)).sort((a, b) => b.atMs - a.atMs)
  const [last] = moves
  const nothing = { hasFailed: (_: Facts) => false, before: 0, anyway: 0, beforeFailback: 0 }
  if (cooldown === 0 || !last) return nothing
  const gaps = moves.slice(1).map(({ atMs }, n) => (moves[n] as Moved).atMs - atMs)
  const apart = gaps.findIndex((gap) => gap >= 10 * cooldown)
  const inARow = holds('the rest doubles') ? (apart < 0 ? gaps.length : apart) : 0
  const until = (n: number, of = moves) => {
    const nth = of[n - 1]
    return nth && holds('so many handovers in an hour') ? Math.max(0, nth.atMs + 60 * MINUTE - NOW) : 0
  }
  const sinceLast = Math.max(0, last.atMs + cooldown * Math.min(16, 2 ** inARow) - NOW)
  const isResting = holds('the role rests before it returns to a pod that has failed')
  return {
    hasFailed: ({ uid }: Facts) => moves.some(({ failed }) => failed === uid),
    before: isResting ? sinceLast : 0,
    anyway: until(6),
    beforeFailback: Math.max(
      holds('the role rests before a failback') ? Math.max(sinceLast, until(4)) : 0,
      holds('so many failbacks in an hour')
        ? until(
            2,
            moves.filter(({ failed }) => failed === undefined),
          )
        : 0,
    ),
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

function passes({ passes }: SeenPod, how: How, n: number): boolean {
  return how === 'ready' || (how === 'runs' && (n < passes.length ? passes[n] : passes[passes.length - 1]) === true)
}

type How = 'ready' | 'ready, but nowhere' | 'runs' | 'cannot run'

/** Several checks have to pass, every one. */
function checksOf(seen: SeenPod, said: Says): { readonly how: How; readonly asksReady: boolean } {
  const checks = [said('health-check') ?? 'declared'].flat()
  const hows = checks.map((check) => checkOf(seen, check))
  // "Where other containers have a probe that is run, the pod has to pass that and be Ready."
  const isHalfRun = checks.includes('declared') && seen.pod.containers.some(isLeftToKubelet)
  const asksReady = hows.includes('ready') || hows.includes('ready, but nowhere') || isHalfRun
  for (const how of ['cannot run', 'ready, but nowhere', 'runs'] as const)
    if (hows.includes(how)) return { how, asksReady }
  return { how: 'ready', asksReady }
}

/** Whether the check can be run against this pod, or is its Ready condition. */
function checkOf({ pod }: SeenPod, check: unknown): How {
  const hasAddress = isIP(pod.ip ?? '') > 0
  if (check === 'ready') return hasAddress ? 'ready' : 'ready, but nowhere'
  if (check !== 'declared') {
    const ports = pod.containers.flatMap((one) => one.ports.map(({ name }) => name))
    return hasAddress && (typeof check === 'number' || ports.includes(String(check))) ? 'runs' : 'cannot run'
  }
  const answers: boolean[] = []
  for (const { readinessProbe: probe, ports } of pod.containers) {
    if (!probe || probe.kind === 'exec' || isLeftToKubelet({ readinessProbe: probe })) continue
    const isKnown = typeof probe.port === 'number' || ports.some(({ name }) => name === probe.port)
    answers.push(isKnown && hasAddress)
  }
  if (answers.length === 0) return hasAddress ? 'ready' : 'ready, but nowhere'
  return answers.includes(false) ? 'cannot run' : 'runs'
}

/** Commands, which are not allowed here, and probes of other hosts. */
function isLeftToKubelet({
  readinessProbe: probe,
}: Pick<SeenPod['pod']['containers'][number], 'readinessProbe'>): boolean {
  return probe !== undefined && (probe.kind === 'exec' || ('host' in probe && Boolean(probe.host)))
}

/** "an epoch that is no safe integer counts as 0"; nor may its successor be none. */
function epochOf(seen: SeenPod, holds: Holds): number {
  const text = markOn(seen, 'epoch', holds) ?? ''
  return consistsOfDigits(text, 16) && BigInt(text) < BigInt(Number.MAX_SAFE_INTEGER) ? Number(text) : 0
}

function consistsOfDigits(text: string, most: number): boolean {
  return text.length > 0 && text.length <= most && [...text].every((character) => '0123456789'.includes(character))
}

// ------------------------------------------------------------------------------------------- whose labels and marks

/** "marks count only on the pod they were written on": not on a copy, nor where a template or a manifest has put them. */
function markOn({ pod }: SeenPod, mark: string, holds: Holds): string | undefined {
  const key = `active-passive/${mark}`
  const { [key]: value } = pod.annotations ?? {}
  const pin = pod.labels['active-passive/pod']
  if (pin !== undefined && pin !== pod.uid && holds('marks beside the pin of another pod are void')) return undefined
  const born = creatorOf(pod)?.annotations ?? []
  // A count that was written with its time is ours, though it be the one that stood there.
  const isCounted = mark === 'failures' && !born.includes('active-passive/failed-at')
  const isBorn = born.includes(key) && !isCounted && holds('marks that a pod was created with are void')
  return isBorn ? undefined : value
}

function creatorOf({ writers }: SeenPod['pod']) {
  return writers?.filter(({ created }) => created)[0]
}

/** "a pod with `pod-template-hash` and no controller" */
function hasLostItsController({ pod }: SeenPod): boolean {
  const template = ['pod-template-hash', 'controller-revision-hash', 'statefulset.kubernetes.io/pod-name']
  const isMade = creatorOf(pod)?.manager === 'kube-controller-manager' || template.some((key) => key in pod.labels)
  return isMade && pod.owner === undefined
}

/**
 * "a group with a pod that was born with a role is an error […] untouched. One exception: the group has epochs already
 * and a second pod comes up active by its template […] when it does not hold, or a pod loses its owner by it, nothing is
 * written any more. Whatever happens, our writes never make a controller create more than one pod." So there must be no
 * more than one to take back. A pod of nobody's template has the role of its manifest, as a person's label.
 */
function whoseLabels(members: readonly SeenPod[], holds: Holds): 'ours' | 'one to take back' | 'not ours' {
  const isActive = ({ pod }: SeenPod) => pod.labels.role === 'active'
  // Whoever has corrected the template waits for nobody who is about to go.
  const isBornSo = ({ pod }: SeenPod) =>
    !pod.terminating && 'role' in pod.labels && creatorOf(pod)?.labels.includes('role') === true
  const isOfTemplate = (seen: SeenPod) => {
    const creator = creatorOf(seen.pod)
    const isByController = creator?.owns === true || creator?.manager === 'kube-controller-manager'
    return isBornSo(seen) && (isByController || !holds('a role from a manifest is none'))
  }

  for (const seen of members) {
    const ownerThen = markOn(seen, 'taken-back', () => true)
    if (ownerThen === undefined || !holds('taking back is not tried again')) continue
    const writer = seen.pod.writers?.filter(({ labels }) => labels.includes('role'))[0]
    const [sibling] = members.filter(({ pod }) => pod.owner?.uid === ownerThen)
    const isPutAside = sibling !== undefined && isQuarantined(seen, sibling)
    const isActiveAgain = isActive(seen) && writer !== undefined && writer.manager !== 'active-passive'
    if (isActiveAgain || (ownerThen !== '' && seen.pod.owner?.uid !== ownerThen && !isPutAside)) return 'not ours'
  }

  // "an owner reference that is gone after our write tells the rest": its controller is there, and does not want it back.
  const isLetGo = (seen: SeenPod) => {
    const noted = (markOn(seen, 'owner', () => true) ?? '').split(' ')
    const [uid = '', workload = ''] = noted
    if (noted.length !== 2 || uid === '' || workload === '') return false
    const [sibling] = members.filter((one) => one.pod.owner?.uid === uid || workloadOf(one) === workload)
    const isOurs = seen.pod.labels['active-passive/pod'] === seen.pod.uid
    const isLost = seen.pod.owner === undefined && !seen.pod.terminating
    return isOurs && isLost && sibling !== undefined && !isQuarantined(seen, sibling)
  }
  if (holds('nothing is written once a controller has let go of a labelled pod') && members.some(isLetGo))
    return 'not ours'

  // "our writes never make a controller create more than one pod": the second is not made passive.
  const born = members.filter((seen) => isOfTemplate(seen) && isActive(seen))
  const taken = members.filter((seen) => markOn(seen, 'taken-back', () => true))
  if (born.length > 0 && born.length + taken.length > 1 && holds('one is taken back, and no other')) return 'not ours'

  const isOurs = (seen: SeenPod) => isActive(seen) && !isBornSo(seen) && epochOf(seen, holds) > 0
  const serves = members.some((seen) => isOurs(seen) && !seen.pod.terminating)
  const isLost = (seen: SeenPod) => epochOf(seen, holds) > 0 && hasLostItsController(seen)
  const templated = members.filter(isOfTemplate)
  const mayTakeBack =
    serves &&
    templated.some(isActive) &&
    holds('a second active pod from a template is taken back') &&
    !(holds('nothing is taken back once a pod has lost its controller') && members.some(isLost))
  if (templated.length > 0 && !mayTakeBack && holds('a role from a template is an error')) return 'not ours'

  const actives = members.filter(isActive)
  const areForeign = actives.length > 1 && actives.every((seen) => epochOf(seen, holds) === 0)
  if (areForeign && holds('several active pods, none ours, are an error')) return 'not ours'
  return serves && born.length > 0 ? 'one to take back' : 'ours'
}

/** A person has taken a label away that the controller gives its pods: that is why it has let go of this one. */
function isQuarantined({ pod }: SeenPod, sibling: SeenPod): boolean {
  const left = creatorOf(pod)?.labels
  const given = creatorOf(sibling.pod)?.labels ?? []
  return left !== undefined && given.some((key) => key !== 'role' && !left.includes(key))
}

/** A Deployment's pods belong to one ReplicaSet for each revision, which is named after both. */
function workloadOf({ pod: { owner, labels } }: SeenPod): string | undefined {
  if (!owner) return undefined
  const suffix = `-${labels['pod-template-hash']}`
  if (owner.kind === 'ReplicaSet' && 'pod-template-hash' in labels && owner.name.endsWith(suffix))
    return `Deployment/${owner.name.substring(0, owner.name.length - suffix.length)}`
  return `${owner.kind}/${owner.name}`
}

// ---------------------------------------------------------------------------------------------------- the decision

function decideFor(
  pods: readonly Facts[],
  said: Says,
  isFalse: (setting: string) => boolean,
  /** The highest epoch of those that have ended and have the role. */
  wasServed: number | undefined,
  holds: Holds,
): Expected {
  const prefer = (said('prefer') ?? []) as readonly string[]
  const never = (said('never') ?? []) as readonly string[]
  // "pods of Jobs never"
  const isJobs = ({ isOfJob }: Facts) => isOfJob && holds('pods of Jobs are no candidates')
  // "`prefer` and `never` take pod names and `key=value` labels"
  const mayBePromoted = pods.filter((one) => !never.some((entry) => isMeant(entry, one)) && !isJobs(one))
  const healthy = mayBePromoted.filter(({ health }) => health === 'healthy')
  const stable = Number(said('stable') ?? 10_000)
  const first = (some: readonly Facts[]) => firstOf(some, pods, prefer, stable, holds)
  const rests = restsOf(pods, Number(said('cooldown') ?? 30_000), holds)

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
    // "It goes back to the pod whose marks say it was active (highest epoch, `since` […])", where that one is healthy. A
    // pod that has the role and ends or has ended is the one that was active.
    const last = lastActive(pods)
    const isOutlived = wasServed !== undefined && last !== undefined && wasServed >= last.epoch
    const isLost = actives.length === 0 && !isOutlived && last !== undefined && !last.hasRole
    if (isLost && healthy.includes(last) && holds('a lost label goes back')) return answer('repair', 'label-lost', last)

    // "failover: the active moved because it failed or is gone"
    const wasOne = actives.length > 0 || wasServed !== undefined || pods.some(({ epoch }) => epoch > 0)
    const running = mayBePromoted.filter(({ isRunning }) => isRunning)
    const doubtful = first(running.filter(({ health }) => health !== 'conclusive')) ?? first(running)
    // "A terminating active that still serves is kept until a candidate is healthy."
    const [ending] = actives
    const serves = ending?.isReachable && ending.isTerminating && ending.phase === 'Running'
    if (healthy.length === 0 && serves && holds('a terminating pod that serves is kept until another is healthy'))
      return answer('blocked', 'active-terminating')
    const winner = first(healthy) ?? (isFalse('promote-unhealthy') ? undefined : doubtful)
    if (!winner) return answer('blocked', 'no-candidate')
    return wasOne ? answer('failover', 'active-gone', winner) : answer('first', 'no-active', winner)
  }

  // 4. "The active fails its check, under the threshold → count. At the threshold, or conclusively → failover to the
  // first candidate; inside cooldown → blocked; no candidate → blocked"
  if (active.health === 'not known') return answer('blocked', 'not-probed')
  if (active.health === 'under the threshold') return answer('count', 'under-threshold')
  if (active.health === 'not confirmed') return answer('count', 'unconfirmed')
  if (active.health !== 'healthy') {
    // "when the active is not Ready, no candidate passes our check, but a standby is Ready by its kubelet's real
    // readinessProbe: it takes over"; "`false`: where […] none is healthy, make none active"
    const believed = mayBePromoted.filter(
      (one) => one !== active && one.isReadyByKubelet && one.health !== 'conclusive',
    )
    const isBelieved =
      healthy.length === 0 &&
      active.health === 'conclusive' &&
      !isFalse('promote-unhealthy') &&
      holds('the kubelet is believed where the active pod is not Ready and no other passes')
    const winner = first(isBelieved ? believed : healthy)
    if (!winner) return answer('blocked', 'no-candidate')
    if (isBelieved) return answer('failover', 'ready-by-kubelet', winner)
    if (active.health === 'conclusive') return answer('failover', 'active-not-ready', winner)
    // "for failures of our own check and for failback only"; to one that has not failed the role does not return.
    const rested = healthy.filter((one) => rests.anyway === 0 && (rests.before === 0 || !rests.hasFailed(one)))
    return rested.length > 0 ? answer('failover', 'active-failed', first(rested)) : answer('blocked', 'cooldown')
  }

  // 5. "failback if asked and due. Otherwise keep." "move to a preferred pod once it has been healthy that long"
  const place = (one: Facts) => [...prefer.map((entry) => isMeant(entry, one)), true].indexOf(true)
  const better = healthy.filter((one) => place(one) < place(active))
  const proven = better.filter(({ evidence }) => evidence <= active.evidence || !holds('no failback to worse evidence'))
  const calm = proven.filter(
    ({ restartedForMs }) => restartedForMs >= stable || !holds('no failback to a pod that was just restarted'),
  )
  const due = calm.filter(({ healthyForMs }) => healthyForMs >= Number(said('failback') ?? Number.POSITIVE_INFINITY))
  if (due.length > 0 && rests.beforeFailback === 0) return answer('failback', 'preferred', first(due))
  return answer('keep', proven.length > 0 && said('failback') !== undefined ? 'failback-waits' : 'healthy')
}

/** Whether `prefer` or `never` mean this pod. A pod without the label has not the value '' either. */
function isMeant(entry: string, { name, labels }: Facts): boolean {
  const [key = '', value] = entry.split('=')
  return value === undefined ? name === entry : new Map(Object.entries(labels)).get(key) === value
}

function lastActive(pods: readonly Facts[]): Facts | undefined {
  let left = pods.filter(({ epoch, activeSinceMs }) => epoch > 0 && activeSinceMs !== undefined)
  left = left.filter((one) => left.every((other) => one.epoch >= other.epoch))
  // A swap has given the others a role. Their times are those of other clocks.
  const bare = left.filter(({ hasRole }) => !hasRole)
  left = bare.length > 0 ? bare : left
  left = left.filter((one) => left.every((other) => Number(one.activeSinceMs) >= Number(other.activeSinceMs)))
  return firstByName(left)
}

/**
 * "by evidence […]; `prefer`; same owner as the active or the last active (revisions are compared within one owner only
 * […]); then as today": the revision of the youngest pod, fewer failures, and names with numbers compared as numbers.
 * Whoever is not among the best is sent away, criterion by criterion.
 */
function firstOf(
  some: readonly Facts[],
  all: readonly Facts[],
  prefer: readonly string[],
  stable: number,
  holds: Holds,
): Facts | undefined {
  let left = some
  const keep = (rule: Rule, isGood: (one: Facts) => boolean) => {
    if (holds(rule) && left.some(isGood)) left = left.filter(isGood)
  }
  for (const evidence of [3, 2, 1])
    keep('better evidence first', (one) => one.health === 'healthy' && one.evidence <= evidence)
  keep('what has lasted first', ({ lastedForMs }) => stable === 0 || lastedForMs >= stable)
  for (const entry of prefer) keep('preferred pods first', (one) => isMeant(entry, one))
  const [rule, home] = homeOf(all, holds)
  keep(rule, ({ workload }) => workload === home)
  const kept = revisionKept(all, holds)
  keep('the youngest revision of a workload first', (one) => {
    if (kept && kept.workload === one.workload) return kept.revision === one.revision
    const kin = all.filter(({ workload }) => workload === one.workload)
    const latest = Math.max(...kin.map(({ createdAtMs }) => createdAtMs))
    // Of pods of the same age the first by name counts as the youngest: it has to be the same one each time.
    return one.revision === firstByName(kin.filter(({ createdAtMs }) => createdAtMs === latest))?.revision
  })
  const fewest = Math.min(...left.map(({ failures }) => failures))
  keep('fewer failures first', ({ failures }) => failures === fewest)
  return firstByName(left)
}

/**
 * "A canary (paused rollout, partition) does not take the role from a stable pod of the active's revision": where the
 * active pod is not deleted, or the pod that was created last is of its revision too, or it is not its turn.
 */
function revisionKept(all: readonly Facts[], holds: Holds): Facts | undefined {
  if (!holds('the revision of the active pod first, where no rollout replaces it')) return undefined
  const actives = all.filter(({ isActive }) => isActive)
  const active = firstByName(actives.filter((one) => actives.every((other) => one.epoch >= other.epoch)))
  if (!active?.isTerminating) return active
  const kin = all.filter(({ workload }) => workload === active.workload)
  const latest = kin.filter((one) => kin.every((other) => one.createdAtMs >= other.createdAtMs))
  const revision = firstByName(latest)?.revision
  if (revision === active.revision) return active
  const isLater = ({ ordinal }: Facts) => (ordinal || 0) > (active.ordinal || 0)
  const isInTurn = kin.every((one) => !isLater(one) || one.isTerminating || one.revision === revision)
  return active.ordinal === undefined || isInTurn ? undefined : active
}

/** Where the active pod is at home, or was; or else where most pods are, and of as many the oldest one. */
function homeOf(all: readonly Facts[], holds: Holds): readonly [rule: Rule, workload: string | undefined] {
  const newest = (some: readonly Facts[]) =>
    firstByName(some.filter((one) => some.every((other) => one.epoch >= other.epoch)))
  const active = newest(all.filter(({ isActive }) => isActive))
  if (active) return ['the workload of the active pod first', active.workload]
  const noted = newest(all.filter(({ notedWorkload }) => notedWorkload !== undefined))
  if (noted && holds('the workload of the last active pod first'))
    return ['the workload of the last active pod first', noted.notedWorkload]
  const lasting = all.filter(({ isOfJob }) => !isOfJob)
  const sizeOf = (one: Facts) => lasting.filter(({ workload }) => workload === one.workload).length
  const largest = lasting.filter((one) => lasting.every((other) => sizeOf(one) >= sizeOf(other)))
  const oldest = largest.filter((one) => largest.every((other) => one.createdAtMs <= other.createdAtMs))
  return ['the workload with the most pods first', firstByName(oldest)?.workload]
}

function firstByName(some: readonly Facts[]): Facts | undefined {
  return some.find((one) => some.every((other) => one === other || byName(one.name, other.name) < 0))
}

/** For names of letters and hyphens with at most one number, at the end. */
function byName(a: string, b: string): number {
  const numberIn = (name: string) => Number(name.replace(/\D/g, '') || -1)
  const lettersIn = (name: string) => name.replace(/\d/g, '')
  if (lettersIn(a) !== lettersIn(b)) return lettersIn(a) < lettersIn(b) ? -1 : 1
  if (numberIn(a) !== numberIn(b)) return numberIn(a) - numberIn(b)
  return a < b ? -1 : 1
}
