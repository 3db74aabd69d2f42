/** Waiting before the next attempt, and making it. */
import type { Effects } from './effects.js'
import { KubeError } from './kube/port.js'

type Waiting = Pick<Effects, 'clock' | 'random'>

/** Sleeps with jitter, longer from attempt to attempt (the first is 0), or for as long as the server asked for. */
export function pause({ clock, random }: Waiting, attempt: number, signal: AbortSignal, atLeastMs = 0): Promise<void> {
  return clock.sleep(atLeastMs + (25 + 75 * random()) * 2 ** Math.min(attempt, 4), signal)
}

/**
 * A read that must not be given up: tried again for as long as there is time, refusals as well (credentials are renewed,
 * webhooks restart). @throws KubeError the last one that was not for want of time
 */
export async function persist<T>(context: Waiting, signal: AbortSignal, read: () => Promise<T>): Promise<T> {
  let earlier: KubeError | undefined
  for (let attempt = 0; ; attempt++) {
    try {
      return await read()
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      if (signal.aborted) throw earlier ?? error
      await pause(context, attempt, signal)
      if (signal.aborted) throw error
      earlier = error
    }
  }
}
