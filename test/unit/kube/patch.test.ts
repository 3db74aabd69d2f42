import { describe, expect, it } from 'vitest'
import {
  changesOf,
  jsonPatch,
  metadataPatch,
  podAfter,
  serviceAfter,
  servicePatch,
} from '../../../handler/kube/patch.js'
import type { PatchOperation, Pod, PodMetadataPatch } from '../../../handler/kube/port.js'
import { aPod, aService } from '../../support/builders.js'
import { writePod, writeService } from '../../support/stored.js'

const ROLE = '/metadata/labels/role'
const EPOCH = '/metadata/annotations/active-passive~1epoch'
const writers: Pod['writers'] = [
  { manager: 'kubectl', created: true, owns: false, labels: ['app', 'role'], annotations: ['active-passive/epoch'] },
  { manager: 'active-passive', created: false, owns: false, labels: ['active-passive/pod'], annotations: [] },
]
const sorted = ({ writers = [], ...pod }: Pod) => ({
  ...pod,
  writers: writers
    .map((one) => ({ ...one, labels: [...one.labels].sort(), annotations: [...one.annotations].sort() }))
    .sort((a, b) => (a.manager < b.manager ? -1 : 1)),
})

/** An API server's answer is the measure: stored.ts is held to a real one. */
describe('a pod after a patch is as an API server would store it', () => {
  const pods: readonly Pod[] = [
    { ...aPod('a', { labels: { role: 'active', app: 'x' }, annotations: { 'active-passive/epoch': '1' } }), writers },
    { ...aPod('a', { labels: { app: 'x' } }), annotations: undefined },
  ]
  const operations: readonly (readonly PatchOperation[])[] = [
    [{ op: 'add', path: ROLE, value: 'passive' }],
    [{ op: 'add', path: ROLE, value: 'active' }],
    [
      { op: 'add', path: ROLE, value: 'passive' },
      { op: 'add', path: '/metadata/annotations', value: { 'active-passive/epoch': '2' } },
    ],
    [
      { op: 'test', path: EPOCH, value: '1' },
      { op: 'remove', path: EPOCH },
      { op: 'add', path: '/metadata/annotations/a~1b', value: 'x' },
    ],
  ]
  const merges: readonly Omit<PodMetadataPatch, 'uid'>[] = [
    { labels: { role: null, 'active-passive/pod': 'u' } },
    { annotations: { 'active-passive/epoch': null, 'active-passive/failures': '1' } },
  ]
  it.each(pods.flatMap((pod) => operations.map((patch) => [pod, patch] as const)))('%#: a JSON Patch', (pod, patch) => {
    const stored = writePod({ verb: 'patchPod', pod, patch }, pod)
    if (stored.kind !== 'applied') return
    expect(sorted(podAfter(pod, changesOf(jsonPatch(patch))))).toEqual(sorted(stored.object))
  })
  it.each(pods.flatMap((pod) => merges.map((merge) => [pod, merge] as const)))('%#: a merge patch', (pod, merge) => {
    const patch = { uid: pod.uid, ...merge }
    const stored = writePod({ verb: 'patchPodMetadata', pod, patch }, pod)
    if (stored.kind !== 'applied') throw new Error(stored.kind)
    const after = podAfter(pod, changesOf(metadataPatch(patch)))
    expect({ ...sorted(after), annotations: { ...after.annotations } }).toEqual({
      ...sorted(stored.object),
      annotations: { ...stored.object.annotations },
    })
  })
})

describe('a Service after a patch', () => {
  it('is as an API server would store it, but for its version', () => {
    const service = { ...aService('web'), annotations: { kept: '1', gone: '1' } }
    const patch = {
      resourceVersion: service.resourceVersion,
      annotations: { gone: null, 'active-passive/swap': 't' },
      selector: { role: null, 'active-passive/pod': 'u' },
    }
    const stored = writeService({ verb: 'patchService', service, patch }, service)
    if (stored.kind !== 'applied') throw new Error(stored.kind)
    const { resourceVersion } = service
    expect(serviceAfter(service, changesOf(servicePatch(patch)))).toEqual({ ...stored.object, resourceVersion })
  })

  it('has no value that every object inherits', () => {
    const { selector } = serviceAfter(aService('web'), [])
    expect('constructor' in selector).toBe(false)
  })
})
