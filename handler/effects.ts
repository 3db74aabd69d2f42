/** What a pass takes from outside: the cluster, the network, time and chance. Tests pass their own. */
import type { Clock } from './clock.js'
import type { Probe } from './health/probe.js'
import type { Kube } from './kube/port.js'

export interface Effects {
  readonly kube: Kube
  readonly clock: Clock
  readonly probe: Probe
  /** At least 0, less than 1. */
  readonly random: () => number
}
