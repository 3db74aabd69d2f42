/** The time that a pass has, as moments and as signals that cut whatever hangs. */
import { setMaxListeners } from 'node:events'
import type { Clock } from './clock.js'

/** A swap is not begun with less left: it has to be finished and released, on a slow API server as well. */
const SWAP_RESERVE_MS = 5_000
/** Kept back at the very end for the release of a claim. */
const RELEASE_RESERVE_MS = 1_500

export interface Deadline {
  /** May a swap begin? */
  allowsSwap(): boolean
  /** Aborts when the pass is told to stop. */
  readonly stop: AbortSignal
  /** Aborts when observing and probing must end so that a swap still fits, or when the pass is told to stop. */
  readonly observing: AbortSignal
  /** Aborts when a swap must go over to releasing. Being told to stop does not abort it. */
  readonly swapping: AbortSignal
  /** Aborts when the pass must end. */
  readonly releasing: AbortSignal
  /** Lets go of the timers. */
  close(): void
}

/** Starts the clock of a pass. `stop` is the user's or the kubelet's wish that it ends early. */
export function startDeadline(clock: Clock, ms: number, stop: AbortSignal): Deadline {
  const end = clock.now() + ms
  const closed = new AbortController()
  const abortsAt = (afterMs: number): AbortSignal => {
    const controller = new AbortController()
    void clock.sleep(afterMs, closed.signal).then(() => {
      if (!closed.signal.aborted) controller.abort()
    })
    return controller.signal
  }
  const observing = AbortSignal.any([stop, abortsAt(ms - SWAP_RESERVE_MS)])
  const swapping = abortsAt(ms - RELEASE_RESERVE_MS)
  const releasing = abortsAt(ms)
  setMaxListeners(0, observing, swapping, releasing) // as many as there are probes and requests in flight
  return {
    allowsSwap: () => !stop.aborted && end - clock.now() >= SWAP_RESERVE_MS,
    stop,
    observing,
    swapping,
    releasing,
    close: () => closed.abort(),
  }
}
