/** The fence around a group: a defect that is met in the work on it is a fault in its own report, and other groups go on. */
import { type GroupServices, groupName } from '../group/groups.js'
import { faultOf } from '../kube/fault.js'
import type { Write } from '../kube/recording.js'
import { faultReport, type GroupReport } from '../report/report.js'
import type { Fault } from '../util/errors.js'
import type { GroupContext } from './context.js'

/**
 * Works on a group. Never rejects: an error ends the work with a report on it.
 * @param work notes the writes that it makes
 */
export async function fenced(
  context: Pick<GroupContext, 'defaults'>,
  group: GroupServices,
  work: (writes: Write[]) => Promise<GroupReport>,
): Promise<GroupReport> {
  const { namespace, services } = group
  const writes: Write[] = []
  try {
    return await work(writes)
  } catch (error) {
    const names = services.map(({ name }) => name)
    return { ...faultReport(context, namespace, names, [defectIn(group, error)]), writes }
  }
}

/** Does more about a group that was served. Never rejects: an error adds a fault to the report. */
export async function withAlso(
  report: GroupReport,
  group: GroupServices,
  more: () => GroupReport | Promise<GroupReport>,
): Promise<GroupReport> {
  try {
    return await more()
  } catch (error) {
    return withDefect(report, group, error)
  }
}

export function withDefect(report: GroupReport, group: GroupServices, error: unknown): GroupReport {
  return { ...report, faults: [...report.faults, defectIn(group, error)] }
}

/** The fault of a group that has met the error. */
export function defectIn(group: GroupServices, error: unknown): Fault {
  return faultOf(error, `group ${groupName(group)}`)
}
