/** A pass every so often. */
import type { Clock } from '../util/clock.js'

/** After a pass that the API server refused, or did not answer, it is given that long in any case. */
const AFTER_TROUBLE_MS = 1_000

/**
 * Begins a pass every `intervalMs`; one that takes longer is followed by the next at once. Ends when `signal` aborts.
 * @param pass resolves to whether the API server served it
 */
export async function loop(
  clock: Clock,
  intervalMs: number,
  pass: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const startedAtMs = clock.now()
    const isServed = await pass()
    const tookMs = Math.max(0, clock.now() - startedAtMs) // the machine's time may jump
    const waitMs = intervalMs - Math.min(tookMs, intervalMs)
    await clock.sleep(isServed ? waitMs : Math.max(waitMs, AFTER_TROUBLE_MS), signal)
  }
}
