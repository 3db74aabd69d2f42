/**
 * What an API server makes of a write, at the level of the port (handler/kube/port.ts): pure, one object in, one out.
 * The outcomes are those of the real client on a real server: test/contract/stored.test.ts.
 */
import { PREFIX } from '../../handler/kube/keys.js'
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
    return { kind: 'applied', object: ownedBy(FIELD_MANAGER, pod, patched) }
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
  const { metadata } = patched
  const object = { ...pod, labels: metadata.labels, annotations: metadata.annotations }
  return { kind: 'applied', object: ownedBy(FIELD_MANAGER, pod, object) }
}

/**
 * The pod after a write of this manager: of what it has changed it is the owner then, and of what it has written as it
 * was before it is not. Who owns what stays unknown where it was.
 */
export function ownedBy(manager: string, before: Pod, after: Pod): Pod {
  if (!before.writers) return after
  const labels = changesOf(before.labels, after.labels)
  const annotations = changesOf(before.annotations, after.annotations)
  const isOurs = (key: string) => key.startsWith(PREFIX)
  const known = before.writers.some((one) => one.manager === manager)
  const none: Writer = { manager, created: false, owns: false, labels: [], annotations: [] }
  const writers = [...before.writers, ...(known ? [] : [none])].map((writer): Writer => {
    const isTheirs = writer.manager === manager
    const left = (keys: readonly string[], { changed }: Changes) => keys.filter((key) => !changed.includes(key))
    return {
      ...writer,
      labels: [...left(writer.labels, labels), ...(isTheirs ? labels.set : [])].sort(),
      annotations: [
        ...left(writer.annotations, annotations),
        ...(isTheirs ? annotations.set.filter(isOurs) : []),
      ].sort(),
    }
  })
  const isNothing = ({ created, owns, labels, annotations }: Writer) =>
    !created && !owns && labels.length + annotations.length === 0
  return { ...after, writers: writers.filter((writer) => !isNothing(writer)) }
}

interface Changes {
  /** Keys that have another value, or none any more. */
  readonly changed: readonly string[]
  /** Those of them that have one. */
  readonly set: readonly string[]
}

function changesOf(before: Pod['labels'] = {}, after: Pod['labels'] = {}): Changes {
  const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (key) => before[key] !== after[key],
  )
  return { changed, set: changed.filter((key) => after[key] !== undefined) }
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
