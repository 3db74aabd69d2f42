/** The kinds of values that settings have: how each is written, and how it is read. Pure. */
import { formatDuration, type Milliseconds, parseDuration } from '../util/duration.js'
import type { Check } from './check.js'
import { CHECK_FORMS, formatChecks, parseChecks } from './check.js'
import { mistakeInChecks, type Wrong } from './check-mistakes.js'
import { describeBytes, describeLines, EXPECTED_FORM, parseBytes, parseLines, SENT_FORM } from './escapes.js'
import { FACTS_FORM, formatFacts, type JsonFact, mistakeInFacts, parseFacts } from './json-facts.js'
import { shownChecks } from './shown-check.js'

/** One setting. `parse` returns `undefined` for text that makes no sense; `expected` completes "should be …". */
export interface Setting<T> {
  readonly expected: string
  readonly parse: (text: string) => T | undefined
  /** Writes a value so that `parse` reads it back. Absent: as JavaScript does. */
  format?(value: T): string
  /** For a setting whose text may hold a secret and is never shown: says what is wrong with it, completing "is …". */
  readonly describe?: (text: string) => string
  /** For a setting whose text may hold a secret in some places: the text without these. */
  readonly show?: (text: string) => string
  /** What is wrong, where more is known than `expected` says. @param quote shows text that a user wrote */
  readonly mistake?: (text: string, quote: (text: string) => string) => Wrong | undefined
}

/** Limits on text that tenants write: it is parsed in every pass, and searched for every pod. */
const MAX_NAMES = 1_000
const MAX_NAME_LENGTH = 253
const POD_NAME = '[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?'
const LABEL_NAME = '[A-Za-z0-9](?:[-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?'
/** The key may have a prefix, and the value may be empty. */
const POD_OR_LABEL = new RegExp(`^(?:${POD_NAME}|(?:${POD_NAME}/)?${LABEL_NAME}=(?:${LABEL_NAME})?)$`)
const MAX_STATUSES = 32
const MAX_HEADERS = 64
const MAX_HEADERS_BYTES = 8_192
const MAX_BODY_BYTES = 4_096

export const DURATION: Setting<Milliseconds> = {
  expected: 'a duration such as 500ms, 2s or 1m30s',
  parse: parseDuration,
  format: formatDuration,
}
export const POSITIVE_DURATION: Setting<Milliseconds> = {
  expected: 'a duration above zero such as 500ms, 2s or 1m30s',
  parse: (text) => parseDuration(text) || undefined,
  format: formatDuration,
}
export const SHORT_DURATION: Setting<Milliseconds> = {
  expected: 'a duration of at most 2s, such as 20ms',
  parse: (text) => within(parseDuration(text), 0, 2_000),
  format: formatDuration,
}
export const COUNT: Setting<number> = {
  expected: 'a whole number from 1 to 1000',
  parse: (text) => (/^\d{1,4}$/.test(text) ? within(Number(text), 1, 1_000) : undefined),
}
export const FAILURES: Setting<number> = {
  ...COUNT,
  mistake: (text, quote) =>
    /^0+$/.test(text)
      ? {
          says: `${quote(text)} is too few: 1 is the least, which moves the role at the first failed probe`,
          instead: '1',
        }
      : undefined,
}
/** A number of probes made one after the other in one pass. */
export const FEW: Setting<number> = {
  expected: 'a whole number from 1 to 10',
  parse: (text) => (/^\d{1,2}$/.test(text) ? within(Number(text), 1, 10) : undefined),
}
export const TOGGLE: Setting<boolean> = {
  expected: 'true or false',
  parse: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
}
/** The end of the pause, in epoch milliseconds; 0: none. */
export const PAUSE: Setting<number> = {
  expected: 'true, false or a time such as 2026-01-31T04:00:00Z',
  parse: (text) => {
    if (text === 'true') return Number.POSITIVE_INFINITY
    if (text === 'false') return 0
    const endMs = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/.test(text)
      ? Date.parse(text)
      : Number.NaN
    return Number.isNaN(endMs) ? undefined : endMs
  },
  format: (endMs) => {
    if (endMs === 0) return 'false'
    return endMs === Number.POSITIVE_INFINITY ? 'true' : new Date(endMs).toISOString()
  },
}
/** Pods by their names, or by `key=value`, a label of theirs. */
export const NAMES: Setting<readonly string[]> = {
  expected: `at most ${MAX_NAMES} pod names of at most ${MAX_NAME_LENGTH} characters or labels such as topology.kubernetes.io/zone=eu-1a, separated by commas`,
  parse: (text) => splitList(text, POD_OR_LABEL, MAX_NAMES),
}
export const STATUSES: Setting<readonly StatusRange[]> = {
  expected: `at most ${MAX_STATUSES} HTTP statuses separated by commas, such as 200 or 200-399 or 200,204`,
  parse: (text) => {
    const ranges = splitList(text, /^[1-5]\d\d(-[1-5]\d\d)?$/, MAX_STATUSES)?.map((part): StatusRange => {
      const [min, max = min] = part.split('-').map(Number)
      return [min ?? 0, max ?? 0]
    })
    return ranges?.every(([min, max]) => min <= max) && ranges.some(mayEnd) ? ranges : undefined
  },
  mistake: (text, quote) => {
    const [, min = '', max = ''] = /^([1-5]\d\d)-([1-5]\d\d)$/.exec(text) ?? []
    if (min > max) return { says: `${quote(text)} begins with the larger status`, instead: `${max}-${min}` }
    const isInterim = /^1\d\d(-1\d\d)?(\s*,\s*1\d\d(-1\d\d)?)*$/.test(text)
    return isInterim
      ? { says: `${quote(text)} can never be met: the answer itself has a status from 200 on` }
      : undefined
  },
  format: (ranges) => ranges.map(([min, max]) => (min === max ? `${min}` : `${min}-${max}`)).join(','),
}
export const HEADERS: Setting<readonly Header[]> = {
  expected: `HTTP headers, one a line, such as Host: app.example; at most ${MAX_HEADERS}, and ${MAX_HEADERS_BYTES / 1_024} KiB in all`,
  parse: (text) => {
    if (Buffer.byteLength(text) > MAX_HEADERS_BYTES) return undefined
    const lines = text.split('\n').flatMap((line) => line.trim() || [])
    if (lines.length > MAX_HEADERS) return undefined
    const matches = lines.map(headerIn)
    return matches.every((match) => match !== null)
      ? matches.map(([, name = '', value = '']) => [name, value.trim()])
      : undefined
  },
  describe: (text) => {
    const bytes = Buffer.byteLength(text)
    if (bytes > MAX_HEADERS_BYTES) return `${bytes} bytes long`
    const lines = text.split('\n').map((line) => line.trim())
    const wrong = lines.findIndex((line) => line && headerIn(line) === null)
    return wrong < 0 ? `${lines.filter((line) => line).length} headers` : `no header in line ${wrong + 1}`
  },
}

/** Each character can match in one place only, so that nobody who may annotate a Service can keep us busy. */
function headerIn(line: string): RegExpExecArray | null {
  return /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)[\t ]*:([\t\x20-\x7e]*)$/.exec(line)
}

export const SEARCHED: Setting<string> = {
  expected: `a text of at most ${MAX_BODY_BYTES / 1_024} KiB`,
  parse: (text) => (Buffer.byteLength(text) <= MAX_BODY_BYTES && text ? text : undefined),
  describe: (text) => (text ? `${Buffer.byteLength(text)} bytes long` : 'empty'),
}

export const FACTS: Setting<readonly JsonFact[]> = {
  expected: FACTS_FORM,
  parse: parseFacts,
  format: formatFacts,
  mistake: mistakeInFacts,
}
/** Bytes, one per character, as in `EXPECTED`. */
export const SENT: Setting<string> = { expected: SENT_FORM, parse: parseBytes, describe: describeBytes }
/** All of these must appear in what a server says. */
export const EXPECTED: Setting<readonly string[]> = {
  expected: EXPECTED_FORM,
  parse: parseLines,
  describe: describeLines,
}

export const CONFIRMATION: Setting<'none' | 'ready'> = {
  expected: 'none or ready',
  parse: (text) => (text === 'none' || text === 'ready' ? text : undefined),
}

/** Whether an answer may end with one of these: those from 100 on are followed by another, but for 101. */
function mayEnd([min, max]: StatusRange): boolean {
  return max >= 200 || (min <= 101 && max >= 101)
}

/** Inclusive. */
type StatusRange = readonly [min: number, max: number]
type Header = readonly [name: string, value: string]

function within(value: number | undefined, min: number, max: number): number | undefined {
  return value !== undefined && value >= min && value <= max ? value : undefined
}

/** Splits at commas. `undefined` if the list is empty or too long, or a part does not have the form. */
function splitList(text: string, form: RegExp, most: number): string[] | undefined {
  const parts = text.split(',', most + 1).map((part) => part.trim())
  return parts.length <= most && parts.every((part) => form.test(part)) ? parts : undefined
}
export const CHECKS: Setting<readonly Check[]> = {
  expected: CHECK_FORMS,
  parse: parseChecks,
  format: formatChecks,
  show: shownChecks,
  mistake: mistakeInChecks,
}
