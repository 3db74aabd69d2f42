/**
 * Compares the answer to each write with what was asked. A mutating policy or webhook may change a write, and the API
 * server still answers 200, with the object as it was stored.
 */
import { EPOCH } from './keys.js'
import { type Change, changesOf, type Fields, jsonPatch, metadataPatch, servicePatch, valueIn } from './patch.js'
import { type Kube, KubeError, type Pod, type Written } from './port.js'

/** A field that was asked for: its name for people, its value in the answer, and the value asked for (`null`: none). */
type Asked = readonly [field: string, found: string | undefined, value: string | null]

const NAMES: Readonly<Record<Change['map'], string>> = {
  labels: 'label',
  annotations: 'annotation',
  selector: 'selector',
}

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
        // A removal that admission undoes is found by the next pass, which removes it again.
        askedOf(
          object,
          changesOf(jsonPatch(patch)).filter(({ value }) => value !== null),
        ),
      ),
    patchPodMetadata: async (pod, patch, signal) =>
      verify(`pod ${pod.namespace}/${pod.name}`, await kube.patchPodMetadata(pod, patch, signal), (object) => [
        ...askedOf(object, changesOf(metadataPatch(patch))),
        ...unasked(pod, object),
      ]),
    patchService: async (service, patch, signal) =>
      verify(
        `service ${service.namespace}/${service.name}`,
        await kube.patchService(service, patch, signal),
        (object) => askedOf(object, changesOf(servicePatch(patch))),
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

function askedOf(object: Fields, changes: readonly Change[]): readonly Asked[] {
  return changes.map((change) => [`${NAMES[change.map]} ${change.key}`, valueIn(object, change), change.value])
}

function shown(value: string | null | undefined): string {
  return value === undefined || value === null ? 'absent' : JSON.stringify(value.slice(0, 60))
}
