// What is done on purpose: deletions, scaling, drains.
import { drainNodeOf, firstToGo, once, onceNew, remove, replace, rollOut, set, tell, wait } from '../acts.js'
import { isReady } from '../lives.js'
import type { Scenario } from '../scenario.js'
import { preStop, readiness, type Workload } from '../workload.js'

const two: Workload = { kind: 'StatefulSet' }

/** The passive pod has been replaced and is not Ready yet when the active one is deleted, which serves for longer. */
export function terminatingActive(servesForS: number, readyAfterS: number): Scenario {
  const { container, ...rest } = preStop(servesForS)
  return {
    name: 'terminating-active',
    what:
      `StatefulSet of 2, Ready ${readyAfterS} s after its start, preStop of ${servesForS} s: the passive pod was just ` +
      'replaced when the active one is deleted',
    workload: {
      ...{ ...two, ...rest, app: { listensAfterMs: readyAfterS * 1000 } },
      // A livenessProbe would restart what does not listen. A busy machine answers late, which is no part of this.
      container: { ...container, ...readiness({ periodSeconds: 1, timeoutSeconds: 10 }), livenessProbe: undefined },
    },
    acts: [replace('passive', 1), remove('active')],
    thenS: servesForS + 10,
  }
}

/** Waiting for what hangs takes longer than the active pod serves. */
export const thirdHangs: Scenario = {
  name: 'third-hangs',
  what: 'StatefulSet of 3, preStop of 3 s: one passive pod begins to hang as the active one is deleted',
  workload: { ...two, replicas: 3, ...preStop(3) },
  acts: [tell('third', 'hang'), remove('active')],
  thenS: 12,
}

export const planned: readonly Scenario[] = [
  {
    name: 'deleted',
    what: 'StatefulSet of 2, the active pod is deleted, and ends at once',
    workload: two,
    acts: [remove('active')],
    thenS: 15,
  },
  {
    name: 'deleted-pre-stop',
    what: 'StatefulSet of 2, the active pod is deleted, preStop of 2 s',
    workload: { ...two, ...preStop(2) },
    acts: [remove('active')],
    thenS: 15,
  },
  terminatingActive(25, 20),
  thirdHangs,
  {
    name: 'scale-3-to-1',
    what: 'Deployment scaled from 3 to 1; the active pod is the first to go',
    workload: { kind: 'Deployment', replicas: 3 },
    acts: [firstToGo('active'), set({ replicas: 1 })],
    thenS: 15,
  },
  {
    name: 'scale-0-to-2',
    what: 'StatefulSet scaled from 0 to 2',
    workload: { ...two, replicas: 0 },
    acts: [set({ replicas: 2 }), once('both are Ready', (pods) => pods.filter(isReady).length === 2)],
    thenS: 5,
  },
  {
    name: 'startup-pending',
    what: 'StatefulSet of 2, the startupProbe of the passive pod has not passed yet, and never does; the active pod is deleted',
    workload: { ...two, spec: { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } } },
    acts: [
      rollOut({
        container: { startupProbe: { tcpSocket: { port: 9 }, periodSeconds: 1, failureThreshold: 1_000 } },
      }),
      onceNew,
      wait(5),
      remove('active'),
    ],
    thenS: 15,
  },
  {
    name: 'drain-statefulset',
    what: 'StatefulSet of 2, preStop of 2 s, the node of the active pod is drained',
    workload: { ...two, ...preStop(2) },
    acts: [drainNodeOf('active')],
    thenS: 15,
    alone: true,
  },
  {
    name: 'drain-deployment',
    what: 'Deployment of 2, the node of the active pod is drained',
    workload: { kind: 'Deployment' },
    acts: [drainNodeOf('active')],
    thenS: 15,
    alone: true,
  },
]
