import { describe, expect, test } from 'vitest'
import {
  type Ballot,
  labelPatch,
  nextEpoch,
  promote,
  promotionPatch,
  type RoleResult,
  seal,
  sealPatch,
} from '../../../handler/handover/roles.js'
import { type Kube, KubeError, type PatchOperation, type Pod, type Written } from '../../../handler/kube/port.js'
import { jsonOf } from '../../support/api/json.js'
import { applyJsonPatch } from '../../support/api/json-patch.js'
import { aMember, anActive, aPod, failed, MINUTE, NOW } from '../../support/builders.js'
import { VirtualClock } from '../../support/virtual-clock.js'

const signal = new AbortController().signal

/** A swap of pods that belong to no workload. */
const epoch = (n: number): Ballot => ({ epoch: n, workload: undefined, moves: [] })

const COST = 'controller.kubernetes.io/pod-deletion-cost'
const aReplicaSet = { kind: 'ReplicaSet', name: 'web-5f', uid: 'uid-of-web-5f' }

/** A pod as the API server stores it. */
const stored = ({ name, uid, labels, annotations, terminating, phase }: Pod) =>
  jsonOf({
    metadata: {
      name,
      uid,
      labels,
      annotations,
      ...(terminating ? { deletionTimestamp: '2026-01-01T12:00:00Z' } : {}),
    },
    status: { phase },
  })

/** The labels and annotations that a patch leaves, or `undefined` if the API server turns it down. */
function applied(pod: Pod, patch: readonly PatchOperation[]) {
  const { metadata } = (applyJsonPatch(stored(pod), [...patch].map(jsonOf)) ?? {}) as {
    metadata?: Pick<Pod, 'labels' | 'annotations'>
  }
  return metadata && { labels: metadata.labels, annotations: metadata.annotations }
}

describe('the epoch of a swap', () => {
  test.each([
    ['of nobody is', [], 1],
    ['of pods that never took part in one is', [0, 0], 1],
    ['is above all that were seen, of passives too:', [3, 7, 5], 8],
  ])('%s %j -> %d', (_, epochs, expected) => {
    expect(nextEpoch(epochs.map((epoch, n) => aMember(`web-${n}`, { epoch })))).toBe(expected)
  })
})

describe('a seal', () => {
  test('tests uid, role and epoch as they were seen, then writes role and epoch', () => {
    expect(sealPatch(anActive('web-0', { epoch: 4 }), epoch(5), 'role')).toEqual([
      { op: 'test', path: '/metadata/uid', value: 'uid-of-web-0' },
      { op: 'test', path: '/metadata/labels/role', value: 'active' },
      { op: 'test', path: '/metadata/annotations/active-passive~1epoch', value: '4' },
      { op: 'add', path: '/metadata/annotations/active-passive~1epoch', value: '5' },
      { op: 'add', path: '/metadata/labels/active-passive~1pod', value: 'uid-of-web-0' },
      { op: 'add', path: '/metadata/labels/role', value: 'passive' },
    ])
  })

  test('of a new pod tests that it has neither a role nor an epoch', () => {
    expect(sealPatch(aMember('web-0', { labelled: false }), epoch(5), 'role')).toMatchObject([
      { path: '/metadata/uid' },
      { op: 'test', path: '/metadata/labels/role', value: null },
      { op: 'test', path: '/metadata/annotations/active-passive~1epoch', value: null },
      { op: 'add', path: '/metadata/annotations/active-passive~1epoch' },
      { op: 'add', path: '/metadata/labels/active-passive~1pod', value: 'uid-of-web-0' },
      { op: 'add', path: '/metadata/labels/role' },
    ])
  })

  test('of a pod without any annotation tests that there is none, and adds them all at once', () => {
    const member = aMember('web-0', {
      pod: { annotations: undefined },
      verdict: { ...failed(), marks: { 'active-passive/failures': '3' } },
    })
    expect(sealPatch(member, epoch(5), 'role')).toEqual([
      { op: 'test', path: '/metadata/uid', value: 'uid-of-web-0' },
      { op: 'test', path: '/metadata/labels/role', value: 'passive' },
      { op: 'test', path: '/metadata/annotations', value: null },
      {
        op: 'add',
        path: '/metadata/annotations',
        value: { 'active-passive/epoch': '5', 'active-passive/failures': '3' },
      },
      { op: 'add', path: '/metadata/labels/active-passive~1pod', value: 'uid-of-web-0' },
      { op: 'add', path: '/metadata/labels/role', value: 'passive' },
    ])
  })

  test('tests a nonsensical epoch as it stands, not as it is understood', () => {
    const pod = { annotations: { 'active-passive/epoch': 'abc' } }
    expect(sealPatch(aMember('web-0', { epoch: 0, pod }), epoch(1), 'role')).toContainEqual({
      op: 'test',
      path: '/metadata/annotations/active-passive~1epoch',
      value: 'abc',
    })
  })

  test('carries the failures that this pass has counted, and leaves to a later one what is to be removed', () => {
    const marks = { 'active-passive/failures': '3', 'active-passive/failed-at': null }
    const patch = sealPatch(anActive('web-0', { verdict: { ...failed(), marks } }), epoch(2), 'role')
    expect(applied(anActive('web-0').pod, patch)?.annotations).toEqual({
      'active-passive/epoch': '2',
      'active-passive/failures': '3',
    })
  })

  test('of a pod that is active by its template notes whose it was; not of one whose own manifest says so', () => {
    const noted = (pod: Partial<Pod>, manager: string) => {
      const writers = [{ manager, created: true, owns: pod.owner !== undefined, labels: ['role'], annotations: [] }]
      const member = anActive('web-0', { pod: { ...pod, writers } })
      return applied(member.pod, sealPatch(member, epoch(5), 'role'))?.annotations?.['active-passive/taken-back']
    }
    expect(noted({ owner: aReplicaSet }, 'kube-controller-manager')).toBe('uid-of-web-5f')
    expect(noted({}, 'kube-controller-manager')).toBe('')
    // A person may make that one active again, as any other.
    expect(noted({}, 'kubectl-create')).toBeUndefined()
  })

  test('takes back what the pod cost as the active one of its ReplicaSet, and no cost of anybody else', () => {
    const left = (annotations: Record<string, string>, now = annotations) => {
      const member = anActive('web-0', { pod: { annotations } })
      const patch = sealPatch(member, epoch(1), 'role')
      return applied({ ...member.pod, annotations: now }, patch)?.annotations
    }
    expect(left({ [COST]: '1000000' })).not.toHaveProperty([COST])
    expect(left({ [COST]: '7' })).toHaveProperty([COST], '7')
    // Of two that write it, the later one wins, and this pass has lost.
    expect(left({ [COST]: '1000000' }, { [COST]: '7' })).toBeUndefined()
    expect(left({ [COST]: '1000000' }, {})).toBeUndefined()
  })

  test('escapes a role label that has a slash or a tilde', () => {
    const pod = { labels: { 'example.com/du~ty': 'active' } }
    expect(sealPatch(aMember('web-0', { pod }), epoch(1), 'example.com/du~ty')).toContainEqual({
      op: 'test',
      path: '/metadata/labels/example.com~1du~0ty',
      value: 'active',
    })
  })
})

describe('a promotion', () => {
  test('tests what a seal tests, that the pod is not being deleted and has not ended, then writes role, epoch, time and pin', () => {
    expect(promotionPatch(aMember('web-1', { epoch: 4 }), epoch(5), 'role', NOW)).toEqual([
      { op: 'test', path: '/metadata/uid', value: 'uid-of-web-1' },
      { op: 'test', path: '/metadata/labels/role', value: 'passive' },
      { op: 'test', path: '/metadata/annotations/active-passive~1epoch', value: '4' },
      { op: 'test', path: '/metadata/deletionTimestamp', value: null },
      { op: 'test', path: '/status/phase', value: 'Running' },
      { op: 'add', path: '/metadata/annotations/active-passive~1epoch', value: '5' },
      { op: 'add', path: '/metadata/annotations/active-passive~1since', value: '2026-01-01T12:00:00.000Z' },
      { op: 'add', path: '/metadata/labels/active-passive~1pod', value: 'uid-of-web-1' },
      { op: 'add', path: '/metadata/labels/role', value: 'active' },
    ])
  })

  test.each<[string, Partial<Parameters<typeof anActive>[1]>, string]>([
    ['active keeps its time: a repair moves nothing', { activeSinceMs: NOW - MINUTE }, '2026-01-01T11:59:00.000Z'],
    ['active without a time gets one', {}, '2026-01-01T12:00:00.000Z'],
    [
      'passive and was active once gets a new time',
      { role: 'passive', activeSinceMs: NOW - MINUTE },
      '2026-01-01T12:00:00.000Z',
    ],
  ])('of a pod that is %s', (_, draft, since) => {
    const winner = anActive('web-0', draft)
    expect(applied(winner.pod, promotionPatch(winner, epoch(2), 'role', NOW))?.annotations).toMatchObject({
      'active-passive/since': since,
    })
  })

  test.each<[string, Partial<Pod>, string | undefined]>([
    ['belongs to a ReplicaSet makes it the last that it takes away', { owner: aReplicaSet }, '1000000'],
    ['has a cost of its own keeps it', { owner: aReplicaSet, annotations: { [COST]: '-7' } }, '-7'],
    ['has a cost of 0 keeps it', { owner: aReplicaSet, annotations: { [COST]: '0' } }, '0'],
    [
      'belongs to a StatefulSet writes none',
      { owner: { kind: 'StatefulSet', name: 'web', uid: 'uid-of-web' } },
      undefined,
    ],
    ['belongs to nobody writes none', {}, undefined],
  ])('of a pod that %s', (_, pod, cost) => {
    const winner = aMember('web-1', { pod })
    expect(applied(winner.pod, promotionPatch(winner, epoch(2), 'role', NOW))?.annotations?.[COST]).toBe(cost)
  })
})

describe('the compare-and-swap', () => {
  const seen = aMember('web-0', { epoch: 4 })
  const patches = [
    ['seal', sealPatch(seen, epoch(5), 'role'), { role: 'passive' }],
    ['promotion', promotionPatch(seen, epoch(5), 'role', NOW), { role: 'active' }],
  ] as const
  const now = (rest: Partial<Pod>) => ({ ...seen.pod, ...rest })

  test.each(patches)('of a %s succeeds on the pod that was seen', (_, patch, labels) => {
    expect(applied(seen.pod, patch)).toMatchObject({ labels, annotations: { 'active-passive/epoch': '5' } })
  })

  test.each(patches)('of a %s succeeds whatever else has changed, and leaves that alone', (_, patch) => {
    const labels = { ...seen.pod.labels, extra: 'label' }
    const annotations = { 'active-passive/epoch': '4', 'active-passive/failures': '2', 'example.com/extra': 'yes' }
    expect(applied(now({ labels, annotations }), patch)).toMatchObject({
      labels: { app: 'web', extra: 'label' },
      annotations: { 'active-passive/failures': '2', 'example.com/extra': 'yes' },
    })
  })

  test.each(patches)('of a %s fails on any other role, epoch or uid', (_, patch) => {
    const changes: readonly Partial<Pod>[] = [
      { uid: 'of its successor' },
      { labels: { app: 'web', role: 'active' } },
      { labels: { app: 'web' } },
      { annotations: { 'active-passive/epoch': '5' } },
      { annotations: { 'active-passive/epoch': '04' } },
      { annotations: { 'example.com/extra': 'yes' } },
      { annotations: undefined },
    ]
    for (const change of changes) expect(applied(now(change), patch), JSON.stringify(change)).toBeUndefined()
  })

  test('of a promotion fails on a pod that is being deleted; a seal does not mind', () => {
    const [[, sealing], [, promoting]] = patches
    expect(applied(now({ terminating: true }), promoting)).toBeUndefined()
    expect(applied(now({ terminating: true }), sealing)).toBeDefined()
  })

  test.each(['Failed', 'Succeeded'])('of a promotion fails on a pod that has %s; a seal does not mind', (phase) => {
    const [[, sealing], [, promoting]] = patches
    expect(applied(now({ phase }), promoting)).toBeUndefined()
    expect(applied(now({ phase }), sealing)).toBeDefined()
  })

  test('on a pod without annotations fails once somebody has written one, and wipes nothing', () => {
    const bare = aMember('web-0', { pod: { annotations: undefined } })
    expect(applied(bare.pod, sealPatch(bare, epoch(1), 'role'))?.annotations).toEqual({ 'active-passive/epoch': '1' })
    expect(applied(now({ annotations: { 'example.com/x': 'y' } }), sealPatch(bare, epoch(1), 'role'))).toBeUndefined()
  })
})

describe('labelling a new pod', () => {
  const pod = aPod('web-0', { annotations: undefined })

  test('makes it passive, with its own uid as pin, and touches nothing else', () => {
    expect(applied(pod, labelPatch(pod, 'role'))).toEqual({
      labels: { app: 'web', role: 'passive', 'active-passive/pod': 'uid-of-web-0' },
    })
  })

  test.each<[string, Partial<Pod>]>([
    ['somebody has labelled it meanwhile', { labels: { role: 'active' } }],
    ['it is another pod of the same name by now', { uid: 'another' }],
  ])('is turned down when %s', (_, rest) => {
    expect(applied({ ...pod, ...rest }, labelPatch(pod, 'role'))).toBeUndefined()
  })
})

type Result = Written<Pod>['kind']

function written(kind: Result, pod: Pod): Written<Pod> {
  switch (kind) {
    case 'applied':
      return { kind, object: pod }
    case 'lost':
    case 'gone':
      return { kind }
    case 'changed':
      return { kind, object: pod, error: new KubeError('changed-by-admission', `${kind} ${pod.name}`, 'Look.') }
    case 'throttled':
      return { kind, retryAfterMs: 1_000 }
    case 'denied':
    case 'unauthenticated':
    case 'rejected':
    case 'unknown':
      return { kind, error: new KubeError('failed', `${kind} ${pod.name}`, 'Try again.') }
  }
}

/** Answers each pod's patch as scripted, once; anything else is an error. */
function scripted(script: Readonly<Record<string, Result>>) {
  const patched: string[] = []
  const unexpected = () => Promise.reject(new Error('not in the script'))
  const kube: Kube = {
    requests: 0,
    listServices: unexpected,
    listPods: unexpected,
    patchPodMetadata: unexpected,
    patchService: unexpected,
    testService: unexpected,
    patchPod: async (pod) => {
      const result = script[pod.name]
      if (!result || patched.includes(pod.name)) throw new Error(`not in the script: ${pod.name}`)
      patched.push(pod.name)
      return written(result, pod)
    },
  }
  return { kube, patched, clock: new VirtualClock(NOW) }
}

describe('the step of sealing', () => {
  const sealed = async (...results: readonly Result[]) => {
    const script = Object.fromEntries(results.map((result, n) => [`web-${n}`, result]))
    const effects = scripted(script)
    const members = Object.keys(script).map((name) => aMember(name))
    const step = await seal(effects, members, epoch(5), 'role', signal)
    expect(effects.patched).toEqual(Object.keys(script))
    return step
  }

  test.each<[readonly Result[], RoleResult['kind']]>([
    [[], 'done'],
    [['applied', 'applied'], 'done'],
    [['applied', 'gone'], 'done'],
    [['applied', 'lost'], 'lost'],
    [['unknown', 'gone', 'applied'], 'unknown'],
    [['unknown', 'throttled'], 'throttled'],
    [['unknown', 'unauthenticated', 'applied'], 'unauthenticated'],
    [['throttled', 'lost', 'unknown'], 'lost'],
    [['lost', 'rejected', 'unknown'], 'rejected'],
    [['rejected', 'denied', 'lost'], 'denied'],
    [['denied', 'changed', 'lost'], 'changed'],
  ])('that ended %j is %s', async (results, kind) => {
    expect((await sealed(...results)).kind).toBe(kind)
  })

  test('tells what admission has made of a write that was done, also where another one is lost', async () => {
    const pod = (name: string) =>
      aPod(name, { labels: { role: 'passive' }, annotations: { 'active-passive/epoch': '5' } })
    const done = (name: string) => ({ ...written('changed', pod(name)), object: pod(name) }) as Written<Pod>
    const answers: Readonly<Record<string, Written<Pod>>> = { 'web-0': done('web-0'), 'web-1': { kind: 'lost' } }
    const kube = { ...scripted({}).kube, patchPod: async ({ name }: Pod) => answers[name] as Written<Pod> }
    const step = (...names: readonly string[]) =>
      seal(
        { kube },
        names.map((name) => aMember(name)),
        epoch(5),
        'role',
        signal,
      )
    const changed = [{ message: 'changed web-0' }]
    expect(await step('web-0')).toMatchObject({ kind: 'done', changed })
    expect(await step('web-0', 'web-1')).toMatchObject({ kind: 'lost', changed })
  })

  test('carries the error, or the time to wait', async () => {
    expect(await sealed('applied', 'denied')).toMatchObject({ error: { message: 'denied web-1' } })
    expect(await sealed('throttled')).toEqual({ kind: 'throttled', retryAfterMs: 1_000 })
  })
})

test.each<[Result, RoleResult['kind']]>([
  ['applied', 'done'],
  ['lost', 'lost'],
  ['gone', 'gone'],
  ['changed', 'changed'],
  ['denied', 'denied'],
  ['rejected', 'rejected'],
  ['throttled', 'throttled'],
  ['unauthenticated', 'unauthenticated'],
  ['unknown', 'unknown'],
])('The step of promoting that ended %s is %s: a winner that is gone is not promoted', async (result, kind) => {
  const effects = scripted({ 'web-1': result })
  expect((await promote(effects, aMember('web-1'), epoch(5), 'role', signal)).kind).toBe(kind)
  expect(effects.patched).toEqual(['web-1'])
})

describe('a policy that denies an annotation which a handover can do without', () => {
  const winner = aMember('web-1', { pod: { owner: aReplicaSet } })
  const ballot: Ballot = { ...epoch(5), moves: [{ atMs: NOW, failed: 'uid-of-web-0' }] }
  const keysOf = (patch: readonly PatchOperation[]) =>
    patch.flatMap((one) => (one.op === 'add' ? [one.path, ...Object.keys(one.value)] : [])).join(' ')

  /** Denies each patch that matches. */
  const denying = (pattern: RegExp, message = "policy 'p' denied request: no") => {
    const asked: string[] = []
    const patchPod = async (pod: Pod, patch: readonly PatchOperation[]): Promise<Written<Pod>> => {
      asked.push(keysOf(patch))
      return pattern.test(keysOf(patch))
        ? { kind: 'denied', error: new KubeError('denied', message, 'Look there.') }
        : { kind: 'applied', object: pod }
    }
    return { effects: { ...scripted({}), kube: { ...scripted({}).kube, patchPod } }, asked }
  }

  test.each([
    ['the deletion cost', /pod-deletion-cost/],
    ['the moves', /moves/],
  ])('does not keep a pod from being promoted, or sealed, and is reported: %s', async (_, pattern) => {
    const { effects, asked } = denying(pattern)
    const done = { kind: 'done', changed: [{ code: 'denied' }] }
    expect(await promote(effects, winner, ballot, 'role', signal)).toMatchObject(done)
    expect(asked).toHaveLength(2)
    const active = anActive('web-0', { pod: { annotations: { [COST]: '1000000' } } })
    const sealed = await seal(effects, [active], ballot, 'role', signal)
    expect(sealed).toMatchObject(pattern.test('moves') ? done : { kind: 'done', changed: [] })
  })

  test('is believed when it denies the role as well, or when it is no policy', async () => {
    const all = denying(/./)
    expect(await promote(all.effects, winner, ballot, 'role', signal)).toMatchObject({ kind: 'denied' })
    expect(all.asked).toHaveLength(2)
    const rbac = denying(/./, 'User "u" cannot patch resource')
    expect(await promote(rbac.effects, winner, ballot, 'role', signal)).toMatchObject({ kind: 'denied' })
    expect(rbac.asked).toHaveLength(1)
  })
})
