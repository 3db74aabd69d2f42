import type { Kube } from '../kube/port.js'
import type { Timing } from '../util/clock.js'
import type { Deadline } from './deadline.js'

/** The context of a handover: the cluster, clock and random source, and the time that is left. It does not probe. */
export interface SwapContext extends Timing {
  readonly kube: Kube
  readonly roleLabel: string
  /** See `Scope`; the default is false. */
  readonly optIn?: boolean
  readonly deadline: Deadline
  /**
   * Check the claim by patches that test it and change nothing, instead of by a list. The API server asks etcd at most
   * every 100 ms how current its cache is. So a consistent list of Services may have to wait until 100 ms after the
   * previous one, which does not matter to a pass that has probed for seconds.
   */
  readonly quickCheck: boolean
}
