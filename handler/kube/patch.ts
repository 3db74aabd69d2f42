/** The bodies of our writes, the fields that they change, and the object as it is after them. Pure. */
import { PREFIX } from './keys.js'
import { fieldOf } from './pointer.js'
import {
  FIELD_MANAGER,
  type PatchOperation,
  type Pod,
  type PodMetadataPatch,
  type Service,
  type ServicePatch,
  type Writer,
} from './port.js'

/** The body of a write as it is sent: a JSON Patch (RFC 6902), or a JSON Merge Patch (RFC 7386). */
export type Patch =
  | { readonly type: 'json'; readonly body: readonly PatchOperation[] }
  | { readonly type: 'merge'; readonly body: MergeBody }

interface MergeBody {
  readonly metadata: {
    readonly uid?: string
    readonly resourceVersion?: string
    readonly labels?: Values
    readonly annotations?: Values
  }
  readonly spec?: { readonly selector: Values }
}

/** `null` removes a key. */
type Values = Readonly<Record<string, string | null>>

export function jsonPatch(operations: readonly PatchOperation[]): Patch {
  return { type: 'json', body: operations }
}

export function metadataPatch(metadata: PodMetadataPatch): Patch {
  return { type: 'merge', body: { metadata } }
}

export function servicePatch({ resourceVersion, annotations, selector }: ServicePatch): Patch {
  return { type: 'merge', body: { metadata: { resourceVersion, annotations }, spec: { selector } } }
}

/** The maps of an object that we write to. */
export interface Fields {
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly annotations?: Readonly<Record<string, string>> | undefined
  readonly selector?: Readonly<Record<string, string>> | undefined
}

/** A key of one of these maps, and the value that a patch gives it; `null`: it takes the key off. */
export interface Change {
  readonly map: keyof Fields
  readonly key: string
  readonly value: string | null
}

/** What the patch sets and removes, in its order. A value that is there already counts too. */
export function changesOf(patch: Patch): readonly Change[] {
  if (patch.type === 'json') return patch.body.flatMap(changesBy)
  const { metadata, spec } = patch.body
  return [
    ...changesIn('labels', metadata.labels),
    ...changesIn('annotations', metadata.annotations),
    ...changesIn('selector', spec?.selector),
  ]
}

function changesBy(operation: PatchOperation): readonly Change[] {
  if (operation.op === 'test') return []
  const { map, key } = fieldOf(operation.path)
  if (map !== 'labels' && map !== 'annotations') return []
  if (operation.op === 'remove') return key === undefined ? [] : [{ map, key, value: null }]
  if (typeof operation.value !== 'string') return changesIn(map, operation.value)
  return key === undefined ? [] : [{ map, key, value: operation.value }]
}

function changesIn(map: Change['map'], values: Values = {}): readonly Change[] {
  return Object.entries(values).map(([key, value]) => ({ map, key, value }))
}

/** The value that a key has now. Absent: none. */
export function valueIn(fields: Fields, { map, key }: Pick<Change, 'map' | 'key'>): string | undefined {
  const values = fields[map]
  return values && Object.hasOwn(values, key) ? values[key] : undefined
}

/** The pod as a list shows it after these writes of ours: managedFields says who has changed a label. */
export function podAfter(pod: Pod, changes: readonly Change[]): Pod {
  const made = changes.filter((change) => valueIn(pod, change) !== (change.value ?? undefined))
  if (made.length === 0) return pod
  const writers = pod.writers && writersAfter(pod.writers, made)
  return {
    ...pod,
    labels: merged(pod.labels, made, 'labels'),
    annotations:
      pod.annotations || made.some(({ map }) => map === 'annotations')
        ? merged(pod.annotations ?? {}, made, 'annotations')
        : undefined,
    ...(writers ? { writers } : {}),
  }
}

export function serviceAfter(service: Service, changes: readonly Change[]): Service {
  return {
    ...service,
    annotations: merged(service.annotations, changes, 'annotations'),
    selector: merged(service.selector, changes, 'selector'),
  }
}

/** Without a prototype, as the maps of an API server's objects. */
function merged(
  values: Readonly<Record<string, string>>,
  changes: readonly Change[],
  map: Change['map'],
): Record<string, string> {
  const entries = new Map(Object.entries(values))
  for (const change of changes) {
    if (change.map !== map) continue
    if (change.value === null) entries.delete(change.key)
    else entries.set(change.key, change.value)
  }
  return Object.setPrototypeOf(Object.fromEntries(entries), null)
}

function writersAfter(writers: readonly Writer[], made: readonly Change[]): readonly Writer[] {
  const keysOf = (map: Change['map']) => made.flatMap((change) => (change.map === map ? [change.key] : []))
  const kept = (keys: readonly string[], map: Change['map']) => keys.filter((key) => !keysOf(map).includes(key))
  const set = made.filter(({ value }) => value !== null)
  const own = {
    labels: set.flatMap(({ map, key }) => (map === 'labels' ? [key] : [])),
    annotations: set.flatMap(({ map, key }) => (map === 'annotations' && key.startsWith(PREFIX) ? [key] : [])),
  }
  const others = writers.map((writer) => ({
    ...writer,
    labels: kept(writer.labels, 'labels'),
    annotations: kept(writer.annotations, 'annotations'),
  }))
  const ours = others.find(({ manager }) => manager === FIELD_MANAGER) ?? {
    manager: FIELD_MANAGER,
    created: false,
    owns: false,
    labels: [],
    annotations: [],
  }
  return [
    ...others.filter((writer) => writer !== ours),
    { ...ours, labels: [...ours.labels, ...own.labels], annotations: [...ours.annotations, ...own.annotations] },
  ]
}
