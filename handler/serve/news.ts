/** What is worth a line in the log: what differs from what was said of a group before. */
import { toJson } from '../report/json.js'
import type { GroupReport, Report } from '../report/report.js'
import { toText } from '../report/text.js'

/**
 * @param isTold of the groups those that were told of already
 * @returns the text to print, or `undefined` when nothing has changed since the last report on the same groups
 */
export type News = (report: Report, isWhole: boolean, isTold?: (group: GroupReport) => boolean) => string | undefined

/** Whoever asks for ever new names that are no Services takes no more memory than that. */
const MEMORY = 10_000

export function newsIn(output: 'text' | 'json'): News {
  const said = new Map<string, string>()
  let warned = '[]'
  return (report, isWhole, isTold = () => false) => {
    const groups = report.groups.filter((group) => {
      if (isTold(group)) return false
      const [key, now] = [keyOf(group), gist(group)]
      const isNews = said.get(key) !== now || group.latch !== null
      said.set(key, now)
      return isNews
    })
    if (isWhole) {
      const there = new Set([...report.groups, ...report.busy].map(keyOf))
      for (const key of said.keys()) if (!there.has(key)) said.delete(key)
    }
    if (said.size > MEMORY) said.clear()
    const warnings = isWhole && JSON.stringify(report.warnings) !== warned ? report.warnings : []
    if (isWhole) warned = JSON.stringify(report.warnings)
    if (groups.length === 0 && warnings.length === 0) return undefined
    const news = { ...report, groups, warnings }
    return output === 'json' ? toJson(news, 0) : `${new Date().toISOString()} ${toText(news)}\n`
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
