/** A group with its verdicts and a time -> a decision with its reason. Pure; the order of the rules is design. */
import { candidates, inOrder, type Judged, rank } from './candidates.js'
import { formatDuration } from './duration.js'
import type { Fault } from './errors.js'
import type { Member } from './observe.js'
import type { Settings } from './policy.js'

export interface Situation {
  readonly members: readonly Judged[]
  readonly settings: Settings
  readonly nowMs: number
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
  | 'active-gone'
  | 'active-not-ready'
  | 'active-failed'
  | 'preferred'
  | 'cooldown'
  | 'no-candidate'
  | 'not-probed'

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
  if (settings.pause) return rest('paused', 'paused', 'paused by annotation')

  const actives = members.filter(({ role }) => role === 'active')
  const [active, ...more] = actives.filter((member) => !isOver(member))
  if (!active) return replaceMissing(situation, actives[0])
  if (more.length > 0 || actives.length > 1) return repair(situation, [active, ...more])

  const { verdict } = active
  switch (verdict.health) {
    case 'healthy':
      return (
        failback(situation, active) ??
        rest('keep', 'healthy', `${active.pod.name} passed its check: ${verdict.check.result}`)
      )
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

/** A pod that will not serve again, and whose role anybody may take. */
function isOver({ pod }: Member): boolean {
  return pod.terminating || pod.phase === 'Failed' || pod.phase === 'Succeeded'
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
  const { members, settings } = situation
  const kind = over || members.some(({ epoch }) => epoch > 0) ? 'failover' : 'first'
  const code = kind === 'first' ? 'no-active' : 'active-gone'
  const missing = over
    ? `${over.pod.name} is ${over.pod.terminating ? 'terminating' : over.pod.phase}`
    : kind === 'first'
      ? 'no pod is active yet'
      : 'the active pod is gone'
  const [best] = candidates(members, settings)
  if (best) return { kind, winner: best, reason: { code, text: `${missing}; ${best.pod.name} passed its check` } }
  const running = inOrder(members, settings).filter(
    (member) => member.pod.phase === 'Running' && !isOver(member) && !settings.never?.includes(member.pod.name),
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

function failover(situation: Situation, active: Judged): Choice {
  const { members, settings, nowMs } = situation
  const { verdict, pod } = active
  const failed = verdict.conclusive
    ? `${pod.name} is ${verdict.check.result}`
    : `${pod.name} failed its check ${settings.failures} times (${verdict.check.result})`
  const [best] = candidates(members, settings)
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
  const code = verdict.conclusive ? 'active-not-ready' : 'active-failed'
  return { kind: 'failover', winner: best, reason: { code, text: `${failed}; ${best.pod.name} passed its check` } }
}

/** Back to a pod that is named earlier in `prefer`: the first that has been healthy for long enough. */
function failback(situation: Situation, active: Judged): Swap | undefined {
  const { members, settings, nowMs } = situation
  const { failback: waitMs } = settings
  if (waitMs === undefined) return undefined
  const best = candidates(members, settings).find(
    (member) => rank(member, settings) < rank(active, settings) && nowMs - healthyFromMs(member, nowMs) >= waitMs,
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
