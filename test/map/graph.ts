/** The graph of files and their imports: floors, the longest chain, circles. */
import type { Import } from './imports.js'

/** File -> the files that it imports. The nodes can be folders too. */
export type Graph = ReadonlyMap<string, ReadonlySet<string>>

/** The graph of these files. Imports by or of other files are left out. */
export function graphOf(files: Iterable<string>, imports: readonly Pick<Import, 'from' | 'to'>[]): Graph {
  const graph = new Map<string, Set<string>>([...files].sort().map((file) => [file, new Set()]))
  for (const { from, to } of imports) if (graph.has(to)) graph.get(from)?.add(to)
  return graph
}

/**
 * The strongly connected components: files that all reach each other. Each component comes after those that it imports.
 * Tarjan's algorithm.
 */
export function components(graph: Graph): readonly (readonly string[])[] {
  const found: string[][] = []
  const order = new Map<string, number>()
  const lowest = new Map<string, number>()
  const open: string[] = []
  const isOpen = new Set<string>()

  const visit = (file: string): number => {
    const mine = order.size
    order.set(file, mine)
    open.push(file)
    isOpen.add(file)
    let low = mine
    for (const next of graph.get(file) ?? []) {
      if (!order.has(next)) low = Math.min(low, visit(next))
      else if (isOpen.has(next)) low = Math.min(low, order.get(next) ?? low)
    }
    lowest.set(file, low)
    if (low === mine) {
      const component = open.splice(open.indexOf(file))
      for (const member of component) isOpen.delete(member)
      found.push(component.sort())
    }
    return low
  }

  for (const file of graph.keys()) if (!order.has(file)) visit(file)
  return found
}

/** Components of several files, or of one that imports itself. */
export function circles(graph: Graph): readonly (readonly string[])[] {
  return components(graph).filter(([first = '', ...others]) => others.length > 0 || graph.get(first)?.has(first))
}

/**
 * A file stands one floor above the highest file that it imports; a file without imports stands on floor 1. The files
 * of a circle share one floor, above all that any of them imports.
 */
export function floors(graph: Graph): ReadonlyMap<string, number> {
  const floorOf = new Map<string, number>()
  for (const component of components(graph)) {
    const imported = component.flatMap((file) => [...(graph.get(file) ?? [])])
    // A file without a floor is in this component, because the components below have theirs already.
    const floor = 1 + Math.max(0, ...imported.map((file) => floorOf.get(file) ?? 0))
    for (const file of component) floorOf.set(file, floor)
  }
  return floorOf
}

/** One file of each floor, from the highest down, each imported by the one before it. A circle counts as one file. */
export function longestChain(graph: Graph): readonly string[] {
  const floorOf = floors(graph)
  const circleOf = new Map(components(graph).flatMap((files) => files.map((file) => [file, files] as const)))
  const highest = Math.max(0, ...floorOf.values())
  const chain: string[] = []
  let next = [...graph.keys()].find((file) => floorOf.get(file) === highest)
  for (let floor = highest; next !== undefined; floor -= 1) {
    const below = (file: string) => [...(graph.get(file) ?? [])].find((other) => floorOf.get(other) === floor - 1)
    // Of a circle, this is a file that imports one from the floor below.
    const link: string = circleOf.get(next)?.find((file) => below(file) !== undefined) ?? next
    chain.push(link)
    next = below(link)
  }
  return chain
}
