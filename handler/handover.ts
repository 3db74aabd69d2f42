/**
 * The handover from one pod to another, in the order that makes it safe and seamless: claim the Services, seal the
 * other pods, check that the claim still stands, promote the winner, settle, release.
 */

import type { Judged } from './candidates.js'
import type { Swap } from './decide.js'
import type { Fault } from './errors.js'
import { faultOf } from './kube/fault.js'
import type { KubeError } from './kube/port.js'
import { type Claim, check, claim, isStuck, release, type Stuck, type SwapContext, stillClaimed } from './latch.js'
import { type Group, groupName } from './observe.js'
import type { Settings } from './policy.js'
import { nextEpoch, promote, type Step, seal } from './swap.js'

export interface Handover {
  /** `done`: the winner is active. `again`: the situation has changed, read it again after `delayMs`. */
  readonly outcome:
    | { readonly kind: 'done'; readonly winner: Judged }
    | Again
    | { readonly kind: 'failed'; readonly fault: Fault }
  readonly latch: LatchUse | null
  readonly warnings: readonly string[]
  /** Claims that could not be taken off. */
  readonly latched?: Fault
}

/** How traffic was moved: in one step, under a claim without a pin, or without any right to claim. */
export type LatchUse = 'latched' | 'claimed' | 'refused'

type Again = { readonly kind: 'again'; readonly delayMs: number; readonly error?: KubeError }

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
    return { outcome: claimed, latch: null, warnings: [], ...latchedFault(context, claimed.stuck) }
  }
  const { claim: held } = claimed
  const { outcome, settled } = await swapUnderClaim(context, group, held, members, swap, redecide)
  if (settled) await context.clock.sleep(settings.settle, context.deadline.releasing)
  const released = await Promise.all(held.services.map((service) => release(context, service)))
  return {
    outcome,
    latch: held.services.length === 0 ? 'refused' : held.pinned ? 'latched' : 'claimed',
    warnings: held.refused.map(
      ({ service, error }) =>
        `service ${service.name} was not latched, so that new connections may be refused for up to a second: ${error.message}. ${error.remedy}`,
    ),
    ...latchedFault(context, released.filter(isStuck)),
  }
}

type Swapped = { readonly outcome: Handover['outcome']; readonly settled?: true }

/** Seal, check, promote. A promotion that is lost goes to the next candidate under the same claim. */
async function swapUnderClaim(
  context: SwapContext,
  group: Group,
  held: Claim,
  firstMembers: readonly Judged[],
  firstSwap: Swap,
  redecide: Redecide,
): Promise<Swapped> {
  const { roleLabel, deadline } = context
  const object = `group ${groupName(group)}`
  if (deadline.stop.aborted) return { outcome: { kind: 'again', delayMs: 0 } }
  let members = firstMembers
  let { winner } = firstSwap
  const old = firstMembers.find(({ role }) => role === 'active')
  for (;;) {
    const epoch = nextEpoch(members)
    const others = members.filter(({ pod }) => pod.uid !== winner.pod.uid)
    const sealed = await seal(context, others, epoch, roleLabel, deadline.swapping)
    if (sealed.kind !== 'done') return { outcome: notDone(sealed, object) }
    try {
      if (!(await check(context, held))) return { outcome: { kind: 'again', delayMs: 0 } }
      const promoted = await promote(context, winner, epoch, roleLabel, deadline.swapping)
      if (promoted.kind === 'done') return { outcome: { kind: 'done', winner }, settled: true }
      if (promoted.kind === 'denied' || promoted.kind === 'rejected') return { outcome: notDone(promoted, object) }
      const next = await redecide()
      const candidate =
        next.swap?.winner ?? next.members.find(({ pod }) => pod.uid === old?.pod.uid && !pod.terminating)
      if (!candidate || next.members.some(({ role }) => role === 'active'))
        return { outcome: { kind: 'again', delayMs: 0 } }
      members = next.members
      winner = candidate
    } catch (error) {
      return { outcome: failed(faultOf(error, object)) }
    }
  }
}

/** The uid to pin the Services to: of the only active pod, where it is not the winner and carries the pin label. */
function pinFor(members: readonly Judged[], { winner }: Swap): string | undefined {
  const [active, ...more] = members.filter(({ role }) => role === 'active')
  return active?.pinned && more.length === 0 && active.pod.uid !== winner.pod.uid ? active.pod.uid : undefined
}

function notDone(step: Exclude<Step, { kind: 'done' }>, object: string): Handover['outcome'] {
  switch (step.kind) {
    case 'denied':
    case 'rejected':
      return failed(faultOf(step.error, object))
    case 'throttled':
      return { kind: 'again', delayMs: step.retryAfterMs }
    case 'unknown':
      return { kind: 'again', delayMs: 0, error: step.error }
    case 'lost':
    case 'gone':
      return { kind: 'again', delayMs: 0 }
  }
}

function failed(fault: Fault): Handover['outcome'] {
  return { kind: 'failed', fault }
}

function latchedFault({ roleLabel }: SwapContext, stuck: readonly Stuck[]): { latched?: Fault } {
  return stuck.length > 0 ? { latched: stillClaimed(stuck, roleLabel) } : {}
}
