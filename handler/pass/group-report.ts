/** Makes the report on one group at the end of a pass. */
import type { Group, Judged } from '../group/groups.js'
import { type HistoryEntry, historyOf } from '../group/history.js'
import { doubtfulChecks, impossibleChecks } from '../health/impossible-checks.js'
import { planCheck } from '../health/plan.js'
import { deadPorts, unreachable } from '../health/service-ports.js'
import { uncheckedPorts } from '../health/unchecked-ports.js'
import type { Pod } from '../kube/port.js'
import type { Write } from '../kube/recording.js'
import type { GroupReport } from '../report/report.js'
import type { Settings } from '../settings/settings.js'
import { fence } from '../util/defect.js'
import type { Fault } from '../util/errors.js'
import type { View } from './evaluate.js'
import { defectIn } from './fence.js'

/** The outcome of the work on a group. */
export interface Ending {
  readonly activeAfter?: string | undefined
  readonly handover?: HistoryEntry | undefined
  readonly latch?: GroupReport['latch']
  readonly warnings?: readonly string[]
  readonly faults?: readonly Fault[]
}

/** @param group as it was when the pass began */
export function reportOf(
  before: Group,
  { group, decision, settings, members, warnings }: View,
  activeBefore: readonly string[],
  writes: readonly Write[],
  ending: Ending,
): GroupReport {
  const { namespace, services } = before
  const activeAfter = ending.activeAfter ?? untouched(activeBefore, writes)
  const active = members.find(({ pod }) => pod.name === activeAfter)?.pod
  const hints = fence(
    () => hintsOf(services, members, active, settings),
    (error) => ({ warnings: [], faults: [defectIn(before, error)] }),
  )
  return {
    namespace,
    services: services.map(({ name }) => name),
    decision,
    settings,
    members,
    ended: group.ended.length,
    activeBefore,
    activeAfter,
    writes,
    handover: ending.handover,
    history: historyOf(group.services),
    latch: ending.latch ?? null,
    warnings: [...warnings, ...hints.warnings, ...(ending.warnings ?? [])],
    faults: distinct([...(ending.faults ?? []), ...hints.faults]),
  }
}

/** What is wrong, or looks wrong, in checks and ports. */
function hintsOf(
  services: Group['services'],
  members: readonly Judged[],
  active: Pod | undefined,
  settings: Settings,
): Required<Pick<Ending, 'warnings' | 'faults'>> {
  const pods = members.map(({ pod }) => pod)
  return {
    warnings: [
      ...doubtfulChecks(pods, settings),
      ...(active ? deadPorts(services, active) : []),
      ...(active ? uncheckedPorts(services, active, planCheck(active, settings, services), settings) : []),
    ],
    faults: [...(active ? unreachable(services, active) : []), ...impossibleChecks(services, pods, settings)],
  }
}

/** Drops repeated faults: several attempts may meet the same one. */
function distinct(faults: readonly Fault[]): readonly Fault[] {
  return faults.filter((fault, n) => faults.findIndex(({ message }) => message === fault.message) === n)
}

const UNWRITTEN: readonly Write['result'][] = ['denied', 'unauthenticated', 'rejected', 'throttled']

/** The active pod, unless this pass may have written to it. */
function untouched([active, ...more]: readonly string[], writes: readonly Write[]): string | undefined {
  const isWritten = ({ kind, name, result }: Write) => kind === 'pod' && name === active && !UNWRITTEN.includes(result)
  return active === undefined || more.length > 0 || writes.some(isWritten) ? undefined : active
}
