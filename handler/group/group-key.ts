/** The keys of groups. */
interface Keyed {
  readonly namespace: string
  readonly selector: Readonly<Record<string, string>>
}

/** The key of a group. */
export function keyOf({ namespace, selector }: Keyed): string {
  return groupKey(namespace, selector)
}

/**
 * The key of a group: different for two groups, and the same for one group in every snapshot. @param selector without
 * the role and the pin
 */
export function groupKey(namespace: string, selector: Readonly<Record<string, string>>): string {
  return JSON.stringify([namespace, Object.entries(selector).sort(([a], [b]) => (a < b ? -1 : 1))])
}
