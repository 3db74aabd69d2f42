import type { Kube } from '../kube/port.js'
import type { Timing } from '../util/clock.js'
import type { Deadline } from './deadline.js'

/** The surroundings of a handover: the cluster, time and chance, and the time that is left. It probes nothing. */
export interface SwapContext extends Timing {
  readonly kube: Kube
  readonly roleLabel: string
  /** See `Scope`; false unless given. */
  readonly optIn?: boolean
  readonly deadline: Deadline
  /**
   * Check the claim by patches that test it and change nothing, rather than by a list. A consistent list of Services
   * that comes less than 100 ms after another may take until then: the API server asks etcd how far its cache has come
   * no more often. No matter to a pass that has probed for seconds.
   */
  readonly quickCheck: boolean
}
