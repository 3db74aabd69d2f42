/** Changes writes as admission does, and gives the answer that the writer gets then. Pure. */
import { EPOCH, PREFIX } from '../../handler/kube/keys.js'
import { FIELD_MANAGER, type Pod, type Service } from '../../handler/kube/port.js'
import { equal } from '../support/api/json.js'
import { ownedBy, type WriteCall } from '../support/stored.js'

/** What stays as it was: the role of a pod or the selector of a Service; or our annotations. */
export type Kept = 'role' | 'annotations'

/** The pod as it is stored: a policy or webhook has put back what was there before. */
export function keptPod(what: Kept, before: Pod, after: Pod): Pod {
  const { role: _, ...labels } = after.labels
  const asBefore: Pod =
    what === 'role'
      ? { ...after, labels: before.labels.role === undefined ? labels : { ...labels, role: before.labels.role } }
      : { ...after, annotations: withOld(before.annotations, after.annotations) }
  // Of what is as it was before nobody has become the owner.
  return before.writers ? ownedBy(FIELD_MANAGER, before, { ...asBefore, writers: before.writers }) : asBefore
}

export function keptService(what: Kept, before: Service, after: Service): Service {
  const stored =
    what === 'role'
      ? { ...after, selector: before.selector }
      : { ...after, annotations: withOld(before.annotations, after.annotations) ?? {} }
  // What changes nothing gets no new version.
  return equal({ ...stored, resourceVersion: before.resourceVersion } as never, before as never) ? before : stored
}

function withOld(before: Pod['annotations'], after: Pod['annotations']): Pod['annotations'] {
  const isOurs = ([key]: readonly [string, string]) => key.startsWith(PREFIX)
  const entries = [
    ...Object.entries(before ?? {}).filter(isOurs),
    ...Object.entries(after ?? {}).filter((entry) => !isOurs(entry)),
  ]
  return entries.length === 0 ? before && {} : Object.fromEntries(entries)
}

/** What a pass is told of a pod that it has written. */
export interface Told {
  /** Of the pod, what was asked for and nothing else: histories that differ in the rest are the same. */
  readonly object: Pod
  /** What is there in place of what was asked for, as a text; empty: nothing. */
  readonly differences: string
}

type Map = Readonly<Record<string, string | undefined>>

export function told(call: Extract<WriteCall, { pod: Pod }>, stored: Pod): Told {
  const asked = askedOf(call)
  const found = (map: Map = {}, keys: readonly string[]) => only(Object.fromEntries(keys.map((key) => [key, map[key]])))
  const differ = (map: Map = {}, asked: Record<string, string | null>) =>
    Object.entries(asked).flatMap(([key, value]) => ((map[key] ?? null) === value ? [] : [`${key}=${map[key]}`]))
  const isMadeActive = call.verb === 'patchPodMetadata' && becameActive(call.pod, stored)
  // Of a write of marks a pass looks at the role as well, and at the epoch beside it.
  const role = call.verb === 'patchPodMetadata' ? { role: isMadeActive ? 'active' : undefined } : {}
  const epoch = call.verb === 'patchPodMetadata' ? { [EPOCH]: call.pod.annotations?.[EPOCH] } : {}
  return {
    object: only({
      labels: only({ ...role, ...found(stored.labels, Object.keys(asked.labels)) }),
      annotations: only({ ...epoch, ...found(stored.annotations, Object.keys(asked.annotations)) }),
    }) as unknown as Pod,
    differences: [
      ...differ(stored.labels, asked.labels),
      ...differ(stored.annotations, asked.annotations),
      ...(isMadeActive ? ['made active'] : []),
    ].join(),
  }
}

function becameActive(before: Pod, { labels, annotations }: Pod): boolean {
  return (
    before.labels.role !== 'active' && labels.role === 'active' && annotations?.[EPOCH] === before.annotations?.[EPOCH]
  )
}

interface Asked {
  readonly labels: Record<string, string | null>
  readonly annotations: Record<string, string | null>
}

function askedOf(call: Extract<WriteCall, { pod: Pod }>): Asked {
  if (call.verb === 'patchPodMetadata') {
    const { labels = {}, annotations = {} } = call.patch
    return { labels, annotations }
  }
  const asked: Asked = { labels: {}, annotations: {} }
  for (const operation of call.patch) {
    if (operation.op === 'test') continue
    const [, , map, key = ''] = operation.path.split('/')
    const value = operation.op === 'remove' ? null : operation.value
    if (value !== null && typeof value !== 'string') Object.assign(asked.annotations, value)
    else asked[map === 'labels' ? 'labels' : 'annotations'][key.replaceAll('~1', '/')] = value
  }
  return asked
}

/** The same object, which refuses to be asked for anything else. */
function only<T extends object>(object: T): T {
  return new Proxy(object, {
    get: (target, key) => {
      if (key in target) return target[key as keyof T]
      throw new Error(`a pass reads ${String(key)} of what the server answers: the model has to tell answers apart`)
    },
  })
}
