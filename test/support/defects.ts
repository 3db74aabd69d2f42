/** A pass ends well although a group has met a defect. What asks for many passes looks whether one has. */
import type { Report } from '../../handler/report/report.js'

/** @throws Error the first defect that a group has met, with the stack of that */
export function expectNoDefect({ groups }: Pick<Report, 'groups'>): void {
  const defect = groups.flatMap(({ faults }) => faults).find(({ code }) => code === 'defect')
  if (defect) throw new Error(`${defect.object}: ${defect.message}\n${defect.stack ?? ''}`)
}
