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
