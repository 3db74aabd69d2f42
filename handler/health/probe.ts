/** Runs a pod's check once, over the real network. */
import { probeHttp } from './http.js'
import type { Plan, Target } from './plan.js'
import type { ProbeResult } from './result.js'
import { probeTcp } from './tcp.js'

/** Runs a pod's check once. Never rejects. */
export type Probe = (plan: Plan, timeoutMs: number, signal: AbortSignal) => Promise<ProbeResult>

/** A pod may have thousands of containers: so many are probed side by side. */
const TARGETS_AT_ONCE = 16

/** The targets side by side, the next ones when these have passed; the first that fails, in their order, is the answer. */
export const probe: Probe = async (plan, timeoutMs, signal) => {
  let first: ProbeResult | undefined
  for (let n = 0; n < plan.targets.length; n += TARGETS_AT_ONCE) {
    const some = plan.targets.slice(n, n + TARGETS_AT_ONCE)
    const results = await Promise.all(some.map((target) => probeTarget(target, timeoutMs, signal)))
    const failed = results.find(({ healthy }) => !healthy)
    if (failed) return failed
    first ??= results[0]
  }
  return first ?? { healthy: true, text: 'Ready', ms: 0 }
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
