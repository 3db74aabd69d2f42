/**
 * Whether a decision has to wait for pods that are still being probed. While no pod serves, each moment of waiting is an
 * outage: it is over as soon as a pod that is known to be healthy takes over whatever the others turn out to be. Pure;
 * how decisions are made is nothing that this knows of.
 */

import type { Choice, Swap } from '../group/decide.js'
import type { Judged } from '../group/groups.js'

export type Decide = (members: readonly Judged[]) => Choice

/**
 * The swap that follows from what is known, to a pod that is known to be healthy. Others are not worth a hurry: a
 * failback leaves a healthy pod, and one that is at least running is for when all have failed.
 * @param members those that are not known yet as `unknown`
 */
export function healthySwap(members: readonly Judged[], decide: Decide): Swap | undefined {
  const choice = decide(members)
  const isUrgent = 'winner' in choice && choice.kind !== 'failback' && choice.winner.verdict.health === 'healthy'
  return isUrgent ? choice : undefined
}

/**
 * Whether that swap stays the same, kind and winner, whatever the rivals turn out to be. They are tried as healthy and as
 * failed: all of them, each alone, and all but each.
 * @param rivals the uids of members that are `unknown` now, and are waited for if they could change it
 */
export function isSettled(
  members: readonly Judged[],
  swap: Swap,
  rivals: ReadonlySet<string>,
  decide: Decide,
): boolean {
  const isSameWith = (isHealthy: (uid: string) => boolean) => {
    const choice = decide(members.map((one) => (rivals.has(one.pod.uid) ? ended(one, isHealthy(one.pod.uid)) : one)))
    return 'winner' in choice && choice.kind === swap.kind && choice.winner.pod.uid === swap.winner.pod.uid
  }
  const isSameForAll = isSameWith(() => true) && isSameWith(() => false)
  if (!isSameForAll || rivals.size < 2) return isSameForAll
  return [...rivals].every((one) => isSameWith((uid) => uid === one) && isSameWith((uid) => uid !== one))
}

/** As its probes would leave it. */
function ended(member: Judged, isHealthy: boolean): Judged {
  const { verdict } = member
  return { ...member, verdict: { ...verdict, ...(isHealthy ? HEALTHY : { health: 'failed' }) } }
}

const HEALTHY = { health: 'healthy', failures: 0 } as const
