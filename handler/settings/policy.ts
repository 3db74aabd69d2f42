/** Reads the settings of a group: annotations on its Services override flags, and flags override defaults. Pure. */
import { CLAIM, HEALED, HISTORY, PREFIX } from '../kube/keys.js'
import type { Service } from '../kube/port.js'
import { closest } from '../util/closest.js'
import type { Fault } from '../util/errors.js'
import { redacted } from '../util/printable.js'
import { quoted } from '../util/quoted.js'
import type { Wrong } from './check-mistakes.js'
import { FLAG_SETTINGS, SETTINGS, type SettingName, type Settings } from './settings.js'
import type { Setting } from './values.js'

const SETTING_NAMES = Object.keys(SETTINGS)

/** Written by this program on Services: no settings, and no warning names them. */
const WRITTEN: readonly string[] = [CLAIM, HEALED, HISTORY]

/** The longest key of an annotation: a prefix of 253 characters, a slash and a name of 63. */
const MAX_KEY_LENGTH = 317

/** The most annotations of one Service that get a warning each. */
const MAX_WARNINGS = 10

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

function badValue(service: Service, key: string, text: string, setting: Setting<unknown>): Fault {
  const { expected, describe, mistake } = setting
  const quote = quoteOf(setting)
  const is = describe ? `${describe(text)} (it may hold a secret, and is not shown)` : quote(text)
  const wrong = mistake?.(text, quote)
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
    message: `annotation ${key} is ${quoteOf(SETTINGS['health-check'])(text)}, a command in the pods, and commands are not run without --allow-exec`,
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
  const wrong = setting.mistake?.(text, (one) => quoted(setting.show?.(one) ?? one))
  const meant = wrong && hint(wrong).trimEnd()
  return wrong && (meant ? `${wrong.says}. ${meant}` : wrong.says)
}

/** Quotes what may be shown of a text. */
function quoteOf({ show = (text) => text }: Pick<Setting<unknown>, 'show'>): (text: string) => string {
  return (text) => quoted(redacted(show(text)))
}

type Said = { readonly service: Service; readonly text: string }

function conflict(key: string, setting: Setting<unknown>, one: Said, other: Said): Fault {
  const { describe } = setting
  const says = ({ service, text }: Said) => `${quoteOf(setting)(text)} on ${service.name}`
  const [first, second] = [says(one), says(other)]
  const hidden = quoteOf(setting)(one.text) === quoteOf(setting)(other.text) ? ' (what differs is not shown)' : ''
  return {
    code: 'conflicting-annotations',
    object: `services ${one.service.name} and ${other.service.name} in namespace ${one.service.namespace}`,
    message: `they select the same pods but annotation ${key} differs${describe ? ' (it may hold a secret, and is not shown)' : `: ${first}, ${second}${hidden}`}`,
    remedy: 'Set it on one of them only, or to the same value.',
  }
}
