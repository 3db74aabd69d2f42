import { describe, expect, test } from 'vitest'
import { statusCode, statusOf } from '../../../handler/report/status.js'
import {
  aGroupReport,
  aMember,
  anActive,
  aReport,
  failed,
  failing,
  MINUTE,
  NOW,
  unprobed,
} from '../../support/builders.js'

type Group = ReturnType<typeof aGroupReport>
const seen = (group: Group) => {
  const [status] = statusOf(aReport([group], { dryRun: true }), NOW).groups
  if (!status) throw new Error('a report of one group has its status')
  return status
}
const codeOf = (group: Group) => statusCode(aReport([group], { dryRun: true }))

describe('statusOf', () => {
  test('of no group is empty, with the warnings', () => {
    expect(statusOf(aReport([], { warnings: ['a typo'] }), NOW)).toEqual({ groups: [], warnings: ['a typo'] })
  })

  test('says who is active, since when, and in which epoch', () => {
    const group = aGroupReport([anActive('a', { epoch: 7, activeSinceMs: NOW - MINUTE }), aMember('b', { epoch: 8 })])
    expect(seen(group)).toMatchObject({
      ...{ active: ['a'], since: '2026-01-01T11:59:00.000Z', epoch: 8, health: 'healthy' },
      standbys: { ready: 1, total: 1 },
      next: { kind: 'keep', code: 'healthy', to: null },
      pausedUntil: null,
    })
  })

  test('has no health without an active pod, and names whom the next pass promotes', () => {
    const status = seen(aGroupReport([aMember('a'), aMember('b')]))
    expect(status).toMatchObject({ active: [], since: null, health: 'none', next: { kind: 'first', to: 'a' } })
    expect(status.pods.map(({ name, place }) => [name, place])).toEqual([
      ['a', 1],
      ['b', 2],
    ])
  })

  test('puts the active pods first, and gives each standby its place or what is against it', () => {
    const group = aGroupReport(
      [
        aMember('a', { verdict: failed() }),
        aMember('b'),
        aMember('c', { verdict: unprobed }),
        anActive('d'),
        aMember('e'),
      ],
      { settings: { never: ['e'] } },
    )
    expect(seen(group).pods.map(({ name, place, whyNotCode }) => [name, place, whyNotCode])).toEqual([
      ['d', null, null],
      ['a', null, 'check-failed'],
      ['b', 1, null],
      ['c', null, 'not-probed'],
      ['e', null, 'named-in-never'],
    ])
  })

  test.each([
    [NOW + MINUTE, '2026-01-01T12:01:00.000Z'],
    [NOW - MINUTE, null],
    [Number.POSITIVE_INFINITY, 'forever'],
  ])('of a pause until %d', (pause, pausedUntil) => {
    const status = seen(aGroupReport([anActive('a')], { settings: { pause } }))
    expect(status).toMatchObject({ pausedUntil, settings: {} })
  })
})

describe('statusCode', () => {
  test.each([
    ['a healthy group', aGroupReport([anActive('a'), aMember('b')]), 0],
    ['one that fails, and is counted', aGroupReport([anActive('a', { verdict: failing(1) }), aMember('b')]), 0],
    ['a group without pods', aGroupReport([]), 0],
    ['a failover that is due', aGroupReport([anActive('a', { verdict: failed() }), aMember('b')]), 1],
    ['a first pod that is due', aGroupReport([aMember('a')]), 1],
    ['a group that is blocked', aGroupReport([anActive('a', { verdict: failed() })]), 1],
  ])('of %s', (_what, group, code) => {
    expect(codeOf(group)).toBe(code)
  })

  test('is 3 where the API server refused', () => {
    const fault = { code: 'denied', object: 'namespace shop', message: 'no', remedy: 'Ask.' } as const
    expect(codeOf(aGroupReport([], { decision: { kind: 'error', fault } }))).toBe(3)
  })
})
