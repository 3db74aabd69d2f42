/** Puts things into lists by a key. Each list keeps the order of the things. */
export function listsBy<T>(all: readonly T[], keyOf: (one: T) => string): ReadonlyMap<string, readonly T[]> {
  const lists = new Map<string, T[]>()
  for (const one of all) add(lists, keyOf(one), one)
  return lists
}

/** Appends a value to the list of its key, and makes that list if there is none. */
export function add<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key)
  if (list) list.push(value)
  else lists.set(key, [value])
}
