/**
 * The handover from one pod to another, in the order that makes it safe and seamless: claim the Services, seal the
 * other pods, check that the claim still stands, promote the winner, settle, release.
 */

import type { Swap } from '../group/decide.js'
import type { Judged } from '../group/groups.js'
import { type Group, groupName } from '../group/groups.js'
import { faultOf } from '../kube/fault.js'
import { PIN } from '../kube/keys.js'
import { isRefusal, type KubeError, type Pod } from '../kube/port.js'
import { backoff, persist } from '../kube/retry.js'
import type { Settings } from '../settings/settings.js'
import type { Fault } from '../util/errors.js'
import {
  alteredIn,
  type Claim,
  check,
  claim,
  isStuck,
  type Refusal,
  type Released,
  release,
  type Stuck,
  stillClaimed,
} from './claim.js'
import type { SwapContext } from './context.js'
import { LostWrites } from './lost-writes.js'
import { type Ballot, ballotOf, promote, type Step, seal } from './roles.js'

export interface Handover {
  readonly outcome: Outcome
  readonly latch: LatchUse | null
  readonly warnings: readonly string[]
  /** Claims that could not be taken off. */
  readonly latched?: Fault
  /** To be reported whatever comes of it: what admission has made of writes, and what is wrong with pods that have come. */
  readonly noted: readonly Fault[]
  /** Whether the active pod was, or may have been, sealed: from then on the swap is to be finished. */
  readonly begun: boolean
}

/** How traffic was moved: in one step, under a claim without a pin, or without any right to claim. */
export type LatchUse = 'latched' | 'claimed' | 'refused'

/** `done`: the winner is active, after promotions that were `refused`. `again`: the situation has changed, read it again after `delayMs`. */
export type Outcome =
  | { readonly kind: 'done'; readonly winner: Judged; readonly refused: readonly Fault[] }
  /** `lost`: the pod that somebody else was faster with, as it was seen. */
  | { readonly kind: 'again'; readonly delayMs: number; readonly error?: KubeError; readonly lost?: Pod }
  | { readonly kind: 'failed'; readonly fault: Fault }

const AGAIN = { kind: 'again', delayMs: 0 } as const satisfies Outcome

/** What is wrong with a write does not pass, as a refusal may: after so many rounds it is believed. */
const REJECTIONS = 3

/** The pods as they are now, and what follows. `fault`: why none of them may be written. `alarms`: to be reported. */
export interface Redecision {
  readonly members: readonly Judged[]
  readonly swap: Swap | undefined
  readonly fault: Fault | undefined
  readonly alarms: readonly Fault[]
}

/** Reads the group's pods again and decides anew, with the verdicts of this pass, but for no pod of `never`. @throws KubeError */
export type Redecide = (never: readonly string[], signal: AbortSignal) => Promise<Redecision>

/** Never throws for what the cluster does; everything that was claimed is released or named in `latched`. */
export async function handOver(
  context: SwapContext,
  group: Group,
  members: readonly Judged[],
  settings: Settings,
  swap: Swap,
  redecide: Redecide,
): Promise<Handover> {
  const claimed = await claim(
    context,
    group.services,
    swap.winner.pod.name,
    settings.latch ? pinFor(group, members, swap) : undefined,
  )
  if (claimed.kind === 'again') {
    const noted = claimed.refused.filter(isChanged).map(changedFault)
    return { outcome: claimed, latch: null, warnings: [], noted, begun: false, ...latchedFault(context, claimed.stuck) }
  }
  const { claim: held } = claimed
  const { releasing } = context.deadline
  let swapped: Swapped = { outcome: AGAIN, begun: false, noted: [] }
  let released: readonly Released[] = []
  try {
    if (context.deadline.allowsSeal()) swapped = await swapUnderClaim(context, group, held, members, swap, redecide)
    if (swapped.outcome.kind === 'done') await context.clock.sleep(settings.settle, releasing)
  } finally {
    released = await Promise.all(held.services.map((service) => release(context, service, releasing)))
  }
  return {
    ...swapped,
    latch: held.services.length === 0 ? 'refused' : held.pinned ? 'latched' : 'claimed',
    warnings: held.refused
      .filter((refusal) => !isChanged(refusal))
      .map(
        ({ service, error }) =>
          `service ${service.name} was not latched, so that new connections may be refused for up to a second: ${error.message}. ${error.remedy}`,
      ),
    noted: [
      ...held.refused.filter(isChanged).map(changedFault),
      ...alteredIn(released).map(changedFault),
      ...swapped.noted,
    ],
    ...latchedFault(context, [...held.stuck, ...released.filter(isStuck)]),
  }
}

function isChanged({ error }: Refusal): boolean {
  return error.code === 'changed-by-admission'
}

function changedFault({ service, error }: Refusal): Fault {
  return faultOf(error, `service ${service.namespace}/${service.name}`)
}

type Swapped = Pick<Handover, 'outcome' | 'begun' | 'noted'>

/** Seal, check, promote. A promotion that is lost or refused goes to the next candidate under the same claim. */
async function swapUnderClaim(
  context: SwapContext,
  group: Group,
  held: Claim,
  firstMembers: readonly Judged[],
  firstSwap: Swap,
  redecide: Redecide,
): Promise<Swapped> {
  const { roleLabel, deadline } = context
  const { swapping } = deadline
  const object = `group ${groupName(group)}`
  const old = firstMembers.find(({ role }) => role === 'active')
  const refusals = new Map<string, Fault>()
  const noted: Fault[] = []
  const note = (error: KubeError) => void noted.push(faultOf(error, object))
  const losses = new LostWrites(roleLabel)
  /** Resync in which every pod was rejected; and whether this is one. */
  let rounds = 0
  let isHopeless = true
  let never: readonly string[] = []
  let members = firstMembers
  let { winner } = firstSwap
  let begun = false
  const ended = (outcome: Outcome): Swapped => ({ outcome, begun, noted })
  const done = (): Swapped => ended({ kind: 'done', winner, refused: [...refusals.values()] })
  try {
    for (let attempt = 0; ; attempt++) {
      // A round for each winner: what this swap did not seal itself, the last winner above all, another may promote.
      const ballot = ballotOf(members, winner, firstSwap.moves)
      const others = members.filter(({ pod }) => pod.uid !== winner.pod.uid)
      for (const role of ['passive', 'active'] as const) {
        const pods = others.filter((member) => member.role === role)
        if (role === 'active' && pods.length > 0) {
          if (!deadline.allowsPromotion()) return ended(AGAIN)
          begun = true
        }
        const sealed = await seal(context, pods, ballot, roleLabel, swapping)
        sealed.changed?.forEach(note)
        if (sealed.kind !== 'done') return ended(notDone(sealed, object))
      }
      const promoted = await promoteUnderClaim(context, held, winner, ballot)
      if (promoted.kind === 'done') {
        promoted.changed.forEach(note)
        return done()
      }
      if (promoted.kind === 'superseded') return ended(AGAIN)
      // Time is up. No other pod would be let through: the API server does not know who asks.
      if (promoted.kind === 'unauthenticated') return ended({ kind: 'failed', fault: faultOf(promoted.error, object) })
      if (promoted.kind === 'changed') note(promoted.error)
      else if (isRefusal(promoted)) refusals.set(winner.pod.name, faultOf(promoted.error, object))
      const unexplained = promoted.kind === 'lost' && promoted.pod ? losses.lost(promoted.pod) : undefined
      if (unexplained) refusals.set(winner.pod.name, unexplained)
      if (isRefusal(promoted) || unexplained) never = [...never, winner.pod.name]
      if (promoted.kind !== 'rejected' && !unexplained) isHopeless = false
      await backoff(context, attempt, swapping)
      const next = await persistShortly(context, (signal) => redecide(never, signal))
      const active = next.members.find(({ role }) => role === 'active')
      noted.push(...next.alarms, ...(next.fault ? [next.fault] : []))
      if (active?.pod.uid === winner.pod.uid && active.epoch === ballot.epoch) return done() // it did land
      if (next.fault) return ended({ kind: 'failed', fault: next.fault })
      if (active) return ended(AGAIN)
      const isOld = ({ pod }: Judged) => pod.uid === old?.pod.uid && !pod.terminating && !never.includes(pod.name)
      let candidate = next.swap?.winner ?? next.members.find(isOld)
      if (!candidate && !swapping.aborted && !(isHopeless && ++rounds === REJECTIONS)) {
        never = [] // all were refused: from the first again, a refusal may pass
        isHopeless = true
        candidate = next.members.find(({ pod }) => pod.uid === firstSwap.winner.pod.uid && refusals.has(pod.name))
      }
      if (!candidate) {
        const fault = [...refusals.values(), ...noted][0]
        return ended(fault ? { kind: 'failed', fault } : AGAIN)
      }
      members = next.members
      winner = candidate
    }
  } catch (error) {
    return ended({ kind: 'failed', fault: faultOf(error, object) })
  }
}

/**
 * Checks that the claim still stands, then promotes; both again where the server is too busy, or does not know who we
 * are: that says nothing of the winner, and nothing was written. @throws KubeError
 */
async function promoteUnderClaim(
  context: SwapContext,
  held: Claim,
  winner: Judged,
  ballot: Ballot,
): Promise<Step | { readonly kind: 'superseded' }> {
  const { swapping } = context.deadline
  const stands = (signal: AbortSignal) => check(context, held, signal)
  let told: KubeError | undefined
  for (let attempt = 0; ; attempt++) {
    if (!(await persistShortly(context, stands, told))) return { kind: 'superseded' }
    const promoted = await promote(context, winner, ballot, context.roleLabel, swapping)
    if (swapping.aborted || (promoted.kind !== 'throttled' && promoted.kind !== 'unauthenticated')) return promoted
    if (promoted.kind === 'unauthenticated') told = promoted.error
    await backoff(context, attempt, swapping, promoted.kind === 'throttled' ? promoted.retryAfterMs : 0)
  }
}

/** One attempt of a read while no pod is active: a request that hangs must leave time for another. */
const READ_LIMIT_MS = 2_000

function persistShortly<T>(
  context: SwapContext,
  read: (signal: AbortSignal) => Promise<T>,
  told?: KubeError,
): Promise<T> {
  const { swapping, within } = context.deadline
  return persist(context, swapping, () => read(AbortSignal.any([swapping, within(READ_LIMIT_MS)])), told)
}

/**
 * The uid to pin the Services to: of the only active pod, where it is not the winner and is the only pod that carries
 * it as a label. Copies of it may be in the group, or be its strangers.
 */
function pinFor({ strangers }: Group, members: readonly Judged[], { winner }: Swap): string | undefined {
  const [active, ...more] = members.filter(({ role }) => role === 'active')
  if (active?.pin !== 'own' || more.length > 0 || active.pod.uid === winner.pod.uid) return undefined
  const { uid } = active.pod
  const pods = [...members.map(({ pod }) => pod), ...strangers]
  return pods.every((pod) => pod.uid === uid || pod.labels[PIN] !== uid) ? uid : undefined
}

function notDone(step: Exclude<Step, { kind: 'done' }>, object: string): Outcome {
  switch (step.kind) {
    case 'changed':
    case 'denied':
    case 'rejected':
      return { kind: 'failed', fault: faultOf(step.error, object) }
    case 'throttled':
      return { kind: 'again', delayMs: step.retryAfterMs }
    case 'unauthenticated':
    case 'unknown':
      return { kind: 'again', delayMs: 0, error: step.error }
    case 'lost':
      return step.pod ? { ...AGAIN, lost: step.pod } : AGAIN
    case 'gone':
      return AGAIN
  }
}

function latchedFault({ roleLabel }: SwapContext, stuck: readonly Stuck[]): { latched?: Fault } {
  return stuck.length > 0 ? { latched: stillClaimed(stuck, roleLabel) } : {}
}
