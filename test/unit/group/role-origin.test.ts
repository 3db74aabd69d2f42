import { describe, expect, test } from 'vitest'
import { readMember } from '../../../handler/group/members.js'
import { isBornWithRole, isTemplated, type Origin, originOf } from '../../../handler/group/role-origin.js'
import { EPOCH, OWNER as OWNER_MARK, PIN, TAKEN_BACK } from '../../../handler/kube/keys.js'
import type { Pod, Writer } from '../../../handler/kube/port.js'
import { aPod } from '../../support/builders.js'

const OWNER = { kind: 'ReplicaSet', name: 'web-5f', uid: 'uid-of-web-5f' }

const writer = (manager: string, rest: Partial<Writer> = {}): Writer => ({
  manager,
  created: false,
  owns: false,
  labels: [],
  annotations: [],
  ...rest,
})

const controller = (...labels: readonly string[]) =>
  writer('kube-controller-manager', { created: true, owns: true, labels: ['app', ...labels] })

/** Of a template that holds the role. */
const templated = (name: string, role: string, rest: Partial<Pod> = {}) =>
  aPod(name, { owner: OWNER, writers: [controller('role')], ...rest, labels: { role, ...rest.labels } })

/** Labelled by this program, in this epoch. */
const ours = (name: string, role: string, epoch: number, rest: Partial<Pod> = {}) =>
  aPod(name, {
    owner: OWNER,
    annotations: { [EPOCH]: String(epoch) },
    writers: [controller(), writer('active-passive', { labels: ['role'], annotations: [EPOCH] })],
    ...rest,
    labels: { role, [PIN]: `uid-of-${name}`, ...rest.labels },
  })

/** Created by a person, with its role. */
const ofManifest = (name: string, role: string, rest: Partial<Pod> = {}) =>
  aPod(name, {
    writers: [writer('kubectl-create', { created: true, labels: ['app', 'role'] })],
    ...rest,
    labels: { role, ...rest.labels },
  })

const of = (...pods: readonly Pod[]): Origin =>
  originOf(
    pods.map((pod) => readMember(pod, 'role')),
    'role',
  )

describe('a role that comes from a template', () => {
  test.each(['active', 'passive'])('is an error: %s', (role) => {
    expect(of(templated('web-0', role), aPod('web-1'))).toMatchObject({
      fault: {
        code: 'role-in-template',
        object: 'pod web-0 in namespace default',
        message: expect.stringContaining(`pod web-0 with role=${role} by ReplicaSet web-5f`),
        remedy: expect.stringMatching(/^Take role out of the pod template .* of ReplicaSet web-5f, .*--role-label/),
      },
    })
  })

  test('is an error though the group has epochs, where no second pod is active by it', () => {
    expect(of(ours('web-0', 'active', 3), templated('web-1', 'passive')).fault?.code).toBe('role-in-template')
    expect(of(ours('web-0', 'passive', 3), templated('web-1', 'active')).fault?.code).toBe('role-in-template')
  })

  test('names the Deployment, in whose ReplicaSets a pod may be', () => {
    const pod = templated('web-0', 'active', { labels: { 'pod-template-hash': '5f' } })
    expect(of(pod).fault?.message).toContain('by Deployment web')
  })

  test('is known on a pod that its controller has let go of', () => {
    const writers = [writer('kube-controller-manager', { created: true, labels: ['app', 'role'] })]
    const pod = ofManifest('web-0', 'active', { writers })
    expect(isTemplated(pod, 'role')).toBe(true)
    expect(of(pod).fault?.message).toContain('by a controller that has let go of it')
  })

  test('is no matter on a pod that terminates: its controller has given it up', () => {
    expect(of(templated('web-0', 'active', { terminating: true }), aPod('web-1')).fault).toBeUndefined()
  })

  test('is none any more once somebody has changed it, which managedFields tell', () => {
    const labelled = aPod('web-0', {
      owner: OWNER,
      labels: { role: 'active' },
      writers: [controller(), writer('kubectl-label', { labels: ['role'] })],
    })
    expect(isBornWithRole(labelled, 'role')).toBe(false)
    expect(of(labelled)).toEqual({ alarms: [], warnings: [] })
  })

  test('is nothing that is known without managedFields', () => {
    expect(of(aPod('web-0', { labels: { role: 'active' }, owner: OWNER }))).toEqual({ alarms: [], warnings: [] })
  })

  test('is about the label that is asked for', () => {
    expect(isBornWithRole(templated('web-0', 'active'), 'duty')).toBe(false)
  })
})

describe('the exception: a second pod that is active by its template', () => {
  const second = templated('web-1', 'active')

  test('may be taken back beside one of ours, and is reported as the error that it is', () => {
    const { fault, alarms } = of(ours('web-0', 'active', 3), second)
    expect(fault).toBeUndefined()
    expect(alarms).toMatchObject([{ code: 'role-in-template', object: 'pod web-1 in namespace default' }])
  })

  test.each<[string, readonly Pod[]]>([
    ['where ours is being deleted', [ours('web-0', 'active', 3, { terminating: true }), second]],
    ['where ours has no epoch', [ours('web-0', 'active', 0), second]],
    [
      'with a third one: what is taken from two may make two',
      [ours('web-0', 'active', 3), second, templated('web-2', 'active')],
    ],
    [
      'where a pod of ours has lost its owner already',
      [ours('web-0', 'active', 3), second, { ...ours('web-2', 'passive', 3), owner: undefined } as unknown as Pod],
    ],
  ])('not %s', (_, pods) => {
    expect(of(...pods).fault?.code).toBe('role-in-template')
  })

  const takenBack = (role: string, rest: Partial<Pod> = {}, annotations: Record<string, string> = {}) =>
    ours('web-1', role, 4, {
      annotations: { [EPOCH]: '4', [TAKEN_BACK]: OWNER.uid, ...annotations },
      ...rest,
    })

  test('that was taken back and stays so is a pod as any other', () => {
    expect(of(ours('web-0', 'active', 4), takenBack('passive'))).toEqual({ alarms: [], warnings: [] })
  })

  test('that was taken back, and that we have made active since, is ours', () => {
    expect(of(ours('web-0', 'passive', 4), takenBack('active')).fault).toBeUndefined()
  })

  test('that has lost its owner by it is an error for as long as it is there', () => {
    const orphan = { ...takenBack('passive'), owner: undefined } as unknown as Pod
    expect(of(ours('web-0', 'active', 4), orphan).fault).toMatchObject({
      code: 'role-in-template',
      object: 'pod default/web-1',
      message: expect.stringContaining('has lost its owner by it'),
      remedy: expect.stringContaining('kubectl delete pod web-1 -n default'),
    })
    const adopted = takenBack('passive', { owner: { ...OWNER, uid: 'another' } })
    expect(of(ours('web-0', 'active', 4), adopted).fault?.code).toBe('role-in-template')
  })

  test('that is active again by another hand is an error, which names the hand', () => {
    const writers = [controller(), writer('argocd', { labels: ['role'] })]
    const { fault } = of(ours('web-0', 'active', 4), takenBack('active', { writers }))
    expect(fault?.message).toContain('argocd has made it active again')
  })

  test('is not to be seen in marks that were copied', () => {
    const copied = takenBack('passive', { owner: { ...OWNER, uid: 'another' }, labels: { [PIN]: 'uid-of-another' } })
    expect(of(ours('web-0', 'active', 4), copied).fault).toBeUndefined()
    const born = writer('kubectl-create', { created: true, annotations: [TAKEN_BACK] })
    const restored = takenBack('passive', { owner: { ...OWNER, uid: 'another' }, writers: [born] })
    expect(of(ours('web-0', 'active', 4), restored).fault).toBeUndefined()
  })
})

describe('a role from a manifest of its own', () => {
  test('is taken for what it is, with a warning that names who created it', () => {
    const { fault, alarms, warnings } = of(ofManifest('web-0', 'active'), aPod('web-1'))
    expect([fault, alarms]).toEqual([undefined, []])
    expect(warnings).toEqual([
      'pod web-0: created with role=active (by kubectl-create): to apply its manifest again moves the role. Take role out of the manifest',
    ])
  })

  test('on a copy of another pod is said to be one', () => {
    const copy = ofManifest('web-0', 'passive', { labels: { [PIN]: 'uid-of-web-9' } })
    expect(of(copy).warnings).toEqual([
      'pod web-0: created with role=passive and the marks of another pod, as a copy or from a backup: the marks do not count',
    ])
  })

  test('that makes a second one active beside one of ours is a matter of repair', () => {
    expect(of(ours('web-0', 'active', 3), ofManifest('web-1', 'active'))).toMatchObject({ alarms: [] })
  })
})

describe('a pod that has lost its owner since we labelled it', () => {
  const mark = `${OWNER.uid} ReplicaSet/web-5f`
  const lost = (rest: Partial<Pod> = {}) => {
    const { owner: _, ...pod } = ours('web-1', 'passive', 3, rest)
    return { ...pod, annotations: { ...pod.annotations, [OWNER_MARK]: mark } }
  }

  test('is an error while its controller has others: it selects by the role', () => {
    expect(of(ours('web-0', 'active', 3), lost()).fault).toMatchObject({
      code: 'role-in-template',
      object: 'pod default/web-1',
      message: expect.stringContaining('ReplicaSet web-5f has let go of it since it is labelled role=passive'),
    })
  })

  test('is an error to the next revision of its Deployment as well', () => {
    const next = ours('web-0', 'active', 3, {
      owner: { ...OWNER, name: 'web-6a', uid: 'uid-of-web-6a' },
      labels: { 'pod-template-hash': '6a' },
    })
    const pod = { ...lost(), annotations: { [EPOCH]: '3', [OWNER_MARK]: `${OWNER.uid} Deployment/web` } }
    expect(of(next, pod).fault?.message).toContain('Deployment web has let go of it')
  })

  test.each<[string, Partial<Pod>]>([
    ['terminates', { terminating: true }],
    ['was put aside by taking another label away', { writers: [writer('kube-controller-manager', { created: true })] }],
  ])('is none where it %s', (_, rest) => {
    expect(of(ours('web-0', 'active', 3), lost(rest)).fault).toBeUndefined()
  })

  test('is a warning where its controller is gone, or has no other', () => {
    const { fault, warnings } = of(lost())
    expect(fault).toBeUndefined()
    expect(warnings).toEqual([expect.stringContaining('it belonged to ReplicaSet web-5f when it was labelled')])
  })

  test('is not to be seen where a copy has its labels', () => {
    const copy = aPod('web-1-debug', { labels: { role: 'passive', [PIN]: 'uid-of-web-1-debug' } })
    expect(of(ours('web-0', 'active', 3), copy).fault).toBeUndefined()
  })
})

describe('several active pods', () => {
  test('none of which is ours are an error that names them', () => {
    const { fault } = of(aPod('web-0', { labels: { role: 'active' } }), aPod('web-1', { labels: { role: 'active' } }))
    expect(fault?.object).toBe('pods web-0, web-1 in namespace default')
  })

  test('are none of ours where the epochs are those of copies', () => {
    const copy = (name: string) => ofManifest(name, 'active', { annotations: { [EPOCH]: '4' }, labels: { [PIN]: 'x' } })
    expect(of(copy('web-0'), copy('web-1')).fault?.code).toBe('role-in-template')
  })

  test('are a matter of repair where one is ours', () => {
    expect(of(ours('web-0', 'active', 3), aPod('web-1', { labels: { role: 'active' } }))).toEqual({
      alarms: [],
      warnings: [],
    })
  })
})
