import { describe, expect, test } from 'vitest'
import { activeWorkload, candidates, inOrder, whyNot } from '../../../handler/group/candidates.js'
import type { Judged } from '../../../handler/group/groups.js'
import type { Verdict } from '../../../handler/health/judge.js'
import { DEFAULT_SETTINGS, type Settings } from '../../../handler/settings/settings.js'
import {
  aMember,
  anActive,
  conclusively,
  failed,
  failing,
  healthy,
  MINUTE,
  NOW,
  unchecked,
  unprobed,
} from '../../support/builders.js'
import { permutations } from '../../support/permutations.js'

const settingsWith = (settings: Partial<Settings>): Settings => ({ ...DEFAULT_SETTINGS, ...settings })

const order = (members: readonly Judged[], settings: Partial<Settings> = {}) =>
  candidates(members, settingsWith(settings), NOW).map(({ pod }) => pod.name)

const ofRevision = (name: string, revision: string, createdAtMs: number, label = 'controller-revision-hash') =>
  aMember(name, { pod: { labels: { [label]: revision }, createdAtMs } })

const withFailures = (name: string, failures: number) => aMember(name, { verdict: { ...healthy, failures } })

/** What says that a pod is one of this controller's. */
const of = (kind: string, name: string, hash?: string, createdAtMs = NOW - MINUTE) => ({
  owner: { kind, name, uid: `uid-of-${name}` },
  labels: hash === undefined ? {} : { 'pod-template-hash': hash },
  createdAtMs,
})

describe('a pod is no candidate', () => {
  test.each<[string, Verdict, string]>([
    ['under the threshold', failing(1, '503'), '503'],
    ['failed', failed('no answer within 2s'), 'no answer within 2s'],
    ['not Ready', conclusively('not Ready'), 'not Ready'],
    ['terminating', conclusively('terminating'), 'terminating'],
    ['not probed', unprobed, 'not probed'],
  ])('when it is %s, and that is the reason why not', (_, verdict, reason) => {
    const member = aMember('web-0', { verdict })
    expect(whyNot(member, DEFAULT_SETTINGS)?.text).toBe(reason)
    expect(order([member])).toEqual([])
  })

  test.each<[string, Verdict]>([
    ['check-failed', failing(1)],
    ['unchecked', unchecked()],
    ['unchecked', unchecked(2)],
    ['not-probed', unprobed],
  ])('with the code %s, which says whether the pod has failed', (code, verdict) => {
    expect(whyNot(aMember('web-0', { verdict }), DEFAULT_SETTINGS)?.code).toBe(code)
  })

  test('when it is named in never, however healthy', () => {
    const settings = { never: ['web-9', 'web-0'], prefer: ['web-0'] }
    expect(whyNot(aMember('web-0'), settingsWith(settings))?.text).toBe('named in never')
    expect(order([aMember('web-0'), aMember('web-1')], settings)).toEqual(['web-1'])
  })
})

test('A healthy pod is a candidate, and nothing speaks against it', () => {
  expect(whyNot(aMember('web-0'), DEFAULT_SETTINGS)).toBeNull()
})

describe('the candidates come', () => {
  test('by name, with the numbers in names compared as numbers, when nothing else tells them apart', () => {
    expect(order(['web-10', 'web-2', 'web-1', 'app-3'].map((name) => aMember(name)))).toEqual([
      'app-3',
      'web-1',
      'web-2',
      'web-10',
    ])
  })

  test('as they are preferred, before all that are not', () => {
    const members = ['web-0', 'web-1', 'web-2', 'web-3'].map((name) => aMember(name))
    expect(order(members, { prefer: ['web-3', 'gone', 'web-1'] })).toEqual(['web-3', 'web-1', 'web-0', 'web-2'])
  })

  test.each(['controller-revision-hash', 'pod-template-hash'])(
    'with those of the youngest pod’s revision first, by %s',
    (label) => {
      const members = [
        ofRevision('web-0', 'old', NOW - 60 * MINUTE, label),
        ofRevision('web-1', 'new', NOW - 2 * MINUTE, label),
        ofRevision('web-2', 'new', NOW - 1 * MINUTE, label),
      ]
      expect(order(members)).toEqual(['web-1', 'web-2', 'web-0'])
    },
  )

  test('by the youngest pod’s revision though that pod is no candidate itself: a new one is being rolled out', () => {
    const young = ofRevision('web-2', 'new', NOW)
    const members = [
      ofRevision('web-0', 'old', NOW - 60 * MINUTE),
      ofRevision('web-1', 'new', NOW - 1 * MINUTE),
      { ...young, verdict: conclusively('not Ready') },
    ]
    expect(order(members)).toEqual(['web-1', 'web-0'])
  })

  test('by revisions also where an old revision has pods that a scale-up made young again: the youngest tells', () => {
    const members = [ofRevision('web-0', 'b', NOW - 60 * MINUTE), ofRevision('web-1', 'a', NOW)]
    expect(order(members)).toEqual(['web-1', 'web-0'])
  })

  test('with fewer failures first', () => {
    expect(order([withFailures('web-0', 2), withFailures('web-1', 0), withFailures('web-2', 1)])).toEqual([
      'web-1',
      'web-2',
      'web-0',
    ])
  })

  test('with preference over revision, revision over failures, failures over names', () => {
    const members = [
      aMember('a', { pod: { labels: { 'pod-template-hash': 'old' } } }),
      aMember('b', {
        pod: { labels: { 'pod-template-hash': 'new' }, createdAtMs: NOW },
        verdict: { ...healthy, failures: 2 },
      }),
      aMember('c', {
        pod: { labels: { 'pod-template-hash': 'new' }, createdAtMs: NOW },
        verdict: { ...healthy, failures: 1 },
      }),
      aMember('d', { pod: { labels: { 'pod-template-hash': 'old' } }, verdict: { ...healthy, failures: 3 } }),
    ]
    const expected = ['d', 'c', 'b', 'a']
    for (const shuffled of permutations(members)) expect(order(shuffled, { prefer: ['d'] })).toEqual(expected)
  })

  test('in the same order when two revisions are of the same age, however they are listed', () => {
    const members = [ofRevision('web-0', 'a', NOW), ofRevision('web-1', 'b', NOW), ofRevision('web-2', 'b', NOW)]
    for (const shuffled of permutations(members)) expect(order(shuffled)).toEqual(['web-0', 'web-1', 'web-2'])
  })
})

describe('the evidence that a pod is healthy', () => {
  const by = (name: string, evidence: Verdict['evidence'], rest: Parameters<typeof aMember>[1] = {}) =>
    aMember(name, { ...rest, verdict: { ...healthy, evidence } })

  test('orders the candidates: our check, then Ready by a readinessProbe, then Ready without one', () => {
    expect(order([by('a', 'none'), by('b', 'readiness-probe'), by('c', 'check')])).toEqual(['c', 'b', 'a'])
  })

  test('comes before preference, workload, revision and failures', () => {
    const members = [
      by('a', 'none', { pod: of('ReplicaSet', 'web-new', 'new', NOW) }),
      by('b', 'check', { pod: of('StatefulSet', 'other') }),
      anActive('c', { pod: of('ReplicaSet', 'web-old', 'old'), verdict: failed() }),
    ]
    for (const shuffled of permutations(members)) expect(order(shuffled, { prefer: ['a'] })).toEqual(['b', 'a'])
  })

  test('is none for a pod that is not healthy, whatever its check would be', () => {
    const members = [aMember('a', { verdict: failing(1) }), by('b', 'none')]
    expect(inOrder(members, DEFAULT_SETTINGS, NOW).map(({ pod }) => pod.name)).toEqual(['b', 'a'])
  })
})

describe('a pod of a Job', () => {
  test('is no candidate, and it is said why', () => {
    const member = aMember('a', { pod: of('Job', 'migrate') })
    expect(whyNot(member, DEFAULT_SETTINGS)?.text).toBe('a pod of Job migrate, which ends')
    expect(order([member, aMember('b')], { prefer: ['a'] })).toEqual(['b'])
  })
})

describe('the workload that comes first is', () => {
  const web = (name: string, hash = 'x', createdAtMs = NOW - MINUTE) =>
    aMember(name, { pod: of('ReplicaSet', `web-${hash}`, hash, createdAtMs) })
  const canary = (name: string) => aMember(name, { pod: of('ReplicaSet', 'canary-y', 'y', NOW) })
  const noted = (member: Judged, activeOwner: string, epoch: number): Judged => ({ ...member, activeOwner, epoch })

  test('that of the active pod, in all its revisions: a canary is younger, and no revision of it', () => {
    const active = anActive('z', { pod: of('ReplicaSet', 'web-old', 'old'), verdict: failed() })
    const members = [canary('a'), canary('b'), web('c', 'old', NOW - 60 * MINUTE), web('d', 'new'), active]
    for (const shuffled of permutations(members)) expect(order(shuffled)).toEqual(['c', 'd', 'a', 'b'])
  })

  test('of two active pods that of the higher epoch, however they are listed', () => {
    const members = [
      anActive('a', { epoch: 3, pod: of('StatefulSet', 'web') }),
      anActive('b', { epoch: 4, pod: of('StatefulSet', 'other') }),
    ]
    for (const shuffled of permutations(members)) expect(activeWorkload(shuffled)).toBe('StatefulSet/other')
    const even = members.map((member) => ({ ...member, epoch: 4 }))
    for (const shuffled of permutations(even)) expect(activeWorkload(shuffled)).toBe('StatefulSet/web')
  })

  test('where none is active, that of the last one, as the newest swap has noted it', () => {
    const members = [noted(canary('a'), 'Deployment/canary', 3), noted(web('b'), 'Deployment/web', 4), canary('c')]
    for (const shuffled of permutations(members)) expect(order(shuffled)).toEqual(['b', 'a', 'c'])
  })

  test('where nobody has noted any, the one with the most pods; of as many, that of the oldest pod', () => {
    for (const shuffled of permutations([canary('a'), web('b'), web('c')]))
      expect(order(shuffled)).toEqual(['b', 'c', 'a'])
    for (const shuffled of permutations([canary('a'), web('b')])) expect(order(shuffled)).toEqual(['b', 'a'])
  })

  test('never that of a Job, which has more pods', () => {
    const jobs = ['x', 'y', 'z'].map((name) => aMember(name, { pod: of('Job', 'migrate') }))
    expect(activeWorkload([...jobs, web('a')])).toBe('Deployment/web')
    expect(activeWorkload(jobs)).toBeUndefined()
  })
})

describe('work that ends', () => {
  const once = { runsOnce: true } as const
  const none = { ...healthy, evidence: 'none' } as const

  test.each<[string, Parameters<typeof aMember>[1], boolean]>([
    [
      'of a workflow is none, however healthy',
      { pod: { ...once, owner: { kind: 'Workflow', name: 'w', uid: 'w' } } },
      false,
    ],
    ['that nothing checks is none', { pod: once, verdict: none }, false],
    ['of nobody, which passes a check of ours, is one: a person may run the application so', { pod: once }, true],
  ])('%s', (_, draft, isOne) => {
    const found = candidates([aMember('web-0', draft)], DEFAULT_SETTINGS, NOW).map(({ pod }) => pod.name)
    expect(found).toEqual(isOne ? ['web-0'] : [])
  })
})

describe('A label in prefer or never names each pod that has it', () => {
  const inZone = (name: string, zone?: string) => aMember(name, { pod: zone === undefined ? {} : { labels: { zone } } })
  const all = [inZone('web-0'), inZone('web-1', 'a'), inZone('web-2', 'b'), inZone('web-3', '')]

  test.each<[string[], string[]]>([
    [['zone=b'], ['web-2', 'web-0', 'web-1', 'web-3']],
    [
      ['zone=b', 'web-3', 'zone=a'],
      ['web-2', 'web-3', 'web-1', 'web-0'],
    ],
    [
      ['web-1', 'zone=b', 'zone=a'],
      ['web-1', 'web-2', 'web-0', 'web-3'],
    ],
    [
      ['zone=a', 'web-0', 'web-1'],
      ['web-1', 'web-0', 'web-2', 'web-3'],
    ],
    [['zone='], ['web-3', 'web-0', 'web-1', 'web-2']],
    [
      ['Zone=a', 'zone=c'],
      ['web-0', 'web-1', 'web-2', 'web-3'],
    ],
  ])('prefer: %j, of which the first that names a pod counts', (prefer, names) => {
    expect(order(all, { prefer })).toEqual(names)
  })

  test('never, and the reason has the label', () => {
    const never = ['zone=a', 'web-2', 'zone=']
    expect(order(all, { never })).toEqual(['web-0'])
    const why = all.map((member) => whyNot(member, settingsWith({ never }))?.text)
    expect(why).toEqual([undefined, 'named in never (zone=a)', 'named in never', 'named in never (zone=)'])
  })
})
