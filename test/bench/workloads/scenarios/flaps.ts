// Pods that fail their check, are well again, and so on. Their kubelet notices what lasts 15 s.
import { type Flap, flap } from '../acts.js'
import type { Scenario } from '../scenario.js'
import type { Workload } from '../workload.js'

const two: Workload = { kind: 'StatefulSet' }

type Flapping = Pick<Flap, 'who' | 'inTurns'> & { readonly name: string; readonly what: string }

const who: readonly [Flapping, Flapping, Flapping] = [
  { name: 'one', what: 'the active pod', who: ['active'] },
  { name: 'both', what: 'both pods at once', who: ['active', 'passive'] },
  { name: 'in-turns', what: 'both pods, in turns', who: ['active', 'passive'], inTurns: true },
]

const times = [
  { everyS: 1.5, forS: 24 },
  { everyS: 5, forS: 40 },
  { everyS: 20, forS: 80 },
]

/** Both pods fail for 5 s, in turns. */
export function inTurns(forS: number): Scenario {
  const [, , bothInTurns] = who
  return flaps(bothInTurns, { everyS: 5, forS })
}

function flaps({ name, what, ...flapping }: Flapping, time: Pick<Flap, 'everyS' | 'forS'>): Scenario {
  return {
    name: `flap-${`${time.everyS}`.replace('.', '-')}s-${name}`,
    what: `StatefulSet of 2, ${what}: fails for ${time.everyS} s, is well for ${time.everyS} s, for ${time.forS} s in all`,
    workload: two,
    acts: [flap({ ...flapping, ...time })],
    thenS: 5,
  }
}

export const flappings: readonly Scenario[] = [
  ...times.flatMap((time) => who.map((one) => flaps(one, time))),
  {
    name: 'flap-5s-failback',
    what: 'StatefulSet of 2, the preferred pod: fails for 5 s, is well for 5 s, for 60 s in all; failback 0s',
    workload: { ...two, annotations: { prefer: 'shop-0', failback: '0s' } },
    acts: [flap({ who: ['active'], everyS: 5, forS: 60 })],
    thenS: 5,
  },
]
