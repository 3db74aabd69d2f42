/**
 * JSON Patch (RFC 6902) as kube-apiserver applies it, which is laxer than the RFC: a member that is absent reads as
 * null, so `test` against null passes, `replace` acts as `add` and `copy` copies null; indices may be negative.
 * What does fail: a failed test, a path whose parent is absent, `remove` or `move` of an absent member, an index out
 * of range, an unknown operation.
 */
import { toGoJson } from '../../../handler/kube/go-json.js'
import { copyOf, equal, isObject, type Json, type JsonObject, member } from './json.js'

/** At most this many operations are taken. */
export const maxOperations = 10_000

/** Why this is no JSON Patch at all, if so. Unknown and missing operations are found out only when applied. */
export function patchProblem(patch: Json): string | undefined {
  if (patch === null) return undefined
  if (!Array.isArray(patch))
    return `json: cannot unmarshal ${typeof patch} into Go value of type []handlers.jsonPatchOp`
  for (const operation of patch) {
    if (operation === null) continue
    if (!isObject(operation)) {
      return `json: cannot unmarshal ${typeof operation} into Go value of type handlers.jsonPatchOp`
    }
    for (const field of ['op', 'path', 'from']) {
      const value = member(operation, field)
      if (value === undefined || value === null || typeof value === 'string') continue
      return `json: cannot unmarshal ${typeof value} into Go struct field jsonPatchOp.${field} of type string`
    }
  }
  return undefined
}

class Failed extends Error {}

/**
 * The patched document, or `undefined` if any operation fails. The given document stays as it is.
 * @param text of the patch, as it was sent: a test compares bytes
 */
export function applyJsonPatch(document: JsonObject, patch: Json, text = toGoJson(patch)): Json | undefined {
  const holder: { root: Json } = { root: copyOf(document) }
  const sent = new Set(text.match(/"(?:[^"\\]|\\.)*"/g))
  const isAsGoWrites = (value: Json): boolean =>
    typeof value === 'object' && value !== null
      ? Object.values(value).every(isAsGoWrites)
      : typeof value !== 'string' || sent.has(toGoJson(value))
  try {
    for (const given of Array.isArray(patch) ? patch : []) {
      const operation = isObject(given) ? given : {}
      if (member(operation, 'op') === 'test' && !isAsGoWrites(member(operation, 'value') ?? null)) throw new Failed()
      apply(holder, operation)
    }
  } catch (error) {
    if (error instanceof Failed) return undefined
    throw error
  }
  return holder.root
}

function apply(holder: { root: Json }, operation: JsonObject): void {
  const path = textOf(operation, 'path')
  const value = copyOf(member(operation, 'value') ?? null)
  const at = (pointer: string) => placeOf(holder.root, pointer)
  switch (member(operation, 'op')) {
    case 'test':
      if (!equal(path === '' ? holder.root : at(path).get(), value)) throw new Failed()
      break
    case 'add':
      at(path).add(value)
      break
    case 'replace':
      if (path === '') holder.root = value
      else at(path).replace(value)
      break
    case 'remove':
      at(path).remove()
      break
    case 'copy': {
      const copied = copyOf(at(textOf(operation, 'from')).get())
      at(path).add(copied)
      break
    }
    case 'move': {
      const from = at(textOf(operation, 'from'))
      const moved = from.get()
      from.remove()
      at(path).add(moved)
      break
    }
    default:
      throw new Failed()
  }
}

function textOf(operation: JsonObject, field: string): string {
  const value = member(operation, field)
  if (typeof value !== 'string') throw new Failed()
  return value
}

interface Place {
  get(): Json
  add(value: Json): void
  replace(value: Json): void
  remove(): void
}

/** The place that a pointer names; its parent must exist. What stands before the first slash is ignored. */
function placeOf(root: Json, pointer: string): Place {
  const keys = pointer.split('/').slice(1).map(unescaped)
  const last = keys.pop()
  if (last === undefined) throw new Failed()
  let parent = root
  for (const key of keys) parent = placeIn(parent, key).get()
  return placeIn(parent, last)
}

const unescaped = (key: string) => key.replaceAll('~1', '/').replaceAll('~0', '~')

function placeIn(parent: Json, key: string): Place {
  if (Array.isArray(parent)) return placeInArray(parent, key)
  if (!isObject(parent)) throw new Failed()
  const set = (value: Json) => {
    parent[key] = value
  }
  return {
    get: () => member(parent, key) ?? null,
    add: set,
    replace: set,
    remove: () => {
      if (!Object.hasOwn(parent, key)) throw new Failed()
      delete parent[key]
    },
  }
}

function placeInArray(parent: Json[], key: string): Place {
  /** The index within a list of this length. */
  const index = (length: number) => {
    if (!/^[-+]?\d+$/.test(key)) throw new Failed()
    const given = Number(key)
    if (given >= length || given < -length) throw new Failed()
    return given < 0 ? given + length : given
  }
  return {
    get: () => parent[index(parent.length)] ?? null,
    add: (value) => void parent.splice(key === '-' ? parent.length : index(parent.length + 1), 0, value),
    replace: (value) => {
      parent[index(parent.length)] = value
    },
    remove: () => void parent.splice(index(parent.length), 1),
  }
}
