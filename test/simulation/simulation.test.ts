/** Simulations are explored and replayed like test/properties (see runs.ts): a failure prints seed, path and plan. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mutated } from '../model/mutate.js'
import type { Code } from '../model/run.js'
import { parameters } from '../properties/runs.js'
import { type Figures, inWords, sumOf } from './figures.js'
import { simulatedMutants } from './mutants.js'
import { largePlan, type Plan, smallPlan } from './plan.js'
import { PASSES_TO_REST, simulate } from './simulation.js'

/** Seconds on a machine of its own; none where somebody asked for more. */
const limit = { timeout: process.env.FC_RUNS === undefined ? 60_000 : 0 }
const FEW_GROUPS_RUNS = 40
const HANGING_RUNS = 10
const HUNDREDS_RUNS = 2
/** At most: it stops where it finds something. */
const MUTANT_RUNS = 200

/** Carries out plans, each on a cluster of its own, and says what they were like. */
async function simulateAll(plans: fc.Arbitrary<Plan>, runs: number, code?: Code): Promise<readonly Figures[]> {
  const all: Figures[] = []
  const property = fc.asyncProperty(plans, async (plan) => {
    all.push(await simulate(plan, code))
  })
  await fc.assert(property, { ...parameters(runs), includeErrorInReport: true, endOnFailure: code !== undefined })
  return all
}

describe('passes side by side on a cluster in trouble', () => {
  it('keep every promise to a few groups, and serve each that can be served once it is over', limit, async () => {
    const all = await simulateAll(smallPlan, FEW_GROUPS_RUNS)
    console.log(inWords(all))
    const { killed, promotions, faults, troubles } = sumOf(all)
    expect(Math.min(killed, promotions, faults, troubles)).toBeGreaterThan(0)
  })

  it(
    'keep every promise where pods of some groups hang, and serve the others as soon as if these were not there',
    limit,
    async () => {
      const all = await simulateAll(
        smallPlan.map((any) => ({ ...any, hanging: 60 })),
        HANGING_RUNS,
      )
      console.log(inWords(all))
      expect(sumOf(all).longestCalmWait).toBeLessThanOrEqual(PASSES_TO_REST)
    },
  )

  it('keep every promise to hundreds of groups, and serve each that can be served once it is over', limit, async () => {
    const all = await simulateAll(largePlan, HUNDREDS_RUNS)
    console.log(inWords(all))
    expect(Math.max(...all.map(({ groups }) => groups))).toBeGreaterThanOrEqual(200)
  })
})

describe('the simulation tells when', () => {
  it.each(simulatedMutants)('$name', limit, async ({ edits, broken, plan }) => {
    const code = await mutated(edits)
    const plans = smallPlan.map((any) => ({ ...any, mess: 0, ...plan }))
    await expect(simulateAll(plans, MUTANT_RUNS, code)).rejects.toThrow(broken)
  })
})
