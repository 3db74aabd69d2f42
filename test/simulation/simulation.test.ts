import { describe, expect, it } from 'vitest'
import { limit, simulateAll } from './explore.js'
import { largePlan, smallPlan } from './plan.js'
import { PASSES_TO_REST } from './simulation.js'
import { inWords, sumOf } from './simulation-figures.js'

const FEW_GROUPS_RUNS = 40
const HANGING_RUNS = 10
const HUNDREDS_RUNS = 2

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
