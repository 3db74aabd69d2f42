const COLLATOR = new Intl.Collator('en', { numeric: true })

/** Names with the numbers in them compared as numbers: `db-9` before `db-10`. Equal only when identical. */
export function compareNames(a: string, b: string): number {
  return COLLATOR.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0)
}
