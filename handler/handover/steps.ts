/**
 * The order of a handover: claim, seal, check, promote, settle, release. Pure: the state and the outcome of one step
 * give the next step. handover.ts carries the steps out.
 *
 * The order makes the handover safe: roles.ts says why there are never two active pods. Claim, check and release make it
 * seamless (claim.ts); safety does not rest on them. A write whose test failed is never followed by
 * another write to a pod: the handover reads the pods again, or ends. A promotion that is lost or refused goes to the
 * next candidate under the same claim, because no pod is active at that moment.
 */
import type { Swap } from '../group/decide.js'
import type { Group, Judged } from '../group/groups.js'
import { type HistoryEntry, shortened } from '../group/history.js'
import { PIN } from '../kube/keys.js'
import { isRefusal, KubeError, type Pod } from '../kube/port.js'
import type { Settings } from '../settings/settings.js'
import type { Fault } from '../util/errors.js'
import type { Claim, Claimed, Released } from './claim.js'
import { isUnexplained, type LostWrites, withLost } from './lost-writes.js'
import { type Ballot, ballotOf, type RoleResult } from './roles.js'
import { type Trouble, troubleOf } from './trouble.js'

/** A handover without the time of its release. */
type HandoverMade = Omit<HistoryEntry, 'at'>

/** The group as the pass has seen it, and its decision. */
export interface Plan {
  readonly group: Group
  readonly members: readonly Judged[]
  readonly settings: Settings
  readonly swap: Swap
  readonly roleLabel: string
}

/** The pods as they are now, and the decision for them. */
export interface Redecision {
  readonly members: readonly Judged[]
  readonly swap: Swap | undefined
  /** None of the pods may be written. */
  readonly fault: Fault | undefined
  readonly alarms: readonly Fault[]
}

/** The end of the part that writes to pods. */
export type Outcome =
  /** The winner is active, after promotions that were `refused`. */
  | { readonly kind: 'done'; readonly winner: Judged; readonly refused: readonly Trouble[] }
  /** The situation has changed: read it again after `delayMs`. `lost`: another pass was faster with this pod. */
  | { readonly kind: 'again'; readonly delayMs: number; readonly error?: KubeError; readonly lost?: Pod }
  | { readonly kind: 'failed'; readonly trouble: Trouble }

const AGAIN = { kind: 'again', delayMs: 0 } as const satisfies Outcome

/** A step that handover.ts carries out. */
export type Step =
  /** `pin`: the uid of the one old active pod. */
  | { readonly kind: 'claim'; readonly winner: string; readonly pin: string | undefined }
  | { readonly kind: 'seal'; readonly members: readonly Judged[]; readonly ballot: Ballot }
  /** `told`: the API server's last answer to this promotion. */
  | { readonly kind: 'check'; readonly held: Claim; readonly told: KubeError | undefined }
  | { readonly kind: 'promote'; readonly winner: Judged; readonly ballot: Ballot }
  | { readonly kind: 'back-off'; readonly attempt: number; readonly atLeastMs: number }
  /** Read the pods and decide again; `never` names the pods that may not win. */
  | { readonly kind: 'redecide'; readonly never: readonly string[] }
  | { readonly kind: 'settle'; readonly ms: number }
  /** `entry`: for the history. Absent: no pod was made active. */
  | { readonly kind: 'release'; readonly held: Claim; readonly entry?: HandoverMade }
  | { readonly kind: 'end'; readonly ending: Ending }

/** The result of a step. */
export type StepResult =
  | { readonly kind: 'claimed'; readonly claimed: Claimed }
  | { readonly kind: 'sealed'; readonly result: RoleResult }
  | { readonly kind: 'checked'; readonly stands: boolean }
  | { readonly kind: 'promoted'; readonly result: RoleResult }
  | { readonly kind: 'waited' }
  | { readonly kind: 'redecided'; readonly now: Redecision }
  | { readonly kind: 'released'; readonly released: readonly Released[]; readonly entry?: HistoryEntry | undefined }
  /** A step ended with an error. */
  | { readonly kind: 'failed'; readonly error: unknown }

/** The time that is left, as the step ends. */
interface TimeLeft {
  readonly allowsSeal: boolean
  readonly allowsPromotion: boolean
  /** The handover must go over to releasing. */
  readonly isOver: boolean
}

/** The end of a handover. */
export interface Ending {
  readonly outcome: Outcome
  /** The active pod was sealed, or may have been: the swap has to be finished. */
  readonly begun: boolean
  /** Troubles to be reported whatever the outcome. */
  readonly noted: readonly Trouble[]
  /** Absent: nothing was claimed, and nothing is left of the attempt. */
  readonly held?: Claim
  readonly released: readonly Released[]
  /** The handover that was made. */
  readonly entry?: HistoryEntry | undefined
  /** The attempt to claim that has failed. */
  readonly unclaimed?: Extract<Claimed, { kind: 'again' }>
}

/** Between two steps. */
export interface State {
  readonly plan: Plan
  readonly held?: Claim
  /** As last read. */
  readonly members: readonly Judged[]
  readonly winner: Judged
  readonly ballot: Ballot
  /** The seal of the active pod is under way, after those of the passive pods. */
  readonly isLastSeal: boolean
  readonly begun: boolean
  /** Rounds of seal and promotion so far, and promotions that were put off in this one. */
  readonly round: number
  readonly postponed: number
  readonly told: KubeError | undefined
  /** The next step after a wait. */
  readonly afterWait: 'check' | 'redecide'
  readonly noted: readonly Trouble[]
  /** By the name of the pod. */
  readonly refusals: ReadonlyMap<string, Trouble>
  readonly lost: LostWrites
  readonly never: readonly string[]
  /** Times that all candidates were rejected; and whether all of this time were so far. */
  readonly rejections: number
  readonly isHopeless: boolean
  readonly outcome?: Outcome
}

/** A refusal may pass, as when a webhook restarts. One that has lasted so many times is believed. */
const REJECTIONS = 3

export type Next = readonly [State, Step]

export function begin(plan: Plan): Next {
  const { members, settings, swap } = plan
  const { winner } = swap
  const state: State = {
    ...{ plan, members, winner, ballot: ballotOf(members, winner, swap.moves) },
    ...{ isLastSeal: false, begun: false, round: 0, postponed: 0, told: undefined, afterWait: 'check' },
    ...{ noted: [], refusals: new Map(), lost: new Map(), never: [], rejections: 0, isHopeless: true },
  }
  return [state, { kind: 'claim', winner: winner.pod.name, pin: settings.latch ? pinFor(plan) : undefined }]
}

/** The step that follows, and the state before it. */
export function next(state: State, result: StepResult, time: TimeLeft): Next {
  switch (result.kind) {
    case 'claimed':
      return onceClaimed(state, result.claimed, time)
    case 'sealed':
      return onceSealed(state, result.result, time)
    case 'checked':
      return result.stands
        ? [state, { kind: 'promote', winner: state.winner, ballot: state.ballot }]
        : endWith(state, AGAIN)
    case 'promoted':
      return oncePromoted(state, result.result, time)
    case 'waited':
      if (state.outcome) return [state, releaseOf(state)]
      return state.afterWait === 'check' ? checkClaim(state) : [state, { kind: 'redecide', never: state.never }]
    case 'redecided':
      return onceRedecided(state, result.now, time)
    case 'released':
      return [state, { kind: 'end', ending: { ...endingOf(state, result.released), entry: result.entry } }]
    case 'failed': {
      // A refusal before it says more than that the time is over now.
      const [refusal] = state.refusals.values()
      const isKnown = refusal !== undefined && result.error instanceof KubeError
      return endWith(state, { kind: 'failed', trouble: isKnown ? refusal : troubleOf(result.error) })
    }
  }
}

function onceClaimed(state: State, claimed: Claimed, time: TimeLeft): Next {
  if (claimed.kind === 'again') {
    const ending = { outcome: claimed, begun: false, noted: [], released: [], unclaimed: claimed }
    return [state, { kind: 'end', ending }]
  }
  const held = { ...state, held: claimed.claim }
  return time.allowsSeal ? sealPassives(held) : endWith(held, AGAIN)
}

/**
 * The passive pods first: while one of them cannot be sealed, the active pod stays. Each winner has a round of its own,
 * for a pod that this swap did not seal itself, the last winner above all, may be promoted by another pass, or by a write
 * of this one whose answer was lost.
 */
function sealPassives(state: State): Next {
  const ballot = ballotOf(state.members, state.winner, state.plan.swap.moves)
  return [
    { ...state, ballot, isLastSeal: false },
    { kind: 'seal', members: others(state, 'passive'), ballot },
  ]
}

function onceSealed(state: State, result: RoleResult, time: TimeLeft): Next {
  const noted = noteAll(state, result.changed)
  if (result.kind !== 'done') return endWith(noted, unsealed(result))
  if (state.isLastSeal) return checkClaim(noted)
  const members = others(noted, 'active')
  if (members.length > 0 && !time.allowsPromotion) return endWith(noted, AGAIN)
  const last = { ...noted, isLastSeal: true, begun: noted.begun || members.length > 0 }
  return [last, { kind: 'seal', members, ballot: last.ballot }]
}

function others({ members, winner }: State, role: Judged['role']): readonly Judged[] {
  return members.filter((member) => member.pod.uid !== winner.pod.uid && member.role === role)
}

function checkClaim(state: State): Next {
  return [state, { kind: 'check', held: heldBy(state), told: state.told }]
}

function oncePromoted(state: State, result: RoleResult, time: TimeLeft): Next {
  // The server is too busy, or does not know who asks: nothing was written, and it says nothing of the winner.
  if (!time.isOver && (result.kind === 'throttled' || result.kind === 'unauthenticated')) {
    const told = result.kind === 'unauthenticated' ? result.error : state.told
    const atLeastMs = result.kind === 'throttled' ? result.retryAfterMs : 0
    return waitThen('check', { ...state, told, postponed: state.postponed + 1 }, state.postponed, atLeastMs)
  }
  if (result.kind === 'done') return endWith(noteAll(state, result.changed), doneWith(state))
  // Time is up. No other pod would be let through either.
  if (result.kind === 'unauthenticated') return endWith(state, { kind: 'failed', trouble: troubleOf(result.error) })
  const turnedDown = withoutWinner(state, result)
  return waitThen('redecide', { ...turnedDown, round: state.round + 1 }, state.round, 0)
}

/** The winner was not promoted, or the answer was lost. If the API server turned it down, another pod has to win. */
function withoutWinner(state: State, result: Exclude<RoleResult, { kind: 'done' | 'unauthenticated' }>): State {
  const { roleLabel } = state.plan
  const { name } = state.winner.pod
  const lostPod = result.kind === 'lost' ? result.pod : undefined
  const unwritable = lostPod !== undefined && isUnexplained(state.lost, lostPod, roleLabel)
  const refusals = new Map(state.refusals)
  if (unwritable) refusals.set(name, { kind: 'unwritable', pod: lostPod })
  else if (isRefusal(result) && result.kind !== 'changed') refusals.set(name, troubleOf(result.error))
  return {
    ...(result.kind === 'changed' ? noteAll(state, [result.error]) : state),
    refusals,
    lost: lostPod ? withLost(state.lost, lostPod, roleLabel) : state.lost,
    never: isRefusal(result) || unwritable ? [...state.never, name] : state.never,
    isHopeless: state.isHopeless && (result.kind === 'rejected' || unwritable),
  }
}

function waitThen(afterWait: State['afterWait'], state: State, attempt: number, atLeastMs: number): Next {
  return [
    { ...state, afterWait },
    { kind: 'back-off', attempt, atLeastMs },
  ]
}

function onceRedecided(before: State, now: Redecision, time: TimeLeft): Next {
  const found = [...now.alarms, ...(now.fault ? [now.fault] : [])]
  const state: State = {
    ...{ ...before, told: undefined, postponed: 0 },
    noted: [...before.noted, ...found.map((fault): Trouble => ({ kind: 'fault', fault }))],
  }
  const active = now.members.find(({ role }) => role === 'active')
  // The promotion was made, although its answer was lost.
  if (active?.pod.uid === state.winner.pod.uid && active.epoch === state.ballot.epoch)
    return endWith(state, doneWith(state))
  if (now.fault) return endWith(state, { kind: 'failed', trouble: { kind: 'fault', fault: now.fault } })
  if (active) return endWith(state, AGAIN)
  const candidate = now.swap?.winner ?? now.members.find((member) => isOldActive(state, member))
  if (candidate) return sealPassives({ ...state, members: now.members, winner: candidate })
  return fromTheFirst(state, now.members, time)
}

/** It had the role before, and may take it again. */
function isOldActive({ plan, never }: State, { pod }: Judged): boolean {
  const old = plan.members.find(({ role }) => role === 'active')
  return pod.uid === old?.pod.uid && !pod.terminating && !never.includes(pod.name)
}

/** All candidates were refused. Refusals may pass: the first winner is tried once more. */
function fromTheFirst(state: State, members: readonly Judged[], { isOver }: TimeLeft): Next {
  const rejections = state.rejections + Number(!isOver && state.isHopeless)
  if (!isOver && !(state.isHopeless && rejections === REJECTIONS)) {
    const first = state.plan.swap.winner.pod.uid
    const again = members.find(({ pod }) => pod.uid === first && state.refusals.has(pod.name))
    const fresh = { ...state, rejections, never: [], isHopeless: true }
    if (again) return sealPassives({ ...fresh, members, winner: again })
  }
  const trouble = [...state.refusals.values(), ...state.noted][0]
  return endWith(state, trouble ? { kind: 'failed', trouble } : AGAIN)
}

function doneWith({ winner, refusals }: State): Outcome {
  return { kind: 'done', winner, refused: [...refusals.values()] }
}

function noteAll(state: State, errors: readonly KubeError[] = []): State {
  return { ...state, noted: [...state.noted, ...errors.map(troubleOf)] }
}

/** No more writes to pods: release the claim, after the controllers had time to see the new labels. */
function endWith(state: State, outcome: Outcome): Next {
  const ended = { ...state, outcome }
  if (outcome.kind === 'done') return [ended, { kind: 'settle', ms: state.plan.settings.settle }]
  return [ended, releaseOf(ended)]
}

function releaseOf(state: State): Step {
  const held = heldBy(state)
  return state.outcome?.kind === 'done' ? { kind: 'release', held, entry: madeBy(state) } : { kind: 'release', held }
}

/** The decision as it was carried out, with the pod that was promoted in the end. */
export function enabled(decision: Swap, winner: Judged): Swap {
  if (winner.pod.uid === decision.winner.pod.uid) return decision
  const { code, text } = decision.reason
  return { ...decision, winner, reason: { code, text: `${text}, but could not be enabled: ${winner.pod.name} was` } }
}

/** The handover, for the history. */
function madeBy({ plan, winner, ballot }: State): HandoverMade {
  const { members } = plan
  const swap = enabled(plan.swap, winner)
  const from = members.filter(({ role }) => role === 'active').map(({ pod }) => pod.name)
  return {
    kind: swap.kind,
    ...(from.length > 0 ? { from: from.join(',') } : {}),
    to: winner.pod.name,
    reason: swap.reason.code,
    text: shortened(swap.reason.text),
    epoch: ballot.epoch,
  }
}

function heldBy({ held }: State): Claim {
  if (!held) throw new Error('a step that follows the claim comes before it')
  return held
}

function endingOf(state: State, released: readonly Released[]): Ending {
  const { outcome = AGAIN, begun, noted } = state
  return { outcome, begun, noted, held: heldBy(state), released }
}

function unsealed(result: Exclude<RoleResult, { kind: 'done' }>): Outcome {
  switch (result.kind) {
    case 'changed':
    case 'denied':
    case 'rejected':
      return { kind: 'failed', trouble: troubleOf(result.error) }
    case 'throttled':
      return { kind: 'again', delayMs: result.retryAfterMs }
    case 'unauthenticated':
    case 'unknown':
      return { kind: 'again', delayMs: 0, error: result.error }
    case 'lost':
      return result.pod ? { ...AGAIN, lost: result.pod } : AGAIN
    case 'gone':
      return AGAIN
  }
}

/**
 * The uid to pin the Services to: that of the only active pod, if it is not the winner and no other pod carries its uid
 * as a label. Copies of it may be in the group, or be its strangers.
 */
function pinFor({ group: { strangers }, members, swap: { winner } }: Plan): string | undefined {
  const [active, ...more] = members.filter(({ role }) => role === 'active')
  if (active?.pin !== 'own' || more.length > 0 || active.pod.uid === winner.pod.uid) return undefined
  const { uid } = active.pod
  const pods = [...members.map(({ pod }) => pod), ...strangers]
  return pods.every((pod) => pod.uid === uid || pod.labels[PIN] !== uid) ? uid : undefined
}
