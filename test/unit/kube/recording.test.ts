import { describe, expect, it } from 'vitest'
import { type Kube, KubeError, type Pod, type Service, type Written } from '../../../handler/kube/port.js'
import { dryRun, recording, type Write } from '../../../handler/kube/recording.js'
import { never } from './support.js'

const pod = { namespace: 'shop', name: 'a', uid: 'pod-uid', labels: { role: 'active' } } as Partial<Pod> as Pod
const service: Service = {
  namespace: 'shop',
  name: 'app',
  uid: 'service-uid',
  resourceVersion: '1',
  annotations: { kept: '1', dropped: '1' },
  selector: { app: 'x', role: 'active' },
  publishNotReadyAddresses: false,
}

/** Answers every write in this way. */
const kubeThat = (answers: Written<never>): Kube => ({
  requests: 7,
  listServices: async () => [service, { ...service, name: 'other', uid: 'other-uid' }],
  listPods: async () => [pod],
  patchPod: async () => answers,
  patchPodMetadata: async () => answers,
  patchService: async () => answers,
  testService: async () => answers,
})
const error = new KubeError('failed', 'no', 'None.')

describe('a recording', () => {
  it.each<Written<never>>([
    { kind: 'lost' },
    { kind: 'gone' },
    { kind: 'denied', error },
    { kind: 'throttled', retryAfterMs: 1 },
    { kind: 'rejected', error },
    { kind: 'unknown', error },
  ])('holds each write with what became of it: $kind', async (answers) => {
    const writes: Write[] = []
    const kube = recording(kubeThat(answers), writes, false)
    expect(await kube.patchPod(pod, [], never)).toBe(answers)
    expect(await kube.patchPodMetadata(pod, { uid: 'u' }, never)).toBe(answers)
    expect(await kube.patchService(service, { ...service }, never)).toBe(answers)
    const result = answers.kind
    expect(writes).toEqual([
      { verb: 'patch', kind: 'pod', namespace: 'shop', name: 'a', result },
      { verb: 'patch', kind: 'pod', namespace: 'shop', name: 'a', result },
      { verb: 'patch', kind: 'service', namespace: 'shop', name: 'app', result },
    ])
  })

  it('holds no reads, and counts requests as the port below', async () => {
    const writes: Write[] = []
    const kube = recording(kubeThat({ kind: 'lost' }), writes, false)
    expect(await kube.listPods({}, never)).toEqual([pod])
    expect(await kube.listServices({}, never)).toHaveLength(2)
    expect(kube.requests).toBe(7)
    expect(writes).toEqual([])
  })

  it('of a dry run says so, and holds the body that would be sent, and the fields before it', async () => {
    const writes: Write[] = []
    const kube = recording(dryRun(kubeThat({ kind: 'lost' })), writes, true)
    const operations = [{ op: 'add', path: '/metadata/labels/role', value: 'passive' }] as const
    await kube.patchPod(pod, operations, never)
    await kube.patchPodMetadata(pod, { uid: 'u', labels: { x: null } }, never)
    await kube.patchService(service, { resourceVersion: '1', annotations: {}, selector: { role: null } }, never)
    expect(writes.map(({ result }) => result)).toEqual(['dry run', 'dry run', 'dry run'])
    expect(writes.map(({ planned }) => planned?.patch)).toEqual([
      { type: 'json', body: operations },
      { type: 'merge', body: { metadata: { uid: 'u', labels: { x: null } } } },
      {
        type: 'merge',
        body: { metadata: { resourceVersion: '1', annotations: {} }, spec: { selector: { role: null } } },
      },
    ])
    expect(writes.map(({ planned }) => planned?.before.labels?.role ?? planned?.before.selector?.role)).toEqual([
      'active',
      'active',
      'active',
    ])
  })
})

describe('a dry run', () => {
  it('writes nothing, and every write succeeds', async () => {
    const kube = dryRun(kubeThat({ kind: 'lost' }))
    expect(await kube.patchPod(pod, [], never)).toEqual({ kind: 'applied', object: pod })
    expect(await kube.patchPodMetadata(pod, { uid: 'u' }, never)).toEqual({ kind: 'applied', object: pod })
    expect(kube.requests).toBe(7)
  })

  it('shows a Service as it would be after its patches, so that the path is that of a real run', async () => {
    const kube = dryRun(kubeThat({ kind: 'lost' }))
    const claim = { annotations: { swap: 't', dropped: null }, selector: { role: null, pin: 'u' } }
    const claimed = { ...service, annotations: { kept: '1', swap: 't' }, selector: { app: 'x', pin: 'u' } }
    expect(await kube.patchService(service, { resourceVersion: '1', ...claim }, never)).toEqual({
      kind: 'applied',
      object: claimed,
    })
    const [app, other] = await kube.listServices({}, never)
    expect(app).toEqual(claimed)
    expect(other).toMatchObject({ name: 'other', selector: service.selector })
    const release = { annotations: { swap: null }, selector: { pin: null, role: 'active' } }
    await kube.patchService(claimed, { resourceVersion: '1', ...release }, never)
    expect((await kube.listServices({}, never))[0]).toEqual({ ...service, annotations: { kept: '1' } })
  })

  it('shows a pod as it would be after its patches', async () => {
    const kube = dryRun(kubeThat({ kind: 'lost' }))
    await kube.patchPod(pod, [{ op: 'add', path: '/metadata/labels/role', value: 'passive' }], never)
    await kube.patchPodMetadata(pod, { uid: 'pod-uid', annotations: { x: '1' } }, never)
    expect(await kube.listPods({}, never)).toEqual([{ ...pod, labels: { role: 'passive' }, annotations: { x: '1' } }])
  })
})

describe('a dry run that asks the API server', () => {
  const claim = { resourceVersion: '1', annotations: { swap: 't' }, selector: {} }

  it.each<Written<never>>([
    { kind: 'lost' },
    { kind: 'gone' },
    { kind: 'denied', error },
    { kind: 'unauthenticated', error },
    { kind: 'throttled', retryAfterMs: 1 },
    { kind: 'rejected', error },
    { kind: 'unknown', error },
  ])('answers what the server says, and keeps nothing of what it would not store: $kind', async (answers) => {
    const kube = dryRun(kubeThat({ kind: 'gone' }), kubeThat(answers))
    expect(await kube.patchPod(pod, [{ op: 'add', path: '/metadata/labels/role', value: 'x' }], never)).toBe(answers)
    expect(await kube.patchPodMetadata(pod, { uid: 'pod-uid', labels: { role: 'x' } }, never)).toBe(answers)
    expect(await kube.patchService(service, claim, never)).toBe(answers)
    expect(await kube.listPods({}, never)).toEqual([pod])
    expect((await kube.listServices({}, never))[0]?.annotations).toEqual(service.annotations)
    expect(kube.requests).toBe(14)
  })

  it('shows a key as the server would store it, even if that is not what was asked for', async () => {
    const object = { ...pod, labels: { role: 'other' } }
    const kube = dryRun(kubeThat({ kind: 'gone' }), kubeThat({ kind: 'applied', object } as never))
    await kube.patchPod(pod, [{ op: 'add', path: '/metadata/labels/role', value: 'passive' }], never)
    expect((await kube.listPods({}, never))[0]?.labels).toEqual({ role: 'other' })
  })

  it('sends a JSON Patch of a pod behind those before it, until the pod has changed', async () => {
    const sent: unknown[] = []
    let answer: Written<Pod> = { kind: 'applied', object: pod }
    const server: Kube = {
      ...kubeThat({ kind: 'applied', object: pod } as never),
      patchPod: async (_, operations) => {
        sent.push(operations.map(({ path }) => path))
        return answer
      },
    }
    const kube = dryRun(kubeThat({ kind: 'gone' }), server)
    const patch = (path: string) => kube.patchPod(pod, [{ op: 'test', path, value: 'x' }], never)
    await patch('/a')
    await kube.patchPodMetadata(pod, { uid: 'pod-uid' }, never)
    await patch('/b')
    answer = { kind: 'lost' }
    await patch('/c')
    await patch('/d')
    expect(sent).toEqual([['/a'], ['/a', '/b'], ['/a', '/b', '/c'], ['/d']])
  })
})
