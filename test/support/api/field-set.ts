/**
 * Sets of field paths in the form of `fieldsV1`: a tree whose keys are steps (`f:name` a field, `k:{…}` an item by its
 * key, `v:…` an item by its value). A path that is in the set ends in `{}`, or in a node with the member `.` if longer
 * ones are in it too. The empty set is `undefined`.
 */
import { type JsonObject, member } from './json.js'

export type Fields = JsonObject

type Path = readonly string[]

/** The set and this path. */
export function including(set: Fields | undefined, path: Path): Fields {
  const [step, ...rest] = path
  if (set === undefined) return step === undefined ? {} : { [step]: including(undefined, rest) }
  if (step === undefined) return isSingle(set) || set['.'] !== undefined ? set : { '.': {}, ...set }
  const child = member(set, step) as Fields | undefined
  const grown = { ...(isSingle(set) ? { '.': {} } : set), [step]: including(child, rest) }
  return child === undefined ? inOrder(grown) : grown
}

/** As the API server writes it. */
function inOrder(set: Fields): Fields {
  return Object.fromEntries(Object.entries(set).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** The set without this path. Longer ones stay. */
export function excluding(set: Fields | undefined, path: Path): Fields | undefined {
  if (set === undefined) return undefined
  const [step = '.', ...rest] = path
  if (path.length === 0 && isSingle(set)) return undefined
  const child = member(set, step) as Fields | undefined
  if (child === undefined) return set
  const left = path.length === 0 ? undefined : excluding(child, rest)
  if (left === child) return set
  if (left !== undefined) return { ...set, [step]: left }
  const { [step]: _, ...others } = set
  const keys = Object.keys(others)
  if (keys.length === 0) return undefined
  return keys.length === 1 && keys[0] === '.' ? {} : others
}

/** All paths of the set. */
export function pathsOf(set: Fields, path: Path = []): Path[] {
  if (isSingle(set)) return [path]
  return Object.entries(set).flatMap(([step, child]) =>
    step === '.' ? [path] : pathsOf(child as Fields, [...path, step]),
  )
}

/** Whether a node stands for its own path only. */
const isSingle = (set: Fields) => Object.keys(set).length === 0
