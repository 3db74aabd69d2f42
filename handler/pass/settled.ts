/**
 * Whether a decision must wait for pods that are still being probed. While no pod serves, each moment of waiting is an
 * outage. The wait ends once the winner is certain: a healthy pod that wins whatever the outstanding probes say. Pure, and
 * independent of the rules of the decision.
 */

import { type Choice, isSwap, type Swap } from '../group/decide.js'
import type { Judged } from '../group/groups.js'

export type Decide = (members: readonly Judged[]) => Choice

/**
 * The swap to a healthy pod that follows from the verdicts so far. Other swaps are not urgent: a failback leaves a
 * healthy pod, and a pod that is at least running takes over only when all have failed.
 * @param members with the health `unknown` if there is no verdict yet
 */
export function healthySwap(members: readonly Judged[], decide: Decide): Swap | undefined {
  const choice = decide(members)
  const isUrgent = isSwap(choice) && choice.kind !== 'failback' && choice.winner.verdict.health === 'healthy'
  return isUrgent ? choice : undefined
}

/**
 * Whether the swap keeps its kind and its winner, whatever the rivals turn out to be. They are tried as healthy and as
 * failed: all of them, each alone, and all but each.
 * @param rivals the uids of members that are `unknown` now, and are waited for if they could change the swap
 */
export function isSettled(
  members: readonly Judged[],
  swap: Swap,
  rivals: ReadonlySet<string>,
  decide: Decide,
): boolean {
  const isSameWith = (isHealthy: (uid: string) => boolean) => {
    const choice = decide(members.map((one) => (rivals.has(one.pod.uid) ? ended(one, isHealthy(one.pod.uid)) : one)))
    return isSwap(choice) && choice.kind === swap.kind && choice.winner.pod.uid === swap.winner.pod.uid
  }
  const isSameForAll = isSameWith(() => true) && isSameWith(() => false)
  if (!isSameForAll || rivals.size < 2) return isSameForAll
  return [...rivals].every((one) => isSameWith((uid) => uid === one) && isSameWith((uid) => uid !== one))
}

/** The member after its probes. */
function ended(member: Judged, isHealthy: boolean): Judged {
  const { verdict } = member
  return { ...member, verdict: { ...verdict, ...(isHealthy ? HEALTHY : { health: 'failed' }) } }
}

const HEALTHY = { health: 'healthy', failures: 0 } as const
