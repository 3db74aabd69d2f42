/** `stored.ts` makes of each write what the real client and the in-process API make of it, which is held to the real one. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CLAIM, EPOCH, PIN } from '../../handler/kube/keys.js'
import type { Kube, Pod, Service, Written } from '../../handler/kube/port.js'
import { type InProcess, NAMESPACE, startInProcess } from '../support/in-process.js'
import type { PodDraft } from '../support/pods.js'
import { type Effect, type WriteCall, writePod, writeService } from '../support/stored.js'

const never = new AbortController().signal
const epoch = '/metadata/annotations/active-passive~1epoch'

let world: InProcess
let kube: Kube
beforeAll(async () => {
  world = await startInProcess([])
  kube = world.connect()
})
afterAll(() => world.close())

const send = (call: WriteCall) => {
  switch (call.verb) {
    case 'patchPod':
      return kube.patchPod(call.pod, call.patch, never)
    case 'patchPodMetadata':
      return kube.patchPodMetadata(call.pod, call.patch, never)
    case 'patchService':
      return kube.patchService(call.service, call.patch, never)
    case 'testService':
      return kube.testService(call.service, call.annotation, call.value, never)
  }
}

let made = 0

async function aStoredPod(draft: Partial<PodDraft> = {}): Promise<Pod> {
  const name = `p${++made}`
  world.addPod({ name, labels: { role: 'active' }, ...draft })
  const pod = (await kube.listPods({ namespace: NAMESPACE }, never)).find((one) => one.name === name)
  if (!pod) throw new Error(`${name} is not listed`)
  return pod
}

async function aStoredService(): Promise<Service> {
  const name = `s${++made}`
  world.addService({ name, annotations: { mine: 'kept' } })
  return read(name)
}

async function read(name: string): Promise<Service> {
  const service = (await kube.listServices({ namespace: NAMESPACE }, never)).find((one) => one.name === name)
  if (!service) throw new Error(`${name} is not listed`)
  return service
}

/** The API server orders managers by the second in which they wrote last. */
function inOrder(effect: Written<Pod> | Effect<Pod>) {
  if (effect.kind !== 'applied') return effect
  const { writers = [] } = effect.object
  const byManager = [...writers].sort((a, b) => (a.manager < b.manager ? -1 : 1))
  return { ...effect, object: { ...effect.object, writers: byManager } }
}

describe('a patch of a pod', () => {
  const cases: readonly (readonly [string, (pod: Pod) => WriteCall])[] = [
    ['that tests nothing', (pod) => patch(pod, add('/metadata/labels/role', 'passive'))],
    [
      'whose tests hold',
      (pod) => patch(pod, test('/metadata/uid', pod.uid), test('/metadata/labels/role', 'active'), add(epoch, '7')),
    ],
    ['of another uid', (pod) => patch(pod, test('/metadata/uid', 'another'), add(epoch, '7'))],
    ['of another role', (pod) => patch(pod, test('/metadata/labels/role', 'passive'), add(epoch, '7'))],
    ['of another epoch', (pod) => patch(pod, test(epoch, '1'), add(epoch, '7'))],
    ['that wants no epoch', (pod) => patch(pod, test(epoch, null), add(epoch, '7'))],
    [
      'that wants no annotations',
      (pod) => patch(pod, test('/metadata/annotations', null), add('/metadata/annotations', { [EPOCH]: '7' })),
    ],
    ['that is not being deleted', (pod) => patch(pod, test('/metadata/deletionTimestamp', null), add(epoch, '7'))],
    ['of a pod that runs', (pod) => patch(pod, test('/status/phase', 'Running'), add('/metadata/labels/x', 'y'))],
    ['that was never there', (pod) => patch({ ...pod, name: 'nobody' }, add(epoch, '7'))],
    [
      'by its metadata',
      (pod) => ({
        verb: 'patchPodMetadata',
        pod,
        patch: { uid: pod.uid, labels: { [PIN]: pod.uid }, annotations: { [EPOCH]: null, x: 'y' } },
      }),
    ],
    [
      'by the metadata of another uid',
      (pod) => ({ verb: 'patchPodMetadata', pod, patch: { uid: 'another', labels: { x: 'y' } } }),
    ],
    [
      'by its metadata, never there',
      (pod) => ({
        verb: 'patchPodMetadata',
        pod: { ...pod, name: 'nobody' },
        patch: { uid: pod.uid, labels: { x: 'y' } },
      }),
    ],
  ]
  for (const annotations of [undefined, {}, { [EPOCH]: '3' }]) {
    it.each(cases)(`%s, with ${JSON.stringify(annotations) ?? 'no'} annotations`, async (_, make) => {
      const pod = await aStoredPod(annotations ? { annotations } : {})
      const call = make(pod) as Extract<WriteCall, { pod: Pod }>
      const real = await send(call)
      const ours = writePod(call, call.pod.name === pod.name ? pod : undefined)
      expect(ours.kind).toBe(real.kind)
      if (ours.kind === 'applied') expect(inOrder(ours as Effect<Pod>)).toEqual(inOrder(real as Written<Pod>))
    })
  }

  it.each(['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'])(
    'of a pod that runs, which is %s',
    async (phase) => {
      const pod = await aStoredPod({ phase })
      const call = patch(pod, test('/status/phase', 'Running'), add('/metadata/labels/x', 'y'))
      const real = await send(call)
      expect(real.kind).toBe(phase === 'Running' ? 'applied' : 'lost')
      expect(inOrder(writePod(call as Extract<WriteCall, { pod: Pod }>, pod))).toEqual(inOrder(real as Written<Pod>))
    },
  )
})

describe('a patch of a Service', () => {
  const claim = { [CLAIM]: 'token pod' }
  const pinned = { role: null, [PIN]: 'uid' }
  const cases: readonly (readonly [string, (service: Service) => WriteCall])[] = [
    ['at its version', (service) => patchOf(service, service.resourceVersion, claim, pinned)],
    ['at another version', (service) => patchOf(service, '1', claim, {})],
    ['that changes nothing', (service) => patchOf(service, service.resourceVersion, {}, {})],
    [
      'that takes off what is not there',
      (service) => patchOf(service, service.resourceVersion, { [CLAIM]: null }, { [PIN]: null, role: 'active' }),
    ],
    ['that was never there', (service) => patchOf({ ...service, name: 'nobody' }, service.resourceVersion, claim, {})],
    ['that tests an annotation', (service) => ({ verb: 'testService', service, annotation: 'mine', value: 'kept' })],
    ['that tests another value', (service) => ({ verb: 'testService', service, annotation: 'mine', value: 'lost' })],
    [
      'that tests an annotation that is not there',
      (service) => ({ verb: 'testService', service, annotation: CLAIM, value: 'x' }),
    ],
    [
      'of another uid, tested',
      (service) => ({
        verb: 'testService',
        service: { ...service, uid: 'another' },
        annotation: 'mine',
        value: 'kept',
      }),
    ],
  ]
  it.each(cases)('%s', async (_, make) => {
    const service = await aStoredService()
    const call = make(service) as Extract<WriteCall, { service: Service }>
    const real = await send(call)
    const ours = writeService(call, call.service.name === service.name ? service : undefined)
    expect(ours.kind).toBe(real.kind)
    if (ours.kind !== 'applied' || real.kind !== 'applied') return
    const { resourceVersion: now, ...rest } = ours.object
    // Who has claimed it is for words alone: the stored form does not keep it.
    const { resourceVersion: then, claimedBy: _who, ...stored } = real.object as Service
    expect(rest).toEqual(stored)
    expect(now === service.resourceVersion).toBe(then === service.resourceVersion)
  })
})

function test(path: string, value: string | null) {
  return { op: 'test', path, value } as const
}

function add(path: string, value: string | Readonly<Record<string, string>>) {
  return { op: 'add', path, value } as const
}

function patch(pod: Pod, ...operations: readonly (ReturnType<typeof test> | ReturnType<typeof add>)[]): WriteCall {
  return { verb: 'patchPod', pod, patch: operations }
}

function patchOf(
  service: Service,
  resourceVersion: string,
  annotations: Readonly<Record<string, string | null>>,
  selector: Readonly<Record<string, string | null>>,
): WriteCall {
  return { verb: 'patchService', service, patch: { resourceVersion, annotations, selector } }
}
