import { describe, expect, it } from 'vitest'
import { CLAIM, EPOCH, PIN } from '../../../handler/kube/keys.js'
import { type Kube, KubeError, type PatchOperation, type Pod, type Service } from '../../../handler/kube/port.js'
import { verified } from '../../../handler/kube/verified.js'
import { aPod, aService } from '../../support/builders.js'
import { never } from './support.js'

/** Answers every write with this object, whatever was asked for. */
function answering(object: Pod | Service): Kube {
  const answer = async () => ({ kind: 'applied', object }) as never
  const kube: Kube = {
    requests: 3,
    listServices: async () => [aService('web')],
    listPods: async () => [aPod('web-0')],
    patchPod: answer,
    patchPodMetadata: answer,
    patchService: answer,
    testService: answer,
  }
  return verified(kube, 'role')
}

const PATCH: readonly PatchOperation[] = [
  { op: 'test', path: '/metadata/labels/role', value: 'active' },
  { op: 'add', path: '/metadata/annotations/active-passive~1epoch', value: '5' },
  { op: 'add', path: '/metadata/labels/role', value: 'passive' },
]
const messageOf = (written: object) =>
  'error' in written && written.error instanceof KubeError ? written.error : undefined

describe('the answer to a patch of a pod', () => {
  const asked = aPod('web-0', { labels: { role: 'passive' }, annotations: { [EPOCH]: '5' } })

  it('is believed when all that was asked for is there, whatever else is', async () => {
    const more = { ...asked, labels: { ...asked.labels, injected: 'x' } }
    expect(await answering(more).patchPod(asked, PATCH, never)).toEqual({ kind: 'applied', object: more })
  })

  it('is changed by admission when a label is another one: pod, field and both values are named', async () => {
    const object = { ...asked, labels: { role: 'active' } }
    const written = await answering(object).patchPod(asked, PATCH, never)
    expect(written).toMatchObject({ kind: 'changed', object })
    expect(messageOf(written)).toMatchObject({
      code: 'changed-by-admission',
      message:
        'changed by admission: a patch of pod default/web-0 was answered with a success, but label role is "active" and not "passive"',
      remedy: expect.stringContaining('mutating policy or webhook'),
    })
  })

  it('is changed when an annotation is not there, under its name as it is written in a path', async () => {
    const written = await answering({ ...asked, annotations: {} }).patchPod(asked, PATCH, never)
    expect(messageOf(written)?.message).toContain(`annotation ${EPOCH} is absent and not "5"`)
  })

  it('is compared too where all annotations are added at once', async () => {
    const patch: readonly PatchOperation[] = [
      { op: 'test', path: '/metadata/annotations', value: null },
      { op: 'add', path: '/metadata/annotations', value: { [EPOCH]: '5', other: '1' } },
    ]
    const kept = { ...asked, annotations: { [EPOCH]: '5', other: '1' } }
    expect((await answering(kept).patchPod(asked, patch, never)).kind).toBe('applied')
    const lost = { ...asked, annotations: undefined }
    expect(messageOf(await answering(lost).patchPod(asked, patch, never))?.message).toContain(
      'annotation other is absent',
    )
  })

  it('cuts an endless value short', async () => {
    const object = { ...asked, labels: { role: 'x'.repeat(10_000) } }
    expect(messageOf(await answering(object).patchPod(asked, PATCH, never))?.message.length).toBeLessThan(400)
  })

  it('is compared for marks: what is set is there, and what is removed is gone', async () => {
    const patch = { uid: asked.uid, labels: { [PIN]: asked.uid }, annotations: { [EPOCH]: null } }
    const done = { ...asked, labels: { [PIN]: asked.uid }, annotations: {} }
    expect((await answering(done).patchPodMetadata(asked, patch, never)).kind).toBe('applied')
    const written = await answering(asked).patchPodMetadata(asked, patch, never)
    expect(messageOf(written)?.message).toContain(
      `label ${PIN} is absent and not "uid-of-web-0", annotation ${EPOCH} is "5" and not absent`,
    )
  })
})

describe('the answer to a patch of a Service', () => {
  const service = aService('web')
  const claim = {
    resourceVersion: '1',
    annotations: { [CLAIM]: 'token web-0' },
    selector: { role: null, [PIN]: 'uid' },
  }

  it('is believed when claim and pin are there', async () => {
    const claimed = { ...service, annotations: { [CLAIM]: 'token web-0' }, selector: { app: 'web', [PIN]: 'uid' } }
    expect(await answering(claimed).patchService(service, claim, never)).toEqual({ kind: 'applied', object: claimed })
  })

  it('is changed when the role is in the selector still, as for a release that leaves the pin', async () => {
    const half = { ...service, annotations: { [CLAIM]: 'token web-0' } }
    const written = await answering(half).patchService(service, claim, never)
    expect(messageOf(written)?.message).toContain('selector role is "active" and not absent')
    const release = { resourceVersion: '2', annotations: { [CLAIM]: null }, selector: { [PIN]: null, role: 'active' } }
    const pinned = { ...service, selector: { app: 'web', role: 'active', [PIN]: 'uid' } }
    expect((await answering(pinned).patchService(service, release, never)).kind).toBe('changed')
  })
})

describe('a write of marks alone', () => {
  const marks = { uid: 'uid-of-web-0', annotations: {} }
  const seen = aPod('web-0', { labels: { role: 'passive' }, annotations: { [EPOCH]: '4' } })

  it('that makes the pod active is changed: nobody has asked for that', async () => {
    const made = { ...seen, labels: { ...seen.labels, role: 'active' } }
    const written = await answering(made).patchPodMetadata(seen, marks, never)
    expect(messageOf(written)?.message).toContain('label role is "active" and not "passive"')
  })

  it('of a pod that another pass has made active meanwhile is not: that has written an epoch', async () => {
    const made = { ...seen, labels: { ...seen.labels, role: 'active' }, annotations: { [EPOCH]: '5' } }
    expect((await answering(made).patchPodMetadata(seen, marks, never)).kind).toBe('applied')
  })
})

describe('everything else', () => {
  it.each(['lost', 'gone'] as const)('is as it was answered: %s', async (kind) => {
    const kube = verified({ ...answering(aPod('web-0')), patchPod: async () => ({ kind }) }, 'role')
    expect(await kube.patchPod(aPod('web-0'), PATCH, never)).toEqual({ kind })
  })

  it('goes through: lists, tests of a claim, the number of requests', async () => {
    const kube = answering(aService('web'))
    expect(await kube.listPods({}, never)).toHaveLength(1)
    expect(await kube.listServices({}, never)).toHaveLength(1)
    expect((await kube.testService(aService('web'), CLAIM, 'x', never)).kind).toBe('applied')
    expect(kube.requests).toBe(3)
  })
})
