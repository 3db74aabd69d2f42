/**
 * Keeps a store up to date with all objects of one kind: it lists them, and then watches them. A watch that ends is
 * resumed where it ended, or begins again with a list, until the end.
 */

import { type Change, Expired, KubeError, type Watchable } from '../../kube/port.js'
import { doubled, type Timing } from '../../util/clock.js'

export interface Store<T> {
  /** These are all objects: every other one is gone. */
  replaced(objects: readonly T[]): void
  changed(object: T): void
  deleted(object: T): void
}

export interface WatchEvents {
  /** Whether the watch tells of changes at the moment; and if not, why. */
  connected(is: boolean, why?: Interruption): void
  /** The watch has lasted for STEADY_MS, so it works. */
  steady(): void
  /** It begins to list, to wait for changes, or to wait until it tries again: at most for so long. */
  begins(withinMs: number): void
}

/** `ended`: the server has ended the watch, as it does from time to time. */
export type Interruption =
  | { readonly reason: 'ended' | 'expired' | 'silent' }
  | { readonly reason: 'failed'; readonly error: KubeError }

/**
 * An API server sends a bookmark each minute, even where nothing has changed. After this time the connection is dead.
 */
export const SILENCE_MS = 90_000
/** After a watch that ended sooner, the next one waits, whatever the watch has told. */
export const STEADY_MS = 5_000
/** A list has many pages, each of which may be asked for again. */
const LONGEST_LIST_MS = 5 * 60_000
const FIRST_BACKOFF_MS = 500
const LONGEST_BACKOFF_MS = 10_000
const LONGEST_RETRY_AFTER_MS = 30_000

/** Ends only when `signal` aborts. */
export async function runReflector<T>(
  source: Watchable<T>,
  store: Store<T> & WatchEvents,
  { clock, random }: Timing,
  signal: AbortSignal,
): Promise<void> {
  let version: string | undefined
  /** Failures since a watch was steady. */
  let failures = 0
  while (!signal.aborted) {
    const isListing = version === undefined
    let told = false
    let steady = false
    const why = await interruption(async () => {
      store.begins(LONGEST_LIST_MS)
      if (version === undefined) {
        const { objects, resourceVersion } = await source.list(signal)
        version = resourceVersion
        store.replaced(objects)
      }
      const watching = new AbortController()
      const either = AbortSignal.any([signal, watching.signal])
      try {
        const changes = await source.watch(version, either)
        store.connected(true)
        store.begins(SILENCE_MS)
        // A timer measures it, because the machine's time may jump.
        void clock.sleep(STEADY_MS, either).then(() => {
          if (either.aborted) return
          steady = true
          store.steady()
        })
        for await (const change of unlessSilent(changes, clock)) {
          told = true
          store.begins(SILENCE_MS)
          version = change.resourceVersion
          if (change.kind !== 'bookmark') store[change.kind](change.object)
        }
      } finally {
        watching.abort() // closes the rest of the connection
      }
    })
    if (signal.aborted) return
    store.connected(false, why)
    // A server whose data were restored from a backup does not have our version yet, and waits for it in silence.
    if (why.reason === 'expired' || (why.reason === 'silent' && !told)) version = undefined
    if (steady) failures = 0
    if (!steady || why.reason === 'failed' || why.reason === 'expired') failures++
    // A version may expire after a while, and then the next list must not wait. Where the version of a new list
    // expires, something is wrong, and the next list waits.
    const atOnce = why.reason === 'expired' && (steady || !isListing)
    if (failures > 0 && !atOnce) {
      const waitMs = Math.max(delayMs(failures, random), requestedMs(why))
      store.begins(waitMs)
      await clock.sleep(waitMs, signal)
    }
  }
}

/** The wait that the server has asked for, within limits. */
function requestedMs(why: Interruption): number {
  const { retryAfterMs = 0 } = why.reason === 'failed' ? why.error : {}
  return Math.min(LONGEST_RETRY_AFTER_MS, retryAfterMs)
}

/** Half a second after the first failure, then twice as long each time; up to half of it less, by chance. */
function delayMs(failures: number, random: () => number): number {
  return doubled(FIRST_BACKOFF_MS, failures - 1, LONGEST_BACKOFF_MS) * (0.5 + random() / 2)
}

class Silent extends Error {}

async function interruption(work: () => Promise<void>): Promise<Interruption> {
  try {
    await work()
    return { reason: 'ended' }
  } catch (error) {
    if (error instanceof Expired) return { reason: 'expired' }
    if (error instanceof Silent) return { reason: 'silent' }
    if (error instanceof KubeError) return { reason: 'failed', error }
    throw error
  }
}

/** @throws Silent */
async function* unlessSilent<T>(changes: AsyncIterable<Change<T>>, clock: Timing['clock']): AsyncGenerator<Change<T>> {
  const iterator = changes[Symbol.asyncIterator]()
  for (;;) {
    const waiting = new AbortController()
    const silence = clock.sleep(SILENCE_MS, waiting.signal).then(() => undefined)
    const next = iterator.next()
    next.catch(() => {}) // it may reject after the silence
    const result = await Promise.race([next, silence]).finally(() => waiting.abort())
    if (result === undefined) throw new Silent()
    if (result.done) return
    yield result.value
  }
}
