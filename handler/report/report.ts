/** The report of a pass, as data. */

import type { Decision } from '../group/decide.js'
import type { Judged } from '../group/groups.js'
import type { HistoryEntry } from '../group/history.js'
import type { LatchUse } from '../handover/claim.js'
import type { Write } from '../kube/recording.js'
import type { Settings } from '../settings/settings.js'
import type { Fault } from '../util/errors.js'

/**
 * Kinds of repairs. `claim`: a claim or a pin on a Service by another writer; `interrupted`: the same by a pass that
 * did not take it off; `role`: a second active pod, or an active pod that had lost its label or was labelled passive;
 * `marks`: our labels were gone from a pod.
 */
export const REPAIRS = ['claim', 'interrupted', 'role', 'marks'] as const
export type Repair = (typeof REPAIRS)[number]

export interface Report {
  /** The namespaces of the pass. */
  readonly scope: readonly string[] | 'all'
  readonly groups: readonly GroupReport[]
  /** About Services in no group that seem meant to be managed, and about namespaces without a managed Service. */
  readonly warnings: readonly string[]
  /** The namespaces of which every group in scope is in `groups` or `busy`; `undefined` stands for all namespaces. */
  readonly complete: readonly (string | undefined)[]
  /** The groups in scope that were left alone: another pass of this process serves them, or the backoff skips them. */
  readonly busy: readonly { readonly namespace: string; readonly services: readonly string[] }[]
  readonly dryRun: boolean
  /** The pass was told to stop before it had ended. */
  readonly interrupted: boolean
  readonly durationMs: number
  /** API requests, retries included. */
  readonly requests: number
}

/** The report on a group; or, with a fault, on a namespace or a Service without a group. */
export interface GroupReport {
  /** `undefined` for a fault of all namespaces. */
  readonly namespace: string | undefined
  readonly services: readonly string[]
  readonly decision: Decision
  readonly settings: Settings
  /** The members as they were found, with this pass's verdicts. */
  readonly members: readonly Judged[]
  /** Pods that have Failed or Succeeded, and were left out. */
  readonly ended: number
  /** The names of the active pods; more than one before a repair. */
  readonly activeBefore: readonly string[]
  readonly activeAfter: string | undefined
  readonly writes: readonly Write[]
  /** The handover that this pass has made. Absent: none. */
  readonly handover?: HistoryEntry | undefined
  /** The handovers before it, newest first, as the Services tell. */
  readonly history: readonly HistoryEntry[]
  /** `null`: traffic was not moved. */
  readonly latch: LatchUse | null
  /** The repairs; `again`: this kind was repaired before within an hour. Absent: none. */
  readonly healed?: readonly { readonly what: Repair; readonly again: boolean }[]
  readonly warnings: readonly string[]
  /** The faults, the gravest first. */
  readonly faults: readonly Fault[]
}

/** Whether the report says that a Service which was asked for by name is not there, or is not managed. */
export function isMissing({ decision }: GroupReport): boolean {
  return decision.kind === 'error' && decision.fault.code === 'not-found'
}

/** The settings of Services without annotations. */
interface Defaults {
  readonly defaults: Settings
}

/** The report on groups that could not be served at all. */
export function faultReport(
  context: Defaults,
  namespace: string | undefined,
  services: readonly string[],
  faults: readonly [Fault, ...Fault[]],
): GroupReport {
  return reportWithout(context, namespace, services, { kind: 'error', fault: faults[0] }, { faults })
}

/** The report on a group whose pods were not looked at. */
export function reportWithout(
  { defaults }: Defaults,
  namespace: string | undefined,
  services: readonly string[],
  decision: Decision,
  rest: Partial<GroupReport>,
): GroupReport {
  return {
    namespace,
    services,
    decision,
    settings: defaults,
    members: [],
    ended: 0,
    activeBefore: [],
    activeAfter: undefined,
    writes: [],
    history: [],
    latch: null,
    warnings: [],
    faults: [],
    ...rest,
  }
}
