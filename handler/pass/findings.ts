/** The bursts of probes of one pass, and how long the pass waits for them. */

import type { Judged } from '../group/groups.js'
import type { Verdict } from '../health/judge.js'
import type { Clock } from '../util/clock.js'
import { type Decide, healthySwap, isSettled } from './settled.js'

/**
 * If no pod serves and a healthy one is ready to take over, a pod that comes before it and is still being probed delays
 * it by at most this long, or until its first failed probe. The wait fits into the second after which kube-proxy applies
 * the second of two changes.
 */
const RIVAL_MS = 500

/** In larger groups all pods are waited for, because the search for those that matter decides several times per pod. */
const MOST_PODS = 64

/** The probes of one pod, in this pass. */
interface Burst {
  /** Rejects only because of a defect. */
  readonly ended: Promise<Verdict>
  verdict?: Verdict
  /** Resolves when a probe has failed. The pod may pass the next one. */
  readonly failed: Promise<void>
  hasFailed: boolean
}

/** The results of a pass's probes, and the probes that are under way, so that a retry does not probe again. */
export class Findings {
  /** By uid. */
  readonly verdicts = new Map<string, Verdict>()
  private readonly bursts = new Map<string, Burst>()

  /** @param over aborts when no result is needed: probes that are under way end */
  constructor(readonly over: AbortSignal) {}

  /** The burst of this pod, if it has begun. */
  begun(uid: string): Burst | undefined {
    return this.bursts.get(uid)
  }

  /** Resolves when every burst that has begun is over: at the latest when the pass may probe no longer. */
  async ended(): Promise<void> {
    await Promise.all([...this.bursts.values()].map((burst) => burst.ended))
  }

  /**
   * The burst of this pod. Begins it if it has not begun.
   * @param begin gets a function to call after a probe that failed
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

/** A member of a group, with its verdict or the burst that will give one. */
export interface Awaited {
  /** Its health is `unknown` until the burst has ended. */
  readonly judged: Judged
  readonly burst?: Burst
}

/** The members with the verdicts that are known now. */
export function asKnown(members: readonly Awaited[]): readonly Judged[] {
  return members.map(({ judged, burst }) => (burst?.verdict ? { ...judged, verdict: burst.verdict } : judged))
}

/** The signals that end a wait. */
export interface Until {
  /** Ends it at once. */
  readonly stop?: AbortSignal | undefined
  /** Ends it if nothing moves: only counts of other pods would come of it, and the next pass counts them. */
  readonly hurry?: AbortSignal | undefined
}

/**
 * Waits for the verdicts that the decision needs. A decision to keep or to count needs all of them, because the counts
 * of the other pods matter then. Bursts that were not waited for go on.
 * @param decide absent: waits for all verdicts
 */
export async function enoughKnown(
  members: readonly Awaited[],
  clock: Pick<Clock, 'sleep'>,
  decide: Decide | undefined,
  { stop, hurry }: Until = {},
): Promise<void> {
  const given = new AbortController()
  const aborted = (signal: AbortSignal | undefined) =>
    new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve(), { signal: given.signal }))
  const stopped = aborted(stop)
  const hurried = aborted(hurry)
  let patience: Promise<void> | undefined
  let isPatient = true
  const isRival = ({ judged, burst }: Awaited) =>
    judged.role === 'active' || (isPatient && burst !== undefined && !burst.hasFailed)
  try {
    for (;;) {
      const pending = members.filter(({ burst }) => burst && !burst.verdict)
      const bursts = pending.flatMap(({ burst }) => burst ?? [])
      if (pending.length === 0 || stop?.aborted) return
      if (!decide || members.length > MOST_PODS) {
        return void (await Promise.race([Promise.all(bursts.map(({ ended }) => ended)), stopped]))
      }
      const known = asKnown(members)
      if (hurry?.aborted && decide(known).kind === 'keep') return
      const swap = healthySwap(known, decide)
      if (swap) {
        const rivals = new Set(pending.filter(isRival).map(({ judged }) => judged.pod.uid))
        if (isSettled(known, swap, rivals, decide)) return
        patience ??= clock.sleep(RIVAL_MS, given.signal).then(() => {
          isPatient = false
        })
      }
      const changes = bursts.flatMap(({ ended, failed, hasFailed }) => (hasFailed ? [ended] : [ended, failed]))
      await Promise.race([
        stopped,
        ...(hurry?.aborted ? [] : [hurried]),
        ...changes,
        ...(patience && isPatient ? [patience] : []),
      ])
    }
  } finally {
    given.abort()
  }
}
