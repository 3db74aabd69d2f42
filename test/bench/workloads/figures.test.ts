import { describe, expect, it } from 'vitest'
import { figuresOf } from './figures.js'
import { connections, probes, recorded, writes } from './recorded.js'

const outage = [
  ...connections(0, 2_000, 'shop-0'),
  ...connections(2_000, 3_000, undefined),
  ...connections(3_000, 5_000, 'shop-1'),
]

describe('the figures of a scenario', () => {
  it('are zero where one pod answers everything', () => {
    expect(figuresOf(recorded({ samples: connections(0, 10_000, 'shop-0') }))).toEqual({
      moves: 0,
      path: [{ pod: '0', ready: true, late: false }],
      withoutS: 0,
      avoidableS: 0,
      longestAvoidableS: 0,
      failingS: 0,
      twoS: 0,
      actives: 1,
    })
  })

  it('count an outage from the first connection that failed to the first that was answered', () => {
    expect(figuresOf(recorded({ samples: outage })).withoutS).toBe(1)
  })

  it('count one at the end', () => {
    const samples = [...connections(0, 2_000, 'shop-0'), ...connections(2_000, 3_020, undefined)]
    expect(figuresOf(recorded({ samples })).withoutS).toBe(1)
  })

  describe('an outage was avoidable', () => {
    const avoidable = (changes: Parameters<typeof recorded>[0]) => {
      const { avoidableS, longestAvoidableS } = figuresOf(recorded({ samples: outage, ...changes }))
      expect(longestAvoidableS).toBe(avoidableS)
      return avoidableS
    }
    const unless = (uid: string, from: number, to: number) => [
      ...probes(0, from, uid),
      ...probes(from, to, uid, false),
      ...probes(to, 10_000, uid),
    ]

    it('where a pod was healthy and Ready all through it', () => {
      expect(avoidable({})).toBe(1)
    })

    it('where the pod that lost the role would have answered, on its way out too', () => {
      expect(avoidable({ probes: probes(0, 10_000, 'shop-0') })).toBe(1)
    })

    it('not where each pod failed for a part of it, though never both', () => {
      expect(avoidable({ probes: [...unless('shop-0', 2_000, 2_500), ...unless('shop-1', 2_500, 3_000)] })).toBe(0)
    })

    it('not where the pod that was healthy was not Ready, unless the Service has those too', () => {
      const changes = writes({ pod: 'shop-0', at: 0, active: true }, { pod: 'shop-1', at: 0, ready: false })
      const healthy = probes(0, 10_000, 'shop-1')
      expect(avoidable({ changes, probes: healthy })).toBe(0)
      expect(avoidable({ changes, probes: healthy, publishesNotReady: true })).toBe(1)
    })

    it('not where it became Ready, or ceased to be, during it', () => {
      const late = { pod: 'shop-1', at: 2_200 }
      for (const [before, after] of [
        [false, true],
        [true, false],
      ] as const) {
        const changes = writes({ pod: 'shop-1', at: 0, ready: before }, { ...late, ready: after })
        expect(avoidable({ changes, probes: probes(0, 10_000, 'shop-1') })).toBe(0)
      }
    })

    it('not where the pod came or went during it, or nobody had asked it', () => {
      const healthy = probes(0, 10_000, 'shop-1')
      expect(avoidable({ changes: writes({ pod: 'shop-1', at: 2_100 }), probes: healthy })).toBe(0)
      const gone = writes({ pod: 'shop-1', at: 0 }, { pod: 'shop-1', at: 2_900, deleted: true })
      expect(avoidable({ changes: gone, probes: healthy })).toBe(0)
      expect(avoidable({ probes: [] })).toBe(0)
    })

    it('not by a pod of another group', () => {
      const changes = writes({ pod: 'shop-0', at: 0, active: true }, { pod: 'shop2-0', at: 0, active: true })
      const { avoidableS } = figuresOf(
        recorded({ samples: outage, changes, probes: probes(0, 10_000, 'shop2-0'), groups: ['shop', 'shop2'] }),
      )
      expect(avoidableS).toBe(0)
    })
  })

  it('name who got the role, of which revision, whether it was Ready, and whether the one before was gone', () => {
    const changes = writes(
      { pod: 'shop-0', at: 0, active: true },
      { pod: 'shop-1', at: 0 },
      { pod: 'shop-1', at: 100, active: true, ready: false },
      { pod: 'shop-1', at: 150, active: true },
      { pod: 'shop-1', at: 200, deleted: true },
      { pod: 'shop-1', uid: 'another', at: 300, active: true, revision: 'two' },
    )
    const { moves, path } = figuresOf(recorded({ changes }))
    expect(moves).toBe(2)
    expect(path).toEqual([
      { pod: '0', ready: true, late: false },
      { pod: '1', ready: false, late: false },
      { pod: 'new 1', ready: true, late: true },
    ])
  })

  it('number the pods of a Deployment among those of their revision', () => {
    const changes = writes(
      { pod: 'shop-7f-bbbbb', at: 0, active: true },
      { pod: 'shop-7f-aaaaa', at: 0 },
      { pod: 'shop-9c-zzzzz', at: 10, revision: 'two' },
      { pod: 'shop-9c-yyyyy', at: 20, revision: 'two', active: true },
    )
    expect(figuresOf(recorded({ changes })).path.map(({ pod }) => pod)).toEqual(['2', 'new 2'])
  })

  it('count the moves of all groups', () => {
    const changes = writes(
      ...['shop-0', 'shop2-0', 'shop2-1'].map((pod, n) => ({ pod, at: n, active: pod !== 'shop2-1' })),
      { pod: 'shop2-0', at: 10 },
      { pod: 'shop2-1', at: 11, active: true },
    )
    expect(figuresOf(recorded({ changes, groups: ['shop', 'shop2'] }))).toMatchObject({ moves: 1, actives: 1 })
  })

  it('tell how long a pod answered that failed, while another was well', () => {
    const samples = connections(0, 10_000, 'shop-0')
    const failing = [
      ...probes(0, 3_000, 'shop-0'),
      ...probes(3_000, 5_000, 'shop-0', false),
      ...probes(5_000, 10_000, 'shop-0'),
    ]
    expect(figuresOf(recorded({ samples, probes: [...failing, ...probes(0, 10_000, 'shop-1')] })).failingS).toBeCloseTo(
      2,
      1,
    )
    expect(figuresOf(recorded({ samples, probes: failing })).failingS).toBe(0)
  })

  it('tell how long two pods answered in turns, and not for one handover', () => {
    const handover = [...connections(0, 1_000, 'shop-0'), ...connections(1_000, 2_000, 'shop-1')]
    expect(figuresOf(recorded({ samples: handover })).twoS).toBe(0)
    const inTurns = handover.map((sample, n) => (n >= 40 && n < 60 ? { ...sample, pod: `shop-${n % 2}` } : sample))
    expect(figuresOf(recorded({ samples: inTurns })).twoS).toBeCloseTo(0.4, 1)
  })

  it('tell of two actives', () => {
    const changes = writes({ pod: 'shop-0', at: 0, active: true }, { pod: 'shop-1', at: 0, active: true })
    expect(figuresOf(recorded({ changes })).actives).toBe(2)
  })
})
