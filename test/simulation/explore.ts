/** Explored and replayed as test/properties is, see runs.ts there: a failure prints its seed, its path and its plan. */
import fc from 'fast-check'
import type { Code } from '../model/run.js'
import { parameters } from '../properties/runs.js'
import { withoutStacks } from '../support/stacks.js'
import type { Plan } from './plan.js'
import { simulate } from './simulation.js'
import type { Figures } from './simulation-figures.js'

/** Seconds on a machine of its own, minutes beside others; none where somebody asked for more. */
export const limit = { timeout: process.env.FC_RUNS === undefined ? 240_000 : 0 }

/** What is simulated. */
interface Subject {
  /** The program unless given; the search ends at the first failure then. */
  readonly code?: Code
  /** The number of the plan to begin with. */
  readonly first?: number | undefined
}

/** Carries out plans, each on a cluster of its own, and says what they were like. */
export async function simulateAll(
  plans: fc.Arbitrary<Plan>,
  runs: number,
  { code, first }: Subject = {},
): Promise<readonly Figures[]> {
  const all: Figures[] = []
  const property = fc.asyncProperty(plans, async (plan) => {
    all.push(await withoutStacks(() => simulate(plan, code)))
  })
  await fc.assert(property, {
    ...parameters(runs, first),
    includeErrorInReport: true,
    endOnFailure: code !== undefined,
  })
  return all
}
