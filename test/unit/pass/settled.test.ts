import { describe, expect, test } from 'vitest'
import { decide } from '../../../handler/group/decide.js'
import type { Judged } from '../../../handler/group/groups.js'
import type { Verdict } from '../../../handler/health/judge.js'
import { healthySwap, isSettled } from '../../../handler/pass/settled.js'
import type { Settings } from '../../../handler/settings/settings.js'
import {
  aMember,
  anActive,
  aSituation,
  conclusively,
  failed,
  failing,
  healthy,
  terminating,
  unprobed,
} from '../../support/builders.js'

const decideOn =
  (settings: Partial<Settings> = {}) =>
  (members: readonly Judged[]) =>
    decide(aSituation(members, settings))

const pending: Verdict = { ...unprobed, check: { kind: 'http', result: 'not waited for', ms: 0 } }
const weaklyPending: Verdict = { ...pending, evidence: 'readiness-probe' }
const isPending = ({ verdict }: Judged) => verdict.check.result === 'not waited for'

/** How a burst may end. */
const ends = ({ verdict }: Judged): readonly Verdict[] => [
  { ...healthy, evidence: verdict.evidence },
  failing(1),
  failed(),
  { ...unprobed, evidence: verdict.evidence },
]

function completions(members: readonly Judged[]): readonly (readonly Judged[])[] {
  return members.reduce<readonly (readonly Judged[])[]>(
    (lists, member) => {
      const ways = isPending(member) ? ends(member).map((verdict) => ({ ...member, verdict })) : [member]
      return lists.flatMap((list) => ways.map((one) => [...list, one]))
    },
    [[]],
  )
}

const settledOn = (members: readonly Judged[], settings: Partial<Settings> = {}) => {
  const decide = decideOn(settings)
  const swap = healthySwap(members, decide)
  const rivals = new Set(members.filter(isPending).map(({ pod }) => pod.uid))
  return swap && isSettled(members, swap, rivals, decide) ? swap : undefined
}

const VERDICTS = [healthy, { ...healthy, evidence: 'none' }, failed(), pending, weaklyPending] as const
const KINDS: readonly ((name: string) => Judged)[] = [
  ...VERDICTS.flatMap((verdict) => [
    (name: string) => aMember(name, { verdict }),
    (name: string) => anActive(name, { verdict }),
  ]),
  (name) => anActive(name, terminating),
  (name) => aMember(name, { verdict: conclusively('not Ready') }),
  ...[healthy, pending].map(
    (verdict) => (name: string) => aMember(name, { labelled: false, epoch: 3, activeSinceMs: 1, verdict }),
  ),
]
const SETTINGS: readonly Partial<Settings>[] = [
  {},
  { prefer: ['c', 'b'], failback: 0 },
  { never: ['b'], 'promote-unhealthy': false },
]

describe('a decision that is settled', () => {
  test('is the one that would be made if all had been waited for, however their bursts end', () => {
    const groups = KINDS.flatMap((a) => KINDS.flatMap((b) => KINDS.map((c) => [a('a'), b('b'), c('c')])))
    const wrong: unknown[] = []
    let settled = 0
    for (const members of groups.filter((group) => group.some(isPending))) {
      for (const settings of SETTINGS) {
        const swap = settledOn(members, settings)
        if (!swap) continue
        settled++
        const isSame = completions(members).every((known) => {
          const choice = decideOn(settings)(known)
          return 'winner' in choice && choice.kind === swap.kind && choice.winner.pod.uid === swap.winner.pod.uid
        })
        const isKnown = swap.winner.verdict.health === 'healthy' && !isPending(swap.winner)
        if (!isSame || !isKnown) wrong.push([members, settings])
      }
    }
    expect(wrong).toEqual([])
    expect(settled).toBeGreaterThan(500)
  })

  const gone = anActive('a', terminating)
  const well = (name: string) => aMember(name)
  const open = (name: string) => aMember(name, { verdict: pending })
  test.each<[string, readonly Judged[], Partial<Settings>, string | undefined]>([
    ['one comes before the other', [gone, well('b'), open('c')], {}, 'b'],
    ['one that is open comes before', [gone, open('b'), well('c')], {}, undefined],
    ['one that is open comes before, and may never', [gone, open('b'), well('c')], { never: ['b'] }, 'c'],
    ['one that is open is preferred', [gone, well('b'), open('c')], { prefer: ['c'] }, undefined],
    ['the open one rests on less', [gone, aMember('b', { verdict: weaklyPending }), well('c')], {}, 'c'],
    ['nobody is known to be healthy', [gone, open('b'), open('c')], {}, undefined],
    ['all that is known is that one fails', [gone, aMember('b', { verdict: failed() }), open('c')], {}, undefined],
    ['the active one is open', [anActive('a', { verdict: pending }), well('b')], {}, undefined],
    ['the active one is healthy', [anActive('a'), open('b')], {}, undefined],
    [
      'the active one fails, and does not count yet',
      [anActive('a', { verdict: failing(1) }), well('b')],
      {},
      undefined,
    ],
    ['the active one has failed', [anActive('a', { verdict: failed() }), well('b'), open('c')], {}, 'b'],
    [
      'it would only go back to a preferred one',
      [anActive('a'), well('b'), open('c')],
      { prefer: ['b'], failback: 0 },
      undefined,
    ],
    ['paused', [gone, well('b'), open('c')], { pause: Number.POSITIVE_INFINITY }, undefined],
  ])('is there or not where %s', (_, members, settings, winner) => {
    expect(settledOn(members, settings)?.winner.pod.name).toBe(winner)
  })
})
