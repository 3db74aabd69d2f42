/** JSON Merge Patch (RFC 7386): objects are merged member by member, null removes, anything else replaces. */
import { isObject, type Json, type JsonObject, member } from './json.js'

/** The patched document. The given one stays as it is. */
export function applyMergePatch(document: JsonObject, patch: JsonObject): JsonObject {
  const merged: JsonObject = { ...document }
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key]
    else merged[key] = mergedValue(member(document, key), value)
  }
  return merged
}

function mergedValue(old: Json | undefined, value: Json): Json {
  return isObject(value) ? applyMergePatch(isObject(old) ? old : {}, value) : value
}
