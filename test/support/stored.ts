/**
 * What an API server makes of a write, at the level of the port (handler/kube/port.ts): pure, one object in, one out.
 * The outcomes are those of the real client on a real server: test/contract/stored.test.ts.
 */
import {
  FIELD_MANAGER,
  type Kube,
  type PatchOperation,
  type Pod,
  type PodMetadataPatch,
  type Service,
  type ServicePatch,
  type Writer,
} from '../../handler/kube/port.js'
import { equal } from './api/json.js'
import { applyJsonPatch } from './api/json-patch.js'
import { applyMergePatch } from './api/merge-patch.js'

/** A write that a server may be asked for, as data: what it is about and what it says. */
export type WriteCall =
  | { readonly verb: 'patchPod'; readonly pod: Pod; readonly patch: readonly PatchOperation[] }
  | { readonly verb: 'patchPodMetadata'; readonly pod: Pod; readonly patch: PodMetadataPatch }
  | { readonly verb: 'patchService'; readonly service: Service; readonly patch: ServicePatch }
  | { readonly verb: 'testService'; readonly service: Service; readonly annotation: string; readonly value: string }

export type ReadCall =
  | { readonly verb: 'listPods'; readonly options: Parameters<Kube['listPods']>[0] }
  | { readonly verb: 'listServices'; readonly options: Parameters<Kube['listServices']>[0] }

export type Call = WriteCall | ReadCall

/** What becomes of the object that a write names: the object as it is then, or why nothing was written. */
export type Effect<T> = { readonly kind: 'applied'; readonly object: T } | { readonly kind: 'lost' | 'gone' }

const GONE = { kind: 'gone' } as const
const LOST = { kind: 'lost' } as const

/** @param pod the pod of that name as it is stored, if there is one */
export function writePod(call: Extract<WriteCall, { pod: Pod }>, pod: Pod | undefined): Effect<Pod> {
  if (!pod) return GONE
  if (call.verb === 'patchPodMetadata') {
    const { uid, labels = {}, annotations = {} } = call.patch
    if (uid !== pod.uid) return GONE
    const patched = applyMergePatch(pod as never, { labels, annotations } as never) as unknown as Pod
    return { kind: 'applied', object: written(pod, patched, FIELD_MANAGER) }
  }
  const { uid, labels, annotations, terminating, phase } = pod
  const document = {
    metadata: {
      uid,
      labels: { ...labels },
      ...(annotations ? { annotations: { ...annotations } } : {}),
      ...(terminating ? { deletionTimestamp: 'set' } : {}),
    },
    status: { phase },
  }
  const patched = applyJsonPatch(document, call.patch as never) as
    | { metadata: Pick<Pod, 'labels' | 'annotations'> }
    | undefined
  if (!patched) return LOST
  const object = { ...pod, labels: patched.metadata.labels, annotations: patched.metadata.annotations }
  return { kind: 'applied', object: written(pod, object, FIELD_MANAGER) }
}

/** The pod as it is after a write, with those who have written it: whoever changes a value owns it alone. */
export function written(before: Pod, after: Pod, manager: string): Pod {
  if (!before.writers) return after
  const keys = (was: Pod['annotations'] = {}, is: Pod['annotations'] = {}) =>
    Object.keys({ ...was, ...is }).filter((key) => was[key] !== is[key])
  const labels = keys(before.labels, after.labels)
  const annotations = keys(before.annotations, after.annotations)
  if (labels.length + annotations.length === 0) return after
  const lives =
    (map: Pod['annotations'] = {}) =>
    (key: string) =>
      key in map
  const left = before.writers.map((writer) => ({
    ...writer,
    labels: writer.labels.filter((key) => !labels.includes(key)),
    annotations: writer.annotations.filter((key) => !annotations.includes(key)),
  }))
  const isSame = (writer: Writer) => writer.manager === manager && !writer.created
  const own = left.find(isSame) ?? { manager, created: false, owns: false, labels: [], annotations: [] }
  const writer = {
    ...own,
    labels: [...own.labels, ...labels.filter(lives(after.labels))],
    annotations: [...own.annotations, ...annotations.filter(lives(after.annotations))],
  }
  return { ...after, writers: [...left.filter((one) => !isSame(one)), writer] }
}

/** @param service the Service of that name as it is stored, if there is one */
export function writeService(
  call: Extract<WriteCall, { service: Service }>,
  service: Service | undefined,
): Effect<Service> {
  if (!service) return GONE
  if (call.verb === 'testService') {
    const holds = service.uid === call.service.uid && service.annotations[call.annotation] === call.value
    return holds ? { kind: 'applied', object: service } : LOST
  }
  const { resourceVersion, annotations, selector } = call.patch
  if (resourceVersion !== service.resourceVersion) return LOST
  const patched = applyMergePatch(service as never, { annotations, selector } as never) as unknown as Service
  // What changes nothing gets no new version.
  return { kind: 'applied', object: equal(patched as never, service as never) ? service : changed(patched) }
}

/** The same Service at its next version. */
export function changed(service: Service): Service {
  return { ...service, resourceVersion: String(Number(service.resourceVersion) + 1) }
}

/** Whether the selector picks an object with these labels. An empty one picks none. */
export function selects(selector: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean {
  const terms = Object.entries(selector)
  return terms.length > 0 && terms.every(([key, value]) => labels[key] === value)
}
