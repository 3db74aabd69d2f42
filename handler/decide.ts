/** A group with its verdicts and a time -> a decision with its reason. Pure; the order of the rules is design. */
import { candidates, evidenceRank, inOrder, type Judged, rank, whyNever } from './candidates.js'
import { formatDuration } from './duration.js'
import type { Fault } from './errors.js'
import { whyNoAddress } from './health/address.js'
import type { Pod } from './kube/port.js'
import { ownEpoch } from './members.js'
import { compareNames } from './names.js'
import { hasReadinessProbe } from './pods.js'
import type { Settings } from './policy.js'
import type { Doubt } from './sight.js'

export interface Situation {
  readonly members: readonly Judged[]
  readonly settings: Settings
  readonly nowMs: number
  /** A pod that has ended and still carries the role. It is no member: nobody has to be made passive in its place. */
  readonly endedActive?: Pod | undefined
  /** Why failures of our check are no reason to move. */
  readonly doubt?: Doubt | undefined
}

/** `code` is for programs, `text` for people. */
export interface Reason {
  readonly code: ReasonCode
  readonly text: string
}

export type ReasonCode =
  | 'healthy'
  | 'no-pods'
  | 'paused'
  | 'under-threshold'
  | 'several-actives'
  | 'no-active'
  | 'label-lost'
  | 'active-gone'
  | 'active-not-ready'
  | 'active-failed'
  | 'ready-by-kubelet'
  | 'preferred'
  | 'cooldown'
  | 'no-candidate'
  | 'not-probed'
  | 'unconfirmed'
  | 'panic'
  | 'blind'

export type Decision = { readonly kind: 'error'; readonly fault: Fault } | Choice

/** What can be decided for a group that is in order. */
export type Choice =
  | { readonly kind: 'keep' | 'count' | 'blocked' | 'paused' | 'empty'; readonly reason: Reason }
  | Swap

/** The winner is to be the one active pod. */
export interface Swap {
  readonly kind: 'first' | 'failover' | 'failback' | 'repair'
  readonly winner: Judged
  readonly reason: Reason
}

/** Decides for a group that has settings and is in order; what is wrong with a group is found before. */
export function decide(situation: Situation): Choice {
  const { members, settings } = situation
  if (members.length === 0) return rest('empty', 'no-pods', 'the group has no pods')
  const actives = members.filter(({ role }) => role === 'active')
  if (settings.pause) {
    return rest('paused', 'paused', `paused by annotation${actives.length === 0 ? ', and no pod is active' : ''}`)
  }

  const [active, ...more] = actives.filter(({ pod }) => !pod.terminating)
  if (!active) return replaceMissing(situation, actives[0])
  if (more.length > 0 || actives.length > 1) return repair(situation, [active, ...more])

  const { verdict } = active
  const { doubt } = situation
  const isOurWord = !verdict.conclusive && (verdict.health === 'failing' || verdict.health === 'failed')
  if (doubt && isOurWord) return rest('blocked', doubt.code, doubt.text)
  if (verdict.isUnconfirmed) return rest('count', 'unconfirmed', unconfirmedWords(active))
  switch (verdict.health) {
    case 'healthy':
      return failback(situation, active) ?? rest('keep', 'healthy', healthyWords(active))
    case 'failing':
      return rest(
        'count',
        'under-threshold',
        `${active.pod.name} failed its check (${verdict.check.result}), ${verdict.failures} of ${settings.failures} times`,
      )
    case 'unknown':
      return rest('blocked', 'not-probed', `no time was left to check ${active.pod.name}`)
    case 'failed':
      return failover(situation, active)
  }
}

function healthyWords(active: Judged): string {
  const { evidence, check } = active.verdict
  return evidence === 'check' ? `${passed(active)}: ${check.result}` : passed(active)
}

function unconfirmedWords({ pod, verdict }: Judged): string {
  return `${pod.name} failed our check (${verdict.check.result}), which counts once its kubelet agrees (confirm: ready): it is Ready, and nothing is counted`
}

/** That a pod is healthy, with what it rests on. */
function passed({ pod, verdict }: Judged): string {
  switch (verdict.evidence) {
    case 'check':
      return `${pod.name} passed its check`
    case 'readiness-probe':
      return `${pod.name} is Ready by its readinessProbe`
    case 'none':
      return `${pod.name} is Ready, and has no readinessProbe`
  }
}

function repair({ members, settings }: Situation, actives: readonly Judged[]): Swap {
  const highest = Math.max(...actives.map(({ epoch }) => epoch))
  const newest = inOrder(members, settings).filter((one) => actives.includes(one) && one.epoch === highest)
  const winner = healthiest(newest) as Judged
  const names = members.filter(({ role }) => role === 'active').map(({ pod }) => pod.name)
  return {
    kind: 'repair',
    winner,
    reason: {
      code: 'several-actives',
      text: `${names.join(' and ')} are all active; ${winner.pod.name} is kept (epoch ${highest})`,
    },
  }
}

function replaceMissing(situation: Situation, over: Judged | undefined): Choice {
  const { members, settings, endedActive } = situation
  const bereft = over ? undefined : bereftOf(members, endedActive)
  if (bereft && bereft.verdict.health === 'healthy' && !whyNever(bereft, settings)) {
    const text = `${bereft.pod.name} was made active in epoch ${bereft.epoch} and has lost its role label; ${passed(bereft)}, and gets it back`
    return { kind: 'repair', winner: bereft, reason: { code: 'label-lost', text } }
  }
  const hadActive = over !== undefined || endedActive !== undefined || members.some(({ epoch }) => epoch > 0)
  const kind = hadActive ? 'failover' : 'first'
  const code = hadActive ? 'active-gone' : 'no-active'
  const missing = hadActive ? whereItIs(situation, over, bereft) : 'no pod is active yet'
  const [best] = candidates(members, settings)
  if (best) return { kind, winner: best, reason: { code, text: `${missing}; ${passed(best)}` } }
  const running = inOrder(members, settings).filter(
    (member) => member.pod.phase === 'Running' && !member.pod.terminating && !whyNever(member, settings),
  )
  const doubtful = healthiest(running)
  if (!doubtful) return rest('blocked', 'no-candidate', `${missing}, and no pod is running that could take over`)
  if (settings['promote-unhealthy'] === false) {
    return rest(
      'blocked',
      'no-candidate',
      `${missing}, no pod that may take over is healthy, and promote-unhealthy is false`,
    )
  }
  const text = `${missing} and no pod that may take over is healthy; ${doubtful.pod.name} is at least running (${doubtful.verdict.check.result})`
  return { kind, winner: doubtful, reason: { code, text } }
}

/** What has become of the pod that was active, as far as it can be seen. */
function whereItIs({ members, endedActive }: Situation, over: Judged | undefined, bereft: Judged | undefined): string {
  if (over) return `${over.pod.name} is terminating`
  if (endedActive) return `${endedActive.name} is ${endedActive.phase}`
  if (bereft) return `${bereft.pod.name} has lost its role label and is not healthy (${bereft.verdict.check.result})`
  return lastActive(members) ? 'no pod is active any more' : 'the active pod is gone'
}

/** The last active pod, where somebody has taken its label away; not where one has ended that was active after it. */
function bereftOf(members: readonly Judged[], endedActive: Pod | undefined): Judged | undefined {
  const last = lastActive(members)
  const isOutlived = endedActive !== undefined && ownEpoch(endedActive) >= (last?.epoch ?? 0)
  return last && !last.labelled && !isOutlived ? last : undefined
}

/**
 * The pod that the newest swap has made active, by the marks that it left. It has marked the others too, but those have
 * the role that it gave them; the time is that of several clocks, and tells little.
 */
function lastActive(members: readonly Judged[]): Judged | undefined {
  const since = ({ activeSinceMs }: Judged) => activeSinceMs ?? Number.NEGATIVE_INFINITY
  const [last] = members
    .filter(({ epoch, activeSinceMs }) => epoch > 0 && activeSinceMs !== undefined)
    .sort(
      (a, b) =>
        b.epoch - a.epoch ||
        Number(a.labelled) - Number(b.labelled) ||
        since(b) - since(a) ||
        compareNames(a.pod.name, b.pod.name),
    )
  return last
}

function failover(situation: Situation, active: Judged): Choice {
  const { members, settings, nowMs } = situation
  const { verdict, pod } = active
  const failed = verdict.conclusive
    ? `${pod.name} is ${verdict.check.result}`
    : `${pod.name} failed its check ${settings.failures} times (${verdict.check.result})`
  const [passing] = candidates(members, settings)
  const best = passing ?? (verdict.conclusive ? readyByKubelet(situation) : undefined)
  if (!best)
    return rest('blocked', 'no-candidate', `${failed}, but no other pod can take over: ${pod.name} is left active`)
  const waitMs = settings.cooldown - elapsed(active.activeSinceMs, nowMs)
  if (waitMs > 0) {
    return rest(
      'blocked',
      'cooldown',
      `${failed}; ${best.pod.name} takes over once the cooldown ends, in ${formatDuration(waitMs)}`,
    )
  }
  if (!passing) {
    const text = `${failed}; no other pod passes our check, but ${best.pod.name} is Ready by its readinessProbe (our check: ${best.verdict.check.result})`
    return { kind: 'failover', winner: best, reason: { code: 'ready-by-kubelet', text } }
  }
  const code = verdict.conclusive ? 'active-not-ready' : 'active-failed'
  return { kind: 'failover', winner: best, reason: { code, text: `${failed}; ${passed(best)}` } }
}

/**
 * The best of the pods that the kubelet's own probe of them finds ready, and our check does not: where the active pod is
 * no endpoint any more, the kubelet is believed. A pod that is Ready for want of a probe says nothing.
 */
function readyByKubelet({ members, settings }: Situation): Judged | undefined {
  if (settings['promote-unhealthy'] === false) return undefined
  return inOrder(members, settings).find(
    (member) =>
      member.role === 'passive' &&
      isReadyByKubelet(member) &&
      !member.verdict.conclusive &&
      !whyNever(member, settings),
  )
}

/** One without an address is no endpoint, whatever its Ready condition says. */
function isReadyByKubelet({ pod }: Judged): boolean {
  return pod.ready && hasReadinessProbe(pod) && !whyNoAddress(pod)
}

/**
 * Back to a pod that is named earlier in `prefer`, on evidence that is no worse: the first that has been healthy for long
 * enough.
 */
function failback(situation: Situation, active: Judged): Swap | undefined {
  const { members, settings, nowMs } = situation
  const { failback: waitMs } = settings
  if (waitMs === undefined) return undefined
  const best = candidates(members, settings).find(
    (member) =>
      rank(member, settings) < rank(active, settings) &&
      evidenceRank(member) <= evidenceRank(active) &&
      nowMs - healthyFromMs(member, nowMs) >= waitMs,
  )
  if (!best) return undefined
  const text = `${best.pod.name} is preferred to ${active.pod.name} and has been healthy for ${formatDuration(waitMs)}`
  return { kind: 'failback', winner: best, reason: { code: 'preferred', text } }
}

/** A stored count means that it recovers in this very pass. A time in the future is not due: there is no hurry. */
function healthyFromMs({ failures, healthySinceMs, pod }: Judged, nowMs: number): number {
  return Math.max(failures > 0 ? nowMs : 0, healthySinceMs ?? 0, pod.readySinceMs)
}

/** The first of these that is healthy, or else doubtful. One that is not Ready gets no traffic, active or not: it comes last. */
function healthiest(ordered: readonly Judged[]): Judged | undefined {
  return (
    ordered.find(({ verdict }) => verdict.health === 'healthy') ??
    ordered.find(({ verdict }) => !verdict.conclusive) ??
    ordered[0]
  )
}

/** Milliseconds since then; for ever when that is unknown or lies in the future, which makes no sense. */
function elapsed(thenMs: number | undefined, nowMs: number): number {
  return thenMs === undefined || thenMs > nowMs ? Number.POSITIVE_INFINITY : nowMs - thenMs
}

function rest<K extends 'keep' | 'count' | 'blocked' | 'paused' | 'empty'>(kind: K, code: ReasonCode, text: string) {
  return { kind, reason: { code, text } }
}
