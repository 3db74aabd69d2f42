/** What a pass takes from outside: the cluster, the network, time and chance. Tests pass their own. */

import type { Plan } from './health/plan.js'
import type { ProbeResult } from './health/result.js'
import type { Kube } from './kube/port.js'

export interface Clock {
  /** Epoch milliseconds. */
  now(): number
  /** Resolves after `ms`, or as soon as the signal aborts; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export interface Effects {
  readonly kube: Kube
  readonly clock: Clock
  /** Runs a pod's check once. Never rejects. */
  readonly probe: (plan: Plan, timeoutMs: number, signal: AbortSignal) => Promise<ProbeResult>
  /** At least 0, less than 1. */
  readonly random: () => number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const end = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, ms)
      signal?.addEventListener('abort', end, { once: true })
    }),
}
