/** What the flags' values look like. Each parser returns `undefined` for a text that is none. Pure. */
import { isHeaderValue } from '../kube/auth/impersonation.js'
import { DEFAULT_HEALTH_TIMEOUT_MS } from '../settings/settings.js'
import { parseDuration } from '../util/duration.js'

const MIN_DEADLINE_MS = 10_000
const MIN_INTERVAL_MS = 10

export function parseLabelKey(text: string): string | undefined {
  const form = /^([a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$/
  return form.test(text) && !text.startsWith('active-passive/') ? text : undefined
}

export function parseDeadline(text: string): number | undefined {
  const ms = parseDuration(text)
  return ms !== undefined && ms >= MIN_DEADLINE_MS ? ms : undefined
}

export function parseMaxHealthTimeout(text: string): number | undefined {
  const ms = parseDuration(text)
  return ms !== undefined && ms >= DEFAULT_HEALTH_TIMEOUT_MS ? ms : undefined
}

/** Parses 50% as 0.5. */
export function parsePanic(text: string): number | undefined {
  if (text === '0' || text === '0%') return 0
  return /^[1-9]\d?%$/.test(text) ? Number.parseInt(text, 10) / 100 : undefined
}

export function parseConcurrency(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 10_000 ? Number(text) : undefined
}

export function parsePort(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined
}

export function parseInterval(text: string): number | undefined {
  const ms = parseDuration(text)
  return ms !== undefined && ms >= MIN_INTERVAL_MS ? ms : undefined
}

/** A user or a group to act as, which is sent as a header. */
export function parseIdentity(text: string): string | undefined {
  return text.trim() !== '' && isHeaderValue(text) ? text : undefined
}

/** kubectl's own form: seconds without a unit, or a duration. 0: no limit. */
export function parseRequestTimeout(text: string): number | undefined {
  return /^\d{1,6}$/.test(text) ? Number(text) * 1_000 : parseDuration(text)
}

const LONGEST_PAUSE_MS = 365 * 24 * 3_600_000
const IN_DAYS = /^(\d{1,3})d$/

/** What `parsePause` takes, for messages. */
export const PAUSE_LENGTH = 'a positive duration of at most a year, such as 2h or 3d'

/** A positive duration of at most a year, in milliseconds; whole days have the unit d. */
export function parsePause(text: string): number | undefined {
  const [, days] = IN_DAYS.exec(text) ?? []
  const [, hours] = /^(\d{1,4})h$/.exec(text) ?? []
  const ms =
    days !== undefined ? Number(days) * 24 * 3_600_000 : hours ? Number(hours) * 3_600_000 : parseDuration(text)
  return ms !== undefined && ms > 0 && ms <= LONGEST_PAUSE_MS ? ms : undefined
}

export function parseLogFormat(text: string): 'text' | 'json' | undefined {
  return text === 'text' || text === 'json' ? text : undefined
}
