import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  BY_HAND,
  type Move,
  readMoves,
  recentMoves,
  restBeforeFailback,
  restBeforeFailover,
  restBeforeSwitchover,
  writeMoves,
} from '../../../handler/group/cooldown.js'
import { MINUTE, NOW, SECOND } from '../../support/builders.js'

const HOUR = 60 * MINUTE
const COOLDOWN = 30 * SECOND
const moved = (agoMs: number, failed?: string): Move => ({
  atMs: NOW - agoMs,
  ...(failed === undefined ? {} : { failed }),
})

describe('what is noted of handovers', () => {
  test('is read as it was written', () => {
    const moves = [moved(3 * MINUTE, 'a-1'), moved(2 * MINUTE), moved(0, 'b-2')]
    expect(writeMoves(moves)).toBe('2026-01-01T11:57:00.000Z=a-1,2026-01-01T11:58:00.000Z,2026-01-01T12:00:00.000Z=b-2')
    expect(readMoves(writeMoves(moves))).toEqual(moves)
  })

  test('is the last six of them, and short: uids have 36 characters', () => {
    const moves = Array.from({ length: 9 }, (_, n) => moved((9 - n) * MINUTE, 'u'.repeat(36)))
    expect(readMoves(writeMoves(moves))).toEqual(moves.slice(-6))
    expect(writeMoves(moves).length).toBeLessThan(400)
  })

  test.each<[string, string | undefined]>([
    ['nothing', undefined],
    ['no text', ''],
    ['no times', 'yesterday=a,=b,,2026,0'],
    ['more than anybody needs', `${new Date(NOW).toISOString()},`.repeat(100)],
  ])('of %s makes nothing', (_, raw) => {
    expect(readMoves(raw)).toEqual([])
  })

  test('counts once, though it stands on several pods, in the order of time, for an hour', () => {
    const moves = [
      moved(MINUTE, 'a'),
      moved(HOUR, 'old'),
      moved(MINUTE, 'a'),
      moved(2 * MINUTE),
      moved(-2 * MINUTE, 'x'),
    ]
    expect(recentMoves(moves, NOW)).toEqual([moved(2 * MINUTE), moved(MINUTE, 'a')])
  })
})

describe('the rest before a failover', () => {
  const to = { uid: 'a' }
  const rest = (moves: readonly Move[], cooldown = COOLDOWN) =>
    restBeforeFailover(recentMoves(moves, NOW), cooldown, NOW, to)

  test.each<[string, readonly Move[], number]>([
    ['none was made', [], 0],
    ['the pod has not failed', [moved(0, 'b'), moved(0)], 0],
    ['the pod has failed once', [moved(10 * SECOND, 'a')], 20 * SECOND],
    ['it was long ago', [moved(40 * SECOND, 'a')], 0],
    ['another one failed close before', [moved(MINUTE, 'b'), moved(10 * SECOND, 'a')], 50 * SECOND],
    ['the last one was a failback', [moved(MINUTE, 'a'), moved(10 * SECOND)], 50 * SECOND],
    ['another one failed ten cooldowns before', [moved(310 * SECOND, 'b'), moved(10 * SECOND, 'a')], 20 * SECOND],
  ])('when %s', (_, moves, expected) => {
    expect(rest(moves)).toBe(expected)
  })

  test('doubles up to sixteen times', () => {
    const row = (n: number) => Array.from({ length: n }, (_, k) => moved((n - 1 - k) * SECOND, 'a'))
    expect([1, 2, 3, 4, 5].map((n) => rest(row(n)) / COOLDOWN)).toEqual([1, 2, 4, 8, 16])
    expect(rest(row(5), MINUTE)).toBe(16 * MINUTE)
  })

  test('is none without a cooldown', () => {
    expect(
      rest(
        [1, 2, 3, 4, 5, 6, 7].map((n) => moved(n, 'a')),
        0,
      ),
    ).toBe(0)
  })
})

/** Two pods, of which the active one fails our check at once, whichever it is, as handlers of opposite views see it. */
function movesIn(hours: number, cooldown: number, failback: boolean): readonly number[] {
  let active = 'a'
  let moves: readonly Move[] = []
  const times: number[] = []
  for (let at = NOW; at < NOW + hours * HOUR; at += SECOND) {
    const recent = recentMoves(moves, at)
    const other = active === 'a' ? 'b' : 'a'
    const isBack = failback && active === 'b'
    const wait = isBack
      ? restBeforeFailback(recent, cooldown, at)
      : restBeforeFailover(recent, cooldown, at, { uid: other })
    if (wait > 0) continue
    moves = readMoves(writeMoves([...recent, isBack ? { atMs: at } : { atMs: at, failed: active }]))
    active = other
    times.push(at)
  }
  return times
}

test('However the views differ, and whatever the cooldown, there are six handovers an hour at most', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 * MINUTE }), fc.boolean(), (cooldown, failback) => {
      const times = movesIn(3, cooldown, failback)
      for (const time of times)
        expect(times.filter((one) => one > time - HOUR && one <= time).length).toBeLessThanOrEqual(6)
    }),
    { numRuns: 25, seed: 1 },
  )
  expect(movesIn(1, COOLDOWN, false).map((at) => (at - NOW) / SECOND)).toEqual([0, 30, 90, 210, 450, 930])
})

test('There are two failbacks an hour at most: a pod that is gone once more is left at once, which counts for nothing', () => {
  const two = [moved(40 * MINUTE), moved(20 * MINUTE)]
  expect(restBeforeFailback(recentMoves(two, NOW), COOLDOWN, NOW)).toBe(20 * MINUTE)
  expect(restBeforeFailback(recentMoves(two.slice(1), NOW), COOLDOWN, NOW)).toBe(0)
})

test('A failback leaves two of them for failures', () => {
  const four = [4, 3, 2, 1].map((n) => moved(n * 10 * MINUTE, 'a'))
  expect(restBeforeFailback(recentMoves(four, NOW), COOLDOWN, NOW)).toBe(20 * MINUTE)
  expect(restBeforeFailback(recentMoves(four.slice(1), NOW), COOLDOWN, NOW)).toBe(0)
  expect(restBeforeFailover(recentMoves(four, NOW), COOLDOWN, NOW, { uid: 'a' })).toBe(0)
})

describe('a switchover', () => {
  const byHand = moved(5 * MINUTE, BY_HAND)
  const six = Array.from({ length: 6 }, (_, n) => moved((30 - n) * MINUTE, 'x'))
  const to = { uid: 'a' }

  test('is read as it was written, and the last one alone', () => {
    const moves = [moved(9 * MINUTE, BY_HAND), moved(7 * MINUTE, 'a-1'), byHand]
    expect(writeMoves(moves)).toBe('2026-01-01T11:53:00.000Z=a-1,2026-01-01T11:55:00.000Z=by-hand')
    expect(readMoves(writeMoves(moves))).toEqual(moves.slice(1))
  })

  test('takes the place of no move that counts for the limit', () => {
    const noted = readMoves(writeMoves([...six, byHand]))
    expect(noted).toEqual([...six, byHand])
    expect(restBeforeFailover(recentMoves(noted, NOW), COOLDOWN, NOW, to)).toBe(30 * MINUTE)
  })

  test('does not count for the hourly limits', () => {
    const five = [...six.slice(1), byHand]
    expect(restBeforeFailover(recentMoves(five, NOW), COOLDOWN, NOW, to)).toBe(0)
    const many = Array.from({ length: 9 }, (_, n) => moved((50 - n) * MINUTE, BY_HAND))
    expect(restBeforeFailover(recentMoves(many, NOW), COOLDOWN, NOW, to)).toBe(0)
    expect(restBeforeFailback(recentMoves([moved(20 * MINUTE, BY_HAND)], NOW), COOLDOWN, NOW)).toBe(0)
  })

  test('holds back a failback, and the next switchover, for a cooldown', () => {
    const just = recentMoves([moved(10 * SECOND, BY_HAND)], NOW)
    expect(restBeforeFailback(just, COOLDOWN, NOW)).toBe(20 * SECOND)
    expect(restBeforeSwitchover(just, COOLDOWN, NOW)).toBe(20 * SECOND)
    expect(restBeforeSwitchover(just, 0, NOW)).toBe(0)
    expect(restBeforeFailover(just, COOLDOWN, NOW, to)).toBe(0)
  })
})
