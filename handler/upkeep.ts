/** The small writes of a pass that moves nothing: counts, the role of a new pod, the pin of an adopted active. */

import type { Judged } from './candidates.js'
import { PIN } from './keys.js'
import type { KubeError, Written } from './kube/port.js'
import type { SwapContext } from './latch.js'
import { labelPatch } from './swap.js'

/** Writes nothing in a steady state. @returns what the API server refused, or did not answer */
export async function keepUp(context: SwapContext, members: readonly Judged[]): Promise<readonly KubeError[]> {
  const written = await Promise.all(members.flatMap((member) => [markPod(context, member), labelPod(context, member)]))
  return written.flatMap((result) => (result && 'error' in result ? [result.error] : []))
}

/** A lost race is nothing to act on here: the next pass reads what the other one wrote. */
type Result = Written<unknown> | undefined

async function markPod({ kube, deadline }: SwapContext, { pod, role, pinned, verdict }: Judged): Promise<Result> {
  const labels = role === 'active' && !pinned ? { [PIN]: pod.uid } : {}
  if (Object.keys(labels).length === 0 && Object.keys(verdict.marks).length === 0) return undefined
  return kube.patchPodMetadata(pod, { uid: pod.uid, labels, annotations: verdict.marks }, deadline.swapping)
}

async function labelPod({ kube, deadline, roleLabel }: SwapContext, { pod, labelled }: Judged): Promise<Result> {
  return labelled ? undefined : kube.patchPod(pod, labelPatch(pod, roleLabel), deadline.swapping)
}
