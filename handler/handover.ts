/**
 * The handover from one pod to another, in the order that makes it safe and seamless: claim the Services, seal the
 * other pods, check that the claim still stands, promote the winner, settle, release.
 */

import type { Judged } from './candidates.js'
import type { Swap } from './decide.js'
import type { Fault } from './errors.js'
import { faultOf } from './kube/fault.js'
import { KubeError } from './kube/port.js'
import { type Claim, check, claim, isStuck, release, type Stuck, type SwapContext, stillClaimed } from './latch.js'
import { type Group, groupName } from './observe.js'
import type { Settings } from './policy.js'
import { pause } from './retry.js'
import { nextEpoch, promote, type Step, seal } from './swap.js'

export interface Handover {
  readonly outcome: Outcome
  readonly latch: LatchUse | null
  readonly warnings: readonly string[]
  /** Claims that could not be taken off. */
  readonly latched?: Fault
  /** Whether pods were touched: from then on the swap is to be finished. */
  readonly begun: boolean
}

/** How traffic was moved: in one step, under a claim without a pin, or without any right to claim. */
export type LatchUse = 'latched' | 'claimed' | 'refused'

/** `done`: the winner is active. `again`: the situation has changed, read it again after `delayMs`. */
export type Outcome =
  | { readonly kind: 'done'; readonly winner: Judged }
  | { readonly kind: 'again'; readonly delayMs: number; readonly error?: KubeError }
  | { readonly kind: 'failed'; readonly fault: Fault }

const AGAIN: Outcome = { kind: 'again', delayMs: 0 }

/** Reads the group's pods again and decides anew, with the verdicts of this pass. @throws KubeError */
export type Redecide = () => Promise<{ readonly members: readonly Judged[]; readonly swap: Swap | undefined }>

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
    settings.latch ? pinFor(members, swap) : undefined,
  )
  if (claimed.kind === 'again') {
    return { outcome: claimed, latch: null, warnings: [], begun: false, ...latchedFault(context, claimed.stuck) }
  }
  const { claim: held } = claimed
  const begun = context.deadline.allowsSeal()
  const outcome = begun ? await swapUnderClaim(context, group, held, members, swap, redecide) : AGAIN
  const { releasing } = context.deadline
  if (outcome.kind === 'done') await context.clock.sleep(settings.settle, releasing)
  const released = await Promise.all(held.services.map((service) => release(context, service, releasing)))
  return {
    outcome,
    begun,
    latch: held.services.length === 0 ? 'refused' : held.pinned ? 'latched' : 'claimed',
    warnings: held.refused.map(
      ({ service, error }) =>
        `service ${service.name} was not latched, so that new connections may be refused for up to a second: ${error.message}. ${error.remedy}`,
    ),
    ...latchedFault(context, released.filter(isStuck)),
  }
}

/** Seal, check, promote. A promotion that is lost goes to the next candidate under the same claim. */
async function swapUnderClaim(
  context: SwapContext,
  group: Group,
  held: Claim,
  firstMembers: readonly Judged[],
  firstSwap: Swap,
  redecide: Redecide,
): Promise<Outcome> {
  const { roleLabel, deadline } = context
  const object = `group ${groupName(group)}`
  const old = firstMembers.find(({ role }) => role === 'active')
  let members = firstMembers
  let { winner } = firstSwap
  try {
    for (let attempt = 0; ; attempt++) {
      const epoch = nextEpoch(members)
      const others = members.filter(({ pod }) => pod.uid !== winner.pod.uid)
      const sealed = await seal(context, others, epoch, roleLabel, deadline.swapping)
      if (sealed.kind !== 'done') return notDone(sealed, object)
      const promoted = await promoteUnderClaim(context, held, winner, epoch)
      if (promoted.kind === 'done') return { kind: 'done', winner }
      if (promoted.kind === 'superseded') return AGAIN
      if (promoted.kind === 'denied' || promoted.kind === 'rejected') return notDone(promoted, object)
      await pause(context, attempt, deadline.swapping)
      const next = await persist(context, redecide)
      const active = next.members.find(({ role }) => role === 'active')
      if (active?.pod.uid === winner.pod.uid && active.epoch === epoch) return { kind: 'done', winner } // it did land
      const candidate =
        next.swap?.winner ?? next.members.find(({ pod }) => pod.uid === old?.pod.uid && !pod.terminating)
      if (!candidate || active) return AGAIN
      members = next.members
      winner = candidate
    }
  } catch (error) {
    return { kind: 'failed', fault: faultOf(error, object) }
  }
}

/** Checks that the claim still stands, then promotes; both again where the server is too busy. @throws KubeError */
async function promoteUnderClaim(
  context: SwapContext,
  held: Claim,
  winner: Judged,
  epoch: number,
): Promise<Step | { readonly kind: 'superseded' }> {
  const { swapping } = context.deadline
  for (let attempt = 0; ; attempt++) {
    if (!(await persist(context, () => check(context, held)))) return { kind: 'superseded' }
    const promoted = await promote(context, winner, epoch, context.roleLabel, swapping)
    if (promoted.kind !== 'throttled' || swapping.aborted) return promoted
    await pause(context, attempt, swapping, promoted.retryAfterMs)
  }
}

/** Pods are sealed: a read that fails is tried again for as long as there is time. @throws KubeError */
async function persist<T>(context: SwapContext, read: () => Promise<T>): Promise<T> {
  const { swapping } = context.deadline
  for (let attempt = 0; ; attempt++) {
    try {
      return await read()
    } catch (error) {
      if (!(error instanceof KubeError) || error.code === 'denied' || swapping.aborted) throw error
      await pause(context, attempt, swapping)
      if (swapping.aborted) throw error
    }
  }
}

/** The uid to pin the Services to: of the only active pod, where it is not the winner and carries the pin label. */
function pinFor(members: readonly Judged[], { winner }: Swap): string | undefined {
  const [active, ...more] = members.filter(({ role }) => role === 'active')
  return active?.pinned && more.length === 0 && active.pod.uid !== winner.pod.uid ? active.pod.uid : undefined
}

function notDone(step: Exclude<Step, { kind: 'done' }>, object: string): Outcome {
  switch (step.kind) {
    case 'denied':
    case 'rejected':
      return { kind: 'failed', fault: faultOf(step.error, object) }
    case 'throttled':
      return { kind: 'again', delayMs: step.retryAfterMs }
    case 'unknown':
      return { kind: 'again', delayMs: 0, error: step.error }
    case 'lost':
    case 'gone':
      return AGAIN
  }
}

function latchedFault({ roleLabel }: SwapContext, stuck: readonly Stuck[]): { latched?: Fault } {
  return stuck.length > 0 ? { latched: stillClaimed(stuck, roleLabel) } : {}
}
