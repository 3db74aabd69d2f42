/**
 * What people are shown of checks, in status, reports, logs, Events and errors: of a command its program and the number of
 * its arguments, of a URL its path and the names in its query. The rest may hold passwords, and those who may read a
 * report are not those who may read the Service. Pure.
 */
import { parseCheck } from './check.js'

/** The most characters of a program. */
const MAX_PROGRAM_LENGTH = 60

/** The first word of a command. Without a shell, `NAME=VALUE` is one too: its value is not shown. */
export function programOf([first = '']: readonly string[]): string {
  const [program = ''] = /^\S*/.exec(first.trim()) ?? []
  return withoutValue(program).slice(0, MAX_PROGRAM_LENGTH)
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
  return check === undefined ? beginningOf(line) : withoutValues(line)
}

/**
 * The beginning of what is no check: an `exec` with what may be its program; or the URLs that it begins with; or else the
 * first word, unless it looks like an argument, because a command may be written on several lines.
 */
function beginningOf(line: string): string {
  const [urls = ''] = /^\s*[a-z][a-z0-9+.-]*:\/\/\S*(?:\s+[a-z][a-z0-9+.-]*:\/\/\S*)*/i.exec(line) ?? []
  const [word = ''] = /^\s*(?:exec\s*:?\s*(?!\[))?(?![-"'])[^\s?[]*/i.exec(line) ?? []
  const shown = urls || word
  const rest = line.slice(shown.length)
  const isAll = rest.trim() === '' || (!urls && /^\?\S*\s*$/.test(rest))
  if (isAll) return eachWord(line)
  return `${eachWord(shown).trimEnd()} …`.trimStart()
}

function eachWord(text: string): string {
  return text.replace(/\S+/g, (word) =>
    word.includes('?') || word.includes('://') ? withoutValues(word) : withoutValue(word),
  )
}

function withoutValue(word: string): string {
  return word.replace(/=.*$/s, '=…')
}

/** A URL without the values of its query. */
function withoutValues(line: string): string {
  const [start, ...query] = line.split('?')
  const names = query
    .join('?')
    .split('&')
    .map((one) => (one.includes('=') ? withoutValue(one) : one && '…'))
  return query.length === 0 ? line : `${start}?${names.join('&')}`
}
