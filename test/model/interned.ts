import { hash } from 'node:crypto'

/** Gives numbers to values. Equal values have the same number, and the first of them stands for all. */
export class Interned<T> {
  private readonly ids = new Map<string, number>()
  private readonly values: T[] = []

  idOf(value: T): number {
    // Of what tells them apart there is much: its hash is kept. Most values come with their keys as the first one had
    // them, and putting them in order takes much longer than anything else here.
    const asIs = hash('sha1', JSON.stringify(value), 'base64')
    const known = this.ids.get(asIs)
    if (known !== undefined) return known
    const ordered = hash('sha1', JSON.stringify(value, inOrder), 'base64')
    const id = this.ids.get(ordered) ?? this.values.push(value) - 1
    this.ids.set(asIs, id).set(ordered, id)
    return id
  }

  value(id: number): T {
    return this.values[id] as T
  }
}

/** Keys may come in any order. */
function inOrder(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
