import { describe, expect, test } from 'vitest'
import type { Judged } from '../../../handler/group/groups.js'
import type { SwapContext } from '../../../handler/handover/context.js'
import {
  KubeError,
  type PatchOperation,
  type Pod,
  type PodMetadataPatch,
  type Written,
} from '../../../handler/kube/port.js'
import { retire, writeMarks } from '../../../handler/pass/marks.js'
import { aMember, anActive, aPod } from '../../support/builders.js'
import { VirtualClock } from '../../support/virtual-clock.js'

const ended = (name: string, role?: string) =>
  aPod(name, { phase: 'Failed', labels: role === undefined ? {} : { role } })

/** Retires these pods of an API server that answers each write like this. */
async function retired(pods: readonly Pod[], answer: (pod: Pod) => Written<Pod>) {
  const written: { readonly name: string; readonly patch: readonly PatchOperation[] }[] = []
  const patchPod = async (pod: Pod, patch: readonly PatchOperation[]) => {
    written.push({ name: pod.name, patch })
    return answer(pod)
  }
  const { signal } = new AbortController()
  const context = { kube: { patchPod }, roleLabel: 'role', deadline: { swapping: signal }, clock: new VirtualClock() }
  return { ...(await retire(context as unknown as SwapContext, pods)), written }
}
const applied = (object: Pod): Written<Pod> => ({ kind: 'applied', object })

describe('a pod that has ended', () => {
  test('with the role is made passive, if it is still that pod, active and ended', async () => {
    const { warnings, written } = await retired([ended('a', 'active'), ended('b', 'passive'), ended('c')], applied)
    expect(warnings).toEqual([])
    expect(written).toEqual([
      {
        name: 'a',
        patch: [
          { op: 'test', path: '/metadata/uid', value: 'uid-of-a' },
          { op: 'test', path: '/metadata/labels/role', value: 'active' },
          { op: 'test', path: '/status/phase', value: 'Failed' },
          { op: 'add', path: '/metadata/labels/role', value: 'passive' },
        ],
      },
    ])
  })

  test('costs nothing without the role, were there thousands', async () => {
    const pods = Array.from({ length: 3_000 }, (_, n) => ended(`a-${n}`, 'passive'))
    expect((await retired(pods, applied)).written).toEqual([])
  })

  test('is one of ten at most that a pass retires; the next one goes on', async () => {
    const pods = Array.from({ length: 25 }, (_, n) => ended(`a-${n}`, 'active'))
    expect((await retired(pods, applied)).written).toHaveLength(10)
  })

  test('that nobody may patch is a warning with its remedy, and no more', async () => {
    const error = new KubeError('denied', 'a policy forbids it', 'None.')
    const { warnings } = await retired([ended('a', 'active')], () => ({ kind: 'denied', error }))
    expect(warnings).toEqual([
      'pod a: it is Failed, and still labelled role=active: a policy forbids it. Delete it: kubectl delete pod a -n default',
    ])
  })

  test('whose write admission has changed is an error, as every such write is', async () => {
    const error = new KubeError('changed-by-admission', 'changed by admission', 'Look there.')
    const { warnings, changed } = await retired([ended('a', 'active')], (object) => ({
      kind: 'changed',
      object,
      error,
    }))
    expect([warnings, changed]).toEqual([[], [error]])
  })

  test.each(['lost', 'gone'] as const)('that is %s meanwhile is no news', async (kind) => {
    expect((await retired([ended('a', 'active')], () => ({ kind }))).warnings).toEqual([])
  })
})

describe('the deletion cost of an active pod', () => {
  const owner = { kind: 'ReplicaSet', name: 'web-5f', uid: 'uid-of-web-5f' }
  const cost = 'controller.kubernetes.io/pod-deletion-cost'
  const marksOf = async (member: Judged) => {
    const patches: (Readonly<Record<string, string | null>> | undefined)[] = []
    const patchPodMetadata = async (object: Pod, { annotations }: PodMetadataPatch) => {
      patches.push(annotations)
      return { kind: 'applied', object }
    }
    const { signal } = new AbortController()
    const deadline = { swapping: signal, observing: signal }
    const context = { kube: { patchPodMetadata }, roleLabel: 'role', deadline, clock: new VirtualClock() }
    await writeMarks(context as unknown as SwapContext, [member])
    return patches
  }

  test('is set beside the pin of a pod that was labelled by hand', async () => {
    expect(await marksOf(anActive('a', { pin: 'none', pod: { owner } }))).toMatchObject([{ [cost]: '1000000' }])
    expect(await marksOf(anActive('a', { pin: 'own', pod: { owner } }))).toEqual([])
  })

  test('is taken off a pod that was made passive by hand, and no other cost is', async () => {
    const passive = (value: string) => aMember('a', { pin: 'own', pod: { owner, annotations: { [cost]: value } } })
    expect(await marksOf(passive('1000000'))).toEqual([{ [cost]: null }])
    expect(await marksOf(passive('7'))).toEqual([])
  })
})
