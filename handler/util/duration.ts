/** Durations as people write them in flags and annotations, and as reports show them. */

export type Milliseconds = number

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const

/** 24 days. A Node timer holds a little more: 2^31 - 1 ms. */
const LONGEST_MS = 24 * 24 * UNIT_MS.h

const NUMBER = '(\\d+(?:\\.\\d+)?)'
const DURATION = new RegExp(`^(?=.)(?:${NUMBER}h)?(?:${NUMBER}m)?(?:${NUMBER}s)?(?:${NUMBER}ms)?$`)

/**
 * Parses a duration such as `500ms`, `2s`, `1.5s`, `1m30s`, `1h` or `0` into whole milliseconds. Units come in
 * descending order, each at most once. `undefined` for anything else: negative, longer than 24 days, with spaces, or a
 * bare number other than 0.
 */
export function parseDuration(text: string): Milliseconds | undefined {
  if (text === '0') return 0
  const match = DURATION.exec(text)
  if (!match) return undefined
  const [, hours = '0', minutes = '0', seconds = '0', millis = '0'] = match
  const ms =
    Number(hours) * UNIT_MS.h + Number(minutes) * UNIT_MS.m + Number(seconds) * UNIT_MS.s + Number(millis) * UNIT_MS.ms
  return ms <= LONGEST_MS ? Math.round(ms) : undefined
}

/** Writes whole milliseconds as `500ms`, `2s`, `1.5s`, `1m30s` or `1h`. `parseDuration` reads the same value back. */
export function formatDuration(ms: Milliseconds): string {
  const whole = Math.round(ms)
  if (whole === 0) return '0s'
  if (whole < UNIT_MS.s) return `${whole}ms`
  const hours = Math.floor(whole / UNIT_MS.h)
  const minutes = Math.floor((whole % UNIT_MS.h) / UNIT_MS.m)
  const seconds = (whole % UNIT_MS.m) / UNIT_MS.s
  return (hours ? `${hours}h` : '') + (minutes ? `${minutes}m` : '') + (seconds ? `${seconds}s` : '')
}

/** The two largest units of an age, as kubectl shows it: `45s`, `12m`, `3h5m`, `4d2h`. Less than zero counts as zero. */
export function formatAge(ms: Milliseconds): string {
  const seconds = Math.max(0, Math.floor(ms / UNIT_MS.s))
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3_600)]
  const days = Math.floor(hours / 24)
  const with2 = (first: string, second: number, unit: string) => (second > 0 ? `${first}${second}${unit}` : first)
  if (minutes < 2) return `${seconds}s`
  if (hours < 1) return minutes < 10 ? with2(`${minutes}m`, seconds % 60, 's') : `${minutes}m`
  if (days < 1) return hours < 8 ? with2(`${hours}h`, minutes % 60, 'm') : `${hours}h`
  return days < 8 ? with2(`${days}d`, hours % 24, 'h') : `${days}d`
}

/** A time that is still to pass, rounded up to whole seconds. */
export function formatWait(ms: Milliseconds): string {
  return formatDuration(Math.ceil(ms / UNIT_MS.s) * UNIT_MS.s)
}

/** An RFC 3339 time of UTC without the fraction of its second, which people do not need. */
export function wholeSeconds(time: string): string {
  return time.replace(/\.\d+Z$/, 'Z')
}
