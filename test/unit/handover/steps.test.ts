import { describe, expect, test } from 'vitest'
import type { Swap } from '../../../handler/group/decide.js'
import type { Group, Judged } from '../../../handler/group/groups.js'
import type { Claim } from '../../../handler/handover/claim.js'
import { begin, type Next, next, type Plan, type Redecision, type StepResult } from '../../../handler/handover/steps.js'
import { KubeError } from '../../../handler/kube/port.js'
import { DEFAULT_SETTINGS } from '../../../handler/settings/settings.js'
import { aMember, anActive, aService } from '../../support/builders.js'

const old = anActive('a', { epoch: 4, pin: 'own' })
const [b, c] = [aMember('b', { epoch: 4 }), aMember('c', { epoch: 4 })]
const reason = { code: 'active-failed', text: 'a failed' } as const
const to = (winner: Judged): Swap => ({ kind: 'failover', winner, moves: [], reason })
const group = { namespace: 'default', services: [aService('app')], strangers: [] } as unknown as Group
const plan: Plan = { group, members: [old, b, c], settings: DEFAULT_SETTINGS, swap: to(b), roleLabel: 'role' }

const ENOUGH = { allowsSeal: true, allowsPromotion: true, isOver: false }
const held: Claim = { token: 'token b', services: group.services, latch: 'latched', refused: [], stuck: [] }
const refusal = new KubeError('denied', 'no', 'Ask for it.')

const CLAIMED: StepResult = { kind: 'claimed', claimed: { kind: 'held', claim: held } }
const SEALED: StepResult = { kind: 'sealed', result: { kind: 'done', changed: [] } }
const STANDS: StepResult = { kind: 'checked', stands: true }
const PROMOTED: StepResult = { kind: 'promoted', result: { kind: 'done', changed: [] } }
const REFUSED: StepResult = { kind: 'promoted', result: { kind: 'denied', error: refusal } }
const WAITED: StepResult = { kind: 'waited' }
const RELEASED: StepResult = { kind: 'released', released: [] }
const now = (members: readonly Judged[], winner?: Judged): StepResult => ({
  kind: 'redecided',
  now: { members, swap: winner && to(winner), fault: undefined, alarms: [] } satisfies Redecision,
})

/** The steps that follow from these results, in few words, and the last one whole. */
function play(results: readonly StepResult[], time = ENOUGH, from = plan) {
  let at: Next = begin(from)
  const steps = [inShort(at)]
  for (const result of results) {
    at = next(at[0], result, time)
    steps.push(inShort(at))
  }
  return { steps, last: at[1] }
}

function inShort([, step]: Next): string {
  switch (step.kind) {
    case 'seal':
      return `seal ${step.members.map(({ pod }) => pod.name).join(' ')}`.trim()
    case 'promote':
      return `promote ${step.winner.pod.name}`
    case 'redecide':
      return `redecide without ${step.never.join(' ') || 'nobody'}`
    case 'end':
      return `end ${step.ending.outcome.kind}`
    default:
      return step.kind
  }
}

describe('a handover', () => {
  test('claims, seals the passive pods and then the active one, checks, promotes, settles, releases', () => {
    const { steps, last } = play([CLAIMED, SEALED, SEALED, STANDS, PROMOTED, WAITED, RELEASED])
    expect(steps).toEqual([...['claim', 'seal c', 'seal a', 'check', 'promote b', 'settle', 'release', 'end done']])
    expect(last).toMatchObject({ ending: { begun: true, noted: [], outcome: { winner: b } } })
  })

  test('pins the Services to the one active pod, and to nobody where its uid is on another pod, or without the latch', () => {
    const pinOf = (some: Partial<Plan>) => begin({ ...plan, ...some })[1]
    expect(pinOf({})).toEqual({ kind: 'claim', winner: 'b', pin: 'uid-of-a' })
    const copy = { ...c, pod: { ...c.pod, labels: { 'active-passive/pod': 'uid-of-a' } } }
    expect(pinOf({ members: [old, b, copy] })).toMatchObject({ pin: undefined })
    expect(pinOf({ settings: { ...DEFAULT_SETTINGS, latch: false } })).toMatchObject({ pin: undefined })
  })

  test('that has lost the claim writes nothing more', () => {
    const lost: StepResult = { kind: 'claimed', claimed: { kind: 'again', delayMs: 7, refused: [], stuck: [] } }
    const { steps, last } = play([lost])
    expect(steps).toEqual(['claim', 'end again'])
    expect(last).toMatchObject({ ending: { begun: false, outcome: { delayMs: 7 } } })
  })

  test.each<[string, readonly StepResult[], Partial<typeof ENOUGH>, readonly string[]]>([
    ['has no time to seal touches no pod', [CLAIMED, RELEASED], { allowsSeal: false }, ['release', 'end again']],
    [
      'has no time to promote leaves the active pod',
      [CLAIMED, SEALED, RELEASED],
      { allowsPromotion: false },
      ['seal c', 'release', 'end again'],
    ],
    [
      'loses a seal stops at it',
      [CLAIMED, { kind: 'sealed', result: { kind: 'lost', pod: c.pod } }, RELEASED],
      {},
      ['seal c', 'release', 'end again'],
    ],
    [
      'is refused a seal stops at it',
      [CLAIMED, { kind: 'sealed', result: { kind: 'denied', error: refusal } }, RELEASED],
      {},
      ['seal c', 'release', 'end failed'],
    ],
    [
      'finds its claim gone promotes nobody',
      [CLAIMED, SEALED, SEALED, { kind: 'checked', stands: false }, RELEASED],
      {},
      ['seal c', 'seal a', 'check', 'release', 'end again'],
    ],
    [
      'cannot read whether its claim stands promotes nobody',
      [CLAIMED, SEALED, SEALED, { kind: 'failed', error: refusal }, RELEASED],
      {},
      ['seal c', 'seal a', 'check', 'release', 'end failed'],
    ],
  ])('that %s', (_, results, time, steps) => {
    expect(play(results, { ...ENOUGH, ...time }).steps.slice(1)).toEqual(steps)
  })

  const toPromotion = [CLAIMED, SEALED, SEALED, STANDS]
  const sealed = [aMember('a', { epoch: 5 }), b, aMember('c', { epoch: 5 })]

  test('asks a busy server again, after another check of the claim', () => {
    const busy: StepResult = { kind: 'promoted', result: { kind: 'throttled', retryAfterMs: 900 } }
    const { steps, last } = play([...toPromotion, busy])
    expect(last).toEqual({ kind: 'back-off', attempt: 0, atLeastMs: 900 })
    expect(play([...toPromotion, busy, WAITED, STANDS, PROMOTED]).steps.slice(steps.length)).toEqual([
      ...['check', 'promote b', 'settle'],
    ])
  })

  test('whose winner is refused goes to the next candidate under the same claim, in a new epoch', () => {
    const { steps, last } = play([...toPromotion, REFUSED, WAITED, now(sealed, c), SEALED, SEALED, STANDS])
    expect(steps.slice(5)).toEqual(['back-off', 'redecide without b', 'seal a b', 'seal', 'check', 'promote c'])
    expect(last).toMatchObject({ ballot: { epoch: 6 } })
  })

  test('whose promotion landed though its answer was lost is done', () => {
    const unknown: StepResult = { kind: 'promoted', result: { kind: 'unknown', error: refusal } }
    const landed = [aMember('a', { epoch: 5 }), anActive('b', { epoch: 5 }), aMember('c', { epoch: 5 })]
    expect(play([...toPromotion, unknown, WAITED, now(landed), WAITED, RELEASED]).steps.slice(6)).toEqual([
      ...['redecide without nobody', 'settle', 'release', 'end done'],
    ])
  })

  test('that another pass has overtaken leaves its pod active', () => {
    const lost: StepResult = { kind: 'promoted', result: { kind: 'lost', pod: b.pod } }
    const overtaken = [aMember('a', { epoch: 6 }), b, anActive('c', { epoch: 6 })]
    expect(play([...toPromotion, lost, WAITED, now(overtaken), RELEASED]).steps.slice(6)).toEqual([
      ...['redecide without nobody', 'release', 'end again'],
    ])
  })

  test('of which every candidate is rejected three times ends, with the first refusal', () => {
    const rejected: StepResult = { kind: 'promoted', result: { kind: 'rejected', error: refusal } }
    const round = [rejected, WAITED, now([b]), SEALED, SEALED, STANDS]
    const alone = { ...plan, members: [b] }
    const { steps, last } = play(
      [...toPromotion, ...round, ...round, rejected, WAITED, now([b]), RELEASED],
      ENOUGH,
      alone,
    )
    expect(steps.filter((step) => step === 'promote b')).toHaveLength(3)
    expect(last).toMatchObject({ ending: { outcome: { kind: 'failed', trouble: { error: refusal } } } })
  })
})
