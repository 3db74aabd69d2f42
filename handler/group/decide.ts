/**
 * Decides about a group, from its verdicts and the time, and gives the reason. Pure. The order of the rules matters.
 */

import { isReadyEndpoint } from '../health/address.js'
import { canServe, hasReadinessProbe, isRunning } from '../kube/pods.js'
import type { Pod } from '../kube/port.js'
import { isPaused, type Settings } from '../settings/settings.js'
import { compareNames } from '../util/compare-names.js'
import { formatDuration, formatWait, wholeSeconds } from '../util/duration.js'
import type { Fault } from '../util/errors.js'
import { candidates, evidenceRank, inOrder, rank, whyNever, whyNot } from './candidates.js'
import { type Move, recentMoves, restBeforeFailback, restBeforeFailover } from './cooldown.js'
import type { Judged } from './groups.js'
import type { HandoverKind } from './history.js'
import { ownEpoch } from './members.js'
import { isNamed, labelWords } from './named.js'
import type { Reason, ReasonCode } from './reasons.js'
import { isJustRestarted } from './stability.js'

/** Why a failure of our check is no reason to move the role. */
export interface Doubt {
  readonly code: 'panic' | 'blind'
  readonly text: string
  /** What is to be mended on our side. Absent: nothing is known to be. */
  readonly fault?: Pick<Fault, 'message' | 'remedy'>
}

export interface Situation {
  readonly members: readonly Judged[]
  readonly settings: Settings
  readonly nowMs: number
  /** A pod that has ended and still has the role. It is no member: no pod needs to be made passive for it. */
  readonly endedActive?: Pod | undefined
  /** Why failures of our check are no reason to move the role. */
  readonly doubt?: Doubt | undefined
}

export type Decision = { readonly kind: 'error'; readonly fault: Fault } | Choice

/** The decision for a group without a fault. */
export type Choice =
  | { readonly kind: 'keep' | 'count' | 'blocked' | 'paused' | 'empty'; readonly reason: Reason }
  /** A switchover that moves nothing, and what would help. `already-active` is no refusal. */
  | { readonly kind: 'unmoved'; readonly reason: Reason; readonly remedy: string }
  | Swap

/** The winner becomes the only active pod. */
export interface Swap {
  readonly kind: HandoverKind
  readonly winner: Judged
  readonly reason: Reason
  /** The last handovers that count for the cooldown, this one included if it counts. They are noted on the pods. */
  readonly moves: readonly Move[]
}

export function isSwap(decision: Decision): decision is Swap {
  return 'winner' in decision
}

/** Decides for a group that has settings and no fault: faults are found earlier. */
export function decide(situation: Situation): Choice {
  const { members, settings, nowMs } = situation
  if (members.length === 0) return rest('empty', 'no-pods', 'the group has no pods')
  const actives = members.filter(({ role }) => role === 'active')
  if (isPaused(settings, nowMs)) {
    const text = `${pausedWords(settings, nowMs)}${actives.length === 0 ? ', and no pod is active' : ''}`
    return rest('paused', 'paused', text)
  }

  const [active, ...more] = actives.filter(({ pod }) => !pod.terminating)
  if (!active) return replaceMissing(situation, actives[0])
  if (more.length > 0 || actives.length > 1) return repair(situation, [active, ...more])

  const { verdict } = active
  const { doubt } = situation
  const isOurWord = !verdict.conclusive && (verdict.health === 'failing' || verdict.health === 'failed')
  if (verdict.unmade) {
    const text = `the check of ${active.pod.name} could not be made (${verdict.check.result}), which says nothing about the pod: it stays active, and nothing is counted`
    return rest('blocked', 'unchecked', text)
  }
  if (doubt && isOurWord) return rest('blocked', doubt.code, doubt.text)
  if (verdict.isUnconfirmed) return rest('count', 'unconfirmed', unconfirmedWords(active))
  switch (verdict.health) {
    case 'healthy':
      return failback(situation, active) ?? keep(situation, active)
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

/** Says that the group is paused, and until when. */
export function pausedWords({ pause = 0 }: Settings, nowMs: number): string {
  if (pause === Number.POSITIVE_INFINITY) return 'paused by annotation'
  return `paused by annotation until ${wholeSeconds(new Date(pause).toISOString())}, for another ${formatWait(pause - nowMs)}`
}

function healthyWords(active: Judged, { never }: Settings): string {
  const { evidence, check } = active.verdict
  const words = evidence === 'check' ? `${passed(active)}: ${check.result}` : passed(active)
  return isNamed(never, active.pod)
    ? `${words}; it is named in never${labelWords(never, active.pod)}, which keeps a pod from becoming active, and takes the role from none`
    : words
}

function unconfirmedWords({ pod, verdict }: Judged): string {
  return `${pod.name} failed our check (${verdict.check.result}), which counts once its kubelet agrees (confirm: ready): it is Ready, and nothing is counted`
}

/** Says that a pod is healthy, with its evidence. */
export function passed({ pod, verdict }: Judged): string {
  switch (verdict.evidence) {
    case 'check':
      return `${pod.name} passed its check`
    case 'readiness-probe':
      return `${pod.name} is Ready by its readinessProbe`
    case 'none':
      return `${pod.name} is Ready, and has no readinessProbe`
  }
}

function repair(situation: Situation, actives: readonly Judged[]): Swap {
  const { members, settings, nowMs } = situation
  const highest = Math.max(...actives.map(({ epoch }) => epoch))
  const newest = inOrder(members, settings, nowMs).filter((one) => actives.includes(one) && one.epoch === highest)
  const winner = healthiest(newest) as Judged
  const names = members.filter(({ role }) => role === 'active').map(({ pod }) => pod.name)
  return {
    kind: 'repair',
    winner,
    moves: movesSoFar(situation),
    reason: {
      code: 'several-actives',
      text: `${names.join(' and ')} are all active; ${winner.pod.name} is kept (epoch ${highest})`,
    },
  }
}

function replaceMissing(situation: Situation, over: Judged | undefined): Choice {
  const { members, settings, nowMs, endedActive } = situation
  const moves = movesSoFar(situation)
  const bereft = over ? undefined : bereftOf(members, endedActive)
  if (bereft && mayHaveItBack(bereft, settings)) {
    const { health, check } = bereft.verdict
    const why =
      health === 'healthy'
        ? passed(bereft)
        : `its check could not be made (${check.result}), and nothing speaks against it`
    const text = `${bereft.pod.name} was made active in epoch ${bereft.epoch} and has lost its role label; ${why}, and gets it back`
    return { kind: 'repair', winner: bereft, moves, reason: { code: 'label-lost', text } }
  }
  const hadActive = over !== undefined || endedActive !== undefined || members.some(({ epoch }) => epoch > 0)
  const kind = hadActive ? 'failover' : 'first'
  const code = hadActive ? 'active-gone' : 'no-active'
  const missing = hadActive ? whereItIs(situation, over, bereft) : 'no pod is active, and none is marked as having been'
  const [best] = candidates(members, settings, nowMs)
  if (best) return { kind, winner: best, moves, reason: { code, text: `${missing}; ${passed(best)}` } }
  const others = whyNoOther(members, settings, over)
  if (over && servesStill(over)) {
    const text = `${missing}, and still Ready by its kubelet; ${others}: it keeps the role until one is healthy, or until it is not Ready`
    return rest('blocked', 'active-terminating', text)
  }
  const running = inOrder(members, settings, nowMs).filter(
    (member) => canServe(member.pod) && !whyNever(member, settings),
  )
  const doubtful = healthiest(running)
  if (!doubtful) return rest('blocked', 'no-candidate', `${missing}; ${others}`)
  if (settings['promote-unhealthy'] === false) {
    return rest('blocked', 'no-candidate', `${missing}; ${others}, and promote-unhealthy is false`)
  }
  const text = `${missing} and no pod that may take over is healthy; ${doubtful.pod.name} is at least running (${doubtful.verdict.check.result})`
  return { kind, winner: doubtful, moves, reason: { code, text } }
}

/**
 * Whether the label goes back to the pod that has lost it. A check that could not be made says nothing about the pod:
 * with its label it would stay active, and who takes a label from a pod tells nothing of its health either. Another pod,
 * though healthy, would end the outage no sooner, and the role would have moved without a failure. The pod must be a
 * Ready endpoint then, and no failure of it counted: a pod of which anything is known to be wrong gives way to a healthy
 * one, as there is an outage already.
 */
function mayHaveItBack(bereft: Judged, settings: Settings): boolean {
  const { pod, verdict } = bereft
  if (whyNever(bereft, settings)) return false
  if (verdict.health === 'healthy') return true
  const isSound = canServe(pod) && isReadyEndpoint(pod) && verdict.failures === 0
  return verdict.unmade !== undefined && isSound && settings['promote-unhealthy'] !== false
}

/** kube-proxy sends traffic to a terminating endpoint that is Ready if there is no other. */
function servesStill({ pod }: Judged): boolean {
  return isRunning(pod) && isReadyEndpoint(pod)
}

/** The most pods that are named. */
const NAMED = 4

/** Says that no other pod can take over, with the reason of each. */
export function whyNoOther(members: readonly Judged[], settings: Settings, active?: Judged): string {
  const others = members.filter((member) => member !== active)
  if (others.length === 0) return 'there is no other pod'
  const reasons = others.slice(0, NAMED).map((one) => `${one.pod.name}: ${whyNot(one, settings)?.text}`)
  const rest = others.length - NAMED
  return `no other pod can take over (${reasons.join(', ')}${rest > 0 ? `, and ${rest} more` : ''})`
}

/** Says what happened to the pod that was active, as far as it can be seen. */
function whereItIs({ members, endedActive }: Situation, over: Judged | undefined, bereft: Judged | undefined): string {
  if (over) return `${over.pod.name} is terminating`
  if (endedActive) return `${endedActive.name} is ${endedActive.phase}`
  if (bereft) {
    const { check, unmade } = bereft.verdict
    return `${bereft.pod.name} has lost its role label and ${unmade ? 'could not be checked' : 'is not healthy'} (${check.result})`
  }
  return lastActive(members) ? 'no pod is active any more' : 'the active pod is gone'
}

/** The last active pod, if somebody has removed its label, and no pod that was active after it has ended. */
function bereftOf(members: readonly Judged[], endedActive: Pod | undefined): Judged | undefined {
  const last = lastActive(members)
  const isOutlived = endedActive !== undefined && ownEpoch(endedActive) >= (last?.epoch ?? 0)
  return last && !last.labelled && !isOutlived ? last : undefined
}

/**
 * The pod that the newest handover made active, by its marks. That handover marked the other pods too, but those have
 * the role that it gave them. The times come from several clocks, and tell little.
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
  const able = candidates(members, settings, nowMs)
  if (active.verdict.conclusive) return leaveUnready(situation, active, able[0])

  const failed = `${active.pod.name} failed its check ${inARow(active.verdict.failures)} (${active.verdict.check.result})`
  const [best] = able
  if (!best) return stays(situation, active, failed)
  const recent = movesSoFar(situation)
  const waits = able.map(({ pod }) => restBeforeFailover(recent, settings.cooldown, nowMs, pod))
  const winner = able.find((_, n) => waits[n] === 0)
  if (winner) {
    const moves = noted(situation, { atMs: nowMs, failed: active.pod.uid })
    return { kind: 'failover', winner, moves, reason: { code: 'active-failed', text: `${failed}; ${passed(winner)}` } }
  }
  const waitMs = Math.min(...waits)
  const next = able[waits.indexOf(waitMs)] ?? best
  const text = `${failed}; the role has moved for such a failure, or back to a preferred pod, ${times(recent.length)} in the last hour: ${next.pod.name} takes over in ${formatDuration(waitMs)} at the earliest`
  return rest('blocked', 'cooldown', text)
}

/**
 * The kubelet or the API server has found the active pod not Ready or not Running: it is no endpoint, and nothing is
 * counted.
 */
function leaveUnready(situation: Situation, active: Judged, passing: Judged | undefined): Choice {
  const moves = movesSoFar(situation)
  const { pod } = active
  const failed = isRunning(pod)
    ? `${pod.name} is not Ready by its kubelet`
    : `${pod.name} is ${pod.phase || 'of no phase'}`
  if (passing) {
    const text = `${failed}, which needs no count; ${passed(passing)}`
    return { kind: 'failover', winner: passing, moves, reason: { code: 'active-not-ready', text } }
  }
  const best = readyByKubelet(situation)
  if (!best) return stays(situation, active, failed)
  const text = `${failed}; no other pod passes our check, but ${best.pod.name} is Ready by its readinessProbe (our check: ${best.verdict.check.result})`
  return { kind: 'failover', winner: best, moves, reason: { code: 'ready-by-kubelet', text } }
}

function stays({ members, settings }: Situation, active: Judged, failed: string): Choice {
  return rest(
    'blocked',
    'no-candidate',
    `${failed}; ${whyNoOther(members, settings, active)}: ${active.pod.name} stays active`,
  )
}

function times(n: number): string {
  return n === 1 ? 'once' : n === 2 ? 'twice' : `${n} times`
}

function inARow(failures: number): string {
  return failures <= 1 ? 'once' : `${failures} times in a row`
}

/** The handovers of the last hour that count. None without a cooldown, which is their only use. */
export function movesSoFar({ members, settings, nowMs }: Situation): readonly Move[] {
  if (settings.cooldown === 0) return []
  return recentMoves(
    members.flatMap(({ moves }) => moves),
    nowMs,
  )
}

export function noted(situation: Situation, move: Move): readonly Move[] {
  return situation.settings.cooldown === 0 ? [] : [...movesSoFar(situation), move]
}

/**
 * The best pod that the kubelet's own probe finds ready, though our check does not. The kubelet is believed when the
 * active pod is no endpoint any more. A pod without a readinessProbe is always Ready, which is no evidence.
 */
function readyByKubelet({ members, settings, nowMs }: Situation): Judged | undefined {
  if (settings['promote-unhealthy'] === false) return undefined
  return inOrder(members, settings, nowMs).find(
    (member) =>
      member.role === 'passive' &&
      isReadyByKubelet(member) &&
      !member.verdict.conclusive &&
      !whyNever(member, settings),
  )
}

/** Whether the kubelet's probe finds the pod ready, and it is an endpoint. */
function isReadyByKubelet({ pod }: Judged): boolean {
  return hasReadinessProbe(pod) && isReadyEndpoint(pod)
}

/**
 * A failback to a pod that comes earlier in `prefer`, with evidence that is no worse: the first that has been healthy
 * for long enough and was not just restarted, once the role has rested.
 */
function failback(situation: Situation, active: Judged): Swap | undefined {
  const { settings, nowMs } = situation
  const { failback: waitMs = 0, cooldown } = settings
  const best = preferredTo(active, situation).find(
    (member) => nowMs - healthyFromMs(member, nowMs) >= waitMs && !isJustRestarted(member, settings, nowMs),
  )
  if (!best || restBeforeFailback(movesSoFar(situation), cooldown, nowMs) > 0) return undefined
  const since = waitMs > 0 ? `has been healthy for at least ${formatDuration(waitMs)}` : 'is healthy'
  const text = `${best.pod.name} is preferred to ${active.pod.name}${labelWords(settings.prefer, best.pod)} and ${since}`
  const moves = noted(situation, { atMs: nowMs })
  return { kind: 'failback', winner: best, moves, reason: { code: 'preferred', text } }
}

/** The pods to which a failback would go, best first, whether it is due or not. */
export function preferredTo(active: Judged, { members, settings, nowMs }: Situation): readonly Judged[] {
  if (settings.failback === undefined) return []
  return candidates(members, settings, nowMs).filter(
    (member) => rank(member, settings) < rank(active, settings) && evidenceRank(member) <= evidenceRank(active),
  )
}

/** Keeps a healthy active pod. Says why a pod that is preferred to it does not take over yet. */
function keep(situation: Situation, active: Judged): Choice {
  const { settings, nowMs } = situation
  const words = healthyWords(active, settings)
  const [best] = preferredTo(active, situation)
  if (!best) return rest('keep', 'healthy', words)
  const { failback: waitMs = 0, cooldown } = settings
  const healthyMs = nowMs - healthyFromMs(best, nowMs)
  const restMs = restBeforeFailback(movesSoFar(situation), cooldown, nowMs)
  const why =
    healthyMs < waitMs
      ? `once it has been healthy for ${formatDuration(waitMs)}, in ${formatWait(waitMs - healthyMs)} at the earliest`
      : isJustRestarted(best, settings, nowMs)
        ? `once its last restart is ${formatDuration(settings.stable)} ago`
        : `once the role has rested, in ${formatWait(restMs)} at the earliest`
  return rest(
    'keep',
    'failback-waits',
    `${words}; ${best.pod.name} is preferred${labelWords(settings.prefer, best.pod)} and takes over ${why}`,
  )
}

/**
 * Epoch milliseconds. A stored count means that the pod recovers in this very pass. A time in the future is not yet
 * due: a failback is not urgent.
 */
function healthyFromMs({ failures, healthySinceMs, pod }: Judged, nowMs: number): number {
  return Math.max(failures > 0 ? nowMs : 0, healthySinceMs ?? 0, pod.readySinceMs)
}

/**
 * The first healthy pod, or else the first that may be healthy. A pod that is not Ready comes last: it gets no traffic,
 * active or not.
 */
function healthiest(ordered: readonly Judged[]): Judged | undefined {
  return (
    ordered.find(({ verdict }) => verdict.health === 'healthy') ??
    ordered.find(({ verdict }) => !verdict.conclusive) ??
    ordered[0]
  )
}

function rest<K extends 'keep' | 'count' | 'blocked' | 'paused' | 'empty'>(kind: K, code: ReasonCode, text: string) {
  return { kind, reason: { code, text } }
}
