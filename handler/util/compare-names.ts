/** The order of names. */
const COLLATOR = new Intl.Collator('en', { numeric: true })

/** Orders names, and the numbers in them as numbers: `db-9` before `db-10`. Returns 0 only for identical names. */
export function compareNames(a: string, b: string): number {
  return COLLATOR.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0)
}
