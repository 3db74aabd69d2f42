/** The time that a pass has, as signals that abort hanging work. Timers measure it: the system clock may jump. */
import { setMaxListeners } from 'node:events'
import type { Clock } from '../util/clock.js'

/** A swap begins only with this much time left: it must finish and release its claim, on a slow API server too. */
const SWAP_RESERVE_MS = 5_000
/** Pods are sealed only with this much time left: the claim may have been slow. */
const SEAL_RESERVE_MS = 4_000
/** The active pod is sealed only with this much time left: a check and a promotion have to follow. */
const PROMOTION_RESERVE_MS = 3_500
/** The end of the pass, reserved for the release of a claim. */
const RELEASE_RESERVE_MS = 1_500

/** One probe may take this share of the time for observing: the lists come first, and its failure must be counted. */
const PROBE_SHARE = 0.9
/** All probes end after this share of it: a swap must begin in time even if some pods have not answered. */
const PROBING_SHARE = 0.95

export interface Deadline {
  /** The upper limit for the timeout of a probe. Milliseconds. */
  readonly longestProbeMs: number
  /** May a swap begin? */
  allowsSwap(): boolean
  /** May a swap that has claimed its Services go on to seal pods? */
  allowsSeal(): boolean
  /** Is there time to seal the active pod and promote another one? The stop signal does not matter here. */
  allowsPromotion(): boolean
  /** Aborts when observing and probing must end so that a swap still fits, or when the pass is told to stop. */
  readonly observing: AbortSignal
  /** Aborts a little earlier. The pass then decides with the verdicts that it has. */
  readonly probing: AbortSignal
  /** Aborts when a swap must stop and release its claim. The stop signal does not abort it. */
  readonly swapping: AbortSignal
  /** Aborts when the pass must end. */
  readonly releasing: AbortSignal
  /** Aborts after `ms`, or when the pass must end. */
  within(ms: number): AbortSignal
  /** The deadline for a swap that may have sealed the active pod: it goes on as long as it can, and ignores `stop`. */
  onceBegun(): Deadline
  /** Stops the timers. */
  close(): void
}

/** Starts the deadline of a pass. `stop` aborts when the user or the kubelet wants the pass to end early. */
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
