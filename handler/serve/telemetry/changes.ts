/** What is worth a line in the log: what differs from what was said of a group before. */

import { toJson } from '../../report/json.js'
import type { GroupReport, Report } from '../../report/report.js'
import { isMissing } from '../../report/report.js'
import { toText } from '../../report/text.js'

/**
 * @param isTold of the groups those that were told of already
 * @returns the text to print, or `undefined` when nothing has changed since the last report on the same groups
 */
export type News = (report: Report, isWhole: boolean, isTold?: (group: GroupReport) => boolean) => string | undefined

/** Whoever asks for ever new names that are no Services takes no more memory than that. */
const MISSING = 10_000

/** What is told of one namespace in a minute, in characters: a tenant whose pods flap must not push the others out of the log. */
const MOST_TOLD = 1_000_000
const A_MINUTE_MS = 60_000

/** @param now in milliseconds, for the minutes in which a namespace is told of */
export function changesIn(output: 'text' | 'json', now: () => number = Date.now): News {
  const said = new Map<string, string>()
  /** The same of Services that are not there. */
  const missing = new Map<string, string>()
  let warned: ReadonlySet<string> = new Set()
  const budget = new Budget(now)
  return (report, isWhole, isTold = () => false) => {
    const crowded: string[] = []
    const groups = report.groups.filter((group) => {
      if (isTold(group)) return false
      const memory = isMissing(group) ? missing : said
      const [key, text] = [keyOf(group), gist(group)]
      if (memory.get(key) === text && group.latch === null) return false
      const room = budget.take(group.namespace, () => toText({ ...report, groups: [group], warnings: [] }).length)
      if (room === 'last') crowded.push(`namespace ${group.namespace}: too much changes there: the rest is told later`)
      if (room === 'none') return false // it is still news when there is room again
      memory.set(key, text)
      return true
    })
    if (isWhole) {
      const there = new Set([...report.groups, ...report.busy].map(keyOf))
      for (const key of said.keys()) if (!there.has(key)) said.delete(key)
    }
    if (missing.size > MISSING) missing.clear()
    const warnings = [...(isWhole ? report.warnings.filter((one) => !warned.has(one)) : []), ...crowded]
    if (isWhole) warned = new Set(report.warnings)
    if (groups.length === 0 && warnings.length === 0) return undefined
    const news = { ...report, groups, warnings }
    return output === 'json' ? toJson(news, 0) : `${new Date().toISOString()} ${toText(news)}\n`
  }
}

/** How much of each namespace was told in this minute; a minute is that of all, and begins with what is told first. */
class Budget {
  private readonly told = new Map<string | undefined, number>()
  private sinceMs = Number.NEGATIVE_INFINITY

  constructor(private readonly now: () => number) {}

  /** Whether there is room for so much; `last`: and for nothing that follows. The first thing of a minute always has. */
  take(namespace: string | undefined, lengthOf: () => number): 'some' | 'last' | 'none' {
    const passedMs = this.now() - this.sinceMs
    if (passedMs < 0 || passedMs >= A_MINUTE_MS) {
      this.told.clear()
      this.sinceMs = this.now()
    }
    const before = this.told.get(namespace) ?? 0
    if (before >= MOST_TOLD) return 'none'
    const after = before + lengthOf()
    this.told.set(namespace, after)
    return after >= MOST_TOLD ? 'last' : 'some'
  }
}

function keyOf({ namespace, services }: Pick<GroupReport, 'namespace' | 'services'>): string {
  return JSON.stringify([namespace, services])
}

/** Without what differs from pass to pass: counts, times, what exactly a probe said. */
function gist({ decision, activeAfter, faults, warnings }: GroupReport): string {
  // A pod that was just made active is kept by the next pass: that is no news.
  const kind = 'winner' in decision ? 'keep' : decision.kind
  const code = 'winner' in decision ? 'healthy' : decision.kind === 'error' ? '' : decision.reason.code
  return JSON.stringify([kind, code, activeAfter, faults.map((fault) => [fault.code, fault.object]), warnings])
}
