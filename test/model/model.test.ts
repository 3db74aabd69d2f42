import { describe as about, expect, it } from 'vitest'
import { carryOut, describe, explorations } from './explorations.js'

/** Of each that is not small, as many as there is time for: `npm run model` goes further. */
const MOST_STATES = 30_000

about('whatever order things happen in, and whatever goes wrong', () => {
  it.each(explorations)('$name: no promise is broken', { timeout: 300_000 }, async (exploration) => {
    const { isSmall = false } = exploration
    const result = await carryOut(exploration, isSmall ? Number.POSITIVE_INFINITY : MOST_STATES)
    console.log(describe(exploration, result))
    expect(result.found).toBeUndefined()
    if (isSmall) expect(result.isComplete).toBe(true)
    else expect(result.states).toBeGreaterThanOrEqual(MOST_STATES / 2)
  })
})
