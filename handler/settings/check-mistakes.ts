/** Says what is wrong with a line that is no health check, and what was probably meant. Pure. */
import { closest } from '../util/closest.js'
import {
  bytesOf,
  CHECK_FORMS,
  commandIn,
  countLines,
  MAX_COMMAND_BYTES,
  MAX_PATH_LENGTH,
  parseCheck,
  SCHEME_NAMES,
  WORD_NAMES,
  wrongLine,
} from './check.js'

/** What is wrong with a value. */
export interface Wrong {
  /** A sentence without its full stop. It quotes what is wrong of the value. */
  readonly says: string
  /** What was probably meant, in place of what is wrong. */
  readonly instead?: string
}

interface Mistake {
  /** Completes `"LINE" …`. */
  readonly why: string
  /** The line that was probably meant. It is a check. */
  readonly instead?: string
}

/** The mistake in a text of several lines, with the wrong line. `undefined`: nothing is known but that it is wrong. */
export function mistakeInChecks(text: string, quote: (text: string) => string): Wrong | undefined {
  const count = countLines(text)
  const wrong = wrongLine(text)
  if (wrong === undefined) return count > 0 ? { says: `${count} lines should be ${CHECK_FORMS}` } : undefined
  const mistake = mistakeIn(wrong.line, quote)
  const subject = `${count > 1 ? `line ${wrong.number}: ` : ''}${quote(wrong.line)}`
  if (mistake === undefined) return { says: `${subject} should be ${CHECK_FORMS}` }
  return { says: `${subject} ${mistake.why}`, ...(mistake.instead === undefined ? {} : { instead: mistake.instead }) }
}

/**
 * @param quote shows text that a user wrote
 * @returns `undefined`: the line resembles none of the forms
 */
function mistakeIn(line: string, quote: (text: string) => string): Mistake | undefined {
  if (/^exec\b/i.test(line)) return inCommand(line)
  const [, scheme, rest = ''] = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(.*)$/s.exec(line) ?? []
  if (scheme === undefined) return withoutScheme(line)
  if (areChecks(line.split(/[\s,;]+/))) return SEVERAL
  return SCHEME_NAMES.includes(scheme) ? inUrl(scheme, rest, quote) : inScheme(scheme, rest, quote)
}

function inCommand(line: string): Mistake {
  const long = commandIn(line)
  if (long) {
    const most = `may have at most ${MAX_COMMAND_BYTES / 1_024} KiB: put it into a script in the image`
    return { why: `has a command of ${bytesOf(long)} bytes, and ${most}` }
  }
  const [, command = ''] = /^exec:\s*(.*)$/s.exec(line) ?? []
  if (command.startsWith('['))
    return { why: 'has no JSON array of texts behind exec:, such as exec: ["sh", "-c", "test -f /tmp/ready"]' }
  return { why: 'names no command: write exec: COMMAND, such as exec: cat /tmp/ready' }
}

function inScheme(scheme: string, rest: string, quote: (text: string) => string): Mistake {
  const meant = closest(scheme, SCHEME_NAMES)
  const why = `begins with ${quote(`${scheme}://`)}, and a check begins with ${oneOf(SCHEME_NAMES.map((name) => `${name}://`))}`
  return { why, ...(meant === undefined ? {} : insteadOf(`${meant}://${rest}`, inUrl(meant, rest, quote)?.instead)) }
}

function inUrl(scheme: string, rest: string, quote: (text: string) => string): Mistake | undefined {
  const [authority = ''] = /^[^/?#]*/.exec(rest) ?? []
  const tail = rest.slice(authority.length)
  const url = (port: string) => `${scheme}://:${port}${tail}`
  if (/\s/.test(rest)) return { why: 'holds a space: in a URL it is written %20' }
  if (authority === '' || authority === ':') return { why: `names no port: write ${scheme}://:PORT${tailOf(tail)}` }
  if (authority.includes('@')) return { why: 'has a user or a password before @, and a check has none' }
  if (/^\d+$/.test(authority)) return { why: 'has no : before the port', ...insteadOf(url(authority)) }
  const [, host = authority, port] = /^(.*):([^:\]]*)$/.exec(authority) ?? []
  if (host !== '') {
    const why = `names the host ${quote(host)}, and a check has none: it goes to the pod's own address`
    return port === undefined
      ? { why: `${why}. It names no port: write ${scheme}://:PORT${tailOf(tail)}` }
      : { why, ...insteadOf(url(port)) }
  }
  if (parseCheck(`tcp://:${port}`) === undefined) return inPort(port ?? '', url, quote)
  return inTail(scheme, tail, url(port ?? ''))
}

function inPort(port: string, url: (port: string) => string, quote: (text: string) => string): Mistake {
  if (/^[-+.\d]+$/.test(port)) return { why: `has the port ${quote(port)}, and a port is a number from 1 to 65535` }
  const why = `has the port ${quote(port)}, and the name of a port has at most 15 small letters, digits and hyphens, and at least one letter`
  return { why, ...insteadOf(url(port.toLowerCase())) }
}

function inTail(scheme: string, tail: string, url: string): Mistake | undefined {
  if (tail.includes('#'))
    return { why: 'has a fragment (#), which is sent to no server', ...insteadOf(before(url, '#')) }
  if (tail.length > MAX_PATH_LENGTH)
    return { why: `has a path of ${tail.length} characters, and may have at most ${MAX_PATH_LENGTH}` }
  if (scheme === 'tcp')
    return { why: 'has a path, and a TCP connection asks for none', ...insteadOf(url.slice(0, -tail.length)) }
  return tail.startsWith('?') ? { why: 'has a query, and gRPC has none', ...insteadOf(before(url, '?')) } : undefined
}

function withoutScheme(line: string): Mistake | undefined {
  const words = line.split(/[\s,;]+/)
  if (words.length > 1 && areChecks(words)) return SEVERAL
  const meant = closest(line, WORD_NAMES)
  if (meant !== undefined) return { why: 'is not known', instead: meant }
  const [, scheme = '', , target = ''] = /^([a-z]+):(\/?):?([a-z0-9-]+(\/.*)?)$/.exec(line) ?? []
  if (SCHEME_NAMES.includes(scheme))
    return { why: `has no :// behind ${scheme}`, ...insteadOf(`${scheme}://:${target}`) }
  const [, port, path] = /^:?(\d+)(\/\S*)?$/.exec(line) ?? []
  if (port !== undefined)
    return { why: `does not say how to ask: write http://:${port}${path ?? '/'}${path ? '' : ` or tcp://:${port}`}` }
  return line.startsWith('/') ? { why: `names no port: write http://:PORT${tailOf(line)}` } : undefined
}

const SEVERAL: Mistake = { why: 'holds several checks: each has a line of its own' }

function areChecks(words: readonly string[]): boolean {
  return words.length > 1 && words.every((word) => parseCheck(word) !== undefined)
}

/** The first of these lines that is a check. */
function insteadOf(...lines: readonly (string | undefined)[]): Pick<Mistake, 'instead'> {
  const instead = lines.find((line) => line !== undefined && parseCheck(line) !== undefined)
  return instead === undefined ? {} : { instead }
}

/** A path to be shown in a form. One with more than a path may hold a secret. */
function tailOf(tail: string): string {
  return /^\/[\w./-]{0,60}$/.test(tail) ? tail : '/PATH'
}

function before(text: string, mark: string): string {
  return text.slice(0, text.indexOf(mark))
}

function oneOf(words: readonly string[]): string {
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}
