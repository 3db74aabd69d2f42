/** Warnings about checks that make sense one by one, and hardly together. They may be right, so nothing rests on them. Pure. */
import { type Check, formatChecks } from './check.js'
import type { Settings } from './settings.js'
import { shownChecks } from './shown-check.js'

/** The most characters of a check that are shown. */
const SHOWN = 60

/** @returns one line for each doubt. It names no pod, so it stays the same after a handover */
export function doubtsIn({ 'health-check': checks }: Pick<Settings, 'health-check'>): readonly string[] {
  return [...repeated(checks), ...withAndWithoutTls(checks)]
}

function repeated(checks: readonly Check[]): readonly string[] {
  const lines = checks.map((check) => formatChecks([check]))
  const twice = new Set(lines.filter((line, n) => lines.indexOf(line) !== n))
  return [...twice].map(
    (line) => `health-check has the line ${shownChecks(line).slice(0, SHOWN)} more than once: once is enough`,
  )
}

function withAndWithoutTls(checks: readonly Check[]): readonly string[] {
  const secured = new Map<number | string, Set<boolean>>()
  for (const check of checks) {
    if (!('scheme' in check)) continue
    const seen = secured.get(check.port) ?? new Set()
    secured.set(check.port, seen.add(check.scheme.endsWith('s')))
  }
  return [...secured].flatMap(([port, seen]) =>
    seen.size > 1 ? [`health-check asks port ${port} with TLS and without: hardly any server answers both`] : [],
  )
}
