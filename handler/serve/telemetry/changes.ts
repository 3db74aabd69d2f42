/** The changes that are written to the log: what is said of a group is said again when something differs. */

import { isSwap } from '../../group/decide.js'
import type { GroupReport, Report } from '../../report/report.js'
import { isMissing } from '../../report/report.js'
import { groupLines } from './group-lines.js'
import type { Entry } from './log.js'

/**
 * @param isWhole the report is on all groups of the scope
 * @param isTold whether an earlier report has told of the group already
 * @returns the entries to write: none when nothing has changed since the last report on the same groups
 */
type DescribeChanges = (report: Report, isWhole: boolean, isTold?: (group: GroupReport) => boolean) => readonly Entry[]

/** Bounds the memory that requests for ever new names take, where no Service has such a name. */
const MAX_MISSING = 10_000

/** Of one namespace in a minute: a tenant whose pods flap must not push the others out of the log. */
const MAX_CHARACTERS = 1_000_000
const MINUTE_MS = 60_000

/** @param now the time in milliseconds; it decides when a minute is over */
export function changesIn(now: () => number = Date.now): DescribeChanges {
  /** The state of each group that the log told last. */
  const logged = new Map<string, string>()
  /** The same of Services that were not found. */
  const missing = new Map<string, string>()
  let warned: ReadonlySet<string> = new Set()
  const budget = new Budget(now)
  return (report, isWhole, isTold = () => false) => {
    const entries: Entry[] = []
    const warn = (msg: string, namespace?: string) => void entries.push({ level: 'warn', msg, fields: { namespace } })
    for (const group of report.groups) {
      if (isTold(group)) continue
      const memory = isMissing(group) ? missing : logged
      const [key, text] = [keyOf(group), stateOf(group)]
      if (memory.get(key) === text && group.latch === null) continue
      const lines = groupLines(group, report)
      const room = budget.take(group.namespace, () => lines.reduce((sum, { msg }) => sum + msg.length, 0))
      if (room === 'none') continue // the next report after this minute tells of it
      memory.set(key, text)
      entries.push(...lines)
      if (room === 'last') warn('too much changes in this namespace: the rest is told later', group.namespace)
    }
    if (isWhole) {
      const there = new Set([...report.groups, ...report.busy].map(keyOf))
      for (const key of logged.keys()) if (!there.has(key)) logged.delete(key)
    }
    if (missing.size > MAX_MISSING) missing.clear()
    if (isWhole) {
      for (const warning of report.warnings) if (!warned.has(warning)) warn(warning)
      warned = new Set(report.warnings)
    }
    return entries
  }
}

/**
 * Counts the characters that were written of each namespace in this minute. The minute is the same for all namespaces,
 * and begins with the first entry after the last minute.
 */
class Budget {
  private readonly written = new Map<string | undefined, number>()
  private sinceMs = Number.NEGATIVE_INFINITY

  constructor(private readonly now: () => number) {}

  /**
   * Takes room for an entry. The first entry of a minute always finds room, however long it is.
   * @returns `last` when there is room for this entry and for none after it
   */
  take(namespace: string | undefined, lengthOf: () => number): 'some' | 'last' | 'none' {
    const passedMs = this.now() - this.sinceMs
    if (passedMs < 0 || passedMs >= MINUTE_MS) {
      this.written.clear()
      this.sinceMs = this.now()
    }
    const before = this.written.get(namespace) ?? 0
    if (before >= MAX_CHARACTERS) return 'none'
    const after = before + lengthOf()
    this.written.set(namespace, after)
    return after >= MAX_CHARACTERS ? 'last' : 'some'
  }
}

function keyOf({ namespace, services }: Pick<GroupReport, 'namespace' | 'services'>): string {
  return JSON.stringify([namespace, services])
}

/** The state of a group, without everything that differs from pass to pass: counts, times, and the texts of probes. */
function stateOf({ decision, activeAfter, faults, warnings }: GroupReport): string {
  // The next pass keeps a pod that was just made active, so the two decisions count as the same.
  const kind = isSwap(decision) ? 'keep' : decision.kind
  const code = isSwap(decision) ? 'healthy' : decision.kind === 'error' ? '' : decision.reason.code
  return JSON.stringify([kind, code, activeAfter, faults.map((fault) => [fault.code, fault.object]), warnings])
}
