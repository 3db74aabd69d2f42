/** What all probes have in common: one hard limit on everything, one clock, and errors in words. */
import { setMaxListeners } from 'node:events'
import { formatDuration } from '../util/duration.js'
import { describeNetworkError, isOnTheWay } from './network-error.js'
import type { ProbeResult } from './probe-result.js'

/** The time that a probe has. */
export interface Limit {
  /** Aborted when the time is up or the probe is interrupted: the probe must end at once, by rejecting. */
  readonly signal: AbortSignal
  /** What to say if the time is up; a duration is appended. A probe changes it as it proceeds. */
  late: 'no answer within' | 'body unfinished after'
  /** It was connected to something: set by a probe. */
  isReached: boolean
}

/**
 * Runs `probe` for at most `timeoutMs`, or until `signal` is aborted. A rejection is an unhealthy result. Never throws,
 * and leaves neither a timer nor a listener behind.
 */
export async function limited(
  timeoutMs: number,
  signal: AbortSignal,
  probe: (limit: Limit) => Promise<Omit<ProbeResult, 'ms'>>,
): Promise<ProbeResult> {
  if (signal.aborted) return { healthy: false, text: 'interrupted', ms: 0 }
  const startedAt = performance.now()
  const controller = new AbortController()
  const limit: Limit = { signal: controller.signal, late: 'no answer within', isReached: false }
  const abort = () => controller.abort()
  const timer = setTimeout(abort, timeoutMs)
  setMaxListeners(0, signal) // many probes share it; node would warn of a leak from the eleventh on
  signal.addEventListener('abort', abort)
  let found: Omit<ProbeResult, 'ms'>
  try {
    // Not left to the probe: a response that is cut off at the end of the time can look like a whole one.
    const ended = new Promise<never>((_, reject) => limit.signal.addEventListener('abort', reject))
    found = await Promise.race([probe(limit), ended])
  } catch (error) {
    const isLost = !limit.isReached && (limit.signal.aborted || isOnTheWay(error))
    found = { healthy: false, text: failure(error), ...(isLost ? { reached: false } : {}) }
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
  return { ...found, ms: Math.round(performance.now() - startedAt) }

  function failure(error: unknown): string {
    if (signal.aborted) return 'interrupted'
    if (limit.signal.aborted) return `${limit.late} ${formatDuration(timeoutMs)}`
    return describeNetworkError(error)
  }
}
