/** The log of serve: entries, each of which becomes one line, of text or of JSON, whatever it holds. */
import { printable, printableJson } from '../../util/printable.js'

export type Level = 'info' | 'warn' | 'error'
type LogFormat = 'text' | 'json'

/** What an entry is about, for programs. The line of text shows the namespace, the Service, the page and the stack alone. */
export interface Fields {
  readonly namespace?: string | undefined
  /** The first Service of the group, by name. */
  readonly service?: string | undefined
  /** All Services of the group, where there are several. */
  readonly services?: readonly string[] | undefined
  /** The kind of the decision. */
  readonly decision?: string
  /** The code of its reason. */
  readonly reason?: string
  /** The active pod; `null` where none is known. */
  readonly active?: string | null
  /** The code of a fault. */
  readonly code?: string
  /** The page about a fault. */
  readonly doc?: string
  /** The end of a pause that was asked for, as in its answer; `null`: the group is not paused now. */
  readonly pausedUntil?: string | null
  readonly dryRun?: true
  /** API requests of the pass so far. */
  readonly requests?: number
  /** How long the pass has taken so far. */
  readonly durationMs?: number
  /** Where in the program a defect is. */
  readonly stack?: string
}

export interface Entry {
  readonly level: Level
  readonly msg: string
  readonly fields?: Fields
}

type Write = (msg: string, fields?: Fields) => void

/** The functions may be passed on alone. */
export interface Log {
  readonly info: Write
  readonly warn: Write
  readonly error: Write
}

/**
 * @param write takes one line, without the end of the line
 * @param now the time in epoch milliseconds
 */
export function createLog(
  format: LogFormat,
  write: (line: string, level: Level) => void,
  now: () => number = Date.now,
): Log {
  const lineOf = format === 'json' ? jsonLine : textLine
  const at =
    (level: Level): Write =>
    (msg, fields = {}) =>
      write(lineOf({ level, msg, fields }, new Date(now()).toISOString()), level)
  return { info: at('info'), warn: at('warn'), error: at('error') }
}

/** Writes a defect of this program. */
export function logDefect(log: Pick<Log, 'error'>, error: unknown, about: Fields = {}): void {
  log.error(`defect: ${error}`, { ...about, ...(error instanceof Error && error.stack ? { stack: error.stack } : {}) })
}

/** The text of a defect on one line, where there is no log. */
export function describeDefect(error: unknown): string {
  return error instanceof Error && error.stack ? `defect: ${error}${traceOf(error.stack)}` : `defect: ${error}`
}

/** `TIME LEVEL namespace/service: msg`, and ` | see PAGE` where there is one */
function textLine({ level, msg, fields = {} }: Entry, ts: string): string {
  const { namespace, service, services = service === undefined ? [] : [service], doc, stack } = fields
  const subject = [namespace ?? [], services.length > 0 ? services.join(',') : []].flat().join('/')
  const text = `${subject === '' ? '' : `${subject}: `}${msg}${doc === undefined ? '' : ` | see ${doc}`}${stack === undefined ? '' : traceOf(stack)}`
  return `${ts} ${level.toUpperCase()} ${printable(text)}`
}

/** `{ts, level, msg, …}` */
function jsonLine({ level, msg, fields }: Entry, ts: string): string {
  return printableJson({ ts, level, msg, ...fields })
}

/** The places in a stack. */
function traceOf(stack: string): string {
  const places = stack.split('\n').filter((line) => /^\s+at /.test(line))
  return places.map((line) => ` | ${line.trim()}`).join('')
}
