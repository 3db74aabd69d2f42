/** Runs a pod's check once, over the real network. */
import { probeHttp } from './http.js'
import type { Plan, Target } from './plan.js'
import type { ProbeResult } from './result.js'
import { probeTcp } from './tcp.js'

/** Runs a pod's check once. Never rejects. */
export type Probe = (plan: Plan, timeoutMs: number, signal: AbortSignal) => Promise<ProbeResult>

/** All targets side by side; the first that fails, in their order, is the answer. */
export const probe: Probe = async (plan, timeoutMs, signal) => {
  const results = await Promise.all(plan.targets.map((target) => probeTarget(target, timeoutMs, signal)))
  return results.find(({ healthy }) => !healthy) ?? results[0] ?? { healthy: true, text: 'Ready', ms: 0 }
}

function probeTarget(target: Target, timeoutMs: number, signal: AbortSignal): Promise<ProbeResult> | ProbeResult {
  switch (target.kind) {
    case 'http':
      return probeHttp(target, timeoutMs, signal)
    case 'tcp':
      return probeTcp(target, timeoutMs, signal)
    case 'unusable':
      return { healthy: false, text: target.text, ms: 0 }
  }
}
