import { describe as about, expect, it } from 'vitest'
import { carryOut, describe } from './explorations.js'
import { untidy } from './untidy.js'

/** Of those that do not come to their end soon, as many as there is time for: `npm run model` goes further. */
const MOST_STATES = 2_000

about('whatever pods a group has, and whatever is made of their labels', () => {
  it.each(untidy)('$name: no promise is broken', { timeout: 300_000 }, async (exploration) => {
    const { isSmall } = exploration
    const result = await carryOut(exploration, isSmall ? Number.POSITIVE_INFINITY : MOST_STATES)
    console.log(describe(exploration, result))
    expect(result.found).toBeUndefined()
    if (isSmall) expect(result.isComplete).toBe(true)
    else expect(result.states).toBeGreaterThanOrEqual(MOST_STATES / 2)
  })
})
