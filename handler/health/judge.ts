/** Health judgement: a pod's state and a burst of probes -> a verdict. */

import { isRunning } from '../kube/pods.js'
import type { Pod } from '../kube/port.js'
import type { Settings } from '../settings/settings.js'
import type { Clock } from '../util/clock.js'
import { type Count, countFailure, failureMarks, type Marks, successMarks } from './count.js'
import type { CheckKind, Evidence, Plan } from './plan.js'
import type { Probe } from './probe.js'
import type { ProbeResult } from './probe-result.js'

export interface Verdict {
  /** `unknown`: there was no time to find out. `failing`: it fails, and does not yet count as failed. */
  readonly health: 'healthy' | 'failing' | 'failed' | 'unknown'
  /** The kubelet or the API server has spoken, no count was needed. */
  readonly conclusive: boolean
  /** Consecutive failures, this pass's included. */
  readonly failures: number
  readonly check: { readonly kind: CheckKind; readonly result: string; readonly ms: number }
  /** What it rests on when it is healthy. */
  readonly evidence: Evidence
  /** What to write on the pod. */
  readonly marks: Marks
  /** It fails our check, and counts only once its kubelet agrees. */
  readonly isUnconfirmed?: true
  /** It passes, and not yet often enough in a row since it has failed. */
  readonly isRecovering?: true
}

/** Why this pod cannot be healthy whatever its check says, or `undefined`. */
function conclusiveState(pod: Pod, needsReady: boolean): string | undefined {
  if (pod.terminating) return 'terminating'
  if (!isRunning(pod)) return pod.phase || 'no phase'
  return needsReady && !pod.ready ? 'not Ready' : undefined
}

/** The verdict that needs no probe, where there is one. */
export function judgeByState(plan: Plan, stored: Count, needsReady: boolean): Verdict | undefined {
  const state = conclusiveState(plan.pod, needsReady)
  if (state === undefined) return undefined
  const { kind, evidence } = plan
  const check = { kind, result: state, ms: 0 }
  return { health: 'failed', conclusive: true, failures: stored.failures, check, evidence, marks: {} }
}

/**
 * Probes a pod until it passes, has failed, or has been probed `probes` times; `period` lies between two starts. One that
 * has failed, in this burst or lately, passes once it has passed `rise` times in a row, for which further probes are made.
 * A burst that `signal` cuts short keeps what it has counted.
 * @param stored what earlier passes have counted
 */
export async function judgeByProbes(
  plan: Plan,
  stored: Count,
  { failures: threshold, probes, period, rise }: Settings,
  { clock, probe }: { readonly clock: Clock; readonly probe: Probe },
  signal: AbortSignal,
): Promise<Verdict> {
  const { kind, evidence } = plan
  let count = stored
  let last: ProbeResult | undefined
  let passes = 0
  for (let n = 1; !signal.aborted; n++) {
    const result = await probe(plan, plan.timeoutMs, signal)
    if (!result.healthy && signal.aborted) break // cut off: it says nothing of the pod
    last = result
    if (result.healthy) {
      passes++
      const needed = count.failures > 0 && plan.targets.length > 0 ? rise : 1
      if (passes >= needed) {
        const marks = successMarks(plan.pod, stored, threshold, clock.now())
        return { health: 'healthy', conclusive: false, failures: 0, check: describe(plan, result), evidence, marks }
      }
    } else {
      passes = 0
      // Within a burst the probes themselves keep their distance; the period is for failures of other passes.
      count = countFailure(count, clock.now(), threshold, n === 1 ? period : 0)
      if (count.failures >= threshold || n >= probes) break
    }
    await clock.sleep(Math.max(0, period - result.ms), signal) // it may have waited for its turn
  }
  if (!last) return notProbed(plan, stored)
  const { failures } = count
  const health = failures >= threshold ? 'failed' : 'failing'
  const counted = { conclusive: false, failures, evidence, marks: failureMarks(stored, count) }
  if (passes === 0) return { ...counted, health, check: describe(plan, last) }
  const result = `${last.text}, ${passes} of ${rise} times in a row since it failed`
  return { ...counted, health: 'failing', check: { kind, result, ms: last.ms }, isRecovering: true }
}

/** The verdict on a pod that there was no time to probe, or that was not waited for, as nothing depended on it. */
export function notProbed(
  { kind, evidence }: Plan,
  { failures }: Count,
  result: 'not probed' | 'not waited for' = 'not probed',
): Verdict {
  const check = { kind, result, ms: 0 }
  return { health: 'unknown', conclusive: false, failures, check, evidence, marks: {} }
}

function describe(plan: Plan, { text, ms }: ProbeResult): Verdict['check'] {
  return { kind: plan.kind, result: text, ms }
}
