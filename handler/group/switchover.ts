/**
 * Decides about a switchover: a planned move of the role, which a person or a script asks for. Pure. It is refused where
 * it would do harm or be undone, and each refusal says what would help.
 */
import { canServe } from '../kube/pods.js'
import { isPaused } from '../settings/settings.js'
import { closest } from '../util/closest.js'
import { formatWait } from '../util/duration.js'
import { candidates, inOrder, whyNever, whyNot } from './candidates.js'
import { BY_HAND, restBeforeSwitchover } from './cooldown.js'
import {
  type Choice,
  decide,
  movesSoFar,
  noted,
  passed,
  pausedWords,
  preferredTo,
  type Situation,
  type Swap,
  whyNoOther,
} from './decide.js'
import type { Judged } from './groups.js'
import { labelWords } from './named.js'
import type { ReasonCode, WhyNot } from './reasons.js'

/** The wish of whoever asks. */
export interface SwitchoverRequest {
  /** The pod to make active. Absent: the best candidate. */
  readonly to?: string | undefined
  /** Only if this pod is the active one now; `null`: only if none is. */
  readonly from?: string | null | undefined
  /** Health, cooldown and a failback that would undo it do not matter. */
  readonly force: boolean
}

/**
 * The wish once it was looked at, and agreed to: if another pass has moved the role meanwhile, nothing moves.
 * @param from the pod that was active then. Absent: none was, and none may be now
 */
export function agreedOn({ winner }: Swap, from: string | undefined, force: boolean): SwitchoverRequest {
  return { to: winner.pod.name, from: from ?? null, force }
}

type Unmoved = Extract<Choice, { kind: 'unmoved' }>

/** A switchover that a pass works on. */
export interface Switchover extends SwitchoverRequest {
  /** The first decision, once the pass has tried to carry it out. Pods may have its note. */
  readonly tried?: Swap | undefined
  /** An attempt may have sealed the active pod. */
  readonly begun?: boolean | undefined
}

/**
 * @returns a swap of kind `switchover`, or why nothing moves. Where the pass has begun, and nobody is active now: the
 * decision that makes a pod active
 */
export function decideSwitchover(situation: Situation, request: Switchover): Choice {
  const { members, settings, nowMs } = situation
  const actives = members.filter(({ role }) => role === 'active')
  const [active] = actives
  if (request.begun && request.tried && !active) return onward(situation, request, request.tried)
  if (members.length === 0) {
    return unmoved('no-pods', 'the group has no pods', 'Scale the workload up, or see which pods the Service selects.')
  }
  if (active && actives.length === 1 && !active.pod.terminating && active.pod.name === request.to) {
    return unmoved('already-active', `${active.pod.name} is the active pod already`, 'There is nothing to do.')
  }
  if (isPaused(settings, nowMs)) {
    return unmoved('paused', pausedWords(settings, nowMs), 'End the pause with the command resume, then ask again.')
  }
  if (actives.length > 1) {
    const names = actives.map(({ pod }) => pod.name).join(' and ')
    return unmoved('several-actives', `${names} are all active`, 'Make one pass (the command run), which keeps one.')
  }
  if (request.from !== undefined && request.from !== (active?.pod.name ?? null)) {
    const now = active ? `${active.pod.name} is` : 'no pod is'
    const text = `${now} the active pod, ${request.from === null ? 'where none was' : `not ${request.from}`}`
    return unmoved('not-from', text, 'Look again with the command status.')
  }
  const winner = target(situation, request, active)
  if ('kind' in winner) return winner
  return undone(situation, request, active, winner) ?? swap(situation, active, winner)
}

function swap(situation: Situation, active: Judged | undefined, winner: Judged): Swap {
  const { nowMs } = situation
  const from = active ? ` from ${active.pod.name}` : ''
  const health = winner.verdict.health === 'healthy' ? passed(winner) : `forced: ${winner.verdict.check.result}`
  return {
    kind: 'switchover',
    winner,
    moves: noted(situation, { atMs: nowMs, failed: BY_HAND }),
    reason: { code: 'by-hand', text: `a switchover${from} to ${winner.pod.name} was asked for; ${health}` },
  }
}

/** The pod that takes over, or why there is none. */
function target(
  { members, settings, nowMs, doubt }: Situation,
  { to, force }: SwitchoverRequest,
  active: Judged | undefined,
): Judged | Unmoved {
  if (to === undefined) {
    const best = candidates(members, settings, nowMs).find((one) => one !== active)
    if (best) return best
    const others = inOrder(members, settings, nowMs).filter((one) => one !== active && !whyNever(one, settings))
    const help = others[0] ? ` Or name one and force it: ${others[0].pod.name} --force.` : ''
    return unmoved('no-candidate', whyNoOther(members, settings, active), `Wait until one passes its check.${help}`)
  }
  const member = members.find(({ pod }) => pod.name === to)
  if (!member) return unknown(members, to)
  const never = whyNever(member, settings)
  if (never) return unmoved('never', `${to} never takes over: ${never.text}`, neverHelp(never.code))
  const why = whyNot(member, settings)
  if (!why) return member
  if (!canServe(member.pod)) {
    return unmoved('unhealthy', `${to} is ${why.text}`, 'Choose another pod: nothing makes this one active.')
  }
  if (force) return member
  const blind = doubt?.fault ? ` ${doubt.text}. ${doubt.fault.remedy}` : ''
  const help = `Choose a healthy pod, or make this one active all the same with --force.${blind}`
  return unmoved('unhealthy', `${to} ${whyWords(why)}`, help)
}

function whyWords({ code, text }: WhyNot): string {
  switch (code) {
    case 'check-failed':
      return `fails its check (${text})`
    case 'unchecked':
      return `could not be checked (${text})`
    case 'recovering':
      return `recovers (${text})`
    case 'not-probed':
    case 'not-waited-for':
      return `was ${text}`
    default:
      return `is ${text}`
  }
}

function unknown(members: readonly Judged[], to: string): Unmoved {
  const names = members.map(({ pod }) => pod.name)
  const meant = closest(to, names)
  const some = names.slice(0, LISTED).join(', ')
  const more = names.length > LISTED ? ` and ${names.length - LISTED} more` : ''
  const help = meant === undefined ? `Choose one of ${some}${more}.` : `Did you mean ${meant}?`
  return unmoved('unknown-pod', `${to} is no pod of this group`, help)
}

/** The most pods that are listed. */
const LISTED = 5

function neverHelp(code: string): string {
  return code === 'named-in-never'
    ? 'Take it out of the annotation active-passive/never, or choose another pod.'
    : 'Choose another pod.'
}

/** Why the move would not last, or comes too soon after the last one. */
function undone(
  situation: Situation,
  { force, tried }: Switchover,
  active: Judged | undefined,
  winner: Judged,
): Unmoved | undefined {
  const { settings, nowMs } = situation
  if (force || !active) return undefined
  const [preferred] = preferredTo(winner, situation)
  if (preferred) {
    const text = `${preferred.pod.name} is preferred to ${winner.pod.name}${labelWords(settings.prefer, preferred.pod)} and healthy: failback would move the role to it`
    return unmoved('failback-undoes', text, 'Change the annotation active-passive/prefer, or use --force.')
  }
  const own = tried?.moves.at(-1)?.atMs
  const others = movesSoFar(situation).filter(({ failed, atMs }) => !(failed === BY_HAND && atMs === own))
  const waitMs = restBeforeSwitchover(others, settings.cooldown, nowMs)
  if (waitMs === 0) return undefined
  const text = `the role has moved lately, and rests for another ${formatWait(waitMs)} (cooldown)`
  return unmoved('resting', text, 'Wait, or use --force.')
}

function unmoved(code: ReasonCode, text: string, remedy: string): Unmoved {
  return { kind: 'unmoved', reason: { code, text }, remedy }
}

/**
 * Nobody is active in the middle of a switchover: its pod becomes active if it still may, or else the one that a failover
 * would choose. Nothing is refused now.
 */
function onward(situation: Situation, { force }: SwitchoverRequest, tried: Swap): Choice {
  const { members, settings } = situation
  const now = decide(situation)
  const again = members.find(({ pod }) => pod.uid === tried.winner.pod.uid)
  if (now.kind === 'paused' || !again || !canServe(again.pod) || whyNever(again, settings)) return now
  return force || !whyNot(again, settings) ? { ...tried, winner: again } : now
}

/**
 * A swap to any other pod that runs, or else to the active one itself, whatever their health: for a rehearsal, which only
 * wants to know whether its writes would be let through.
 */
export function rehearse({ members, settings, nowMs }: Situation): Swap | Unmoved {
  const ordered = inOrder(members, settings, nowMs)
  const winner = ordered.find(({ role, pod }) => role === 'passive' && canServe(pod)) ?? ordered[0]
  if (!winner)
    return unmoved('no-pods', 'the group has no pods', 'Scale the workload up: its pods are part of the check.')
  const reason = { code: 'by-hand', text: `a rehearsal: ${winner.pod.name} would be made active` } as const
  return { kind: 'switchover', winner, moves: movesSoFar({ members, settings, nowMs }), reason }
}
