/** Two wrappers of the Kubernetes port: one records the writes, one makes none. */
import type { Kube, Outcome, Pod, Service, ServicePatch, Written } from './port.js'

/** One write, as the report shows it. */
export interface Write {
  readonly verb: 'patch'
  readonly kind: 'pod' | 'service'
  readonly namespace: string
  readonly name: string
  readonly result: Outcome | 'dry run'
}

/** The object in kubectl's form: `pod/NAME`. */
export function objectOf({ kind, name }: Write): string {
  return `${kind}/${name}`
}

/** The same port. It appends every write to `writes` once the write has ended. */
export function recording(kube: Kube, writes: Write[], isDryRun: boolean): Kube {
  const recorded = async <T>(
    kind: Write['kind'],
    { namespace, name }: Pick<Pod, 'namespace' | 'name'>,
    write: Promise<Written<T>>,
  ): Promise<Written<T>> => {
    const written = await write
    const result = isDryRun && written.kind === 'applied' ? 'dry run' : written.kind
    writes.push({ verb: 'patch', kind, namespace, name, result })
    return written
  }
  return {
    get requests() {
      return kube.requests
    },
    listServices: (options, signal) => kube.listServices(options, signal),
    listPods: (options, signal) => kube.listPods(options, signal),
    patchPod: (pod, patch, signal) => recorded('pod', pod, kube.patchPod(pod, patch, signal)),
    patchPodMetadata: (pod, patch, signal) => recorded('pod', pod, kube.patchPodMetadata(pod, patch, signal)),
    patchService: (service, patch, signal) => recorded('service', service, kube.patchService(service, patch, signal)),
    testService: (service, annotation, value, signal) => kube.testService(service, annotation, value, signal),
  }
}

/** The same reads, and writes that succeed without being sent, so that a dry run takes the path of a real one. */
export function dryRun(kube: Kube): Kube {
  const patched = new Map<string, Service>()
  return {
    get requests() {
      return kube.requests
    },
    listServices: async (options, signal) =>
      (await kube.listServices(options, signal)).map((service) => patched.get(service.uid) ?? service),
    listPods: (options, signal) => kube.listPods(options, signal),
    patchPod: async (pod: Pod) => ({ kind: 'applied', object: pod }),
    patchPodMetadata: async (pod: Pod) => ({ kind: 'applied', object: pod }),
    patchService: async (service, patch) => {
      const object = applyTo(service, patch)
      patched.set(service.uid, object)
      return { kind: 'applied', object }
    },
    testService: async (service, annotation, value) => {
      const object = patched.get(service.uid) ?? service
      return object.annotations[annotation] === value ? { kind: 'applied', object } : { kind: 'lost' }
    },
  }
}

function applyTo(service: Service, { annotations, selector }: ServicePatch): Service {
  return {
    ...service,
    annotations: merge(service.annotations, annotations),
    selector: merge(service.selector, selector),
  }
}

function merge(
  map: Readonly<Record<string, string>>,
  patch: Readonly<Record<string, string | null>>,
): Record<string, string> {
  const entries = Object.entries({ ...map, ...patch })
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== null))
}
