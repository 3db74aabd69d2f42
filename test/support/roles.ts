/** What the promises of the model and of the simulation ask of pods and of writes. */
import { EPOCH, PIN } from '../../handler/kube/keys.js'
import type { Pod } from '../../handler/kube/port.js'
import type { Call } from './stored.js'

export function isActive({ labels }: Pod): boolean {
  return labels.role === 'active'
}

/** It never runs again, and nothing of its labels is of any matter. */
export function hasEnded({ phase }: Pod): boolean {
  return phase === 'Failed' || phase === 'Succeeded'
}

export function epochOf({ annotations }: Pod): number {
  return Number(annotations?.[EPOCH] ?? 0)
}

/** Whether it was created with the role that it has. */
export function isBornWithRole({ labels, writers = [] }: Pod): boolean {
  return 'role' in labels && writers.some((writer) => writer.created && writer.labels.includes('role'))
}

/** A mark that was written on this pod, and on no other one. */
export function ownMark({ uid, labels, annotations = {}, writers = [] }: Pod, key: string): string | undefined {
  const isBorn = writers.some((writer) => writer.created && writer.annotations.includes(key))
  return isBorn || (PIN in labels && labels[PIN] !== uid) ? undefined : annotations[key]
}

/** Whether it makes a pod active, or keeps it. */
export function isActivation(call: Call): call is Extract<Call, { verb: 'patchPod' }> {
  return (
    call.verb === 'patchPod' &&
    call.patch.some((add) => add.op === 'add' && add.path === '/metadata/labels/role' && add.value === 'active')
  )
}

/** Whether it makes a pod active that was not, in the eyes of who writes it: one of several that is kept is no news. */
export function isPromotion(call: Call): call is Extract<Call, { verb: 'patchPod' }> {
  return isActivation(call) && !isActive(call.pod)
}

/** Whether it makes a pod passive as a step of a swap, and not as one that is new. */
export function isSeal(call: Call): call is Extract<Call, { verb: 'patchPod' }> {
  if (call.verb !== 'patchPod') return false
  return (
    !isActivation(call as Call) &&
    call.patch.some(({ op, path }) => op === 'add' && path.startsWith('/metadata/annotations'))
  )
}
