/** Judges a pod's health: its state and a burst of probes give a verdict. */

import { isRunning } from '../kube/pods.js'
import type { Pod } from '../kube/port.js'
import type { Settings } from '../settings/settings.js'
import type { Clock } from '../util/clock.js'
import { type Count, countFailure, failureMarks, type Marks, successMarks } from './count.js'
import type { CheckKind, Evidence, Plan } from './plan.js'
import type { Probe } from './probe.js'
import type { ProbeResult } from './probe-result.js'

interface CheckResult extends Pick<ProbeResult, 'ms' | 'probes'> {
  readonly kind: CheckKind
  readonly result: string
}

export interface Verdict {
  /** `unknown`: there was no time to check. `failing`: it fails, but has not failed often enough. */
  readonly health: 'healthy' | 'failing' | 'failed' | 'unknown'
  /** Decided by the kubelet or the API server, without a count. */
  readonly conclusive: boolean
  /** Consecutive failures, those of this pass included. */
  readonly failures: number
  readonly check: CheckResult
  /** The evidence for its health, if it is healthy. */
  readonly evidence: Evidence
  /** The marks to write on the pod. */
  readonly marks: Marks
  /** It fails our check, which counts only once its kubelet agrees. */
  readonly isUnconfirmed?: true
  /** It passes, but not often enough in a row since it failed. */
  readonly isRecovering?: true
  /** Our check could not be made, by no fault of the pod: `failures` are those of earlier passes, and nothing is counted. */
  readonly unmade?: ProbeResult['unmade']
}

/** Why this pod cannot be healthy whatever its check finds, or `undefined`. */
function conclusiveState(pod: Pod, needsReady: boolean): string | undefined {
  if (pod.terminating) return 'terminating'
  if (!isRunning(pod)) return pod.phase || 'no phase'
  return needsReady && !pod.ready ? 'not Ready' : undefined
}

/** The verdict by the pod's state alone. `undefined`: a probe is needed. */
export function judgeByState(plan: Plan, stored: Count, needsReady: boolean): Verdict | undefined {
  const state = conclusiveState(plan.pod, needsReady)
  if (state === undefined) return undefined
  const { kind, evidence } = plan
  const check = { kind, result: state, ms: 0 }
  return { health: 'failed', conclusive: true, failures: stored.failures, check, evidence, marks: {} }
}

/**
 * Probes a pod until it passes, has failed, or has been probed `probes` times, with `period` between two starts. A pod
 * that failed, in this burst or lately, passes only after `rise` successes in a row, for which it is probed further. A
 * burst that `signal` cuts short keeps its counts. One that ends with a check that could not be made counts nothing.
 * @param stored the counts of earlier passes
 */
export async function judgeByProbes(
  plan: Plan,
  stored: Count,
  { failures: threshold, probes, period, rise }: Settings,
  { clock, probe }: { readonly clock: Clock; readonly probe: Probe },
  signal: AbortSignal,
): Promise<Verdict> {
  const { evidence } = plan
  let count = stored
  let last: ProbeResult | undefined
  let passes = 0
  for (let n = 1; !signal.aborted; n++) {
    const result = await probe(plan, plan.timeoutMs, signal)
    if (!result.healthy && signal.aborted) break // the probe was cut off, which says nothing about the pod
    last = result
    if (result.unmade) break // another one would fare no better
    if (result.healthy) {
      passes++
      const needed = count.failures > 0 && plan.targets.length > 0 ? rise : 1
      if (passes >= needed) {
        const marks = successMarks(plan.pod, stored, threshold, clock.now())
        return { health: 'healthy', conclusive: false, failures: 0, check: describe(plan, result), evidence, marks }
      }
    } else {
      passes = 0
      // The probes of a burst are a period apart anyway. The period is for failures that other passes have counted.
      count = countFailure(count, clock.now(), threshold, n === 1 ? period : 0)
      if (count.failures >= threshold || n >= probes) break
    }
    await clock.sleep(Math.max(0, period - result.ms), signal) // the probe may have waited for its turn
  }
  if (!last) return notProbed(plan, stored)
  const { failures } = count
  const health = failures >= threshold ? 'failed' : 'failing'
  if (last.unmade) {
    // The failures before it in this burst are not counted either: what keeps the check from being made now may have
    // caused them, and the pod is not known to have failed since.
    const uncounted = { conclusive: false, failures: stored.failures, evidence, marks: {} }
    return { ...uncounted, health: 'failing', check: describe(plan, last), unmade: last.unmade }
  }
  const counted = { conclusive: false, failures, evidence, marks: failureMarks(stored, count) }
  if (passes === 0) return { ...counted, health, check: describe(plan, last) }
  const text = `${last.text}, ${passes} of ${rise} times in a row since it failed`
  return { ...counted, health: 'failing', check: describe(plan, { ...last, text }), isRecovering: true }
}

/**
 * The verdict for a pod that was not probed in time, or whose probe was not waited for because the decision did not
 * depend on it.
 */
export function notProbed(
  { kind, evidence }: Plan,
  { failures }: Count,
  result: 'not probed' | 'not waited for' = 'not probed',
): Verdict {
  const check = { kind, result, ms: 0 }
  return { health: 'unknown', conclusive: false, failures, check, evidence, marks: {} }
}

function describe({ kind }: Plan, { text, ms, probes }: ProbeResult): CheckResult {
  return { kind, result: text, ms, ...(probes ? { probes } : {}) }
}
