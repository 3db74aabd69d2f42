import { describe, expect, inject, it } from 'vitest'
import { judge, type Sample } from './judge.js'
import { soakServe } from './serve-soak.js'

const cluster = inject('cluster')

/** As many passes as in a minute of the default. */
const SOAK = { durationMs: 40_000, intervalMs: 600 }

describe.skipIf(!cluster)('serve, left alone for a while', () => {
  it('takes no more in the end, and asks for what it must alone', { timeout: 180_000 }, async () => {
    const { figures, faults } = await soakServe(cluster as NonNullable<typeof cluster>, SOAK)
    console.log(figures.join('\n'))
    expect(faults).toEqual([])
  })
})

describe('the judgement on a soak', () => {
  const bounds = { intervalMs: 1_000, growthMb: 10 }
  /** What serve takes in a minute when all is well. */
  const samples = (change: (n: number) => Partial<Sample> = () => ({})): readonly Sample[] =>
    Array.from({ length: 61 }, (_, n) => ({
      ...{ askedAtMs: n * 1_000, answeredAtMs: n * 1_000 },
      ...{ rssMb: 80 + (n % 7), heapMb: 20 + (n % 5), handles: 6, descriptors: 30 },
      ...{ passes: n, requests: 5 + 2 * n, restarts: 0 },
      ...change(n),
    }))

  it('finds nothing wrong with what goes up and down, nor with a watch that was begun again', () => {
    expect(judge(samples(), bounds).faults).toEqual([])
    expect(
      judge(
        samples((n) => ({ restarts: n > 9 ? 1 : 0, requests: 5 + 2 * n + (n > 9 ? 1 : 0) })),
        bounds,
      ).faults,
    ).toEqual([])
  })

  it('finds nothing wrong with a machine that was slow to answer at first', () => {
    const late = (n: number) => ({ askedAtMs: n * 1_000, answeredAtMs: n * 1_000 + (n === 0 ? 3_000 : 0) })
    expect(judge(samples(late), bounds).faults).toEqual([])
  })

  it.each<readonly [string, (n: number) => Partial<Sample>]>([
    ['resident memory', (n) => ({ rssMb: 80 + n / 2 })],
    ['heap', (n) => ({ heapMb: 20 + n / 2 })],
    ['handles', (n) => ({ handles: 6 + Math.floor(n / 10) })],
    ['file descriptors', (n) => ({ descriptors: 30 + Math.floor(n / 10) })],
    ['passes', (n) => ({ passes: 2 * n, requests: 4 * n })],
    ['passes', (n) => ({ passes: Math.floor(n / 2), requests: n })],
    ['requests', (n) => ({ requests: 3 * n })],
  ])('finds %s that are not as they should be', (name, change) => {
    expect(judge(samples(change), bounds).faults.join()).toContain(name)
  })
})
