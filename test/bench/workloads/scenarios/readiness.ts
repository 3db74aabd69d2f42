// The kubelet's word: a pod that is not Ready.
import { tell, wait } from '../acts.js'
import type { Scenario } from '../scenario.js'
import { quickKubelet, type Workload } from '../workload.js'

const of = (annotations: Readonly<Record<string, string>>, service = {}): Workload => ({
  ...{ kind: 'StatefulSet', container: quickKubelet, service },
  annotations: { 'health-check': 'ready', ...annotations },
})

export const readinesses: readonly Scenario[] = [
  {
    name: 'not-ready',
    what: 'StatefulSet of 2, the active pod is not Ready from then on; health-check: ready',
    workload: of({}),
    acts: [tell('active', 'fail')],
    thenS: 15,
  },
  {
    name: 'not-ready-published',
    what: 'The same, with publishNotReadyAddresses',
    workload: of({}, { publishNotReadyAddresses: true }),
    acts: [tell('active', 'fail')],
    thenS: 15,
  },
  {
    name: 'not-ready-cooldown',
    what: 'The same, with cooldown: 30s, soon after the first promotion',
    workload: of({ cooldown: '30s' }),
    acts: [tell('active', 'fail')],
    thenS: 40,
  },
  {
    name: 'not-ready-and-back',
    what: 'With cooldown: 30s, the active pod is not Ready for 8 s; 12 s later, the other one is not, from then on',
    workload: of({ cooldown: '30s' }),
    acts: [tell('active', 'fail'), wait(8), tell('active', 'recover'), wait(12), tell('passive', 'fail')],
    thenS: 40,
  },
]
