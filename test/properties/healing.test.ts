import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { KEPT, noteOf, recall, remember, WINDOW_MS } from '../../handler/pass/healing.js'
import type { Repair } from '../../handler/report/report.js'
import { REPAIRS } from '../../handler/report/report.js'
import { NOW } from '../support/builders.js'
import { limit, parameters, Tally } from './runs.js'

/** What is healed, how long after the time before, and on which of three objects it is noted. */
const incident = fc.record({
  what: fc.constantFrom(...REPAIRS),
  afterMs: fc.oneof(fc.nat(2 * WINDOW_MS), fc.constantFrom(0, 1_000, WINDOW_MS - 1, WINDOW_MS, WINDOW_MS + 1)),
  keeper: fc.nat(2),
})
const senseless = fc.oneof(
  fc.string(),
  fc.constantFrom('claim', 'claim never', 'role 2026-13-01T00:00:00Z', '; ;', 'claims 2026-01-01T11:59:00Z'),
  fc.constant(`claim ${new Date(NOW + 1e12).toISOString()}`),
)

describe('whatever is healed,', limit, () => {
  test('a time is the first one unless the same was healed within the hour before it, however often that was', () => {
    const tally = new Tally()
    fc.assert(
      fc.property(fc.array(incident, { maxLength: 30 }), fc.array(senseless, { maxLength: 3 }), (incidents, more) => {
        const notes: (string | undefined)[] = [undefined, undefined, undefined]
        const earlier: { readonly what: Repair; readonly ms: number }[] = []
        let now = NOW
        for (const { what, afterMs, keeper } of incidents) {
          now += afterMs
          const memory = recall([...more, ...notes], now)
          const isAgain = earlier.some((one) => one.what === what && now - one.ms < WINDOW_MS)
          expect((memory[what]?.length ?? 0) > 0).toBe(isAgain)
          notes[keeper] = noteOf(remember(memory, [what], now))
          earlier.push({ what, ms: now })
          expect(notes[keeper]?.length).toBeLessThan(REPAIRS.length * (KEPT + 1) * 26)
          tally.add(isAgain ? 'again' : 'first')
        }
      }),
      parameters(),
    )
    tally.expectAll(['again', 'first'])
  })
})
