/** Things in lists by what they have in common, each list in the order of the things. */
export function listsBy<T>(all: readonly T[], keyOf: (one: T) => string): ReadonlyMap<string, readonly T[]> {
  const lists = new Map<string, T[]>()
  for (const one of all) add(lists, keyOf(one), one)
  return lists
}

/** Puts it at the end of the list of this key, which it makes where there is none. */
export function add<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key)
  if (list) list.push(value)
  else lists.set(key, [value])
}
