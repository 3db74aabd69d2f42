/** The loop: a pass every interval. */
import type { Clock } from '../util/clock.js'

/** The shortest wait after a pass that the API server refused, or did not answer. */
const AFTER_REFUSAL_MS = 1_000

/**
 * Begins a pass every `intervalMs`. A pass that takes longer is followed by the next one at once. Ends when `signal`
 * aborts.
 * @param pass resolves to whether the API server served it
 */
export async function runInterval(
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
    await clock.sleep(isServed ? waitMs : Math.max(waitMs, AFTER_REFUSAL_MS), signal)
  }
}
