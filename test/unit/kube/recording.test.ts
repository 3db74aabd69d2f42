import { describe, expect, it } from 'vitest'
import { type Kube, KubeError, type Pod, type Service, type Written } from '../../../handler/kube/port.js'
import { dryRun, recording, type Write } from '../../../handler/kube/recording.js'
import { never } from './support.js'

const pod = { namespace: 'shop', name: 'a', uid: 'pod-uid' } as Pod
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

  it('of a dry run says so', async () => {
    const writes: Write[] = []
    const kube = recording(dryRun(kubeThat({ kind: 'lost' })), writes, true)
    await kube.patchPod(pod, [], never)
    expect(writes).toEqual([{ verb: 'patch', kind: 'pod', namespace: 'shop', name: 'a', result: 'dry run' }])
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
})
