/** The frame of every probe: a time limit on everything, one clock, and errors in words. */
import { setMaxListeners } from 'node:events'
import { formatDuration } from '../util/duration.js'
import { describeNetworkError, isOnTheWay } from './network-error.js'
import type { ProbeResult } from './probe-result.js'

/** The time limit of one probe. */
export interface Limit {
  /** Aborted when the time is up or the probe is interrupted. The probe must then reject at once. */
  readonly signal: AbortSignal
  /** The text if the time is up; the duration is appended. A probe changes it as it proceeds. */
  late: 'no answer within' | 'body unfinished after' | 'no exit within' | 'open, but not the expected answer within'
  /** What to say after the duration. */
  detail?: () => string
  /** Set by a probe once it is connected to something. */
  isReached: boolean
}

/**
 * Runs `probe` for at most `timeoutMs` milliseconds, or until `signal` is aborted. A rejection becomes an unhealthy
 * result. Never throws, and leaves neither a timer nor a listener behind.
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
  setMaxListeners(0, signal) // many probes share the signal; Node would warn of a leak from the eleventh on
  signal.addEventListener('abort', abort)
  let found: Omit<ProbeResult, 'ms'>
  try {
    // The probe itself may not see the end: an answer that is cut off then can look complete.
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
    if (limit.signal.aborted) return `${limit.late} ${formatDuration(timeoutMs)}${limit.detail?.() ?? ''}`
    return describeNetworkError(error)
  }
}
