// The panic rule, on any cluster: who can cause it, and who cannot.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isPanic } from '../../handler/pass/overview.js'
import { limit, parameters, Tally } from './runs.js'

/** Of each group, its namespace and whether our check fails its active pod. */
type Groups = readonly { readonly namespace: string; readonly fails: boolean }[]

const OWN = 'n0'
const groups = fc.array(
  fc.record({
    namespace: fc.nat(5).map((n) => `n${n}`),
    fails: fc.integer({ min: 0, max: 3 }).map((n) => n > 0),
  }),
  { maxLength: 24 },
)
const share = fc.constantFrom(0.01, 0.25, 0.5, 0.75, 0.99)

const panics = (some: Groups, of: number) => {
  const tallies = new Map<string, { groups: number; failed: number }>()
  for (const { namespace, fails } of some) {
    const { groups, failed } = tallies.get(namespace) ?? { groups: 0, failed: 0 }
    tallies.set(namespace, { groups: groups + 1, failed: failed + Number(fails) })
  }
  return isPanic(OWN, tallies, of)
}

/** The rule without a word on namespaces. */
const isMost = (some: Groups, of: number) =>
  some.length >= 5 && some.filter(({ fails }) => fails).length > of * some.length

describe('whatever groups there are,', limit, () => {
  test('a group that passes instead of failing never causes panic, nor does a patient operator', () => {
    const tally = new Tally()
    fc.assert(
      fc.property(groups, share, share, fc.nat(), (some, a, b, place) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)]
        const better = some.map((group, n) => (n === place % some.length ? { ...group, fails: false } : group))
        if (panics(better, low)) expect(panics(some, low)).toBe(true)
        if (panics(some, high)) expect(panics(some, low)).toBe(true)
        tally.add(`${panics(some, low)}`)
      }),
      parameters(),
    )
    tally.expectAll(['true', 'false'], 50)
  })

  test('there is panic if more than that share of at least five fails, of all and without any one other namespace', () => {
    const tally = new Tally()
    fc.assert(
      fc.property(groups, share, (some, of) => {
        const others = new Set(some.map(({ namespace }) => namespace).filter((one) => one !== OWN))
        const without = [...others].map((left) => some.filter(({ namespace }) => namespace !== left))
        const areMost = without.every((rest) => isMost(rest, of))
        expect(panics(some, of)).toBe(isMost(some, of) && areMost)
        tally.add(`${isMost(some, of)} ${areMost}`)
      }),
      parameters(),
    )
    tally.expectAll(['true true', 'true false', 'false false'])
  })

  test('no single other namespace causes it, whatever groups its users make and break', () => {
    const tally = new Tally()
    const attack = fc.tuple(groups, groups).map(([some, more]) => ({
      before: some.filter(({ namespace }) => namespace !== 'n1'),
      added: more.map((group) => ({ ...group, namespace: 'n1' })),
    }))
    fc.assert(
      fc.property(attack, share, ({ before, added }, of) => {
        if (!isMost(before, of)) expect(panics([...before, ...added], of)).toBe(false)
        tally.add(`${isMost(before, of)}`)
      }),
      parameters(),
    )
    tally.expectAll(['true', 'false'], 50)
  })

  test('it is never panic where it is turned off, nor of fewer than five groups', () => {
    fc.assert(
      fc.property(groups, share, (some, of) => {
        expect(panics(some, 0)).toBe(false)
        expect(panics(some.slice(0, 4), of)).toBe(false)
      }),
      parameters(),
    )
  })
})
