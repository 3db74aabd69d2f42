/** The small writes of a pass that moves nothing: counts, the role of a new pod, the pin of an adopted active. */

import type { Judged } from './candidates.js'
import { PIN } from './keys.js'
import type { KubeError, Written } from './kube/port.js'
import type { SwapContext } from './latch.js'
import { pause } from './retry.js'
import { labelPatch } from './swap.js'

/** Writes nothing in a steady state. @returns what the API server refused, or did not answer */
export async function keepUp(context: SwapContext, members: readonly Judged[]): Promise<readonly KubeError[]> {
  const written = await Promise.all(members.flatMap((member) => [markPod(context, member), labelPod(context, member)]))
  return written.flatMap((result) => (result && 'error' in result ? [result.error] : []))
}

type Result = Written<unknown> | undefined

/** A lost race is nothing to act on here: the next pass reads what the other one wrote. A busy server is asked again. */
async function write(context: SwapContext, patch: () => Promise<Written<unknown>>): Promise<Result> {
  const { observing } = context.deadline
  for (let attempt = 0; ; attempt++) {
    const written = await patch()
    if (written.kind !== 'throttled' || observing.aborted) return written
    await pause(context, attempt, observing, written.retryAfterMs)
  }
}

async function markPod(context: SwapContext, { pod, role, pinned, verdict }: Judged): Promise<Result> {
  const labels = role === 'active' && !pinned ? { [PIN]: pod.uid } : {}
  if (Object.keys(labels).length === 0 && Object.keys(verdict.marks).length === 0) return undefined
  const patch = { uid: pod.uid, labels, annotations: verdict.marks }
  return write(context, () => context.kube.patchPodMetadata(pod, patch, context.deadline.swapping))
}

async function labelPod(context: SwapContext, { pod, labelled }: Judged): Promise<Result> {
  if (labelled) return undefined
  return write(context, () => context.kube.patchPod(pod, labelPatch(pod, context.roleLabel), context.deadline.swapping))
}
