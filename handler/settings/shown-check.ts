/**
 * What people are shown of checks, in status, reports, logs, Events and errors: of a command its program and the number of
 * its arguments, of a URL its path and the names in its query. The rest may hold passwords, and those who may read a
 * report are not those who may read the Service. Pure.
 */
import { parseCheck } from './check.js'

/** The most characters of a program. */
const MAX_PROGRAM_LENGTH = 60

/** The first word of a command. */
export function programOf([first = '']: readonly string[]): string {
  const [program = ''] = /^\S*/.exec(first.trim()) ?? []
  return program.slice(0, MAX_PROGRAM_LENGTH)
}

/** Checks, one per line, right or wrong, as they are shown. */
export function shownChecks(text: string): string {
  return text.split('\n').map(shownLine).join('\n')
}

function shownLine(line: string): string {
  const check = parseCheck(line.trim())
  if (check?.kind === 'exec') {
    const { length } = check.command.slice(1)
    const others = length === 0 ? '' : ` (${length} ${length === 1 ? 'argument' : 'arguments'})`
    return `exec: ${programOf(check.command)}${others}`
  }
  return check === undefined && !line.includes('://') ? firstWords(line) : withoutValues(line)
}

/** The beginning of what is no check: an `exec` with what may be its program, or else the first word. */
function firstWords(line: string): string {
  const [shown = ''] = /^\s*(?:exec\s*:?\s*(?!\[))?[^\s?[]*/i.exec(line) ?? []
  const rest = line.slice(shown.length)
  return rest.trim() === '' || /^\?/.test(rest) ? withoutValues(line) : `${shown.trimEnd()} …`
}

/** A URL without the values of its query. */
function withoutValues(line: string): string {
  const [start, ...query] = line.split('?')
  const names = query
    .join('?')
    .split('&')
    .map((one) => (one.includes('=') ? one.replace(/=.*$/s, '=…') : one && '…'))
  return query.length === 0 ? line : `${start}?${names.join('&')}`
}
