/** The small writes of a pass that moves nothing: counts, roles of new pods and of pods that have ended, pins. */

import type { Judged } from '../group/groups.js'
import type { SwapContext } from '../handover/context.js'
import { costMark, hasStaleCost, labelPatch, ownerMark, retirePatch } from '../handover/roles.js'
import {
  ACTIVE_OWNER,
  ACTIVE_SINCE,
  DELETION_COST,
  FAILED_AT,
  FAILURES,
  HEALED,
  HEALTHY_SINCE,
  MOVES,
  PIN,
  TAKEN_BACK,
} from '../kube/keys.js'
import { workloadOf } from '../kube/pods.js'
import type { KubeError, Pod, Written } from '../kube/port.js'
import { backoff } from '../kube/retry.js'

/** Writes nothing in a steady state. @returns the errors of writes that were refused, changed or not answered */
export async function writeMarks(context: SwapContext, members: readonly Judged[]): Promise<readonly KubeError[]> {
  const written = await Promise.all([
    ...members.map((member) => markPod(context, member)),
    ...toLabel(members).map((member) => labelPod(context, member)),
  ])
  return written.flatMap((result) => (result && 'error' in result ? [result.error] : []))
}

/**
 * The pods without a role. Of a workload without any labelled pod, only the first one: it shows whether the controller
 * lets go of labelled pods and makes others.
 */
function toLabel(members: readonly Judged[]): readonly Judged[] {
  const tried = new Set(members.flatMap(({ pod, pin }) => (pin === 'own' ? (workloadOf(pod) ?? []) : [])))
  const trying = new Set<string>()
  return members.filter(({ pod, labelled }) => {
    const workload = workloadOf(pod)
    if (labelled || (workload !== undefined && trying.has(workload))) return false
    if (workload !== undefined && !tried.has(workload)) trying.add(workload)
    return true
  })
}

type Result = Written<unknown> | undefined

/** A lost race needs no retry: the next pass reads what the other pass wrote. A busy API server is asked again. */
async function write(context: SwapContext, patch: () => Promise<Written<unknown>>): Promise<Result> {
  const { observing } = context.deadline
  for (let attempt = 0; ; attempt++) {
    const written = await patch()
    if (written.kind !== 'throttled' || observing.aborted) return written
    await backoff(context, attempt, observing, written.retryAfterMs)
  }
}

/** Writes the marks of the verdict. An active pod gets its pin, for the next latch; a foreign pin is replaced. */
async function markPod(context: SwapContext, member: Judged): Promise<Result> {
  const { pod, role, pin, verdict } = member
  const needsPin = pin === 'foreign' || (role === 'active' && pin === 'none')
  const stale = hasStaleCost(member) ? { [DELETION_COST]: null } : {}
  if (!needsPin && Object.keys({ ...verdict.marks, ...stale }).length === 0) return undefined
  const labels = needsPin ? { [PIN]: pod.uid } : {}
  const voided = pin === 'foreign' ? withoutMarks(pod) : {}
  const patch = {
    uid: pod.uid,
    labels,
    annotations: {
      ...voided,
      ...(needsPin ? ownerMark(pod) : {}),
      ...(needsPin && role === 'active' ? costMark(pod) : {}),
      ...verdict.marks,
      ...stale,
    },
  }
  return write(context, () => context.kube.patchPodMetadata(pod, patch, context.deadline.swapping))
}

/** Removes another pod's marks: they would count with the pod's own pin. The epoch stays: a swap raises it. */
function withoutMarks({ annotations = {} }: Pod): Record<string, null> {
  const marks = [FAILURES, FAILED_AT, HEALTHY_SINCE, ACTIVE_SINCE, ACTIVE_OWNER, MOVES, TAKEN_BACK, HEALED]
  return Object.fromEntries(marks.filter((key) => key in annotations).map((key) => [key, null]))
}

export async function labelPod(context: SwapContext, { pod }: Judged): Promise<Result> {
  return write(context, () => context.kube.patchPod(pod, labelPatch(pod, context.roleLabel), context.deadline.swapping))
}

interface Retired {
  readonly warnings: readonly string[]
  readonly changed: readonly KubeError[]
}

const NOTHING_SAID: Retired = { warnings: [], changed: [] }

/** At most this many pods lose their role in one pass. More than one is rare; the next pass does the rest. */
const RETIRED_AT_ONCE = 10

/**
 * Takes the role from pods that have ended. Nothing depends on it, so a refusal is only a warning. A change by
 * admission is an error, as for every write.
 */
export async function retire(context: SwapContext, ended: readonly Pod[]): Promise<Retired> {
  const { kube, roleLabel, deadline } = context
  const actives = ended.filter(({ labels }) => labels[roleLabel] === 'active').slice(0, RETIRED_AT_ONCE)
  const said = actives.map(async (pod) => {
    const written = await write(context, () => kube.patchPod(pod, retirePatch(pod, roleLabel), deadline.swapping))
    if (!written || !('error' in written)) return NOTHING_SAID
    if (written.kind === 'changed') return { ...NOTHING_SAID, changed: [written.error] }
    const warning = `pod ${pod.name}: it is ${pod.phase}, and still labelled ${roleLabel}=active: ${written.error.message}. Delete it: kubectl delete pod ${pod.name} -n ${pod.namespace}`
    return { ...NOTHING_SAID, warnings: [warning] }
  })
  const all = await Promise.all(said)
  return { warnings: all.flatMap(({ warnings }) => warnings), changed: all.flatMap(({ changed }) => changed) }
}
