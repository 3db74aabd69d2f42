import { describe as about, expect, it } from 'vitest'
import { carryOut, describe, tidy } from './explorations.js'

/** Of each, as many as there is time for: `npm run model` goes further. */
const MOST_STATES = 1_000

const large = tidy.filter(({ isSmall }) => !isSmall)

about('as far as there is time, in whatever order things happen, and whatever goes wrong', () => {
  it.each(large)('$name: no promise is broken', { timeout: 300_000 }, async (exploration) => {
    const result = await carryOut(exploration, MOST_STATES)
    console.log(describe(exploration, result))
    expect(result.found).toBeUndefined()
    expect(result.states).toBeGreaterThanOrEqual(MOST_STATES / 2)
  })
})
