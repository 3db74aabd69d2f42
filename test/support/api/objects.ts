/**
 * Objects as they are stored and answered: plain JSON in the shape of V1Pod and V1Service. `decode` is what typed
 * decoding and encoding do to a document on the way: wrong types are refused, unknown fields dropped, empty maps and
 * lists vanish, null becomes the type's zero. Below `spec` and `status` only the fields that matter here are typed;
 * whatever else is there is taken as it comes.
 */
import { isObject, type Json, type JsonObject, member } from './json.js'
import { type ResourceName, resources } from './resources.js'

export interface Metadata extends JsonObject {
  name: string
  namespace: string
  uid: string
  resourceVersion: string
  creationTimestamp: string
}

export interface KubeObject extends JsonObject {
  kind: string
  apiVersion: string
  metadata: Metadata
}

/** A document that is of the right type, but may lack what only the server knows. */
export interface Decoded extends JsonObject {
  kind: string
  apiVersion: string
  metadata: JsonObject
}

export type Decoding = { readonly object: Decoded } | { readonly problem: string }

export const labelsOf = (object: JsonObject): Readonly<Record<string, string>> =>
  stringsAt(object, 'metadata', 'labels')

/** The strings in a map two levels down; anything else that is there is left out. */
export function stringsAt(object: JsonObject, outer: string, inner: string): Readonly<Record<string, string>> {
  const found = at(object, outer, inner)
  if (!isObject(found)) return {}
  return Object.fromEntries(Object.entries(found).filter((entry): entry is [string, string] => isString(entry[1])))
}

/** The value at a path of keys, if there is one. */
export function at(object: Json | undefined, ...path: string[]): Json | undefined {
  let value = object
  for (const key of path) value = isObject(value) ? member(value, key) : undefined
  return value
}

export const textAt = (object: JsonObject, ...path: string[]): string => {
  const value = at(object, ...path)
  return isString(value) ? value : ''
}

export function itemsAt(object: JsonObject, ...path: string[]): readonly Json[] {
  const value = at(object, ...path)
  return Array.isArray(value) ? value : []
}

/** RFC 3339 with whole seconds, as every time in metadata is. */
export const timestamp = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')

const metadataStrings = ['name', 'generateName', 'namespace', 'uid', 'resourceVersion', 'creationTimestamp']
const metadataFields = [
  ...['name', 'generateName', 'namespace', 'uid', 'resourceVersion', 'generation', 'creationTimestamp'],
  ...['deletionTimestamp', 'deletionGracePeriodSeconds', 'labels', 'annotations', 'ownerReferences', 'finalizers'],
]

/** @param document any JSON object that claims to be of this resource. */
export function decode(resource: ResourceName, document: JsonObject): Decoding {
  const { kind, apiVersion } = resources[resource]
  if (document.kind !== kind || document.apiVersion !== apiVersion) {
    return { problem: `converting (${document.apiVersion}.${document.kind}) to (core.${kind}): unknown conversion` }
  }
  const problem = typeProblem(resource, document)
  if (problem !== undefined) return { problem }
  const given = isObject(document.metadata) ? document.metadata : {}
  const metadata: JsonObject = {}
  for (const field of metadataFields) {
    const value = zeroed(field, member(given, field))
    if (value !== undefined) metadata[field] = value
  }
  const rest = resource === 'events' ? document : {}
  return {
    object: { kind, apiVersion, ...rest, metadata, ...specOf(resource, document), ...statusOf(resource, document) },
  }
}

function zeroed(field: string, value: Json | undefined): Json | undefined {
  if (value === undefined || value === null || value === '') return undefined
  if (Array.isArray(value)) return value.length === 0 ? undefined : value
  if (!isObject(value)) return value
  if (Object.keys(value).length === 0) return undefined
  return field === 'labels' || field === 'annotations' ? emptiedNulls(value) : value
}

/** A null in a map of strings is the empty string. */
const emptiedNulls = (map: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(map).map(([key, value]) => [key, value ?? '']))

function specOf(resource: ResourceName, document: JsonObject): JsonObject {
  if (!isObject(document.spec)) return {}
  const { selector, ...spec } = withoutNulls(document.spec)
  if (spec.publishNotReadyAddresses === false) delete spec.publishNotReadyAddresses
  if (resource !== 'services') return { spec: selector === undefined ? spec : { ...spec, selector } }
  const kept = zeroed('labels', at(document, 'spec', 'selector'))
  return { spec: kept === undefined ? spec : { ...spec, selector: kept } }
}

/** Times of conditions are null where they are unknown, `podIP` is always the first of `podIPs`. */
function statusOf(resource: ResourceName, document: JsonObject): JsonObject {
  if (!isObject(document.status)) return {}
  if (resource !== 'pods') return { status: document.status }
  const status = withoutNulls(document.status)
  const podIP = isString(status.podIP) && status.podIP !== '' ? status.podIP : at(itemsAt(status, 'podIPs')[0], 'ip')
  if (isString(podIP)) {
    const others = itemsAt(status, 'podIPs')
    status.podIP = podIP
    status.podIPs = at(others[0], 'ip') === podIP ? [...others] : [{ ip: podIP }]
  }
  if (Array.isArray(status.conditions)) {
    status.conditions = status.conditions.map((condition) =>
      isObject(condition) ? { lastProbeTime: null, lastTransitionTime: null, ...condition } : condition,
    )
  }
  return { status }
}

function withoutNulls(value: JsonObject): JsonObject {
  const entries = Object.entries(value).flatMap(([key, item]): [string, Json][] => {
    if (item === null) return []
    if (isObject(item)) return [[key, withoutNulls(item)]]
    return [[key, Array.isArray(item) ? item.map((one) => (isObject(one) ? withoutNulls(one) : one)) : item]]
  })
  return Object.fromEntries(entries)
}

function typeProblem(resource: ResourceName, document: JsonObject): string | undefined {
  const mismatch = (value: Json | undefined, where: string, type: string): string | undefined => {
    if (value === undefined || value === null) return undefined
    if (type === 'string') return isString(value) ? undefined : wrong(value, where, type)
    if (type === '[]string') {
      if (!Array.isArray(value)) return wrong(value, where, type)
      return first(value.map((item) => mismatch(item, where, 'string')))
    }
    if (!isObject(value)) return wrong(value, where, type)
    return type === 'map[string]string'
      ? first(Object.values(value).map((item) => mismatch(item, where, 'string')))
      : undefined
  }
  const { kind } = resources[resource]
  return first([
    mismatch(document.metadata, `${kind}.metadata`, 'v1.ObjectMeta'),
    ...metadataStrings.map((field) =>
      mismatch(at(document, 'metadata', field), `ObjectMeta.metadata.${field}`, 'string'),
    ),
    mismatch(at(document, 'metadata', 'labels'), 'ObjectMeta.metadata.labels', 'map[string]string'),
    mismatch(at(document, 'metadata', 'annotations'), 'ObjectMeta.metadata.annotations', 'map[string]string'),
    mismatch(at(document, 'metadata', 'finalizers'), 'ObjectMeta.metadata.finalizers', '[]string'),
    mismatch(document.spec, `${kind}.spec`, `v1.${kind}Spec`),
    mismatch(document.status, `${kind}.status`, `v1.${kind}Status`),
    resource === 'events' ? microTimeProblem(document.eventTime) : undefined,
    resource === 'services'
      ? mismatch(at(document, 'spec', 'selector'), 'ServiceSpec.spec.selector', 'map[string]string')
      : undefined,
  ])
}

function microTimeProblem(value: Json | undefined): string | undefined {
  if (typeof value !== 'string' || /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[-+]\d\d:\d\d)$/.test(value))
    return undefined
  return `parsing time ${JSON.stringify(value)} as "2006-01-02T15:04:05.000000Z07:00": cannot parse`
}

const first = (problems: readonly (string | undefined)[]) => problems.find((problem) => problem !== undefined)

function wrong(value: Json, where: string, type: string): string {
  const found = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value
  return `json: cannot unmarshal ${found} into Go struct field ${where} of type ${type}`
}

const isString = (value: Json | undefined): value is string => typeof value === 'string'
