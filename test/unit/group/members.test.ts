import { describe, expect, test } from 'vitest'
import { isCopy, isMember, readMember } from '../../../handler/group/members.js'
import { nextEpoch } from '../../../handler/handover/roles.js'
import {
  ACTIVE_OWNER,
  ACTIVE_SINCE,
  EPOCH,
  FAILED_AT,
  FAILURES,
  HEALTHY_SINCE,
  PIN,
} from '../../../handler/kube/keys.js'
import { isLive, isOfJob, isOrphan, workloadOf } from '../../../handler/kube/pods.js'
import type { Pod, Writer } from '../../../handler/kube/port.js'
import { aPod, NOW } from '../../support/builders.js'

const time = new Date(NOW).toISOString()
const MARKS = {
  [EPOCH]: '7',
  [FAILURES]: '2',
  [FAILED_AT]: time,
  [HEALTHY_SINCE]: time,
  [ACTIVE_SINCE]: time,
  [ACTIVE_OWNER]: 'Deployment/web',
}
const READ = {
  epoch: 7,
  failures: 2,
  failedAtMs: NOW,
  healthySinceMs: NOW,
  activeSinceMs: NOW,
  activeOwner: 'Deployment/web',
}
const NOTHING = {
  epoch: 0,
  failures: 0,
  failedAtMs: undefined,
  healthySinceMs: undefined,
  activeSinceMs: undefined,
  activeOwner: undefined,
}

const creator = (annotations: readonly string[]): Writer => ({
  manager: 'kubectl-create',
  created: true,
  owns: false,
  labels: [],
  annotations,
})
const read = (rest: Partial<Pod>) => readMember(aPod('web-0', { annotations: MARKS, ...rest }), 'role')

describe('the marks on a pod', () => {
  test.each<[string, Partial<Pod>]>([
    ['beside its own pin', { labels: { [PIN]: 'uid-of-web-0' } }],
    ['without any pin, as an older version left them', {}],
    ['that somebody else has created', { writers: [creator([])] }],
  ])('count %s', (_, rest) => {
    expect(read(rest)).toMatchObject(READ)
  })

  test('do not count beside the pin of another pod: all of them are a copy', () => {
    const member = read({ labels: { [PIN]: 'uid-of-web-9', role: 'active' } })
    expect(member).toMatchObject({ ...NOTHING, pin: 'foreign', role: 'active' })
    expect(isCopy(member.pod)).toBe(true)
  })

  test('do not count where the pod was created with them: the others do', () => {
    expect(read({ writers: [creator(Object.keys(MARKS))] })).toMatchObject(NOTHING)
    expect(read({ writers: [creator([EPOCH])] })).toMatchObject({ ...READ, epoch: 0 })
  })

  test('that do not count still make the next epoch a higher one: a pod never shows one twice', () => {
    const copy = read({ labels: { [PIN]: 'uid-of-web-9' } })
    expect(copy.storedEpoch).toBe(7)
    expect(nextEpoch([copy, readMember(aPod('web-1', { annotations: { [EPOCH]: '3' } }), 'role')])).toBe(8)
  })
})

describe('a member', () => {
  test.each([undefined, 'active', 'passive'])('is a live pod whose role is %s', (role) => {
    const labels = role === undefined ? {} : { role }
    expect(isMember(aPod('web-0', { labels }), 'role')).toBe(true)
    for (const phase of ['Failed', 'Succeeded']) expect(isMember(aPod('web-0', { labels, phase }), 'role')).toBe(false)
  })

  test.each(['leader', '', 'Active'])('is none whose role is %j', (role) => {
    expect(isMember(aPod('web-0', { labels: { role } }), 'role')).toBe(false)
  })

  test.each(['Running', 'Pending', 'Unknown', ''])('lives in phase %j', (phase) => {
    expect(isLive(aPod('web-0', { phase }))).toBe(true)
  })
})

describe('the workload of a pod', () => {
  const owned = (kind: string, name: string, labels = {}) =>
    workloadOf(aPod('web-0', { owner: { kind, name, uid: 'u' }, labels }))

  test('is the same for all revisions of a Deployment', () => {
    expect(owned('ReplicaSet', 'web-a-5f', { 'pod-template-hash': '5f' })).toBe('Deployment/web-a')
    expect(owned('ReplicaSet', 'web-a-7c', { 'pod-template-hash': '7c' })).toBe('Deployment/web-a')
  })

  test('is its controller otherwise, a ReplicaSet of no Deployment too', () => {
    expect(owned('ReplicaSet', 'web')).toBe('ReplicaSet/web')
    expect(owned('ReplicaSet', 'web-5f', { 'pod-template-hash': '7c' })).toBe('ReplicaSet/web-5f')
    expect(owned('StatefulSet', 'web', { 'controller-revision-hash': 'web-1' })).toBe('StatefulSet/web')
    expect(workloadOf(aPod('web-0'))).toBeUndefined()
  })

  test('is a Job for a pod that ends', () => {
    expect(isOfJob(aPod('x', { owner: { kind: 'Job', name: 'x', uid: 'u' } }))).toBe(true)
    expect(isOfJob(aPod('x', { owner: { kind: 'StatefulSet', name: 'x', uid: 'u' } }))).toBe(false)
    expect(isOfJob(aPod('x'))).toBe(false)
  })
})

describe('an orphan', () => {
  const owner = { kind: 'StatefulSet', name: 'web', uid: 'u' }

  test.each(['pod-template-hash', 'controller-revision-hash', 'statefulset.kubernetes.io/pod-name'])(
    'is a pod without a controller that has the label %s',
    (label) => {
      expect(isOrphan(aPod('web-0', { labels: { [label]: 'x' } }))).toBe(true)
      expect(isOrphan(aPod('web-0', { labels: { [label]: 'x' }, owner }))).toBe(false)
    },
  )

  test('is one that a controller has created, and no person', () => {
    const writers = [{ ...creator([]), manager: 'kube-controller-manager' }]
    expect(isOrphan(aPod('web-0', { writers }))).toBe(true)
    expect(isOrphan(aPod('web-0', { writers, owner }))).toBe(false)
    expect(isOrphan(aPod('web-0', { writers: [creator([])] }))).toBe(false)
  })
})
