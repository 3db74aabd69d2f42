import fc from 'fast-check'
import { expect, it } from 'vitest'
import { PriorityQueue } from '../../../handler/util/priority-queue.js'

interface Thing {
  rank: number
}

it('The first is the one with the lowest rank, whatever is added, moved and taken away', () => {
  const step = fc.record({ thing: fc.nat(11), rank: fc.nat(50), isGone: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const things = Array.from({ length: 12 }, (): Thing => ({ rank: 0 }))
      const there = new Set<Thing>()
      const ranked = new PriorityQueue<Thing>((one, other) => one.rank < other.rank)
      for (const { thing: n, rank, isGone } of steps) {
        const thing = things[n] as Thing
        if (isGone) {
          there.delete(thing)
          ranked.remove(thing)
        } else {
          thing.rank = rank
          there.add(thing)
          ranked.put(thing)
        }
        const lowest = there.size > 0 ? Math.min(...[...there].map((one) => one.rank)) : undefined
        expect(ranked.first?.rank).toBe(lowest)
        if (ranked.first) expect(there).toContain(ranked.first)
      }
    }),
    { seed: 20260101 },
  )
})

it('Thousands of things cost no more than a few comparisons each', () => {
  let comparisons = 0
  const ranked = new PriorityQueue<Thing>((one, other) => {
    comparisons++
    return one.rank < other.rank
  })
  const things = Array.from({ length: 5_000 }, (_, n): Thing => ({ rank: (n * 7_919) % 5_000 }))
  for (const thing of things) ranked.put(thing)
  const order: number[] = []
  for (let first = ranked.first; first; first = ranked.first) {
    order.push(first.rank)
    ranked.remove(first)
  }
  expect(order).toEqual(things.map((_, n) => n))
  expect(comparisons).toBeLessThan(5_000 * 40)
})
