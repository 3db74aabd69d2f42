/**
 * When one pod is healthier than another, everything else being the same. A partial order, of what the kubelet, the API
 * server, the probes and earlier passes say; a pod is at least as healthy as before if all of this holds:
 *
 * - it is not terminating, or it was before
 * - it is Running, or in the same phase as before; and it had not ended: what has ended is no member, and has no say
 * - it is Ready, or it was not before
 * - each of its probes that passed before passes
 * - no more failures are written on it
 * - it is healthy, and Ready, for at least as long
 *
 * Phases other than Running, and a pod that was not probed, are not compared with each other.
 */
import fc from 'fast-check'
import { MINUTE } from '../support/builders.js'
import type { SeenPod } from './chain.js'

/** The same pod, healthier in some respects. */
export function healthierThan({ pod, passes, probed }: SeenPod): fc.Arbitrary<SeenPod> {
  const better = fc.record({
    lives: fc.boolean(),
    runs: fc.boolean(),
    isReady: fc.boolean(),
    passing: fc.array(fc.boolean(), { maxLength: 3 }),
    failures: fc.constantFrom('as before', 'none', 'one less'),
    earlierMs: fc.constantFrom(0, 1, MINUTE, 60 * MINUTE),
    isLongHealthy: fc.boolean(),
  })
  const hasEnded = pod.phase === 'Failed' || pod.phase === 'Succeeded'
  return better.map(({ lives, runs, isReady, passing, failures, earlierMs, isLongHealthy }) => ({
    probed,
    passes: Array.from(
      { length: Math.max(passes.length, passing.length) },
      (_, n) => (passes[n] ?? passes.at(-1) ?? false) || (passing[n] ?? false),
    ).concat(passes.slice(-1)),
    pod: {
      ...pod,
      terminating: pod.terminating && !lives,
      phase: runs && !hasEnded ? 'Running' : pod.phase,
      ready: pod.ready || isReady,
      readySinceMs: pod.readySinceMs - earlierMs,
      annotations: pod.annotations && healthierMarks(pod.annotations, failures, isLongHealthy),
    },
  }))
}

function healthierMarks(before: Readonly<Record<string, string>>, failures: string, isLongHealthy: boolean) {
  const { 'active-passive/failures': count = '', 'active-passive/healthy-since': since, ...rest } = before
  const fewer = /^[1-9]\d{0,8}$/.test(count) ? String(Number(count) - 1) : count
  const kept = failures === 'as before' ? count : fewer
  return {
    ...rest,
    ...(failures === 'none' ? {} : { 'active-passive/failures': kept }),
    ...(since === undefined || isLongHealthy ? {} : { 'active-passive/healthy-since': since }),
  }
}
