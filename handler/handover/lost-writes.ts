/**
 * Writes that the API server calls lost though nothing has changed. Whoever was faster has left a trace: another role,
 * another epoch. Where the pod is as it was, somebody or something keeps the write from being made, and to try again
 * and again is of no use.
 */

import { DELETION_COST, EPOCH } from '../kube/keys.js'
import type { Pod } from '../kube/port.js'
import type { Fault } from '../util/errors.js'

export class LostWrites {
  private readonly last = new Map<string, string>()

  constructor(private readonly roleLabel: string) {}

  /** A write to this pod was lost. @param pod as it was seen before @returns the fault, where it was the same the last time */
  lost(pod: Pod): Fault | undefined {
    const seen = this.tested(pod)
    const isSame = this.last.get(pod.uid) === seen
    this.last.set(pod.uid, seen)
    if (!isSame) return undefined
    return {
      code: 'failed',
      object: `pod ${pod.namespace}/${pod.name}`,
      message: 'it could not be written, twice: the API server says that it has changed, and it is as it was',
      remedy: `Look at its annotations under active-passive/ and its label ${this.roleLabel}, and at what changes requests on their way; or delete it, to have another one made.`,
    }
  }

  /** What our patches test. */
  private tested({ labels, annotations, phase, terminating }: Pod): string {
    return JSON.stringify([
      labels[this.roleLabel],
      annotations && [annotations[EPOCH], annotations[DELETION_COST]],
      phase,
      terminating,
    ])
  }
}
