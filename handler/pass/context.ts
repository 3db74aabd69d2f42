/** The context of a pass: the cluster, the network, clock and random source, and its limits. Tests pass their own. */
import type { Group } from '../group/groups.js'
import type { Switchover } from '../group/switchover.js'
import type { SwapContext } from '../handover/context.js'
import type { Probe } from '../health/probe.js'
import type { Kube } from '../kube/port.js'
import type { GroupReport } from '../report/report.js'
import type { Settings } from '../settings/settings.js'
import type { Timing } from '../util/clock.js'
import type { FairShare } from './fair-share.js'
import type { Overview, PanicBounds } from './overview.js'

/**
 * Tells people what there is to say of a group. Resolves to warnings, and at the latest soon after the signal aborts. A
 * pass waits for it at its end, and nothing else does.
 */
export type Announce = (group: Group, report: GroupReport, signal: AbortSignal) => Promise<readonly string[]>

export interface Effects extends Timing {
  readonly kube: Kube
  /** A port whose writes carry dryRun=All: a dry run asks the API server with it. Absent: a dry run sends no write. */
  readonly dryRunKube?: Kube | undefined
  readonly probe: Probe
  /** Tells people of a group, after all work on it. Absent: nobody is told. */
  readonly announce?: Announce | undefined
}

/** The context of one group in a pass. */
export interface GroupContext extends SwapContext, Effects, PanicBounds {
  readonly defaults: Settings
  /** The longest time that one probe may take, whatever a Service or a pod asks for. Milliseconds. */
  readonly maxHealthTimeoutMs: number
  readonly dryRun: boolean
  /** Aborts when the user or the kubelet wants the pass to end early. */
  readonly stop: AbortSignal
  /** These decide which group is next with a probe, a swap or a request. */
  readonly probes: FairShare
  readonly swaps: FairShare
  readonly requests: FairShare
  /** The health of all groups. */
  readonly overview: Overview
  /** A planned move that somebody asks for. It takes the place of the pass's own decision. */
  readonly switchover?: Switchover | 'rehearsal' | undefined
  /** This pass may have sealed the active pod: it is to leave the group with one, whatever was asked for meanwhile. */
  readonly begun?: boolean | undefined
  /** Aborts once another pass over the group is waited for: an active pod that passes its check ends this one. */
  readonly hurry?: AbortSignal | undefined
}
