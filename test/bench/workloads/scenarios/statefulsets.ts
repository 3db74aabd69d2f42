// Rollouts of a StatefulSet: from the last pod to the first, one at a time.
import { onceNewReady, onceReady, remove, replace, rollOut, wait } from '../acts.js'
import type { Scenario } from '../scenario.js'
import { readiness, type Workload } from '../workload.js'

const of = (more: Partial<Workload>): Workload => ({ kind: 'StatefulSet', ...more })
const partition = (from: number): object => ({
  updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: from } },
})

export const statefulsets: readonly Scenario[] = [
  {
    name: 'statefulset-2',
    what: 'StatefulSet of 2, rollout',
    workload: of({}),
    acts: [rollOut()],
    thenS: 30,
  },
  {
    name: 'statefulset-3',
    what: 'StatefulSet of 3, rollout',
    workload: of({ replicas: 3 }),
    acts: [rollOut()],
    thenS: 45,
  },
  {
    name: 'statefulset-partition',
    what: 'StatefulSet of 3, rollout of the last pod alone; 12 s later, the active pod is deleted',
    workload: of({ replicas: 3, spec: partition(2) }),
    acts: [rollOut(), onceNewReady, wait(12), remove('active')],
    thenS: 15,
  },
  {
    name: 'statefulset-on-delete',
    what: 'StatefulSet of 2, OnDelete: the passive pod is deleted, and 12 s after it is back, the active one',
    workload: of({ spec: { updateStrategy: { type: 'OnDelete' } } }),
    acts: [rollOut(), replace('passive'), onceReady('passive'), wait(12), remove('active')],
    thenS: 15,
  },
  {
    name: 'statefulset-crash-loop',
    what: 'StatefulSet of 3, the last exits 3 s after it is Ready, again and again; in such a moment, the active pod is deleted',
    workload: of({ replicas: 3, spec: partition(2), container: readiness({ periodSeconds: 1 }) }),
    acts: [rollOut({ app: { listensAfterMs: 2_000, exitsAfterMs: 3_000 } }), onceNewReady, remove('active')],
    thenS: 25,
  },
]
