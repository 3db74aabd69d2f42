/** The last line of a report. */
import { formatDuration } from '../util/duration.js'
import type { Report } from './report.js'

/** One line on the whole pass. */
export function summaryOf({ groups, scope, dryRun, interrupted, durationMs, requests }: Report): string {
  const kinds = new Map<string, number>()
  for (const { decision, faults } of groups) {
    const kind = faults.length > 0 ? 'error' : decision.kind
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  }
  const what =
    groups.length === 0
      ? `no managed Service in scope (${describeScope(scope)})`
      : [...kinds].map(([kind, n]) => `${n} ${kind}`).join(', ')
  const flags = `${dryRun ? ' (dry run)' : ''}${interrupted ? ' (interrupted)' : ''}`
  return `${what}${flags}; ${requests} API ${requests === 1 ? 'request' : 'requests'}, ${formatDuration(durationMs)}`
}

function describeScope(scope: Report['scope']): string {
  if (scope === 'all') return 'all namespaces'
  return `${scope.length === 1 ? 'namespace' : 'namespaces'} ${scope.join(', ')}`
}
