/** Waiting before the next attempt. */
import type { Effects } from './effects.js'

/** Sleeps with jitter, longer from attempt to attempt (the first is 0), or for as long as the server asked for. */
export function pause(
  { clock, random }: Pick<Effects, 'clock' | 'random'>,
  attempt: number,
  signal: AbortSignal,
  atLeastMs = 0,
): Promise<void> {
  return clock.sleep(atLeastMs + (25 + 75 * random()) * 2 ** Math.min(attempt, 4), signal)
}
