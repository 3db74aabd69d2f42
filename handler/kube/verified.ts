/**
 * Compares the answer to each write with what was asked. A mutating policy or webhook may change a write, and the API
 * server still answers 200, with the object as it was stored.
 */
import { EPOCH } from './keys.js'
import { type Kube, KubeError, type PatchOperation, type Pod, type Service, type Written } from './port.js'

/** A field that was asked for: its name for people, its value in the answer, and the value asked for (`null`: none). */
type Asked = readonly [field: string, found: string | undefined, value: string | null]

/**
 * Turns `applied` into `changed` if the object is not as it was asked for. A write of marks alone must also not make a
 * pod active. (If another pass has made it active meanwhile, that pass has written another epoch.)
 */
export function verified(kube: Kube, roleLabel: string): Kube {
  const unasked = (pod: Pod, { labels, annotations }: Pod): readonly Asked[] =>
    labels[roleLabel] === 'active' && annotations?.[EPOCH] === pod.annotations?.[EPOCH]
      ? [[`label ${roleLabel}`, labels[roleLabel], pod.labels[roleLabel] ?? null]]
      : []
  return {
    get requests() {
      return kube.requests
    },
    listServices: (options, signal) => kube.listServices(options, signal),
    listPods: (options, signal) => kube.listPods(options, signal),
    patchPod: async (pod, patch, signal) =>
      verify(`pod ${pod.namespace}/${pod.name}`, await kube.patchPod(pod, patch, signal), (object) =>
        patch.flatMap((operation) => askedOf(object, operation)),
      ),
    patchPodMetadata: async (pod, patch, signal) =>
      verify(`pod ${pod.namespace}/${pod.name}`, await kube.patchPodMetadata(pod, patch, signal), (object) => [
        ...entries('label', object.labels, patch.labels),
        ...entries('annotation', object.annotations, patch.annotations),
        ...unasked(pod, object),
      ]),
    patchService: async (service, patch, signal) =>
      verify(
        `service ${service.namespace}/${service.name}`,
        await kube.patchService(service, patch, signal),
        (object: Service) => [
          ...entries('annotation', object.annotations, patch.annotations),
          ...entries('selector', object.selector, patch.selector),
        ],
      ),
    testService: (service, annotation, value, signal) => kube.testService(service, annotation, value, signal),
  }
}

function verify<T>(name: string, written: Written<T>, asked: (object: T) => readonly Asked[]): Written<T> {
  if (written.kind !== 'applied') return written
  const wrong = asked(written.object).filter(([, found, value]) => (found ?? null) !== value)
  if (wrong.length === 0) return written
  const fields = wrong.map(([field, found, value]) => `${field} is ${shown(found)} and not ${shown(value)}`)
  const error = new KubeError(
    'changed-by-admission',
    `changed by admission: a patch of ${name} was answered with a success, but ${fields.join(', ')}`,
    `Look for a mutating policy or webhook that changes ${name}, and exempt it, or the user active-passive, there.`,
  )
  return { kind: 'changed', object: written.object, error }
}

function askedOf(pod: Pod, operation: PatchOperation): readonly Asked[] {
  if (operation.op !== 'add') return []
  const [, , kind, key] = operation.path.split('/').map(unescaped)
  if (typeof operation.value !== 'string') return entries('annotation', pod.annotations, operation.value)
  if (key === undefined) return []
  return kind === 'labels'
    ? entries('label', pod.labels, { [key]: operation.value })
    : entries('annotation', pod.annotations, { [key]: operation.value })
}

function entries(
  kind: 'label' | 'annotation' | 'selector',
  found: Readonly<Record<string, string>> = {},
  asked: Readonly<Record<string, string | null>> = {},
): readonly Asked[] {
  return Object.entries(asked).map(([key, value]) => [`${kind} ${key}`, found[key], value])
}

function unescaped(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~')
}

function shown(value: string | null | undefined): string {
  return value === undefined || value === null ? 'absent' : JSON.stringify(value.slice(0, 60))
}
