// What a scenario may have recorded, in few words. Times are milliseconds; the clock counts from 0.

import type { Change } from '../../support/cluster/history.js'
import type { Sample } from '../../support/node/client-traffic.js'
import type { Recorded } from './figures.js'
import type { Probe } from './witness.js'

export interface PodWrite {
  readonly pod: string
  readonly at: number
  /** The name, unless given. */
  readonly uid?: string
  readonly active?: boolean
  /** True unless given. */
  readonly ready?: boolean
  readonly deleted?: boolean
  readonly revision?: string
}

export function writes(...all: readonly PodWrite[]): readonly Change[] {
  return all.map((write, n): Change => {
    const { pod, at, uid = pod, active = false, ready = true, deleted = false, revision = 'one' } = write
    const labels = {
      app: pod.replace(/-.*/, ''),
      role: active ? 'active' : 'passive',
      'controller-revision-hash': revision,
    }
    const object = {
      metadata: { name: pod, uid, resourceVersion: `${n}`, labels },
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
    }
    return { kind: 'pod', revision: n, deleted, seenAtMs: at, object }
  })
}

/** A connection every 20 ms, each answered by this pod; `undefined`: by nobody. */
export function connections(from: number, to: number, pod: string | undefined): readonly Sample[] {
  return every(from, to, 20).map((at) => ({ at, ms: 1, ...(pod === undefined ? { error: 'refused' } : { pod }) }))
}

/** The witness's questions, one every 100 ms. */
export function probes(from: number, to: number, uid: string, healthy = true): readonly Probe[] {
  return every(from, to, 100).map((at) => ({ uid, at, healthy }))
}

function every(from: number, to: number, step: number): readonly number[] {
  return Array.from({ length: (to - from) / step }, (_, n) => from + n * step)
}

/** Two pods, of which the first is active, both healthy and Ready for 10 s, and no connection. */
export function recorded(changes: Partial<Recorded> = {}): Recorded {
  return {
    samples: [],
    changes: writes({ pod: 'shop-0', at: 0, active: true }, { pod: 'shop-1', at: 0 }),
    probes: [...probes(0, 10_000, 'shop-0'), ...probes(0, 10_000, 'shop-1')].sort((a, b) => a.at - b.at),
    timeOrigin: 0,
    groups: ['shop'],
    publishesNotReady: false,
    ...changes,
  }
}
