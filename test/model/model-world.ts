/** The part of the world that stays the same during a search. */
import type { Pod, Service } from '../../handler/kube/port.js'
import type { Behaviour } from './behaviour.js'
import type { Objects } from './model-cluster.js'
import type { Kept } from './modelled-admission.js'

export interface World {
  readonly objects: Objects
  readonly behaviour: Behaviour
  readonly podNames: readonly string[]
  readonly serviceNames: readonly string[]
  /** No pass may write Services. */
  readonly servicesDenied: boolean
  readonly faults: ReadonlySet<FaultKind>
  /** The Services as their users wrote them. */
  readonly home: readonly Service[]
  /** Pods that must not be active. */
  readonly never: readonly string[]
  /** The pod that a switchover takes the role from, healthy as it is. */
  readonly leaving: string | undefined
  readonly freshPod: (name: string, generation: number) => Pod
  /** What may come under a name that no pod has had, if that is no ordinary pod. */
  readonly comers: readonly Comer[]
  /** The role by which the controller of the pods that were born with it selects them, if it does. */
  readonly selectsRole: string | undefined
  /** What admission always does. */
  readonly admission: Admission
}

/** A pod that comes, with labels and annotations that somebody else has given it. */
export interface Comer {
  readonly text: string
  readonly make: (name: string) => Pod
}

export interface Admission {
  /** It answers every patch of the pod of this name with a success, and leaves this of it as it was. */
  readonly keeps?: { readonly pod: string; readonly what: Kept }
  /** It refuses every patch of a pod that has ended. */
  readonly refusesEnded?: true
}

export type FaultKind =
  | 'death'
  | 'no answer'
  | 'refused'
  | 'unauthenticated'
  | 'throttled'
  | 'delay'
  | 'deleted'
  | 'terminating'
  | 'recreated'
  | 'label'
  | 'selector'
  | 'Service deleted'
  | 'ended'
  | 'comes'
  | 'changed'
  | 'stripped'
