// Rollouts of a Deployment.
import { firstToGo, onceNew, onceNewReady, remove, rollOut, set, wait } from '../acts.js'
import type { Scenario } from '../scenario.js'
import { readiness, type Workload } from '../workload.js'

const rolling = (maxSurge: number, maxUnavailable: number): object => ({
  strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } },
})
const of = (spec: object, more: Partial<Workload> = {}): Workload => ({ kind: 'Deployment', spec, ...more })

/** Each new pod that is Ready for a moment costs an old one; of three, the last one stands to the end. */
export const readyThenExits: Scenario = {
  name: 'deployment-ready-then-exits',
  what: 'Deployment of 3, rollout of a version that becomes Ready and exits 3 s later; the active pod is the first to be replaced',
  workload: of(rolling(1, 0), { replicas: 3, container: readiness({ periodSeconds: 1 }) }),
  acts: [firstToGo('active', 'third'), rollOut({ app: { listensAfterMs: 4_000, exitsAfterMs: 3_000 } })],
  thenS: 30,
}

export const deployments: readonly Scenario[] = [
  {
    name: 'deployment-default',
    what: 'Deployment of 2, rollout, strategy as by default',
    workload: of({}),
    acts: [rollOut()],
    thenS: 30,
  },
  {
    name: 'deployment-surge',
    what: 'Deployment of 3, rollout, surge 1, unavailable 0',
    workload: of(rolling(1, 0), { replicas: 3 }),
    acts: [rollOut()],
    thenS: 40,
  },
  {
    name: 'deployment-unavailable',
    what: 'Deployment of 2, rollout, surge 0, unavailable 1',
    workload: of(rolling(0, 1)),
    acts: [rollOut()],
    thenS: 30,
  },
  {
    name: 'deployment-recreate',
    what: 'Deployment of 2, rollout, Recreate',
    workload: of({ strategy: { type: 'Recreate' } }),
    acts: [rollOut()],
    thenS: 25,
  },
  {
    name: 'deployment-bad-image',
    what: 'Deployment of 2, rollout of an image that does not exist',
    workload: of(rolling(1, 1)),
    acts: [rollOut({ container: { image: 'localhost/nothing:1', imagePullPolicy: 'Never' } })],
    thenS: 25,
  },
  {
    name: 'deployment-never-ready',
    what: 'Deployment of 2, rollout of a version that never becomes Ready',
    workload: of(rolling(1, 1)),
    acts: [rollOut({ container: readiness({ httpGet: { path: '/health', port: 9 } }) })],
    thenS: 25,
  },
  readyThenExits,
  {
    name: 'deployment-canary',
    what: 'Deployment of 2, rollout paused at its first pod; 12 s later, the active pod is deleted',
    workload: of(rolling(1, 0)),
    acts: [rollOut(), onceNew, set({ paused: true }), onceNewReady, wait(12), remove('active')],
    thenS: 15,
  },
]
