/** Time as a pass sees it: the machine's own, or a test's. */

export interface Clock {
  /** Epoch milliseconds. */
  now(): number
  /** Resolves after `ms`, at once if that is below 0, or as soon as the signal aborts; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** Time and chance, for whatever waits with jitter. */
export interface Timing {
  readonly clock: Clock
  /** At least 0, less than 1. */
  readonly random: () => number
}

/** What a timer of Node holds; beyond it, it would fire at once. Below nothing, it warns on stderr. */
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
