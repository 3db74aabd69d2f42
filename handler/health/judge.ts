/** Health judgement: a pod's state and a burst of probes -> a verdict. */
import type { Deadline } from '../deadline.js'
import type { Effects } from '../effects.js'
import type { Pod } from '../kube/port.js'
import type { Member } from '../observe.js'
import type { Settings } from '../policy.js'
import { type Count, countFailure, failureMarks, type Marks, successMarks } from './count.js'
import type { CheckKind, Plan } from './plan.js'
import type { ProbeResult } from './result.js'

export interface Verdict {
  /** `unknown`: there was no time to find out. `failing`: it fails, and does not yet count as failed. */
  readonly health: 'healthy' | 'failing' | 'failed' | 'unknown'
  /** The kubelet or the API server has spoken, no count was needed. */
  readonly conclusive: boolean
  /** Consecutive failures, this pass's included. */
  readonly failures: number
  readonly check: { readonly kind: CheckKind; readonly result: string; readonly ms: number }
  /** What to write on the pod. */
  readonly marks: Marks
}

export interface Judged extends Member {
  readonly verdict: Verdict
}

/** Why this pod cannot be healthy whatever its check says, or `undefined`. */
export function conclusiveState(pod: Pod, needsReady: boolean): string | undefined {
  if (pod.terminating) return 'terminating'
  if (pod.phase !== 'Running') return pod.phase || 'no phase'
  return needsReady && !pod.ready ? 'not Ready' : undefined
}

/** The verdict that needs no probe, where there is one. */
export function judgeByState(member: Member, plan: Plan, needsReady: boolean): Verdict | undefined {
  const state = conclusiveState(member.pod, needsReady)
  if (state === undefined) return undefined
  return {
    health: 'failed',
    conclusive: true,
    failures: member.failures,
    check: { kind: plan.kind, result: state, ms: 0 },
    marks: {},
  }
}

/**
 * Probes a pod until it passes, has failed, or has been probed `probes` times; `period` lies between two starts.
 * A burst that the deadline cuts short keeps what it has counted.
 */
export async function judgeByProbes(
  member: Member,
  plan: Plan,
  settings: Settings,
  { clock, probe }: Pick<Effects, 'clock' | 'probe'>,
  deadline: Pick<Deadline, 'observing'>,
): Promise<Verdict> {
  const { failures: threshold, probes, period } = settings
  const stored: Count = { failures: member.failures, failedAtMs: member.failedAtMs }
  let count = stored
  let last: ProbeResult | undefined
  for (let n = 1; n <= probes && !deadline.observing.aborted; n++) {
    const startedAtMs = clock.now()
    const result = await probe(plan, plan.timeoutMs, deadline.observing)
    if (!result.healthy && deadline.observing.aborted) break // cut off: it says nothing of the pod
    last = result
    if (result.healthy) {
      const marks = successMarks(member.pod, stored, threshold, clock.now())
      return { health: 'healthy', conclusive: false, failures: 0, check: describe(plan, result), marks }
    }
    // Within a burst the probes themselves keep their distance; the period is for failures of other passes.
    count = countFailure(count, clock.now(), threshold, n === 1 ? period : 0)
    if (count.failures >= threshold || n === probes) break
    await clock.sleep(startedAtMs + period - clock.now(), deadline.observing)
  }
  if (!last) return notProbed(member, plan)
  const health = count.failures >= threshold ? 'failed' : 'failing'
  return {
    health,
    conclusive: false,
    failures: count.failures,
    check: describe(plan, last),
    marks: failureMarks(stored, count),
  }
}

/** The verdict on a pod that there was no time to probe. */
export function notProbed({ failures }: Member, { kind }: Plan): Verdict {
  return { health: 'unknown', conclusive: false, failures, check: { kind, result: 'not probed', ms: 0 }, marks: {} }
}

function describe(plan: Plan, { text, ms }: ProbeResult): Verdict['check'] {
  return { kind: plan.kind, result: text, ms }
}
