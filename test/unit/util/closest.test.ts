import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { closest, isSlip } from '../../../handler/util/closest.js'

describe('the closest word', () => {
  const known = ['pause', 'prefer', 'failures', 'failback', 'health-check', 'of']

  test.each([
    ['pause', 'pause'],
    ['Pause', 'pause'],
    ['PAUSE', 'pause'],
    ['puase', 'pause'],
    ['paues', 'pause'],
    ['pase', 'pause'],
    ['pauuse', 'pause'],
    ['pouse', 'pause'],
    ['ause', 'pause'],
    ['pauses', 'pause'],
    ['failurs', 'failures'],
    ['fallback', 'failback'],
    ['helth-chekc', 'health-check'],
    ['healthcheck', 'health-check'],
    ['OF', 'of'],
  ])('to %s is %s', (word, meant) => {
    expect(closest(word, known)).toBe(meant)
  })

  test.each(['', 'p', 'paw', 'puose', 'apuse-', 'prefix', 'health', 'check', 'if', 'toString', '__proto__'])(
    'to %j is none of them',
    (word) => {
      expect(closest(word, known)).toBeUndefined()
    },
  )

  test('is the nearest, wherever it stands, and itself where it is known', () => {
    expect(closest('prober', ['prefer', 'probes', 'probers', 'PROBER'])).toBe('PROBER')
    expect(closest('prober', ['PROBER', 'prober'])).toBe('prober')
    expect(closest('prober', [])).toBeUndefined()
  })

  test('to an endless word is found at once: there is none', () => {
    expect(closest('pause'.repeat(1_000_000), known)).toBeUndefined()
  })

  test('is as near as a table of distances says', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 10 })
    let near = 0
    fc.assert(
      fc.property(word, word, (one, other) => {
        const allowed = other.length < 3 ? 0 : other.length < 8 ? 1 : 2
        const isNear = distance(one, other) <= allowed
        if (isNear && one !== other) near++
        expect(closest(one, [other])).toBe(isNear ? other : undefined)
      }),
      { numRuns: 20_000, seed: 20260101 },
    )
    expect(near).toBeGreaterThan(100)
  })
})

/** By the book: edits, where two neighbours may change places once. */
function distance(one: string, other: string): number {
  const table = Array.from({ length: one.length + 1 }, (_, i) => [i])
  const at = (i: number, j: number) => table[i]?.[j] ?? Number.POSITIVE_INFINITY
  for (let i = 0; i <= one.length; i++) {
    for (let j = i === 0 ? 1 : 0; j <= other.length; j++) {
      const isSame = one[i - 1] === other[j - 1]
      const isSwap = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]
      const ways = [at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (isSame ? 0 : 1)]
      const row = table[i]
      if (row) row[j] = Math.min(...ways, isSwap ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY)
    }
  }
  return at(one.length, other.length)
}

describe('a slip', () => {
  test.each([
    ['typo', 'tpyo'],
    ['web', 'wbe'],
    ['web', 'webb'],
    ['web', 'WEB'],
    ['hello-world', 'helloworld'],
    ['hello-world', 'hello_world'],
    ['hello-world', 'hello.World'],
    ['helloworld', 'helloword'],
    ['helloworld', 'elloworld'],
    ['helloworld', 'hellowwrld'],
    ['helloworld', 'hellloworld'],
    ['shop-frontend', 'shop-fronted'],
    ['web-1', 'wbe-1'],
    ['web-1', 'web1'],
    ['my-app-api', 'my-app-aip'],
    ['apple', 'aple'],
  ])('is between %s and %s', (one, other) => {
    expect(isSlip(one, other)).toBe(true)
    expect(isSlip(other, one)).toBe(true)
  })

  test.each([
    ['web', 'db'],
    ['web', 'app'],
    ['web', 'we'],
    ['web', 'wep'],
    ['web-1', 'web-2'],
    ['web-1', 'web-11'],
    ['web-12', 'web-21'],
    ['web1', 'web2'],
    ['web', 'web2'],
    ['v1-2', 'v12'],
    ['shop-a', 'shop-b'],
    ['shopa', 'shopb'],
    ['frontenda', 'frontendb'],
    ['frontend', 'frontenda'],
    ['shop', 'shop-a'],
    ['shop-eu', 'shop-us'],
    ['shop-ab', 'shop-ba'],
    ['web-blue', 'web-glue'],
    ['web-east', 'web-west'],
    ['order', 'orders'],
    ['user-api', 'users-api'],
    ['serve', 'server'],
    ['worker', 'workers'],
    ['reader', 'leader'],
    ['leader', 'loader'],
    ['poller', 'puller'],
    ['relay', 'replay'],
    ['cart', 'chart'],
    ['cache', 'cached'],
    ['mail', 'main'],
    ['blog', 'blob'],
    ['auth', 'oath'],
    ['mongod', 'mongos'],
    ['inbound', 'unbound'],
    ['consumer', 'customer'],
    ['primary', 'replica'],
    ['hello-world', 'hallo-werld'],
    ['typo-web', 'tpyo-app'],
    ['', 'a'],
  ])('is not between %s and %s: both are words', (one, other) => {
    expect(isSlip(one, other)).toBe(false)
    expect(isSlip(other, one)).toBe(false)
  })
})
