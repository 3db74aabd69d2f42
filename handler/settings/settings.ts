/** The settings of a group: one table holds them all, so that a flag and the annotation of the same name mean the same. Pure. */
import type { Milliseconds } from '../util/duration.js'
import {
  CHECKS,
  CONFIRMATION,
  COUNT,
  DURATION,
  EXPECTED,
  FACTS,
  FAILURES,
  FEW,
  HEADERS,
  NAMES,
  PAUSE,
  POSITIVE_DURATION,
  SEARCHED,
  SENT,
  type Setting,
  SHORT_DURATION,
  STATUSES,
  TOGGLE,
} from './values.js'

/** Settings that are an annotation and also a flag. The flag applies to all Services without the annotation. */
export const FLAG_SETTINGS = {
  'health-check': CHECKS,
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

/** All settings, by name. */
export const SETTINGS = { ...FLAG_SETTINGS, ...ANNOTATION_SETTINGS }

type Parsed<S> = S extends Setting<infer T> ? T : never
type Values<Table> = { readonly [Name in keyof Table]: Parsed<Table[Name]> }
export type SettingName = keyof typeof SETTINGS

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

/** The settings that are not defaults, as annotations would give them. What may hold a secret is not shown, nor are such parts of checks. */
export function changedSettings(settings: Settings): Readonly<Record<string, string>> {
  const values: Readonly<Record<string, unknown>> = settings
  const defaults: Readonly<Record<string, unknown>> = DEFAULT_SETTINGS
  const table: Readonly<Record<string, Setting<unknown>>> = SETTINGS
  const own = Object.entries(table).filter(([name]) => JSON.stringify(values[name]) !== JSON.stringify(defaults[name]))
  return Object.fromEntries(
    own.map(([name, { describe, format = String, show = (text: string) => text }]) => [
      name,
      describe ? '(not shown)' : show(format(values[name])),
    ]),
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
