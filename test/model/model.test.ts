/** `npm run model` goes further. */
import { describe as about, expect, it } from 'vitest'
import { carryOut, describe, explorations } from './explorations.js'

/** Of each, as many as there is time for; what is larger says so. */
const MOST_STATES = 50_000

about('whatever order things happen in, and whatever goes wrong', () => {
  it.each(explorations)('$name: no promise is broken', { timeout: 300_000 }, async (exploration) => {
    const result = await carryOut(exploration, MOST_STATES)
    console.log(describe(exploration, result))
    expect(result.found).toBeUndefined()
    // Each pass has gone through more than it would by itself.
    expect(result.histories).toBeGreaterThan(1_000)
  })
})
