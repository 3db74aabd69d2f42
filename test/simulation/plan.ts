/** The plan of a simulation, as fast-check generates it. Shrinking makes plans small. */
import fc from 'fast-check'
import { seededRandom } from '../support/random.js'

/** All else follows from it. The numbers of trouble are per cent. */
export interface Plan {
  readonly seed: number
  readonly groups: number
  /** How often a CronJob makes a pass; others come in between. */
  readonly rounds: number
  /** Of the requests of a pass: throttled, lost, late, slow. */
  readonly api: number
  /** How much of what happens is no group's own trouble: pods that end and stay, Jobs, copies, templates, admission. */
  readonly mess: number
  /** Every group has a controller that selects by the role of the pods which it creates. */
  readonly selectsByRole?: true
  /** Of the groups: some or all pods never answer a probe, until the end and after it. */
  readonly hanging?: number
  /** Of the groups, each second: something happens to a pod or a Service. */
  readonly pods: number
  /** Of the rounds: another pass runs at the same time. */
  readonly overlaps: number
  /** Of the passes: killed on the way. Of half as many, the credential is refused on the way. */
  readonly deaths: number
  /** How far the clock of a pass may be from the true time. */
  readonly jumpMinutes: number
}

/** All alike, not rather the ends. */
const anyOf = (min: number, max: number) => fc.noBias(fc.integer({ min, max }))
const percent = (max: number) => anyOf(0, max)

const common = {
  seed: fc.noShrink(fc.nat()),
  mess: percent(100),
  deaths: percent(50),
  jumpMinutes: anyOf(0, 60),
}

/** A few groups in heavy weather. */
export const smallPlan: fc.Arbitrary<Plan> = fc.record({
  ...common,
  groups: anyOf(1, 12),
  rounds: anyOf(1, 30),
  api: percent(60),
  pods: percent(40),
  overlaps: percent(100),
})

/** Hundreds of groups; fewer only where a failure is made small. */
export const largePlan: fc.Arbitrary<Plan> = fc.record({
  ...common,
  groups: fc.oneof(
    { withCrossShrink: true },
    { arbitrary: fc.integer({ min: 1, max: 199 }), weight: 1 },
    { arbitrary: anyOf(200, 300), weight: 1_000 },
  ),
  rounds: anyOf(3, 6),
  api: percent(10),
  pods: anyOf(1, 3),
  overlaps: percent(50),
})

/** Numbers of this name: they stay what they are when something else of the plan becomes smaller. */
export function chanceOf({ seed }: Plan, ...name: readonly (string | number)[]): () => number {
  return seededRandom(`${seed} ${name.join(' ')}`)
}

export function oneOf<T>(random: () => number, values: readonly T[]): T {
  return values[Math.floor(random() * values.length)] as T
}
