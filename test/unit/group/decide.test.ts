import { describe, expect, test } from 'vitest'
import type { Move } from '../../../handler/group/cooldown.js'
import { type Choice, decide } from '../../../handler/group/decide.js'
import type { Judged } from '../../../handler/group/groups.js'
import type { Settings } from '../../../handler/settings/settings.js'
import {
  aMember,
  anActive,
  aPod,
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
import { permutations } from '../../support/permutations.js'

const decideOn = (members: readonly Judged[], settings: Partial<Settings> = {}): Choice =>
  decide(aSituation(members, settings))

/** A decision in one line: what, to whom, why. */
const inShort = (choice: Choice) => [choice.kind, choice.reason.code, winnerOf(choice)]

const passive = aMember('web-1')
/** A handover from this pod, which had failed its check. */
const away = (name: string, agoMs: number): Move => ({ atMs: NOW - agoMs, failed: `uid-of-${name}` })
const deadPassive = aMember('web-1', { verdict: failed('503') })
/** With a readinessProbe of its own, which the kubelet runs. */
const PROBED = {
  containers: [{ name: 'main', ports: [], readinessProbe: { kind: 'exec', command: ['true'], timeoutMs: SECOND } }],
} as const
const believed = aMember('web-1', { pod: PROBED, verdict: failed() })

describe('the rules, in their order', () => {
  test.each<[string, readonly Judged[], Partial<Settings>, readonly (string | undefined)[]]>([
    ['no pods: empty, even when paused', [], { pause: Number.POSITIVE_INFINITY }, ['empty', 'no-pods']],
    [
      'paused before anything that is wrong',
      [anActive('web-0', terminating), passive],
      { pause: Number.POSITIVE_INFINITY },
      ['paused', 'paused'],
    ],
    [
      'two actives: repair, before their health counts',
      [anActive('web-0', { verdict: failed() }), anActive('web-1')],
      {},
      ['repair', 'several-actives', 'web-1'],
    ],
    ['no active, none before: first', [aMember('web-0'), passive], {}, ['first', 'no-active', 'web-0']],
    [
      'no active, but there was one: failover',
      [aMember('web-0', { epoch: 4 }), passive],
      {},
      ['failover', 'active-gone', 'web-0'],
    ],
    [
      'the active is terminating: failover at once',
      [anActive('web-0', terminating), passive],
      {},
      ['failover', 'active-gone', 'web-1'],
    ],
    [
      'the active that a person labelled is terminating: failover, though no swap has written an epoch',
      [anActive('web-0', { ...terminating, epoch: 0 }), passive],
      {},
      ['failover', 'active-gone', 'web-1'],
    ],
    [
      'the active fails, under the threshold: count',
      [anActive('web-0', { verdict: failing(2) }), passive],
      {},
      ['count', 'under-threshold'],
    ],
    [
      'the active has failed: failover',
      [anActive('web-0', { verdict: failed() }), passive],
      {},
      ['failover', 'active-failed', 'web-1'],
    ],
    [
      'the active is not Ready: failover',
      [anActive('web-0', { verdict: conclusively('not Ready') }), passive],
      {},
      ['failover', 'active-not-ready', 'web-1'],
    ],
    [
      'the active has failed and so has the other: blocked',
      [anActive('web-0', { verdict: failed() }), deadPassive],
      {},
      ['blocked', 'no-candidate'],
    ],
    [
      'the active is not Ready, and the other, Ready for want of a probe, fails our check: blocked',
      [anActive('web-0', { verdict: conclusively('not Ready') }), deadPassive],
      {},
      ['blocked', 'no-candidate'],
    ],
    [
      'the active is not Ready, and the other, which its kubelet finds Ready, fails our check: failover',
      [anActive('web-0', { verdict: conclusively('not Ready') }), believed],
      {},
      ['failover', 'ready-by-kubelet', 'web-1'],
    ],
    [
      'the active is not Ready, and a third one passes: failover to that one',
      [anActive('web-0', { verdict: conclusively('not Ready') }), believed, aMember('web-2')],
      {},
      ['failover', 'active-not-ready', 'web-2'],
    ],
    [
      'the active has failed our check and is Ready, and so is the other: blocked, as nothing would be better',
      [anActive('web-0', { pod: PROBED, verdict: failed() }), believed],
      {},
      ['blocked', 'no-candidate'],
    ],
    [
      'the active is not Ready, the other is by its kubelet, and has failed a moment ago: failover all the same',
      [anActive('web-0', { verdict: conclusively('not Ready'), moves: [away('web-1', 0)] }), believed],
      { cooldown: MINUTE },
      ['failover', 'ready-by-kubelet', 'web-1'],
    ],
    [
      'the active is not Ready, the other is by its kubelet, but promote-unhealthy is false: blocked',
      [anActive('web-0', { verdict: conclusively('not Ready') }), believed],
      { 'promote-unhealthy': false },
      ['blocked', 'no-candidate'],
    ],
    [
      'the active is not Ready, the other is by its kubelet, and is named in never: blocked',
      [anActive('web-0', { verdict: conclusively('not Ready') }), believed],
      { never: ['web-1'] },
      ['blocked', 'no-candidate'],
    ],
    [
      'the active fails, and by our check alone, which is not confirmed: count',
      [anActive('web-0', { verdict: { ...failing(0), isUnconfirmed: true } }), passive],
      {},
      ['count', 'unconfirmed'],
    ],
    [
      'the active was not probed: blocked',
      [anActive('web-0', { verdict: unprobed }), passive],
      {},
      ['blocked', 'not-probed'],
    ],
    [
      'the active is healthy, another one preferred: failback',
      [anActive('web-0'), passive],
      { prefer: ['web-1'], failback: 0 },
      ['failback', 'preferred', 'web-1'],
    ],
    ['the active is healthy: keep', [anActive('web-0'), deadPassive], {}, ['keep', 'healthy']],
    ['one pod alone, healthy: keep', [anActive('web-0')], {}, ['keep', 'healthy']],
    [
      'an active that a person labelled, without an epoch: keep',
      [anActive('web-0', { epoch: 0, pin: 'none' }), passive],
      {},
      ['keep', 'healthy'],
    ],
  ])('%s', (_, members, settings, [kind, code, winner]) => {
    expect(inShort(decideOn(members, settings))).toEqual([kind, code, winner])
  })
})

describe('every decision says why:', () => {
  const sick = anActive('web-0', { verdict: failed() })
  const ending = anActive('web-0', terminating)
  const ended = anActive('web-0', { ...terminating, pod: { terminating: true, ready: false } })

  test.each<[string, readonly Judged[], Partial<Settings>]>([
    ['the group has no pods', [], {}],
    ['paused by annotation', [sick], { pause: Number.POSITIVE_INFINITY }],
    ['web-0 passed its check: 200', [anActive('web-0')], {}],
    ['web-0 failed its check (500), 2 of 3 times', [anActive('web-0', { verdict: failing(2) })], {}],
    ['web-0 failed its check 3 times in a row (500); web-1 passed its check', [sick, passive], {}],
    [
      'web-0 is not Ready by its kubelet; no other pod passes our check, but web-1 is Ready by its readinessProbe (our check: 500)',
      [anActive('web-0', { verdict: conclusively('not Ready') }), believed],
      {},
    ],
    [
      'web-0 failed its check 3 times in a row (500); no other pod can take over (web-1: 503): web-0 stays active',
      [sick, deadPassive],
      {},
    ],
    [
      'web-0 failed its check 3 times in a row (500); the role has moved for such a failure, or back to a preferred pod, once in the last hour: web-1 takes over in 40s at the earliest',
      [{ ...sick, moves: [away('web-1', 20 * SECOND)] }, passive],
      { cooldown: MINUTE },
    ],
    [
      'web-0 is not Ready by its kubelet, which needs no count; web-1 passed its check',
      [anActive('web-0', { verdict: conclusively('not Ready') }), passive],
      {},
    ],
    ['no pod is active, and none is marked as having been; web-0 passed its check', [aMember('web-0')], {}],
    ['the active pod is gone; web-0 passed its check', [aMember('web-0', { epoch: 2 })], {}],
    ['web-0 is terminating; web-1 passed its check', [ending, passive], {}],
    [
      'web-0 is Failed, which needs no count; web-1 passed its check',
      [anActive('web-0', { pod: { phase: 'Failed' }, verdict: conclusively('Failed') }), passive],
      {},
    ],
    [
      'web-0 is terminating and no pod that may take over is healthy; web-1 is at least running (503)',
      [ended, deadPassive],
      {},
    ],
    [
      'web-0 is terminating; no other pod can take over (web-1: 503), and promote-unhealthy is false',
      [ended, deadPassive],
      { 'promote-unhealthy': false },
    ],
    ['web-0 is terminating; there is no other pod', [ended], {}],
    [
      'web-0 is terminating, and still Ready by its kubelet; no other pod can take over (web-1: 503): it keeps the role until one is healthy, or until it is not Ready',
      [ending, deadPassive],
      {},
    ],
    [
      'no pod is active, and none is marked as having been; no other pod can take over (web-0: named in never, web-1: named in never)',
      [aMember('web-0'), passive],
      { never: ['web-0', 'web-1'] },
    ],
    [
      'web-0 passed its check: 200; it is named in never, which keeps a pod from becoming active, and takes the role from none',
      [anActive('web-0')],
      { never: ['web-0'] },
    ],
    [
      'web-0 and web-1 are all active; web-0 is kept (epoch 4)',
      [anActive('web-0', { epoch: 4 }), anActive('web-1', { epoch: 3 })],
      {},
    ],
    ['no time was left to check web-0', [anActive('web-0', { verdict: unprobed }), passive], {}],
    [
      'web-1 is preferred to web-0 and has been healthy for at least 5m',
      [anActive('web-0'), passive],
      { prefer: ['web-1'], failback: 5 * MINUTE },
    ],
  ])('%s', (text, members, settings) => {
    expect(decideOn(members, settings).reason.text).toBe(text)
  })
})

describe('several actives', () => {
  const repaired = (...members: readonly Judged[]) => inShort(decideOn(members))

  test('are repaired to the one with the highest epoch, healthy or not', () => {
    const sick = anActive('web-1', { epoch: 5, verdict: failed() })
    expect(repaired(anActive('web-0', { epoch: 4 }), sick)).toEqual(['repair', 'several-actives', 'web-1'])
  })

  test('with the same epoch, to the healthy one, then to the first in order', () => {
    const sick = anActive('web-0', { verdict: failing(1) })
    expect(repaired(sick, anActive('web-1'))).toEqual(['repair', 'several-actives', 'web-1'])
    expect(repaired(anActive('web-0'), anActive('web-1'))).toEqual(['repair', 'several-actives', 'web-0'])
    expect(repaired(sick, anActive('web-1', { verdict: failed() }))).toEqual(['repair', 'several-actives', 'web-0'])
    const members = [sick, anActive('web-1')]
    expect(winnerOf(decideOn(members, { prefer: ['web-0'] })), 'health before preference').toBe('web-1')
  })

  test('with the same epoch, rather to a doubtful one than to one that gets no traffic, which nobody counts', () => {
    const unready = anActive('web-0', { verdict: conclusively('not Ready') })
    expect(repaired(unready, anActive('web-1', { verdict: failing(1) }))).toEqual([
      'repair',
      'several-actives',
      'web-1',
    ])
    expect(repaired(unready, anActive('web-1', { verdict: failed() }))).toEqual(['repair', 'several-actives', 'web-1'])
  })

  test('of equal health to the one that has lasted', () => {
    const young = anActive('web-0', { pod: { readySinceMs: NOW - SECOND } })
    expect(repaired(young, anActive('web-1'))).toEqual(['repair', 'several-actives', 'web-1'])
  })

  test('are repaired to one that lives, though a terminating one has the highest epoch', () => {
    const ending = anActive('web-0', { epoch: 9, ...terminating })
    expect(repaired(ending, anActive('web-1', { epoch: 3 }))).toEqual(['repair', 'several-actives', 'web-1'])
    expect(repaired(ending, anActive('web-1', { epoch: 3, verdict: failed() }), aMember('web-2'))).toEqual([
      'repair',
      'several-actives',
      'web-1',
    ])
  })

  test('that are all terminating are replaced', () => {
    const ending = ['web-0', 'web-1'].map((name) => anActive(name, terminating))
    expect(repaired(...ending, aMember('web-2'))).toEqual(['failover', 'active-gone', 'web-2'])
  })

  test('are repaired without waiting for a cooldown', () => {
    const moves = [away('web-0', 0), away('web-1', 0)]
    const members = [anActive('web-0', { moves }), anActive('web-1', { moves })]
    expect(decideOn(members, { cooldown: MINUTE }).kind).toBe('repair')
  })
})

describe('no active pod', () => {
  test('takes the first of the healthy ones', () => {
    const members = [deadPassive, aMember('web-10'), aMember('web-2')]
    expect(winnerOf(decideOn(members))).toBe('web-2')
  })

  test('takes the first that runs and is Ready when none is healthy: a doubtful pod beats none', () => {
    const members = [
      aMember('web-0', { pod: { phase: 'Pending' }, verdict: conclusively('Pending') }),
      aMember('web-1', terminating),
      aMember('web-2', { verdict: failed() }),
      aMember('web-3', { verdict: conclusively('not Ready') }),
    ]
    expect(inShort(decideOn(members))).toEqual(['first', 'no-active', 'web-2'])
  })

  test('takes the first running one when none is even Ready', () => {
    const unready = ['web-1', 'web-0'].map((name) => aMember(name, { verdict: conclusively('not Ready') }))
    expect(winnerOf(decideOn(unready))).toBe('web-0')
  })

  test.each<[string, readonly Judged[], Partial<Settings>]>([
    ['nothing runs', [aMember('web-0', { pod: { phase: 'Pending' }, verdict: conclusively('Pending') })], {}],
    ['the only one is never to be promoted', [aMember('web-0')], { never: ['web-0'] }],
    ['a doubtful pod is not wanted', [aMember('web-0', { verdict: failed() })], { 'promote-unhealthy': false }],
  ])('stays so when %s', (_, members, settings) => {
    expect(inShort(decideOn(members, settings))).toEqual(['blocked', 'no-candidate', undefined])
  })

  test('is filled by a healthy pod though promote-unhealthy is false', () => {
    expect(decideOn([aMember('web-0')], { 'promote-unhealthy': false }).kind).toBe('first')
  })

  test('is what is left of an active that has ended, which is no member any more: it never serves again', () => {
    const endedActive = aPod('web-0', { phase: 'Failed' })
    const decision = decide({ ...aSituation([passive], { cooldown: MINUTE }), endedActive })
    expect(inShort(decision)).toEqual(['failover', 'active-gone', 'web-1'])
    expect(decision).toMatchObject({ reason: { text: 'web-0 is Failed; web-1 passed its check' } })
  })

  test('is filled without waiting for a cooldown', () => {
    const gone = anActive('web-0', { ...terminating, moves: [away('web-1', 0)] })
    expect(decideOn([gone, passive], { cooldown: MINUTE }).kind).toBe('failover')
  })
})

describe('a role label that was taken away', () => {
  const lost = (name: string, rest: Parameters<typeof aMember>[1] = {}) =>
    aMember(name, { labelled: false, epoch: 4, activeSinceMs: NOW - MINUTE, ...rest })

  test('goes back to the pod that was active last, though another one would be chosen', () => {
    const decision = decideOn([aMember('web-0', { epoch: 4 }), lost('web-1')], { prefer: ['web-0'] })
    expect(inShort(decision)).toEqual(['repair', 'label-lost', 'web-1'])
    expect(decision.reason.text).toBe(
      'web-1 was made active in epoch 4 and has lost its role label; web-1 passed its check, and gets it back',
    )
  })

  test('goes back to the one of the highest epoch, then to the one that is active for less time', () => {
    const older = lost('web-0', { epoch: 3, activeSinceMs: NOW })
    const sealed = lost('web-2', { activeSinceMs: NOW - 2 * MINUTE })
    expect(winnerOf(decideOn([older, sealed, lost('web-1')]))).toBe('web-1')
  })

  test('goes to the first by name where the marks of two pods are the same, however they are listed', () => {
    for (const members of permutations([lost('web-1'), lost('web-0'), lost('web-2')]))
      expect(inShort(decideOn(members))).toEqual(['repair', 'label-lost', 'web-0'])
  })

  test.each<[string, readonly Judged[], Partial<Settings>]>([
    ['fails', [lost('web-1', { verdict: failing(1) })], {}],
    ['is named in never', [lost('web-1')], { never: ['web-1'] }],
    ['is of a Job', [lost('web-1', { pod: { owner: { kind: 'Job', name: 'x', uid: 'x' } } })], {}],
    ['is labelled passive, which is somebody’s decision', [lost('web-1', { labelled: true })], { never: ['web-1'] }],
    ['has no epoch of ours', [lost('web-1', { epoch: 0 })], { prefer: ['web-0'] }],
    ['was never made active', [lost('web-1', { activeSinceMs: undefined })], { prefer: ['web-0'] }],
  ])('does not go back to a pod that %s', (_, members, settings) => {
    const { reason, ...decision } = decideOn([aMember('web-0'), ...members], settings)
    expect([reason.code === 'label-lost', winnerOf({ reason, ...decision } as Choice)]).toEqual([false, 'web-0'])
  })

  const unsure = lost('web-1', { verdict: unchecked() })

  test('goes back to a pod whose check could not be made, whatever the others are: that says nothing about it', () => {
    for (const verdict of [healthy, unchecked(), failed()]) {
      const decision = decideOn([aMember('web-0', { verdict }), unsure], { prefer: ['web-0'] })
      expect(inShort(decision)).toEqual(['repair', 'label-lost', 'web-1'])
      expect(decision.reason.text).toContain('its check could not be made (not checked: may not get pods/exec)')
    }
  })

  test.each<[string, Judged, Partial<Settings>]>([
    ['has failed before', lost('web-1', { verdict: unchecked(1) }), {}],
    ['is not Ready', lost('web-1', { verdict: unchecked(), pod: { ready: false } }), {}],
    ['has no address', lost('web-1', { verdict: unchecked(), pod: { ip: '' } }), {}],
    ['does not run', lost('web-1', { verdict: unchecked(), pod: { phase: 'Pending' } }), {}],
    ['is named in never', unsure, { never: ['web-1'] }],
    ['is not known to be healthy, as must be', unsure, { 'promote-unhealthy': false }],
  ])('goes to a healthy pod where the check of its own could not be made and it %s', (_, member, settings) => {
    const decision = decideOn([aMember('web-0'), member], settings)
    expect(inShort(decision)).toEqual(['failover', 'active-gone', 'web-0'])
    expect(decision.reason.text).toContain('web-1 has lost its role label and could not be checked (not checked')
  })

  test('is not what is missing where an active pod terminates, or has ended', () => {
    const members = [aMember('web-0'), lost('web-1')]
    const settings = { prefer: ['web-0'] }
    expect(inShort(decideOn([anActive('web-2', terminating), ...members], settings))).toEqual([
      'failover',
      'active-gone',
      'web-0',
    ])
    const endedActive = aPod('web-2', { phase: 'Failed', annotations: { 'active-passive/epoch': '9' } })
    expect(inShort(decide({ ...aSituation(members, settings), endedActive }))).toEqual([
      'failover',
      'active-gone',
      'web-0',
    ])
  })

  test('is missing all the same where one has ended that was active before it', () => {
    const endedActive = aPod('web-2', { phase: 'Failed', annotations: { 'active-passive/epoch': '1' } })
    const situation = { ...aSituation([aMember('web-0'), lost('web-1')], { prefer: ['web-0'] }), endedActive }
    expect(inShort(decide(situation))).toEqual(['repair', 'label-lost', 'web-1'])
  })

  test('stays away while the group is paused', () => {
    expect(decideOn([lost('web-1')], { pause: Number.POSITIVE_INFINITY }).kind).toBe('paused')
  })
})

test('A paused group without an active pod says so', () => {
  expect(decideOn([passive], { pause: Number.POSITIVE_INFINITY }).reason.text).toBe(
    'paused by annotation, and no pod is active',
  )
  expect(decideOn([anActive('web-0')], { pause: Number.POSITIVE_INFINITY }).reason.text).toBe('paused by annotation')
})

describe('what a decision rests on is said:', () => {
  const ready = (evidence: 'readiness-probe' | 'none') => ({ ...healthy, evidence })
  const sick = anActive('web-0', { verdict: failed() })

  test.each<[string, readonly Judged[]]>([
    ['web-0 is Ready by its readinessProbe', [anActive('web-0', { verdict: ready('readiness-probe') })]],
    ['web-0 is Ready, and has no readinessProbe', [anActive('web-0', { verdict: ready('none') })]],
    [
      'web-0 failed its check 3 times in a row (500); web-1 is Ready by its readinessProbe',
      [sick, aMember('web-1', { verdict: ready('readiness-probe') })],
    ],
    [
      'web-0 failed its check 3 times in a row (500); web-1 is Ready, and has no readinessProbe',
      [sick, aMember('web-1', { verdict: ready('none') })],
    ],
    [
      'no pod is active, and none is marked as having been; web-1 is Ready, and has no readinessProbe',
      [aMember('web-1', { verdict: ready('none') })],
    ],
  ])('%s', (text, members) => {
    expect(decideOn(members).reason.text).toBe(text)
  })

  test('a failback goes to a pod of evidence that is no worse', () => {
    const settings = { prefer: ['web-1'], failback: 0 }
    const preferred = aMember('web-1', { verdict: ready('none') })
    expect(decideOn([anActive('web-0'), preferred], settings).kind).toBe('keep')
    expect(decideOn([anActive('web-0', { verdict: ready('none') }), preferred], settings).kind).toBe('failback')
  })
})

describe('a pod of a Job', () => {
  const ofJob = (verdict = healthy) =>
    aMember('job-x', { verdict, pod: { owner: { kind: 'Job', name: 'job', uid: 'uid-of-job' } } })

  test('is not made active, healthy or not, were it the only one', () => {
    for (const verdict of [healthy, failed()])
      expect(inShort(decideOn([ofJob(verdict)]))).toEqual(['blocked', 'no-candidate', undefined])
    expect(decideOn([anActive('web-0', { verdict: failed() }), ofJob()]).kind).toBe('blocked')
  })

  test('that is active by somebody else’s hand stays so while it is healthy', () => {
    const active = { ...ofJob(), role: 'active' } as const
    expect(decideOn([active, passive]).kind).toBe('keep')
  })
})

describe('a failed active', () => {
  const sick = anActive('web-0', { verdict: failed() })

  test('is left as it is when nobody is healthy, whatever promote-unhealthy says', () => {
    for (const promote of [true, false]) {
      expect(decideOn([sick, deadPassive], { 'promote-unhealthy': promote }).kind).toBe('blocked')
    }
  })

  test('is left as it is when the only healthy pod is named in never', () => {
    expect(decideOn([sick, passive], { never: ['web-1'] }).kind).toBe('blocked')
  })

  test('is replaced by the preferred pod', () => {
    expect(winnerOf(decideOn([sick, passive, aMember('web-2')], { prefer: ['web-0', 'web-2'] }))).toBe('web-2')
  })

  test.each<[string, readonly Move[], string]>([
    ['has just failed itself', [away('web-1', 0)], 'blocked'],
    ['failed almost a cooldown ago', [away('web-1', MINUTE - 1)], 'blocked'],
    ['failed a cooldown ago', [away('web-1', MINUTE)], 'failover'],
    ['failed two hours ago', [away('web-1', 120 * MINUTE)], 'failover'],
    ['has not failed, though others have', [away('web-0', 0), away('web-2', 0)], 'failover'],
    ['has not failed, after a failback', [{ atMs: NOW }], 'failover'],
    ['failed after other handovers: twice the time', [away('web-0', 3 * MINUTE), away('web-1', MINUTE)], 'blocked'],
    ['failed after others, and twice the time ago', [away('web-0', 4 * MINUTE), away('web-1', 2 * MINUTE)], 'failover'],
    [
      'failed long after others: the time is single again',
      [away('web-0', 12 * MINUTE), away('web-1', MINUTE)],
      'failover',
    ],
    // A clock that is wrong must not be able to stop failovers for ever; a second of difference is none.
    ['fails in an hour', [away('web-1', -60 * MINUTE)], 'failover'],
    ['fails in a second', [away('web-1', -SECOND)], 'blocked'],
  ])('is followed by one that %s', (_, moves, kind) => {
    const members = [anActive('web-0', { verdict: failed(), moves }), passive]
    expect(decideOn(members, { cooldown: MINUTE }).kind).toBe(kind)
    expect(decideOn(members, { cooldown: 0 }).kind, 'without a cooldown').toBe('failover')
  })

  test('goes to a pod that has not failed rather than wait for a better one that has', () => {
    const members = [anActive('web-0', { verdict: failed(), moves: [away('web-1', 0)] }), passive, aMember('web-2')]
    expect(winnerOf(decideOn(members, { prefer: ['web-1'], cooldown: MINUTE }))).toBe('web-2')
  })

  test('hands over six times an hour at most, even to pods that have not failed', () => {
    const moves = [50, 40, 30, 20, 10, 5].map((minutes) => away(`gone-${minutes}`, minutes * MINUTE))
    const decision = (some: readonly Move[]) =>
      decideOn([anActive('web-0', { verdict: failed(), moves: some }), passive], { cooldown: SECOND })
    expect(decision(moves)).toMatchObject({ kind: 'blocked', reason: { text: expect.stringContaining('in 10m at') } })
    expect(decision(moves.slice(1)).kind).toBe('failover')
  })

  test('notes that it has failed beside what was noted before, wherever that stands', () => {
    const [before, mine] = [away('web-2', 30 * MINUTE), { atMs: NOW, failed: 'uid-of-web-0' }]
    const members = [anActive('web-0', { verdict: failed() }), { ...passive, moves: [before, away('x', 61 * MINUTE)] }]
    expect(decideOn(members)).toMatchObject({ kind: 'failover', moves: [before, mine] })
    const unready = [anActive('web-0', { verdict: conclusively('not Ready') }), { ...passive, moves: [before] }]
    expect(decideOn(unready), 'the kubelet has spoken').toMatchObject({ moves: [before] })
    expect(decideOn(members, { cooldown: 0 }), 'nobody asks').toMatchObject({ moves: [] })
  })

  test('without a candidate is blocked for that reason, not for the cooldown', () => {
    const members = [anActive('web-0', { verdict: failed(), moves: [away('web-1', 0)] }), deadPassive]
    expect(decideOn(members, { cooldown: MINUTE }).reason.code).toBe('no-candidate')
  })
})

describe('a terminating active that is Ready', () => {
  const ending = anActive('web-0', terminating)

  test.each<[string, readonly Judged[], readonly (string | undefined)[]]>([
    ['is kept while no other pod is healthy', [ending, deadPassive], ['blocked', 'active-terminating', undefined]],
    ['is kept while it is the only pod', [ending], ['blocked', 'active-terminating', undefined]],
    ['gives way to a healthy pod', [ending, passive], ['failover', 'active-gone', 'web-1']],
    [
      'is kept no more once it is not Ready',
      [anActive('web-0', { ...terminating, pod: { terminating: true, ready: false } }), deadPassive],
      ['failover', 'active-gone', 'web-1'],
    ],
    [
      'is kept no more once it has no address',
      [anActive('web-0', { ...terminating, pod: { terminating: true, ip: '' } }), deadPassive],
      ['failover', 'active-gone', 'web-1'],
    ],
  ])('%s', (_, members, expected) => {
    expect(inShort(decideOn(members))).toEqual(expected)
  })
})

describe('failback', () => {
  const settings: Partial<Settings> = { prefer: ['web-0', 'web-1'], failback: 5 * MINUTE }
  const preferred = (rest: Parameters<typeof aMember>[1] = {}) => aMember('web-0', rest)
  const active = anActive('web-1')

  test.each<[string, readonly Judged[], Partial<Settings>]>([
    ['nobody asked for it', [preferred(), active], { prefer: ['web-0'] }],
    ['nobody is preferred', [preferred(), active], { failback: 0 }],
    ['the preferred pod is active', [anActive('web-0'), aMember('web-1')], settings],
    ['the preferred pod is not healthy', [preferred({ verdict: failing(1) }), active], settings],
    ['the preferred pod is named in never', [preferred(), active], { ...settings, never: ['web-0'] }],
    [
      'the preferred pod recovered a moment ago',
      [preferred({ healthySinceMs: NOW - 5 * MINUTE + 1 }), active],
      settings,
    ],
    [
      'the preferred pod is Ready for a moment only',
      [preferred({ pod: { readySinceMs: NOW - SECOND } }), active],
      settings,
    ],
    ['the preferred pod recovers in this very pass', [preferred({ failures: 3 }), active], settings],
    [
      'the preferred pod is healthy since a time to come',
      [preferred({ healthySinceMs: NOW + SECOND }), active],
      settings,
    ],
    [
      'the kubelet has just started the preferred pod again, at once or not',
      [preferred({ pod: { restartedAtMs: NOW - 9 * SECOND } }), active],
      { ...settings, failback: 0, stable: 10 * SECOND },
    ],
    ['the other one is preferred no more than the active', [anActive('web-0'), aMember('web-2')], settings],
  ])('does not happen when %s', (_, members, given) => {
    expect(decideOn(members, given).kind).toBe('keep')
  })

  test('happens when the preferred pod has been healthy for long enough', () => {
    const recovered = preferred({ healthySinceMs: NOW - 5 * MINUTE, pod: { readySinceMs: NOW - 5 * MINUTE } })
    expect(inShort(decideOn([recovered, active], settings))).toEqual(['failback', 'preferred', 'web-0'])
  })

  test('happens once the preferred pod has not been started again for `stable`', () => {
    const members = (agoMs: number) => [preferred({ pod: { restartedAtMs: NOW - agoMs } }), active]
    const at = (agoMs: number, stable = 10 * SECOND) =>
      decideOn(members(agoMs), { ...settings, failback: 0, stable }).kind
    expect([at(9 * SECOND), at(10 * SECOND), at(0, 0)]).toEqual(['keep', 'failback', 'failback'])
  })

  test('happens to a preferred pod that never failed and was always Ready', () => {
    expect(winnerOf(decideOn([preferred({ pod: { readySinceMs: 0 } }), active], settings))).toBe('web-0')
  })

  test('at once is still not due for a time to come, recovering or not', () => {
    const members = (failures: number) => [preferred({ failures, healthySinceMs: NOW + SECOND }), active]
    for (const failures of [0, 1]) expect(decideOn(members(failures), { ...settings, failback: 0 }).kind).toBe('keep')
  })

  test('does not wait for a pod that is preferred even more and keeps failing for a while', () => {
    const flapping = preferred({ healthySinceMs: NOW - SECOND })
    const members = [flapping, aMember('web-1'), anActive('web-2')]
    expect(inShort(decideOn(members, settings))).toEqual(['failback', 'preferred', 'web-1'])
    expect(decideOn([flapping, anActive('web-1'), aMember('web-2')], settings).kind).toBe('keep')
  })

  test.each<[string, readonly Move[], string]>([
    ['after a failure a moment ago', [away('web-0', 0)], 'keep'],
    ['after a failback a moment ago', [{ atMs: NOW }], 'keep'],
    ['after a failure a cooldown ago', [away('web-0', MINUTE)], 'failback'],
    ['after four in the last hour', [50, 35, 20, 5].map((ago) => away('web-0', ago * MINUTE)), 'keep'],
    ['after three in the last hour', [50, 35, 20].map((ago) => away('web-0', ago * MINUTE)), 'failback'],
  ])('waits for the cooldown, and leaves handovers for failures: %s', (_, moves, kind) => {
    const members = [preferred(), anActive('web-1', { moves })]
    expect(decideOn(members, { ...settings, cooldown: MINUTE }).kind).toBe(kind)
    expect(decideOn(members, { ...settings, cooldown: 0 }).kind, 'without a cooldown').toBe('failback')
  })

  test('happens for an active that is named in never by now, to a preferred one', () => {
    expect(winnerOf(decideOn([preferred(), active], { ...settings, never: ['web-1'] }))).toBe('web-0')
  })
})

test('An active that is named in never stays while it is healthy: never is about promotions', () => {
  expect(decideOn([anActive('web-0'), passive], { never: ['web-0'] }).kind).toBe('keep')
})

describe('equal situations, equal decisions: however the pods are listed', () => {
  test.each<[string, readonly Judged[], Partial<Settings>]>([
    ['first', [aMember('b'), aMember('a'), aMember('c'), aMember('a-10')], {}],
    ['repair', [anActive('b'), anActive('a'), anActive('c', { epoch: 0 }), aMember('d')], {}],
    ['failover', [anActive('a', { verdict: failed() }), aMember('c'), aMember('b'), deadPassive], {}],
    [
      'failover from two that end',
      [anActive('a', terminating), anActive('b', terminating), aMember('c'), aMember('d')],
      {},
    ],
    ['nobody healthy', [aMember('a', { verdict: failed() }), deadPassive, aMember('c', { verdict: failing(1) })], {}],
    ['failback', [anActive('a'), aMember('b'), aMember('c'), aMember('d')], { prefer: ['d', 'c'], failback: 0 }],
  ])('%s', (_, members, settings) => {
    const decisions = permutations(members).map((shuffled) => inShort(decideOn(shuffled, settings)))
    expect(new Set(decisions.map((decision) => decision.join(' '))).size).toBe(1)
  })
})

describe('where our view is in doubt', () => {
  const doubt = { code: 'panic', text: 'most of them fail' } as const
  const decideInDoubt = (members: readonly Judged[]) => decide({ ...aSituation(members), doubt })

  test.each<readonly [string, readonly Judged[], readonly unknown[]]>([
    ['fails', [anActive('web-0', { verdict: failing(1) }), passive], ['blocked', 'panic', undefined]],
    ['has failed', [anActive('web-0', { verdict: failed() }), passive], ['blocked', 'panic', undefined]],
    ['is healthy', [anActive('web-0'), passive], ['keep', 'healthy', undefined]],
    ['was not probed', [anActive('web-0', { verdict: unprobed }), passive], ['blocked', 'not-probed', undefined]],
    [
      'is not Ready',
      [anActive('web-0', { verdict: conclusively('not Ready') }), passive],
      ['failover', 'active-not-ready', 'web-1'],
    ],
    ['is terminating', [anActive('web-0', terminating), passive], ['failover', 'active-gone', 'web-1']],
    ['is gone', [aMember('web-1', { epoch: 1 })], ['failover', 'active-gone', 'web-1']],
    [
      'is not alone',
      [anActive('web-0', { epoch: 2, verdict: failed() }), anActive('web-1')],
      ['repair', 'several-actives', 'web-0'],
    ],
  ])('an active pod that %s', (_what, members, expected) => {
    expect(inShort(decideInDoubt(members))).toEqual(expected)
  })
})
