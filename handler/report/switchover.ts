/** The answer to a switchover, from the report of its pass. Pure. */

import { pagesOf } from '../util/error-page.js'
import { describeFault } from '../util/errors.js'
import { type WriteJson, writeJson } from './json.js'
import type { GroupReport, Report } from './report.js'

export interface SwitchoverAnswer {
  /**
   * `moved`: the pod is active now; in a dry run it would be. `refused`: nothing was written. `failed`: the role could
   * not be moved, or went elsewhere, as `errors` tells.
   */
  readonly result: 'moved' | 'already-active' | 'refused' | 'failed'
  readonly namespace: string | null
  readonly services: readonly string[]
  readonly from: string | null
  /** The active pod in the end; `null`: it is not known. */
  readonly to: string | null
  /** A code of docs/decisions.md, or of an error. */
  readonly code: string
  readonly text: string
  /** What would help; `null`: nothing is needed. */
  readonly remedy: string | null
  readonly dryRun: boolean
  /** Of the group, and of the pass: such as Events that were refused and notifications that failed. */
  readonly warnings: readonly string[]
  readonly errors: readonly string[]
  /** The pages about the errors, each once. */
  readonly docs: readonly string[]
  /** What a dry run would write. Absent: it is none. */
  readonly writes?: readonly WriteJson[]
}

/** @param isDryRun whether a dry run was asked for. The report may be of the look that came before a pass */
export function answerTo(
  { groups, warnings: general }: Pick<Report, 'groups' | 'warnings'>,
  isDryRun: boolean,
): SwitchoverAnswer {
  const [group] = groups
  if (!group) throw new Error('the pass of a switchover has a report on its group')
  const { namespace = null, services, activeBefore, activeAfter, warnings, faults } = group
  return {
    ...{ namespace, services, from: activeBefore.join(',') || null, to: activeAfter ?? null },
    ...{ dryRun: isDryRun, ...outcomeOf(group, isDryRun) },
    warnings: [...warnings, ...general],
    errors: faults.map(describeFault),
    docs: pagesOf(faults),
    ...(isDryRun ? { writes: group.writes.map(writeJson) } : {}),
  }
}

function outcomeOf(
  group: GroupReport,
  isDryRun: boolean,
): Pick<SwitchoverAnswer, 'result' | 'code' | 'text' | 'remedy'> {
  const { decision, handover } = group
  if (decision.kind === 'error') {
    const { code, message, remedy } = decision.fault
    return { result: 'failed', code, text: message, remedy }
  }
  const { code, text } = decision.reason
  if (decision.kind === 'unmoved') {
    const { remedy } = decision
    return code === 'already-active'
      ? { result: code, code, text, remedy: null }
      : { result: 'refused', code, text, remedy }
  }
  const isMoved = decision.kind === 'switchover' && (isDryRun || handover !== undefined)
  return { result: isMoved ? 'moved' : 'failed', code, text, remedy: group.faults[0]?.remedy ?? null }
}
