/**
 * The settings of a group: annotations on its Services override flags, and flags override defaults. Pure. One table
 * holds every setting, so that a flag and the annotation of the same name mean the same.
 */

import { CLAIM, HEALED, HISTORY, PREFIX } from '../kube/keys.js'
import type { Service } from '../kube/port.js'
import { closest } from '../util/closest.js'
import { formatDuration, type Milliseconds, parseDuration } from '../util/duration.js'
import type { Fault } from '../util/errors.js'
import { redacted } from '../util/printable.js'
import { CHECK_FORMS, formatChecks, parseChecks } from './check.js'
import { mistakeInChecks, type Wrong } from './check-mistakes.js'
import { describeBytes, describeLines, EXPECTED_FORM, parseBytes, parseLines, SENT_FORM } from './escapes.js'
import { FACTS_FORM, formatFacts, type JsonFact, mistakeInFacts, parseFacts } from './json-facts.js'

/** One setting. `parse` returns `undefined` for text that makes no sense; `expected` completes "should be …". */
interface Setting<T> {
  readonly expected: string
  readonly parse: (text: string) => T | undefined
  /** Writes a value so that `parse` reads it back. Absent: as JavaScript does. */
  format?(value: T): string
  /** For a setting whose text may hold a secret and is never shown: says what is wrong with it, completing "is …". */
  readonly describe?: (text: string) => string
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
/** The most annotations of one Service that get a warning each. */
const MAX_WARNINGS = 10

const DURATION: Setting<Milliseconds> = {
  expected: 'a duration such as 500ms, 2s or 1m30s',
  parse: parseDuration,
  format: formatDuration,
}
const POSITIVE_DURATION: Setting<Milliseconds> = {
  expected: 'a duration above zero such as 500ms, 2s or 1m30s',
  parse: (text) => parseDuration(text) || undefined,
  format: formatDuration,
}
const SHORT_DURATION: Setting<Milliseconds> = {
  expected: 'a duration of at most 2s, such as 20ms',
  parse: (text) => within(parseDuration(text), 0, 2_000),
  format: formatDuration,
}
const COUNT: Setting<number> = {
  expected: 'a whole number from 1 to 1000',
  parse: (text) => (/^\d{1,4}$/.test(text) ? within(Number(text), 1, 1_000) : undefined),
}
const FAILURES: Setting<number> = {
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
const FEW: Setting<number> = {
  expected: 'a whole number from 1 to 10',
  parse: (text) => (/^\d{1,2}$/.test(text) ? within(Number(text), 1, 10) : undefined),
}
const TOGGLE: Setting<boolean> = {
  expected: 'true or false',
  parse: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
}
/** The end of the pause, in epoch milliseconds; 0: none. */
const PAUSE: Setting<number> = {
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
const NAMES: Setting<readonly string[]> = {
  expected: `at most ${MAX_NAMES} pod names of at most ${MAX_NAME_LENGTH} characters or labels such as topology.kubernetes.io/zone=eu-1a, separated by commas`,
  parse: (text) => splitList(text, POD_OR_LABEL, MAX_NAMES),
}
const STATUSES: Setting<readonly StatusRange[]> = {
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
const HEADERS: Setting<readonly Header[]> = {
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

const SEARCHED: Setting<string> = {
  expected: `a text of at most ${MAX_BODY_BYTES / 1_024} KiB`,
  parse: (text) => (Buffer.byteLength(text) <= MAX_BODY_BYTES && text ? text : undefined),
  describe: (text) => (text ? `${Buffer.byteLength(text)} bytes long` : 'empty'),
}

const FACTS: Setting<readonly JsonFact[]> = {
  expected: FACTS_FORM,
  parse: parseFacts,
  format: formatFacts,
  mistake: mistakeInFacts,
}
/** Bytes, one per character, as in `EXPECTED`. */
const SENT: Setting<string> = { expected: SENT_FORM, parse: parseBytes, describe: describeBytes }
/** All of these must appear in what a server says. */
const EXPECTED: Setting<readonly string[]> = { expected: EXPECTED_FORM, parse: parseLines, describe: describeLines }

const CONFIRMATION: Setting<'none' | 'ready'> = {
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

/** Settings that are an annotation and also a flag. The flag applies to all Services without the annotation. */
export const FLAG_SETTINGS = {
  'health-check': { parse: parseChecks, expected: CHECK_FORMS, format: formatChecks, mistake: mistakeInChecks },
  'health-timeout': POSITIVE_DURATION,
  'health-slow': POSITIVE_DURATION,
  failures: FAILURES,
  probes: COUNT,
  period: DURATION,
  confirm: CONFIRMATION,
  rise: FEW,
  stable: DURATION,
  cooldown: DURATION,
  latch: TOGGLE,
  settle: SHORT_DURATION,
} as const

const ANNOTATION_SETTINGS = {
  'health-status': STATUSES,
  'health-body': SEARCHED,
  'health-headers': HEADERS,
  'health-json': FACTS,
  'health-send': SENT,
  'health-expect': EXPECTED,
  pause: PAUSE,
  managed: TOGGLE,
  prefer: NAMES,
  never: NAMES,
  failback: DURATION,
  'promote-unhealthy': TOGGLE,
} as const

const SETTINGS = { ...FLAG_SETTINGS, ...ANNOTATION_SETTINGS }

const SETTING_NAMES = Object.keys(SETTINGS)

/** Written by this program on Services: no settings, and no warning names them. */
const WRITTEN: readonly string[] = [CLAIM, HEALED, HISTORY]

/** The longest key of an annotation: a prefix of 253 characters, a slash and a name of 63. */
const MAX_KEY_LENGTH = 317

type Parsed<S> = S extends Setting<infer T> ? T : never
type Values<Table> = { readonly [Name in keyof Table]: Parsed<Table[Name]> }
type SettingName = keyof typeof SETTINGS

/** Whether commands may be run in the containers of pods: said by the flag `--allow-exec` alone. */
type FlagOnly = { readonly 'allow-exec': boolean }

/** The flags without a default. */
type Undefaulted = 'health-timeout' | 'health-slow'

/** The settings of a group. Durations are in milliseconds. An absent one has no annotation, no flag and no default. */
export type Settings = FlagOnly &
  Omit<Values<typeof FLAG_SETTINGS>, Undefaulted> &
  Partial<Values<typeof ANNOTATION_SETTINGS> & Pick<Values<typeof FLAG_SETTINGS>, Undefaulted>>

export const DEFAULT_SETTINGS: Settings = {
  'health-check': [{ kind: 'probe' }],
  failures: 3,
  probes: 3,
  period: 1_000,
  confirm: 'none',
  rise: 2,
  stable: 10_000,
  cooldown: 30_000,
  latch: true,
  settle: 20,
  'allow-exec': false,
}

/** The settings that are not defaults, as annotations would give them. What may hold a secret is not shown. */
export function changedSettings(settings: Settings): Readonly<Record<string, string>> {
  const values: Readonly<Record<string, unknown>> = settings
  const defaults: Readonly<Record<string, unknown>> = DEFAULT_SETTINGS
  const table: Readonly<Record<string, Setting<unknown>>> = SETTINGS
  const own = Object.entries(table).filter(([name]) => JSON.stringify(values[name]) !== JSON.stringify(defaults[name]))
  return Object.fromEntries(
    own.map(([name, { describe, format = String }]) => [name, describe ? '(not shown)' : format(values[name])]),
  )
}

/** Whether the group is paused now. */
export function isPaused({ pause = 0 }: Pick<Settings, 'pause'>, nowMs: number): boolean {
  return nowMs < pause
}

/** The end of the pause in RFC 3339, or `forever`; `null`: the group is not paused now. */
export function pausedUntil({ pause = 0 }: Pick<Settings, 'pause'>, nowMs: number): string | null {
  if (!isPaused({ pause }, nowMs)) return null
  return pause === Number.POSITIVE_INFINITY ? 'forever' : new Date(pause).toISOString()
}

/** The time of one probe if nobody sets it. A declared probe that allows itself more gets more. */
export const DEFAULT_HEALTH_TIMEOUT_MS: Milliseconds = 2_000

/** The longest time that a Service or a pod may ask for, for one probe. It fits into a pass of the default length. */
export const DEFAULT_MAX_HEALTH_TIMEOUT_MS: Milliseconds = 30_000

export type Policy = { readonly settings: Settings; readonly warnings: readonly string[] } | { readonly fault: Fault }

/** Reads the settings of a group from all its Services. The fault is the first mistake that is found. */
export function policyOf(services: readonly Service[], defaults: Settings): Policy {
  const found = new Map<SettingName, { service: Service; text: string; value: unknown }>()
  const warnings: string[] = []
  for (const service of services) {
    warnings.push(...senseless(service))
    for (const [key, text] of Object.entries(service.annotations)) {
      const name = settingIn(key)
      if (name === undefined) continue
      const value = SETTINGS[name].parse(text)
      if (value === undefined) return { fault: badValue(service, key, text, SETTINGS[name]) }
      if (name === 'health-check' && !defaults['allow-exec'] && hasCommand(value as Settings['health-check']))
        return { fault: commandNotAllowed(service, key, text) }
      const other = found.get(name)
      // One Service is enough to pause a group, until the last pause has ended: that is the careful choice.
      if (name === 'pause') {
        found.set(name, { service, text, value: Math.max(value as number, (other?.value as number | undefined) ?? 0) })
      } else if (other && JSON.stringify(other.value) !== JSON.stringify(value)) {
        return { fault: conflict(key, SETTINGS[name], other, { service, text }) }
      } else {
        found.set(name, { service, text, value })
      }
    }
  }
  const own = Object.fromEntries([...found].map(([name, { value }]) => [name, value])) as Partial<Settings>
  return { settings: { ...defaults, ...own }, warnings }
}

/** Warnings about the annotations that are no settings. */
function senseless(service: Service): readonly string[] {
  const said = Object.keys(service.annotations).flatMap((key) =>
    WRITTEN.includes(key) || settingIn(key) !== undefined ? [] : withoutEffect(service, key),
  )
  const rest = said.length - MAX_WARNINGS
  return rest > 0
    ? [...said.slice(0, MAX_WARNINGS), `service ${service.name}: ${rest} more annotations like these have no effect`]
    : said
}

/** The warning about one annotation that is no setting. There is none unless somebody probably meant a setting. */
function withoutEffect({ name }: Service, key: string): readonly string[] {
  const says = `service ${name}: annotation ${key}`
  if (!key.startsWith(PREFIX)) {
    const meant = meantBy(key)
    return meant === undefined ? [] : [`${says} is not ours and has no effect: did you mean ${PREFIX}${meant}?`]
  }
  const meant = closest(key.slice(PREFIX.length), SETTING_NAMES)
  const guess = meant === undefined ? '' : `: did you mean ${PREFIX}${meant}?`
  return [`${says} is unknown and has no effect${guess}`]
}

/**
 * The setting that is probably meant, if the prefix is misspelled (`active-pasive/pause`), has another form
 * (`Active-Passive/pause`, `active-passive.io/pause`) or ends in something other than a slash (`active-passive.pause`).
 */
function meantBy(key: string): string | undefined {
  if (key.length > MAX_KEY_LENGTH) return undefined
  const [prefix = '', name, ...more] = key.split('/')
  if (name !== undefined) return more.length === 0 && isAlmostOurs(prefix) ? closest(name, SETTING_NAMES) : undefined
  const lower = key.toLowerCase()
  return SETTING_NAMES.find(
    (setting) =>
      ['-', '.', '_'].some((separator) => lower.endsWith(separator + setting)) &&
      isAlmostOurs(key.slice(0, -setting.length - 1)),
  )
}

function isAlmostOurs(prefix: string): boolean {
  const [label = ''] = prefix.split('.')
  return closest(label, [PREFIX.slice(0, -1)]) !== undefined
}

/** The setting that this key of an annotation names; `undefined`: none. */
function settingIn(key: string): SettingName | undefined {
  const name = key.slice(PREFIX.length)
  return key.startsWith(PREFIX) && isSetting(name) ? name : undefined
}

function isSetting(name: string): name is SettingName {
  return Object.hasOwn(SETTINGS, name)
}

function badValue(
  service: Service,
  key: string,
  text: string,
  { expected, describe, mistake }: Setting<unknown>,
): Fault {
  const is = describe ? `${describe(text)} (it may hold a secret, and is not shown)` : quoted(text)
  const wrong = mistake?.(text, quoted)
  return {
    code: 'bad-annotation',
    object: `service ${service.namespace}/${service.name}`,
    message: wrong
      ? `annotation ${key} is wrong: ${wrong.says}`
      : `annotation ${key} is ${is}, which should be ${expected}`,
    remedy: `${hint(wrong)}Correct it: kubectl annotate service ${service.name} -n ${service.namespace} --overwrite ${key}=VALUE`,
  }
}

/** Whether one of the checks is a command. */
export function hasCommand(checks: Settings['health-check']): boolean {
  return checks.some(({ kind }) => kind === 'exec')
}

function commandNotAllowed({ namespace, name }: Service, key: string, text: string): Fault {
  return {
    code: 'bad-annotation',
    object: `service ${namespace}/${name}`,
    message: `annotation ${key} is ${quoted(text)}, a command in the pods, and commands are not run without --allow-exec`,
    remedy: `Start the program with --allow-exec and with the right to it, as jobs/components/exec does; or give another check: kubectl annotate service ${name} -n ${namespace} --overwrite ${key}=VALUE`,
  }
}

/** What was probably meant. A text that holds more than words may have a secret in it, and is not shown. */
function hint({ instead }: Wrong | undefined = { says: '' }): string {
  return instead !== undefined && /^[\w.:/-]{1,100}$/.test(instead) ? `Did you mean ${instead}? ` : ''
}

/** What is wrong with the value of a flag, with what was probably meant. `undefined`: no more than that it is. */
export function mistakeInFlag(name: keyof typeof FLAG_SETTINGS, text: string): string | undefined {
  const setting: Setting<unknown> = FLAG_SETTINGS[name]
  const wrong = setting.mistake?.(text, JSON.stringify)
  const meant = wrong && hint(wrong).trimEnd()
  return wrong && (meant ? `${wrong.says}. ${meant}` : wrong.says)
}

function quoted(text: string): string {
  return JSON.stringify(redacted(text).slice(0, 100))
}

type Said = { readonly service: Service; readonly text: string }

function conflict(key: string, { describe }: Setting<unknown>, one: Said, other: Said): Fault {
  const says = ({ service, text }: Said) => `${quoted(text)} on ${service.name}`
  return {
    code: 'conflicting-annotations',
    object: `services ${one.service.name} and ${other.service.name} in namespace ${one.service.namespace}`,
    message: `they select the same pods but annotation ${key} differs${describe ? ' (it may hold a secret, and is not shown)' : `: ${says(one)}, ${says(other)}`}`,
    remedy: 'Set it on one of them only, or to the same value.',
  }
}

function within(value: number | undefined, min: number, max: number): number | undefined {
  return value !== undefined && value >= min && value <= max ? value : undefined
}

/** Splits at commas. `undefined` if the list is empty or too long, or a part does not have the form. */
function splitList(text: string, form: RegExp, most: number): string[] | undefined {
  const parts = text.split(',', most + 1).map((part) => part.trim())
  return parts.length <= most && parts.every((part) => form.test(part)) ? parts : undefined
}
