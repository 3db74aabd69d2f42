/** What the log says of a group: one entry on its active pod and the decision, and one for each thing that went wrong. */

import { isSwap } from '../../group/decide.js'
import type { Write } from '../../kube/recording.js'
import type { GroupReport, Report } from '../../report/report.js'
import { describeWrite } from '../../report/write-text.js'
import { compareNames } from '../../util/compare-names.js'
import { pageOf } from '../../util/error-page.js'
import { describeFault } from '../../util/errors.js'
import { swapOf } from './group-series.js'
import type { Entry, Fields } from './log.js'

/** The results of a write that need no entry of their own: it was made, or was not meant to be. */
const AS_MEANT: readonly Write['result'][] = ['applied', 'dry run']
/** Another process was faster. */
const OVERTAKEN: readonly Write['result'][] = ['lost', 'gone']

/** @param report the pass that the group was served in */
export function groupLines(group: GroupReport, report: Report): readonly Entry[] {
  const { faults, warnings } = group
  const writes = group.writes.filter(({ result }) => !AS_MEANT.includes(result))
  const fields = subjectOf(group)
  return [
    ...decisionLines(group, report),
    ...writes.map((write): Entry => {
      return { level: OVERTAKEN.includes(write.result) ? 'info' : 'warn', msg: describeWrite(write), fields }
    }),
    ...faults.map((fault): Entry => {
      const { code, stack } = fault
      const about = { ...fields, code, doc: pageOf(fault), ...(stack === undefined ? {} : { stack }) }
      return { level: 'error', msg: describeFault(fault), fields: about }
    }),
    ...warnings.map((msg): Entry => ({ level: 'warn', msg, fields })),
  ]
}

/** The decision that is an error is told as a fault. */
function decisionLines(group: GroupReport, report: Report): readonly Entry[] {
  const { decision, activeAfter } = group
  if (decision.kind === 'error') return []
  const { dryRun, requests, durationMs } = report
  const fields: Fields = {
    ...subjectOf(group),
    decision: decision.kind,
    reason: decision.reason.code,
    active: activeAfter ?? null,
    ...(dryRun ? { dryRun: true } : {}),
    ...{ requests, durationMs },
  }
  const isTrouble = ['failover', 'blocked', 'count'].includes(decision.kind)
  const isUnfinished = isSwap(decision) && !dryRun && !swapOf(group, report)
  return [
    { level: isTrouble || isUnfinished ? 'warn' : 'info', msg: decisionWords(group, dryRun, isUnfinished), fields },
  ]
}

function decisionWords({ decision, ...group }: GroupReport, dryRun: boolean, isUnfinished: boolean): string {
  if (decision.kind === 'error') return describeFault(decision.fault)
  if (!isSwap(decision)) return `${activeWords(group)}; ${decision.kind}: ${decision.reason.text}`
  const from = group.activeBefore.length > 0 ? ` from ${group.activeBefore.join(', ')}` : ''
  const how = dryRun ? ' (dry run)' : isUnfinished ? ' was not finished' : ''
  return `${decision.kind}${from} to ${decision.winner.pod.name}${how}: ${decision.reason.text}`
}

function activeWords({ activeAfter, activeBefore }: Pick<GroupReport, 'activeAfter' | 'activeBefore'>): string {
  if (activeAfter !== undefined) return `${activeAfter} is active`
  return activeBefore.length > 1 ? `${activeBefore.join(', ')} are active` : 'no pod is known to be active'
}

/** The fields that name a group. */
export function subjectOf({ namespace, services }: Pick<GroupReport, 'namespace' | 'services'>): Fields {
  const sorted = [...services].sort(compareNames)
  return { namespace, service: sorted[0], ...(sorted.length > 1 ? { services: sorted } : {}) }
}
