/**
 * Lost writes that nothing explains. A faster pass leaves a trace on the pod: another role or another epoch. When a write
 * is lost twice and the pod is the same, something on the way keeps the write from being made, and more attempts are of
 * no use.
 */
import { DELETION_COST, EPOCH } from '../kube/keys.js'
import type { Pod } from '../kube/port.js'

/** By the uid of a pod: its fields that our patches test, at the last lost write. */
export type LostWrites = ReadonlyMap<string, string>

/** Adds the lost write. @param pod the pod as it was seen before the write */
export function withLost(lost: LostWrites, pod: Pod, roleLabel: string): LostWrites {
  return new Map([...lost, [pod.uid, tested(pod, roleLabel)]])
}

/** Whether a write to the same pod, in the same state, was lost before. */
export function isUnexplained(lost: LostWrites, pod: Pod, roleLabel: string): boolean {
  return lost.get(pod.uid) === tested(pod, roleLabel)
}

function tested({ labels, annotations, phase, terminating }: Pod, roleLabel: string): string {
  const marks = annotations && [annotations[EPOCH], annotations[DELETION_COST]]
  return JSON.stringify([labels[roleLabel], marks, phase, terminating])
}
