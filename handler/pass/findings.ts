/** The bursts of probes of one pass, and how long they are waited for. */

import type { Judged } from '../group/groups.js'
import type { Verdict } from '../health/judge.js'
import type { Clock } from '../util/clock.js'
import { type Decide, healthySwap, isSettled } from './settled.js'

/**
 * While no pod serves and one could, a pod that would come before it is waited for so long at most, and until a probe of
 * it has failed. kube-proxy applies the second of two changes a second after the first: the wait fits into that.
 */
const RIVAL_MS = 500

/** The pods of larger groups are all waited for: that one need not be is found by deciding several times for each pod. */
const MOST_PODS = 64

/** The probes of one pod, in this pass. */
interface Burst {
  /** Rejects for a defect only. */
  readonly ended: Promise<Verdict>
  verdict?: Verdict
  /** A probe of it has failed. It may pass the next one. */
  readonly failed: Promise<void>
  hasFailed: boolean
}

/** What the probes of a pass have found, and those that are under way: a retry does not probe again. */
export class Findings {
  /** By uid. */
  readonly verdicts = new Map<string, Verdict>()
  private readonly bursts = new Map<string, Burst>()

  /** @param over nobody wants to know any more: probes that are under way end */
  constructor(readonly over: AbortSignal) {}

  /** The burst of this pod, where one has begun. */
  begun(uid: string): Burst | undefined {
    return this.bursts.get(uid)
  }

  /**
   * The burst of this pod, begun if it has not.
   * @param begin is told what to call after a probe that failed
   */
  burstOf(uid: string, begin: (failed: () => void) => Promise<Verdict>): Burst {
    const begun = this.begun(uid)
    if (begun) return begun
    let tell = () => {}
    const failed = new Promise<void>((resolve) => {
      tell = resolve
    })
    const onFailure = () => {
      burst.hasFailed = true
      tell()
    }
    const ended = begin(onFailure).then((verdict) => {
      burst.verdict = verdict
      this.verdicts.set(uid, verdict)
      return verdict
    })
    ended.catch(() => {}) // a defect, which whoever waits for the burst meets; it may be that nobody does
    const burst: Burst = { ended, failed, hasFailed: false }
    this.bursts.set(uid, burst)
    return burst
  }
}

/** A member of a group: what is known of it, or is going to be. */
export interface Awaited {
  /** As long as its burst has not ended, `unknown`. */
  readonly judged: Judged
  readonly burst?: Burst
}

/** The members as they are known now. */
export function asKnown(members: readonly Awaited[]): readonly Judged[] {
  return members.map(({ judged, burst }) => (burst?.verdict ? { ...judged, verdict: burst.verdict } : judged))
}

/**
 * Waits until all is known that the decision needs. A decision to keep, or to count, needs everything: what others count
 * matters then. Bursts that were not waited for go on.
 * @param decide absent: all are waited for
 * @param signal nothing is waited for any longer
 */
export async function enoughKnown(
  members: readonly Awaited[],
  clock: Pick<Clock, 'sleep'>,
  decide: Decide | undefined,
  signal?: AbortSignal,
): Promise<void> {
  const given = new AbortController()
  const stopped = new Promise<void>((resolve) => {
    signal?.addEventListener('abort', () => resolve(), { signal: given.signal })
  })
  let patience: Promise<void> | undefined
  let isPatient = true
  const isRival = ({ judged, burst }: Awaited) =>
    judged.role === 'active' || (isPatient && burst !== undefined && !burst.hasFailed)
  try {
    for (;;) {
      const pending = members.filter(({ burst }) => burst && !burst.verdict)
      const bursts = pending.flatMap(({ burst }) => burst ?? [])
      if (pending.length === 0 || signal?.aborted) return
      if (!decide || members.length > MOST_PODS) {
        return void (await Promise.race([Promise.all(bursts.map(({ ended }) => ended)), stopped]))
      }
      const known = asKnown(members)
      const swap = healthySwap(known, decide)
      if (swap) {
        const rivals = new Set(pending.filter(isRival).map(({ judged }) => judged.pod.uid))
        if (isSettled(known, swap, rivals, decide)) return
        patience ??= clock.sleep(RIVAL_MS, given.signal).then(() => {
          isPatient = false
        })
      }
      const changes = bursts.flatMap(({ ended, failed, hasFailed }) => (hasFailed ? [ended] : [ended, failed]))
      await Promise.race([stopped, ...changes, ...(patience && isPatient ? [patience] : [])])
    }
  } finally {
    given.abort()
  }
}
