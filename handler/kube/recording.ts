/** Two wrappers of the Kubernetes port: one records the writes, one makes none. */
import {
  type Change,
  changesOf,
  type Fields,
  jsonPatch,
  metadataPatch,
  type Patch,
  podAfter,
  serviceAfter,
  servicePatch,
  valueIn,
} from './patch.js'
import type { Kube, Outcome, PatchOperation, Pod, Service, Written } from './port.js'

/** One write, as the report shows it. */
export interface Write {
  readonly verb: 'patch'
  readonly kind: 'pod' | 'service'
  readonly namespace: string
  readonly name: string
  readonly result: Outcome | 'dry run'
  /** In a dry run: what would be sent. Absent in a pass that writes. */
  readonly planned?: Planned
}

/** A write that is not sent, and its object as it is before it. */
export interface Planned {
  readonly patch: Patch
  readonly before: Fields
}

/** The object in kubectl's form: `pod/NAME`. */
export function objectOf({ kind, name }: Write): string {
  return `${kind}/${name}`
}

/** The same port. It appends every write to `writes` once the write has ended. */
export function recording(kube: Kube, writes: Write[], isDryRun: boolean): Kube {
  const recorded = async <T>(
    kind: Write['kind'],
    before: Fields & Pick<Pod, 'namespace' | 'name'>,
    patch: Patch,
    write: Promise<Written<T>>,
  ): Promise<Written<T>> => {
    const written = await write
    const { namespace, name, labels, annotations, selector } = before
    const result = isDryRun && written.kind === 'applied' ? 'dry run' : written.kind
    const planned = isDryRun ? { planned: { patch, before: { labels, annotations, selector } } } : {}
    writes.push({ verb: 'patch', kind, namespace, name, result, ...planned })
    return written
  }
  return {
    get requests() {
      return kube.requests
    },
    listServices: (options, signal) => kube.listServices(options, signal),
    listPods: (options, signal) => kube.listPods(options, signal),
    patchPod: (pod, patch, signal) => recorded('pod', pod, jsonPatch(patch), kube.patchPod(pod, patch, signal)),
    patchPodMetadata: (pod, patch, signal) =>
      recorded('pod', pod, metadataPatch(patch), kube.patchPodMetadata(pod, patch, signal)),
    patchService: (service, patch, signal) =>
      recorded('service', service, servicePatch(patch), kube.patchService(service, patch, signal)),
    testService: (service, annotation, value, signal) => kube.testService(service, annotation, value, signal),
  }
}

/**
 * The same reads, and writes that are not stored, so that a dry run takes the path of a real one: a list shows them as if
 * they were. Without `server` they all succeed, unsent.
 *
 * @param server a port whose writes carry dryRun=All: each write is sent to it too, and its outcome is the answer. A JSON
 *   Patch of a pod goes there behind those before it, because the stored pod has none of them.
 */
export function dryRun(kube: Kube, server?: Kube): Kube {
  const made = new Rehearsal()
  /** Keeps what the write would change, with the values that the server would store. */
  const answered = <T extends Pod | Service>(uid: string, patch: Patch, written: Written<T>): Written<T> => {
    if (written.kind === 'applied') made.add(uid, patch, written.object)
    if (written.kind === 'lost' || written.kind === 'gone') made.forget(uid)
    return written
  }
  const pod = async (pod: Pod, patch: Patch, send: (server: Kube) => Promise<Written<Pod>>): Promise<Written<Pod>> => {
    const object = podAfter(pod, changesOf(patch))
    return answered(pod.uid, patch, server ? await send(server) : { kind: 'applied', object })
  }
  return {
    get requests() {
      return kube.requests + (server?.requests ?? 0)
    },
    listServices: async (options, signal) =>
      (await kube.listServices(options, signal)).map((service) => serviceAfter(service, made.changes(service.uid))),
    listPods: async (options, signal) =>
      (await kube.listPods(options, signal)).map((pod) => podAfter(pod, made.changes(pod.uid))),
    patchPod: (before, operations, signal) =>
      pod(before, jsonPatch(operations), (port) =>
        port.patchPod(before, [...made.operations(before.uid), ...operations], signal),
      ),
    patchPodMetadata: (before, metadata, signal) =>
      pod(before, metadataPatch(metadata), (port) => port.patchPodMetadata(before, metadata, signal)),
    patchService: async (before, changes, signal) => {
      const patch = servicePatch(changes)
      const object = serviceAfter(before, changesOf(patch))
      const written = server
        ? await server.patchService(before, changes, signal)
        : ({ kind: 'applied', object } as const)
      return answered(before.uid, patch, written)
    },
    testService: async (service, annotation, value) => {
      const object = serviceAfter(service, made.changes(service.uid))
      return object.annotations[annotation] === value ? { kind: 'applied', object } : { kind: 'lost' }
    },
  }
}

/** The writes of a dry run so far, by the uid of their object. */
class Rehearsal {
  private readonly made = new Map<string, readonly { readonly patch: Patch; readonly changes: readonly Change[] }[]>()

  /** @param object as the server would store it: admission may have given a key another value */
  add(uid: string, patch: Patch, object: Fields): void {
    const changes = changesOf(patch).map((change) => ({ ...change, value: valueIn(object, change) ?? null }))
    this.made.set(uid, [...(this.made.get(uid) ?? []), { patch, changes }])
  }

  /** The object was changed by somebody else, who knows nothing of these writes. */
  forget(uid: string): void {
    this.made.delete(uid)
  }

  changes(uid: string): readonly Change[] {
    return (this.made.get(uid) ?? []).flatMap(({ changes }) => changes)
  }

  operations(uid: string): readonly PatchOperation[] {
    return (this.made.get(uid) ?? []).flatMap(({ patch }) => (patch.type === 'json' ? patch.body : []))
  }
}
