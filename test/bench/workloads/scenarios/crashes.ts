// Processes that fail, hang, stop or end.
import { kill, rollOut, tell, wait } from '../acts.js'
import type { Scenario } from '../scenario.js'
import { readiness, type Workload } from '../workload.js'

const two: Workload = { kind: 'StatefulSet' }
const lastAlone = { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } }
const exits = { app: { listensAfterMs: 2_000, exitsAfterMs: 3_000 } }

export const crashes: readonly Scenario[] = [
  {
    name: 'fail',
    what: 'StatefulSet of 2, the active pod fails its check from then on',
    workload: two,
    acts: [tell('active', 'fail')],
    thenS: 12,
  },
  {
    name: 'fail-and-back',
    what: 'StatefulSet of 2, the active pod fails for 8 s; 4 s later, the other one does, from then on',
    workload: two,
    acts: [tell('active', 'fail'), wait(8), tell('active', 'recover'), wait(4), tell('passive', 'fail')],
    thenS: 45,
  },
  {
    name: 'hang',
    what: 'StatefulSet of 2, the active pod answers nothing from then on',
    workload: two,
    acts: [tell('active', 'hang')],
    thenS: 20,
  },
  {
    name: 'stop',
    what: 'StatefulSet of 2, the process of the active pod is stopped (SIGSTOP)',
    workload: two,
    acts: [kill('active', 'STOP')],
    thenS: 20,
  },
  {
    name: 'kill-9',
    what: 'StatefulSet of 2, the process of the active pod is killed; its kubelet starts it again',
    workload: two,
    acts: [kill('active', 'KILL')],
    thenS: 15,
  },
  {
    name: 'liveness-restart',
    what: 'StatefulSet of 2, the active pod fails until its livenessProbe has it restarted, after 3 s',
    workload: {
      ...two,
      container: { livenessProbe: { httpGet: { path: '/health', port: 'http' }, periodSeconds: 1 } },
    },
    acts: [tell('active', 'fail')],
    thenS: 20,
  },
  {
    name: 'passive-exits',
    what: 'StatefulSet of 2, the passive pod exits whenever it is Ready',
    workload: { ...two, spec: lastAlone, container: readiness({ periodSeconds: 1 }) },
    acts: [rollOut(exits)],
    thenS: 40,
  },
  {
    name: 'preferred-exits',
    what: 'StatefulSet of 2, the preferred pod exits whenever it is Ready; failback 0s',
    workload: {
      ...{ ...two, spec: lastAlone, container: readiness({ periodSeconds: 1 }) },
      annotations: { prefer: 'shop-1', failback: '0s' },
    },
    acts: [rollOut(exits)],
    thenS: 60,
  },
  {
    name: 'both-exit',
    what: 'StatefulSet of 2, rollout of a version that exits whenever it is Ready',
    workload: { ...two, container: readiness({ periodSeconds: 1 }) },
    acts: [rollOut(exits)],
    thenS: 40,
  },
]
