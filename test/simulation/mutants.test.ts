import { describe, expect, it } from 'vitest'
import { mutated } from '../model/mutate.js'
import { limit, simulateAll } from './explore.js'
import { smallPlan } from './plan.js'
import { FIRST_PLANS, simulatedMutants } from './simulated-mutants.js'

/** At most: it stops where it finds something. */
const RUNS = 200

it('each first plan is of a mutant that is there', () => {
  expect(simulatedMutants.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(FIRST_PLANS)))
})

describe('the simulation tells when', () => {
  it.each(simulatedMutants)('$name', limit, async ({ name, edits, broken, plan }) => {
    const code = await mutated(edits)
    const plans = smallPlan.map((any) => ({ ...any, mess: 0, ...plan }))
    await expect(simulateAll(plans, RUNS, { code, first: FIRST_PLANS[name] })).rejects.toThrow(broken)
  })
})
