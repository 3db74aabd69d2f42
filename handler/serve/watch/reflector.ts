/** Everything of a kind, kept up to date: a list, then a watch that is resumed, renewed or begun anew for ever. */

import { type Change, Expired, KubeError, type Watchable } from '../../kube/port.js'
import type { Timing } from '../../util/clock.js'

export interface Follower<T> {
  /** All that there is: what is not in it is gone. */
  listed(objects: readonly T[]): void
  changed(object: T): void
  deleted(object: T): void
  /** Whether changes are being told at the moment; and if not, why. */
  connected(is: boolean, why?: Interruption): void
  /** The watch has stood for a while: it works. */
  steady(): void
}

/** `ended`: by the server, as it does from time to time. */
export type Interruption =
  | { readonly reason: 'ended' | 'expired' | 'silent' }
  | { readonly reason: 'failed'; readonly error: KubeError }

/** An API server sends a bookmark a minute, whether anything has changed or not: beyond that the connection is dead. */
export const SILENCE_MS = 90_000
/** A watch that ends sooner, whatever it has told, has told us to come more slowly. */
export const STEADY_MS = 5_000
const LONGEST_BACKOFF_MS = 10_000
const LONGEST_RETRY_AFTER_MS = 30_000

/** Ends when `signal` aborts, and not before. */
export async function follow<T>(
  source: Watchable<T>,
  follower: Follower<T>,
  { clock, random }: Timing,
  signal: AbortSignal,
): Promise<void> {
  let version: string | undefined
  /** Since a watch was steady. */
  let failures = 0
  while (!signal.aborted) {
    const isListing = version === undefined
    let told = false
    let steady = false
    const why = await interruption(async () => {
      if (version === undefined) {
        const { objects, resourceVersion } = await source.list(signal)
        version = resourceVersion
        follower.listed(objects)
      }
      const watching = new AbortController()
      const either = AbortSignal.any([signal, watching.signal])
      try {
        const changes = await source.watch(version, either)
        follower.connected(true)
        // A timer: the machine's time may jump.
        void clock.sleep(STEADY_MS, either).then(() => {
          if (either.aborted) return
          steady = true
          follower.steady()
        })
        for await (const change of unlessSilent(changes, clock)) {
          told = true
          version = change.resourceVersion
          if (change.kind !== 'bookmark') follower[change.kind](change.object)
        }
      } finally {
        watching.abort() // whatever is left of the connection
      }
    })
    if (signal.aborted) return
    follower.connected(false, why)
    // A server whose data were restored from a backup knows no version as high as ours, and waits for it in silence.
    if (why.reason === 'expired' || (why.reason === 'silent' && !told)) version = undefined
    if (steady) failures = 0
    if (!steady || why.reason === 'failed' || why.reason === 'expired') failures++
    // What was good for a while may expire, and news must not wait; what has just been listed should not.
    const atOnce = why.reason === 'expired' && (steady || !isListing)
    if (failures > 0 && !atOnce) await clock.sleep(Math.max(backoff(failures, random), wish(why)), signal)
  }
}

/** How long the server wants to be left alone. */
function wish(why: Interruption): number {
  const { retryAfterMs = 0 } = why.reason === 'failed' ? why.error : {}
  return Math.min(LONGEST_RETRY_AFTER_MS, retryAfterMs)
}

/** Half a second first, then twice as long each time, and somewhat less by chance. */
function backoff(failures: number, random: () => number): number {
  return Math.min(LONGEST_BACKOFF_MS, 250 * 2 ** Math.min(failures, 10)) * (0.5 + random() / 2)
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
    next.catch(() => {}) // when nobody waits for it any more
    const result = await Promise.race([next, silence]).finally(() => waiting.abort())
    if (result === undefined) throw new Silent()
    if (result.done) return
    yield result.value
  }
}
