/** The folders of handler/: their order, and imports against it. */
import { posix } from 'node:path'
import { circles, type Graph, graphOf } from './graph.js'
import { grouped } from './grouped.js'
import type { Import } from './imports.js'

/**
 * From bottom to top. A file may import from its own row and from the rows below it. A folder that is not named belongs
 * to the row of the folder around it: kube/auth to that of kube.
 */
export const ORDER: readonly (readonly string[])[] = [
  ['util'],
  ['kube'],
  ['settings'],
  ['health'],
  ['group'],
  ['handover'],
  ['report'],
  ['notice'],
  ['pass'],
  ['cli'],
  ['serve/watch'],
  ['serve/telemetry'], // keeps account of the watches
  ['serve/http'], // says itself what it needs of the rest of serve: http/backend.ts
  ['serve'],
  ['commands'],
  ['main.ts', 'index.ts'],
]

export const ROOT = 'handler'

/** Files that need no importer in the repository: the process begins in one, programs import the other. */
export const ENTRIES: readonly string[] = [`${ROOT}/main.ts`, `${ROOT}/index.ts`]

/** The file's row in ORDER, from 0; undefined when it is not on the map. */
export function rowOf(file: string): number | undefined {
  for (let place = inRoot(file); place !== '.'; place = posix.dirname(place)) {
    const row = ORDER.findIndex((names) => names.includes(place))
    if (row >= 0) return row
  }
  return undefined
}

/** Imports of files in a higher row: one for each pair of files, however often one imports the other. */
export function arrowsUp(imports: readonly Import[]): readonly Import[] {
  const seen = new Set<string>()
  return imports.filter(({ from, to }) => {
    const [low, high] = [rowOf(from), rowOf(to)]
    const pair = `${from} ${to}`
    if (low === undefined || high === undefined || low >= high || seen.has(pair)) return false
    seen.add(pair)
    return true
  })
}

/** The file's path in handler/. */
export function inRoot(file: string): string {
  return posix.relative(ROOT, file)
}

/** The file's folder in handler/; `.` is the root. */
export function folderOf(file: string): string {
  return posix.dirname(inRoot(file))
}

export interface FolderCircle {
  readonly folders: readonly string[]
  /** The number of imports between each two of the folders, counted in pairs of files. */
  readonly imports: readonly { readonly from: string; readonly to: string; readonly count: number }[]
}

/** Folders that import each other, directly or through others. A folder within another counts as its own folder. */
export function folderCircles(graph: Graph): readonly FolderCircle[] {
  const pairs = [...graph].flatMap(([from, imported]) =>
    [...imported].map((to) => ({ from: folderOf(from), to: folderOf(to) })),
  )
  const between = pairs.filter(({ from, to }) => from !== to)
  return circles(graphOf([...graph.keys()].map(folderOf), between)).map((folders) => {
    const inside = between.filter(({ from, to }) => folders.includes(from) && folders.includes(to))
    const counts = grouped(inside, ({ from, to }) => `${from} ${to}`)
    return { folders, imports: [...counts.values()].flatMap(counted).sort((a, b) => b.count - a.count) }
  })
}

function counted([first, ...others]: readonly { readonly from: string; readonly to: string }[]) {
  return first === undefined ? [] : [{ ...first, count: 1 + others.length }]
}
