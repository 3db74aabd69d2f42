/** Few combinations in which any two values of two parameters meet: most faults take no more than two. */

/** The values of each parameter. */
type Parameters = Readonly<Record<string, readonly unknown[]>>
export type Combination<P extends Parameters> = { readonly [K in keyof P]: P[K][number] }

/** Combinations so that each pair of values is in one of them, the same ones each time. */
export function pairwise<P extends Parameters>(parameters: P): readonly Combination<P>[] {
  const names = Object.keys(parameters)
  const missing = new Set<string>()
  for (const [n, a] of names.entries()) {
    for (const b of names.slice(n + 1)) {
      for (const i of parameters[a]?.keys() ?? [])
        for (const j of parameters[b]?.keys() ?? []) missing.add(pair(a, i, b, j))
    }
  }
  const combinations: Combination<P>[] = []
  while (missing.size > 0) {
    const chosen = new Map<string, number>()
    // One of the pairs that are missing, so that each turn finds at least one; the rest by what they gain.
    const [a = '', i = '', b = '', j = ''] = [...missing][0]?.split('\n') ?? []
    chosen.set(a, Number(i)).set(b, Number(j))
    for (const name of names) {
      if (chosen.has(name)) continue
      const gain = (index: number) =>
        [...chosen].filter(([other, value]) => missing.has(inOrder(names, name, index, other, value))).length
      const indices = [...(parameters[name]?.keys() ?? [])]
      chosen.set(
        name,
        indices.reduce((best, index) => (gain(index) > gain(best) ? index : best)),
      )
    }
    const all = [...chosen]
    for (const [n, [one, index]] of all.entries()) {
      for (const [other, value] of all.slice(n + 1)) missing.delete(inOrder(names, one, index, other, value))
    }
    combinations.push(
      Object.fromEntries(names.map((name) => [name, parameters[name]?.[chosen.get(name) ?? 0]])) as Combination<P>,
    )
  }
  return combinations
}

function inOrder(names: readonly string[], a: string, i: number, b: string, j: number): string {
  return names.indexOf(a) < names.indexOf(b) ? pair(a, i, b, j) : pair(b, j, a, i)
}

function pair(a: string, i: number, b: string, j: number): string {
  return [a, i, b, j].join('\n')
}
