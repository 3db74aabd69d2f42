import { createHash } from 'node:crypto'

/** Gives numbers to values. Equal values have the same number, and the first of them stands for all. */
export class Interned<T> {
  private readonly ids = new Map<string, number>()
  private readonly values: T[] = []

  idOf(value: T): number {
    // Of what tells them apart there is much: its hash is kept.
    const hash = createHash('sha1').update(JSON.stringify(value, inOrder)).digest('base64')
    const known = this.ids.get(hash)
    if (known !== undefined) return known
    this.ids.set(hash, this.values.length)
    return this.values.push(value) - 1
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
