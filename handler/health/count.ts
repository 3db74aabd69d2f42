/** Counts consecutive failures over probes and passes. Pure. */

import { FAILED_AT, FAILURES, HEALTHY_SINCE } from '../kube/keys.js'
import type { Pod } from '../kube/port.js'
import type { Milliseconds } from '../util/duration.js'

export interface Count {
  /** Consecutive failures; 0 if absent or not a number. */
  readonly failures: number
  /** The time of the last counted failure, epoch milliseconds. */
  readonly failedAtMs: number | undefined
}

/**
 * Counts a failure at `atMs`. It does not count within `period` of a failure that another pass has counted: two passes
 * at the same time would otherwise halve the threshold. Nor does it count beyond the threshold. A last failure in the
 * future makes no sense and is ignored.
 */
export function countFailure(count: Count, atMs: number, threshold: number, period: Milliseconds): Count {
  const { failures, failedAtMs } = count
  if (failures >= threshold) return count
  const sinceLast = failedAtMs === undefined ? Number.POSITIVE_INFINITY : atMs - failedAtMs
  if (failures > 0 && sinceLast >= 0 && sinceLast < period) return count
  return { failures: failures + 1, failedAtMs: atMs }
}

/** Values for the pod's annotations; `null` removes one. */
export type Marks = Readonly<Record<string, string | null>>

/**
 * The marks of a pod that fails. There are none if nothing was counted, as at the threshold, so that a steady state
 * writes nothing.
 */
export function failureMarks(before: Count, after: Count): Marks {
  if (after.failures === before.failures || after.failedAtMs === undefined) return {}
  return { [FAILURES]: String(after.failures), [FAILED_AT]: new Date(after.failedAtMs).toISOString() }
}

/** The marks of a pod that passes: the count is cleared, and the time is noted if the pod had failed. */
export function successMarks(pod: Pod, before: Count, threshold: number, atMs: number): Marks {
  const { annotations = {} } = pod
  const isCleared = annotations[FAILURES] === '0' // by a promotion, which cannot remove an annotation
  const stale = isCleared ? [] : [FAILURES, FAILED_AT].filter((key) => key in annotations)
  const recovered = before.failures >= threshold
  return {
    ...Object.fromEntries(stale.map((key) => [key, null])),
    ...(recovered ? { [HEALTHY_SINCE]: new Date(atMs).toISOString() } : {}),
  }
}
