/** Waiting before the next attempt, and repeating a read until it succeeds. */

import type { Timing } from '../util/clock.js'
import { KubeError } from './port.js'

/**
 * Waits `atLeastMs`, and 25 to 100 ms that double with each attempt, up to 16-fold.
 * @param attempt 0 for the first
 */
export function backoff({ clock, random }: Timing, attempt: number, signal: AbortSignal, atLeastMs = 0): Promise<void> {
  return clock.sleep(atLeastMs + (25 + 75 * random()) * 2 ** Math.min(attempt, 4), signal)
}

/**
 * Repeats a read for as long as there is time, also after a refusal: credentials are renewed, and webhooks restart.
 * @param told the last error of the API server before this
 * @throws KubeError the last error that says more than that there was no time left
 */
export async function persist<T>(
  context: Timing,
  signal: AbortSignal,
  read: () => Promise<T>,
  told?: KubeError,
): Promise<T> {
  let last = told
  for (let attempt = 0; ; attempt++) {
    try {
      return await read()
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      if (!signal.aborted) last = error
      await backoff(context, attempt, signal)
      if (signal.aborted) throw last ?? error
    }
  }
}
