/** The clock of a pass: the machine's, or a test's. */

export interface Clock {
  /** Epoch milliseconds. */
  now(): number
  /** Resolves after `ms` milliseconds, at once if that is negative, or as soon as the signal aborts. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** A clock and a source of chance, for code that waits with jitter. */
export interface Timing {
  readonly clock: Clock
  /** At least 0, less than 1. */
  readonly random: () => number
}

/**
 * The longest time a Node timer can hold, in milliseconds. A longer one fires at once, and a negative one warns on
 * stderr.
 */
const LONGEST_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const end = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, Math.min(Math.max(ms, 0), LONGEST_MS))
      signal?.addEventListener('abort', end, { once: true })
    }),
}

/** `firstMs`, doubled `times` times; at most `mostMs`. */
export function doubled(firstMs: number, times: number, mostMs: number): number {
  return Math.min(mostMs, firstMs * 2 ** times)
}
