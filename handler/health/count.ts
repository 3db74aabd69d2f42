/** Counting consecutive failures over probes and passes. Pure. */

import { FAILED_AT, FAILURES, HEALTHY_SINCE } from '../kube/keys.js'
import type { Pod } from '../kube/port.js'
import type { Milliseconds } from '../util/duration.js'

export interface Count {
  /** Consecutive; 0 when absent or senseless. */
  readonly failures: number
  /** The last counted failure, epoch milliseconds. */
  readonly failedAtMs: number | undefined
}

/**
 * A failure seen at `atMs`. It does not count within `period` of a failure that another pass has counted (two passes
 * that run side by side would otherwise halve the threshold), nor beyond the threshold. A last failure that lies in
 * the future makes no sense and stops nothing.
 */
export function countFailure(count: Count, atMs: number, threshold: number, period: Milliseconds): Count {
  const { failures, failedAtMs } = count
  if (failures >= threshold) return count
  const sinceLast = failedAtMs === undefined ? Number.POSITIVE_INFINITY : atMs - failedAtMs
  if (failures > 0 && sinceLast >= 0 && sinceLast < period) return count
  return { failures: failures + 1, failedAtMs: atMs }
}

/** What to write into the pod's annotations; `null` removes. */
export type Marks = Readonly<Record<string, string | null>>

/** Marks for a pod that fails. None when nothing was counted, as at the threshold: steady states write nothing. */
export function failureMarks(before: Count, after: Count): Marks {
  if (after.failures === before.failures || after.failedAtMs === undefined) return {}
  return { [FAILURES]: String(after.failures), [FAILED_AT]: new Date(after.failedAtMs).toISOString() }
}

/** Marks for a pod that passes: the count is cleared, and the time kept if the pod had failed. */
export function successMarks(pod: Pod, before: Count, threshold: number, atMs: number): Marks {
  const { annotations = {} } = pod
  const isCleared = annotations[FAILURES] === '0' // by a promotion, which can't remove
  const stale = isCleared ? [] : [FAILURES, FAILED_AT].filter((key) => key in annotations)
  const recovered = before.failures >= threshold
  return {
    ...Object.fromEntries(stale.map((key) => [key, null])),
    ...(recovered ? { [HEALTHY_SINCE]: new Date(atMs).toISOString() } : {}),
  }
}
