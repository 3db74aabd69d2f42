import { describe, expect, test } from 'vitest'
import { BY_HAND, type Move } from '../../../handler/group/cooldown.js'
import { decide, isSwap, type Swap } from '../../../handler/group/decide.js'
import type { Judged } from '../../../handler/group/groups.js'
import { decideSwitchover, type Switchover } from '../../../handler/group/switchover.js'
import type { Settings } from '../../../handler/settings/settings.js'
import {
  aMember,
  anActive,
  aSituation,
  conclusively,
  failed,
  failing,
  healthy,
  MINUTE,
  NOW,
  SECOND,
  terminating,
  unchecked,
  unprobed,
  winnerOf,
} from '../../support/builders.js'

const a = anActive('web-0')
const b = aMember('web-1')
const FOREVER = { pause: Number.POSITIVE_INFINITY }

const ask = (members: readonly Judged[], wish: Partial<Switchover> = {}, settings: Partial<Settings> = {}) =>
  decideSwitchover(aSituation(members, settings), { to: 'web-1', force: false, ...wish })
/** What is decided, to whom, why. */
const inShort = (...asked: Parameters<typeof ask>) => {
  const choice = ask(...asked)
  return [choice.kind, choice.reason.code, winnerOf(choice)].filter((one) => one !== undefined).join(' ')
}
const remedyOf = (...asked: Parameters<typeof ask>) => {
  const choice = ask(...asked)
  return choice.kind === 'unmoved' ? choice.remedy : undefined
}
const movedAgo = (agoMs: number, failed?: string): Move => ({
  atMs: NOW - agoMs,
  ...(failed === undefined ? {} : { failed }),
})

const MOVED = 'switchover by-hand web-1'

describe('a switchover', () => {
  test.each<[string, readonly Judged[], Partial<Switchover>, Partial<Settings>, string, string]>([
    ['to a healthy pod', [a, b], {}, {}, MOVED, MOVED],
    ['from the pod that is active', [a, b], { from: 'web-0' }, {}, MOVED, MOVED],
    ['where nobody is active', [aMember('web-0'), b], {}, {}, MOVED, MOVED],
    ['away from a pod that terminates', [anActive('web-0', terminating), b], {}, {}, MOVED, MOVED],
    ['away from a pod that fails', [anActive('web-0', { verdict: failed() }), b], {}, {}, MOVED, MOVED],
    ['after a pause has ended', [a, b], {}, { pause: NOW }, MOVED, MOVED],

    ['where there is no pod', [], {}, {}, 'unmoved no-pods', 'unmoved no-pods'],
    ['to the active pod', [a, b], { to: 'web-0' }, {}, 'unmoved already-active', 'unmoved already-active'],
    ['to it in a pause', [a, b], { to: 'web-0' }, FOREVER, 'unmoved already-active', 'unmoved already-active'],
    [
      'to it, from another',
      [a, b],
      { to: 'web-0', from: 'web-1' },
      {},
      'unmoved already-active',
      'unmoved already-active',
    ],
    ['in a pause', [a, b], {}, FOREVER, 'unmoved paused', 'unmoved paused'],
    ['in a pause that ends', [a, b], {}, { pause: NOW + 1 }, 'unmoved paused', 'unmoved paused'],
    ['where two are active', [a, anActive('web-1')], {}, {}, 'unmoved several-actives', 'unmoved several-actives'],
    [
      'to one of two active pods',
      [a, anActive('web-1')],
      { to: 'web-0' },
      {},
      'unmoved several-actives',
      'unmoved several-actives',
    ],
    ['from another pod', [a, b], { from: 'web-7' }, {}, 'unmoved not-from', 'unmoved not-from'],
    [
      'from a pod where nobody is active',
      [aMember('web-0'), b],
      { from: 'web-0' },
      {},
      'unmoved not-from',
      'unmoved not-from',
    ],
    ['where nobody is active, as asked', [aMember('web-0'), b], { from: null }, {}, MOVED, MOVED],
    ['where nobody was to be active', [a, b], { from: null }, {}, 'unmoved not-from', 'unmoved not-from'],
    ['to a pod that is not there', [a, b], { to: 'web-7' }, {}, 'unmoved unknown-pod', 'unmoved unknown-pod'],
    ['to a pod named in never', [a, b], {}, { never: ['web-1'] }, 'unmoved never', 'unmoved never'],
    [
      'to a pod of a Job',
      [a, aMember('web-1', { pod: { owner: { kind: 'Job', name: 'job', uid: 'j' } } })],
      {},
      {},
      'unmoved never',
      'unmoved never',
    ],
    ['to a pod that has failed', [a, aMember('web-1', { verdict: failed() })], {}, {}, 'unmoved unhealthy', MOVED],
    ['to a pod that fails', [a, aMember('web-1', { verdict: failing(1) })], {}, {}, 'unmoved unhealthy', MOVED],
    ['to a pod not checked', [a, aMember('web-1', { verdict: unchecked() })], {}, {}, 'unmoved unhealthy', MOVED],
    ['to a pod not probed', [a, aMember('web-1', { verdict: unprobed })], {}, {}, 'unmoved unhealthy', MOVED],
    [
      'to a pod that is not Ready',
      [a, aMember('web-1', { pod: { ready: false }, verdict: conclusively('not Ready') })],
      {},
      {},
      'unmoved unhealthy',
      MOVED,
    ],
    ['to a pod that terminates', [a, aMember('web-1', terminating)], {}, {}, 'unmoved unhealthy', 'unmoved unhealthy'],
    [
      'back to the active pod that terminates',
      [anActive('web-0', terminating), b],
      { to: 'web-0' },
      {},
      'unmoved unhealthy',
      'unmoved unhealthy',
    ],
    [
      'to a pod that is Pending',
      [a, aMember('web-1', { pod: { phase: 'Pending' }, verdict: conclusively('Pending') })],
      {},
      {},
      'unmoved unhealthy',
      'unmoved unhealthy',
    ],
    [
      'soon after a move',
      [a, aMember('web-1', { moves: [movedAgo(29 * SECOND, 'x')] })],
      {},
      { cooldown: 30 * SECOND },
      'unmoved resting',
      MOVED,
    ],
    [
      'once the role has rested',
      [a, aMember('web-1', { moves: [movedAgo(30 * SECOND, 'x')] })],
      {},
      { cooldown: 30 * SECOND },
      MOVED,
      MOVED,
    ],
    [
      'after two moves that were close, which double the rest',
      [a, aMember('web-1', { moves: [movedAgo(2 * MINUTE, 'x'), movedAgo(59 * SECOND, 'y')] })],
      {},
      { cooldown: 30 * SECOND },
      'unmoved resting',
      MOVED,
    ],
    [
      'without a cooldown',
      [a, aMember('web-1', { moves: [movedAgo(SECOND, 'x')] })],
      {},
      { cooldown: 0 },
      MOVED,
      MOVED,
    ],
    [
      'soon after a move, where nobody is active',
      [aMember('web-0'), aMember('web-1', { moves: [movedAgo(SECOND, 'x')] })],
      {},
      { cooldown: 30 * SECOND },
      MOVED,
      MOVED,
    ],
    ['that a failback would undo', [a, b], {}, { prefer: ['web-0'], failback: 0 }, 'unmoved failback-undoes', MOVED],
    [
      'that a failback to a third pod would undo',
      [a, b, aMember('web-2')],
      {},
      { prefer: ['web-2'], failback: MINUTE },
      'unmoved failback-undoes',
      MOVED,
    ],
    [
      'away from a preferred pod that fails',
      [anActive('web-0', { verdict: failed() }), b],
      {},
      { prefer: ['web-0'], failback: 0 },
      MOVED,
      MOVED,
    ],
    ['away from a preferred pod, without failback', [a, b], {}, { prefer: ['web-0'] }, MOVED, MOVED],
    ['to a preferred pod', [a, b], {}, { prefer: ['web-1'], failback: 0 }, MOVED, MOVED],
  ])('%s', (_, members, wish, settings, plain, forced) => {
    expect(inShort(members, wish, settings)).toBe(plain)
    expect(inShort(members, { ...wish, force: true }, settings)).toBe(forced)
  })

  test('to a pod whose check could not be made does not say that it fails', () => {
    const decision = decideSwitchover(aSituation([a, aMember('web-1', { verdict: unchecked() })]), {
      ...{ to: 'web-1', force: false },
    })
    expect(decision.reason.text).toBe('web-1 could not be checked (not checked: may not get pods/exec)')
  })

  test('without a name goes to the best candidate, and never to the active pod', () => {
    const to = { to: undefined }
    expect(inShort([a, b, aMember('web-2')], to, { prefer: ['web-2'] })).toBe('switchover by-hand web-2')
    expect(inShort([a, aMember('web-1', { verdict: failed() }), aMember('web-2')], to)).toBe('switchover by-hand web-2')
    expect(inShort([a], { ...to, force: true })).toBe('unmoved no-candidate')
  })

  test('without a name goes to no pod that fails, forced or not: such a pod has to be named', () => {
    const members = [a, aMember('web-1', { verdict: failed() })]
    for (const force of [false, true]) {
      expect(inShort(members, { to: undefined, force })).toBe('unmoved no-candidate')
      expect(remedyOf(members, { to: undefined, force })).toContain('web-1 --force')
    }
  })

  test('says what was meant, or what there is', () => {
    expect(remedyOf([a, b], { to: 'web-l' })).toContain('Did you mean web-')
    const many = Array.from({ length: 7 }, (_, n) => aMember(`web-${n}`))
    expect(remedyOf(many, { to: 'other' })).toBe('Choose one of web-0, web-1, web-2, web-3, web-4 and 2 more.')
  })

  test('is noted as made by hand, after the moves before it, and not at all without a cooldown', () => {
    const before = movedAgo(10 * MINUTE, 'x')
    const members = [a, aMember('web-1', { moves: [before] })]
    expect(ask(members, {}, { cooldown: 30 * SECOND })).toMatchObject({
      moves: [before, { atMs: NOW, failed: BY_HAND }],
    })
    expect(ask(members, {}, { cooldown: 0 })).toMatchObject({ moves: [] })
  })

  test('does not depend on the order of the pods', () => {
    const members = [a, b, aMember('web-2', { verdict: failed() })]
    for (const to of ['web-1', undefined]) expect(inShort(members.toReversed(), { to })).toBe(inShort(members, { to }))
  })
})

describe('a switchover that is tried again', () => {
  const settings = { cooldown: 30 * SECOND }
  const tried = ask([a, b], {}, settings) as Swap

  test('does not rest for its own note on the pods', () => {
    const marked = aMember('web-1', { moves: tried.moves })
    expect(inShort([a, marked], {}, settings)).toBe('unmoved resting')
    expect(inShort([a, marked], { tried, begun: false }, settings)).toBe(MOVED)
  })

  test('rests for what another pass has moved meanwhile', () => {
    for (const move of [movedAgo(1, BY_HAND), movedAgo(0, 'x')])
      expect(inShort([a, aMember('web-1', { moves: [...tried.moves, move] })], { tried }, settings)).toBe(
        'unmoved resting',
      )
  })

  test('from nobody gives way to a pod that is active meanwhile', () => {
    expect(inShort([a, b], { tried, from: null }, settings)).toBe('unmoved not-from')
    expect(ask([a, b], { from: null }).reason.text).toBe('web-0 is the active pod, where none was')
  })

  test('and has sealed nobody gives way where another pass has', () => {
    expect(inShort([aMember('web-0'), b], { tried, from: 'web-0' }, settings)).toBe('unmoved not-from')
  })
})

describe('a switchover that has begun', () => {
  const tried = ask([a, b], {}, { cooldown: 30 * SECOND }) as Swap
  const sealed = aMember('web-0', { epoch: 2 })
  const onward = (members: readonly Judged[], wish: Partial<Switchover> = {}, settings: Partial<Settings> = {}) =>
    inShort(members, { from: 'web-0', tried, begun: true, ...wish }, settings)

  test.each<[string, readonly Judged[], Partial<Switchover>, Partial<Settings>, string]>([
    ['goes on to its pod, whoever was active before', [sealed, b], {}, {}, MOVED],
    ['however lately the role has moved', [sealed, aMember('web-1', { moves: [movedAgo(0, 'x')] })], {}, {}, MOVED],
    ['whatever failback would do', [sealed, b], {}, { prefer: ['web-0'], failback: 0 }, MOVED],
    ['goes on as a failover once its pod is gone', [sealed], {}, {}, 'failover active-gone web-0'],
    [
      'once another has its name',
      [sealed, aMember('web-1', { pod: { uid: 'new' }, verdict: failed() })],
      {},
      {},
      'failover active-gone web-0',
    ],
    ['once its pod was refused', [sealed, b], {}, { never: ['web-1'] }, 'failover active-gone web-0'],
    ['once its pod terminates', [sealed, aMember('web-1', terminating)], {}, {}, 'failover active-gone web-0'],
    ['once its pod fails', [sealed, aMember('web-1', { verdict: failed() })], {}, {}, 'failover active-gone web-0'],
    ['but for one that is forced', [sealed, aMember('web-1', { verdict: failed() })], { force: true }, {}, MOVED],
    ['but not in a pause', [sealed, b], {}, FOREVER, 'paused paused'],
    ['and is asked for anew where a pod is active', [anActive('web-2'), b], {}, {}, 'unmoved not-from'],
  ])('%s', (_, members, wish, settings, decision) => {
    expect(onward(members, wish, settings)).toBe(decision)
  })

  test('leaves nobody without an active pod whom a failover would not', () => {
    const states = [b, aMember('web-1', { verdict: failed() }), aMember('web-1', terminating)]
    for (const one of states)
      for (const other of [sealed, aMember('web-0', { epoch: 2, verdict: failed() })]) {
        const members = [other, one]
        const own = isSwap(decide(aSituation(members)))
        for (const force of [false, true])
          expect(isSwap(ask(members, { tried, begun: true, from: 'web-0', force }))).toBe(own)
      }
  })

  test('tells its pod as it is now', () => {
    const now = aMember('web-1', { epoch: 7, verdict: healthy })
    expect(ask([sealed, now], { tried, begun: true })).toMatchObject({ winner: { epoch: 7 } })
  })
})
