/** What stays the same through a search. */
import type { Pod, Service } from '../../handler/kube/port.js'
import type { Behaviour } from './behaviour.js'
import type { Objects } from './cluster.js'

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
  readonly freshPod: (name: string, generation: number) => Pod
}

export type FaultKind =
  | 'death'
  | 'no answer'
  | 'refused'
  | 'throttled'
  | 'delay'
  | 'deleted'
  | 'terminating'
  | 'recreated'
  | 'label'
  | 'selector'
  | 'Service deleted'
