/** The time that a pass has, as signals that cut whatever hangs. Measured by timers: the machine's time may jump. */
import { setMaxListeners } from 'node:events'
import type { Clock } from '../util/clock.js'

/** A swap is not begun with less left: it has to be finished and released, on a slow API server as well. */
const SWAP_RESERVE_MS = 5_000
/** Pods are not touched with less left: claiming may have been slow. */
const SEAL_RESERVE_MS = 4_000
/** Nor the active pod with less: a check and a promotion have to follow. */
const PROMOTION_RESERVE_MS = 3_500
/** Kept back at the very end for the release of a claim. */
const RELEASE_RESERVE_MS = 1_500

/** Of the time for observing, what one probe may take: the lists come before it, and its failure has to be counted. */
const PROBE_SHARE = 0.9
/** The same for all probes: a swap has to begin before that time is over, whichever pods have not answered by then. */
const PROBING_SHARE = 0.95

export interface Deadline {
  /** A probe that would be given more is given this, and fails when it takes longer. Milliseconds. */
  readonly longestProbeMs: number
  /** May a swap begin? */
  allowsSwap(): boolean
  /** May a swap that has claimed its Services go on to the pods? */
  allowsSeal(): boolean
  /** Is there time to seal the active pod? Once it is sealed, another has to be promoted. Being told to stop is no matter. */
  allowsPromotion(): boolean
  /** Aborts when observing and probing must end so that a swap still fits, or when the pass is told to stop. */
  readonly observing: AbortSignal
  /** Aborts a little earlier: what is known by then is decided on. */
  readonly probing: AbortSignal
  /** Aborts when a swap must go over to releasing. Being told to stop does not abort it. */
  readonly swapping: AbortSignal
  /** Aborts when the pass must end. */
  readonly releasing: AbortSignal
  /** Aborts after so long, or when the pass must end. */
  within(ms: number): AbortSignal
  /** The same for a swap that has touched a pod: it goes on for as long as it can, and is not told to stop. */
  onceBegun(): Deadline
  /** Lets go of the timers. */
  close(): void
}

/** Starts the time of a pass. `stop` is the user's or the kubelet's wish that it ends early. */
export function startDeadline(clock: Clock, ms: number, stop: AbortSignal): Deadline {
  const closed = new AbortController()
  setMaxListeners(0, closed.signal)
  const after = (afterMs: number): AbortSignal => {
    const controller = new AbortController()
    void clock.sleep(afterMs, closed.signal).then(() => {
      if (!closed.signal.aborted) controller.abort()
    })
    return controller.signal
  }
  const any = (...signals: AbortSignal[]): AbortSignal => {
    const signal = AbortSignal.any(signals)
    setMaxListeners(0, signal) // as many as there are probes and requests in flight
    return signal
  }
  const observing = any(stop, after(ms - SWAP_RESERVE_MS))
  const probing = any(observing, after(PROBING_SHARE * (ms - SWAP_RESERVE_MS)))
  const sealing = any(stop, after(ms - SEAL_RESERVE_MS))
  const promoting = any(after(ms - PROMOTION_RESERVE_MS))
  const swapping = any(after(ms - RELEASE_RESERVE_MS))
  const releasing = any(after(ms))
  const deadline: Deadline = {
    longestProbeMs: Math.floor(PROBE_SHARE * (ms - SWAP_RESERVE_MS)),
    allowsSwap: () => !observing.aborted,
    allowsSeal: () => !sealing.aborted,
    allowsPromotion: () => !promoting.aborted,
    observing,
    probing,
    swapping,
    releasing,
    within: (shortMs) => any(releasing, after(shortMs)),
    onceBegun: () => ({
      ...deadline,
      allowsSwap: () => !swapping.aborted,
      allowsSeal: () => !swapping.aborted,
      allowsPromotion: () => !swapping.aborted,
      observing: swapping,
      probing: swapping,
    }),
    close: () => closed.abort(),
  }
  return deadline
}
