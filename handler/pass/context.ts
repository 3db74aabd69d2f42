/** What a pass takes from outside: the cluster, the network, time and chance. Tests pass their own. */

import type { Probe } from '../health/probe.js'
import type { Kube } from '../kube/port.js'
import type { Timing } from '../util/clock.js'

export interface Effects extends Timing {
  readonly kube: Kube
  readonly probe: Probe
}
