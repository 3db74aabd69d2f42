import { expect, test } from 'vitest'
import { pairwise } from './pairwise.js'

test('any two values meet, in few combinations', () => {
  const parameters = { a: [1, 2, 3, 4], b: ['x', 'y', 'z'], c: [true, false], d: [true, false], e: [true, false] }
  const combinations = pairwise(parameters)
  const names = Object.keys(parameters) as (keyof typeof parameters)[]
  for (const a of names) {
    for (const b of names.filter((name) => name !== a)) {
      const met = new Set(combinations.map((combination) => `${combination[a]} ${combination[b]}`))
      expect([a, b, met.size]).toEqual([a, b, parameters[a].length * parameters[b].length])
    }
  }
  expect(combinations.length).toBeGreaterThanOrEqual(12)
  expect(combinations.length).toBeLessThanOrEqual(16)
})
