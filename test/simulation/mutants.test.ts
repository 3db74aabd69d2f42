import { describe, expect, it } from 'vitest'
import { mutated } from '../model/mutate.js'
import { limit, simulateAll } from './explore.js'
import { smallPlan } from './plan.js'
import { simulatedMutants } from './simulated-mutants.js'

/** At most: it stops where it finds something. */
const RUNS = 200

describe('the simulation tells when', () => {
  it.each(simulatedMutants)('$name', limit, async ({ edits, broken, plan }) => {
    const code = await mutated(edits)
    const plans = smallPlan.map((any) => ({ ...any, mess: 0, ...plan }))
    await expect(simulateAll(plans, RUNS, code)).rejects.toThrow(broken)
  })
})
