/**
 * `metadata.managedFields`: which client set which field of an object, as a real server keeps it. A write that adds a
 * field or gives it another value takes it from its managers; one that repeats the value leaves it where it is; a field
 * that is gone has no manager. The field sets are exact below `metadata`. Below `spec` and `status`, and beside them,
 * each member is one field, however deep it is.
 *
 * Server-side apply is not served; an entry of one (`operation: Apply`) that a client sends in is kept like the others.
 */

import { excluding, type Fields, including, pathsOf } from './field-set.js'
import { equal, isObject, type Json, type JsonObject, member } from './json.js'
import { at, itemsAt, type KubeObject, textAt, timestamp } from './objects.js'

/** Who writes, and through which door. */
export interface Writer {
  readonly manager: string
  /** Through the subresource, whose writes change no spec. */
  readonly status: boolean
}

/** A server keeps the fields of at most this many managers apart; it merges the oldest into one of `ANCIENT`. */
const maxManagers = 10
const ANCIENT = 'ancient-changes'

/** The name that a request writes under: its `fieldManager`, or else its User-Agent up to the first slash. */
export function managerOf(fieldManager = '', userAgent = ''): string {
  const [first = ''] = userAgent.split('/')
  return fieldManager || first.replaceAll(/(?! )[\p{C}\p{Z}]/gu, '').slice(0, 128) || 'unknown'
}

/**
 * The managers of an object after a write; none: it has no managedFields.
 * @param current the object before; absent for a new one
 * @param given what the client sends as managedFields, which counts if it is valid: [] and [{}] wipe them all. An object
 *   without any is not tracked again.
 */
export function managedFields(
  current: KubeObject | undefined,
  next: JsonObject,
  given: Json | undefined,
  writer: Writer,
  nowMs: number,
): readonly JsonObject[] {
  const before = startOf(current, given, writer)
  if (current !== undefined && before.length === 0) return []
  const { taken, removed } = difference(current, next, writer)
  if (taken.length + removed.length === 0) return before
  const gone = [...taken, ...removed]
  const left = before.flatMap((entry): JsonObject[] => {
    const fields = gone.reduce<Fields | undefined>(excluding, fieldsOf(entry))
    return fields === undefined ? [] : [{ ...entry, fieldsV1: fields }]
  })
  return sorted(capped(taken.length === 0 ? left : withTaken(left, taken, writer, textAt(next, 'apiVersion'), nowMs)))
}

/** The same object with the times of its managers as they were, if nothing but these times has changed. */
export function withTimesOf(current: KubeObject, next: KubeObject): KubeObject {
  const timeless = (object: KubeObject): KubeObject => {
    const entries = itemsAt(object, 'metadata', 'managedFields').map((entry) => ({
      ...(entry as JsonObject),
      time: null,
    }))
    return { ...object, metadata: { ...object.metadata, managedFields: entries } }
  }
  return equal(timeless(current), timeless(next)) ? current : next
}

/** The entries that a write starts from. */
function startOf(current: KubeObject | undefined, given: Json | undefined, { status }: Writer): readonly JsonObject[] {
  const live = itemsAt(current ?? {}, 'metadata', 'managedFields') as readonly JsonObject[]
  if (status || !Array.isArray(given)) return live
  if (given.length === 0 || (given.length === 1 && equal(given[0], {}))) return []
  return given.every(isEntry) ? given : live
}

const isEntry = (entry: Json): entry is JsonObject =>
  isObject(entry) &&
  ['Apply', 'Update'].includes(textAt(entry, 'operation')) &&
  textAt(entry, 'apiVersion') !== '' &&
  entry.fieldsType === 'FieldsV1'

const fieldsOf = ({ fieldsV1 }: JsonObject): Fields | undefined =>
  isObject(fieldsV1) && Object.keys(fieldsV1).length > 0 ? fieldsV1 : undefined

/** Adds the fields to the writer's entry, and makes one if there is none. */
function withTaken(
  entries: readonly JsonObject[],
  taken: readonly Path[],
  { manager, status }: Writer,
  apiVersion: string,
  nowMs: number,
): JsonObject[] {
  const fresh: JsonObject = {
    manager,
    operation: 'Update',
    apiVersion,
    time: timestamp(nowMs),
    fieldsType: 'FieldsV1',
    ...(status ? { subresource: 'status' } : {}),
  }
  const own = entries.find((entry) => identityOf(entry) === identityOf(fresh))
  const fieldsV1 = taken.reduce<Fields | undefined>(including, own && fieldsOf(own)) ?? {}
  return [...entries.filter((entry) => entry !== own), { ...fresh, fieldsV1 }]
}

const identityOf = ({ manager, operation, apiVersion, subresource }: JsonObject) =>
  JSON.stringify({ manager, operation, apiVersion, subresource })

const timeOf = (entry: JsonObject) => Date.parse(textAt(entry, 'time')) || 0

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

/** Merges the oldest entry into that of the ancient ones, or the two oldest into such a one, while there are too many. */
function capped(entries: readonly JsonObject[]): readonly JsonObject[] {
  const updates = entries.filter(({ operation }) => operation === 'Update')
  if (updates.length <= maxManagers) return entries
  updates.sort((a, b) => timeOf(a) - timeOf(b) || compare(identityOf(a), identityOf(b)))
  const ancient = updates.find(({ manager }) => manager === ANCIENT)
  const [into = {}, young = {}] = ancient ? [ancient, updates.find((entry) => entry !== ancient)] : updates
  const { subresource: _, ...merged } = young
  const fieldsV1 = pathsOf(fieldsOf(young) ?? {}).reduce<Fields | undefined>(including, fieldsOf(into)) ?? {}
  const left = entries.filter((entry) => entry !== into && entry !== young)
  return capped([...left, { ...merged, manager: ANCIENT, fieldsV1 }])
}

const sorted = (entries: readonly JsonObject[]): JsonObject[] =>
  [...entries].sort(
    (a, b) =>
      compare(textAt(a, 'operation'), textAt(b, 'operation')) ||
      timeOf(a) - timeOf(b) ||
      compare(textAt(a, 'manager'), textAt(b, 'manager')) ||
      compare(textAt(a, 'subresource'), textAt(b, 'subresource')),
  )

type Path = readonly string[]

interface Difference {
  /** Added, or of another value. */
  readonly taken: Path[]
  readonly removed: Path[]
}

/** Fields that are the server's own. */
const unmanaged = new Set([
  ...['name', 'namespace', 'uid', 'resourceVersion', 'generation', 'creationTimestamp', 'selfLink', 'managedFields'],
])

/** What a write has changed, but for what its door does not let through. */
function difference(current: KubeObject | undefined, next: JsonObject, { status }: Writer): Difference {
  const found: Difference = { taken: [], removed: [] }
  const hidden = status ? 'spec' : 'status'
  for (const key of keysOf(current, next)) {
    if (key === 'kind' || key === 'apiVersion' || key === hidden) continue
    const [old, young] = [at(current, key), at(next, key)]
    if (key !== 'metadata' && equal(old, young)) continue
    if (key === 'metadata') compareMetadata(found, old, young, status && next.kind === 'Pod')
    else if (key === 'spec' || key === 'status') compareMembers(found, [`f:${key}`], members(old), members(young))
    else compareField(found, [`f:${key}`], old, young)
  }
  return found
}

function compareMetadata(found: Difference, old: Json | undefined, young: Json | undefined, keepsOwners: boolean) {
  for (const key of keysOf(old, young)) {
    if (unmanaged.has(key) || (keepsOwners && key === 'ownerReferences')) continue
    const path = ['f:metadata', `f:${key}`]
    const [before, after] = [at(old, key), at(young, key)]
    if (equal(before, after)) continue
    const granular = isObject(before ?? after ?? null) || Array.isArray(before ?? after)
    if (granular) {
      if (before === undefined) found.taken.push(path)
      if (after === undefined) found.removed.push(path)
      compareMembers(found, path, members(before), members(after))
    } else compareField(found, path, before, after)
  }
}

type Members = ReadonlyMap<string, Json>

/** The members of a map or of a list, by what a field set calls them. */
function members(value: Json | undefined): Members {
  if (isObject(value)) return new Map(Object.entries(value).map(([key, item]) => [`f:${key}`, item]))
  if (!Array.isArray(value)) return new Map()
  return new Map(
    value.map((item) => [
      isObject(item) ? `k:${JSON.stringify({ uid: member(item, 'uid') })}` : `v:${JSON.stringify(item)}`,
      item,
    ]),
  )
}

function compareMembers(found: Difference, path: Path, old: Members, young: Members): void {
  for (const key of new Set([...old.keys(), ...young.keys()])) {
    compareField(found, [...path, key], old.get(key), young.get(key))
  }
}

function compareField(found: Difference, path: Path, old: Json | undefined, young: Json | undefined): void {
  if (young === undefined) found.removed.push(path)
  else if (old === undefined || !equal(old, young)) found.taken.push(path)
}

const keysOf = (...values: readonly (Json | undefined)[]): ReadonlySet<string> =>
  new Set(values.flatMap((value) => (isObject(value) ? Object.keys(value) : [])))
