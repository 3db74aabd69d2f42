/** Timing before the next attempt, and making it. */

import type { Timing } from '../util/clock.js'
import { KubeError } from './port.js'

/** Sleeps with jitter, longer from attempt to attempt (the first is 0), or for as long as the server asked for. */
export function backoff({ clock, random }: Timing, attempt: number, signal: AbortSignal, atLeastMs = 0): Promise<void> {
  return clock.sleep(atLeastMs + (25 + 75 * random()) * 2 ** Math.min(attempt, 4), signal)
}

/**
 * A read that must not be given up: tried again for as long as there is time, refusals as well (credentials are renewed,
 * webhooks restart).
 * @param told what the API server has said so far
 * @throws KubeError the last one that says more than that there was no time left
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
