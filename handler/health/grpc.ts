/** Runs gRPC checks: the standard health protocol. */
import { limited } from './limit.js'
import type { ProbeResult } from './probe-result.js'
import type { GrpcTarget } from './targets.js'

/** Asks for the health of a service once. Ends within `timeoutMs` milliseconds, or as soon as `signal` is aborted. */
export function probeGrpc(_target: GrpcTarget, timeoutMs: number, signal: AbortSignal): Promise<ProbeResult> {
  return limited(timeoutMs, signal, async () => ({ healthy: false, text: 'not built yet' }))
}
