/** Makes the whole content of the map from source texts. */
import { type Export, unusedExports } from './exports.js'
import { arrowsUp, ENTRIES, type FolderCircle, folderCircles, folderOf, ROOT, rowOf } from './folders.js'
import { LONG, type MeasuredFunction, measureFunctions } from './functions.js'
import { circles, floors, graphOf, longestChain } from './graph.js'
import { grouped } from './grouped.js'
import { type Import, importsAmong } from './imports.js'
import { parse, type Sources } from './syntax.js'

/** The number of longest functions that the map names. */
const NAMED = 5

/** A folder without the folders in it. */
export interface Room {
  readonly folder: string
  readonly lines: number
  readonly files: readonly { readonly file: string; readonly lines: number; readonly floor: number }[]
}

export interface Survey {
  readonly floors: number
  readonly longestChain: readonly string[]
  readonly rooms: readonly Room[]
  readonly filesAtRoot: readonly string[]
  readonly arrowsUp: readonly Pick<Import, 'from' | 'to' | 'line'>[]
  readonly notOnTheMap: readonly string[]
  readonly circles: readonly (readonly string[])[]
  readonly folderCircles: readonly FolderCircle[]
  readonly longestFunctions: readonly MeasuredFunction[]
  /** How many functions have more than LONG lines. */
  readonly longFunctions: number
  readonly unusedExports: readonly Export[]
}

/** @param sources the files of handler/, and others that import from it */
export async function survey(sources: Sources): Promise<Survey> {
  const trees = await parse(sources)
  const here = new Map([...trees].filter(([file]) => file.startsWith(`${ROOT}/`)))
  const imports = importsAmong(here)
  const graph = graphOf(here.keys(), imports)
  const floorOf = floors(graph)
  const functions = measureFunctions(here)
  const files = [...graph.keys()]
  const inside = new Map([...here].filter(([file]) => !ENTRIES.includes(file)))
  return {
    floors: Math.max(0, ...floorOf.values()),
    longestChain: longestChain(graph),
    rooms: rooms(sources, floorOf),
    filesAtRoot: files.filter((file) => folderOf(file) === '.'),
    arrowsUp: arrowsUp(imports).map(({ from, to, line }) => ({ from, to, line })),
    notOnTheMap: files.filter((file) => rowOf(file) === undefined),
    circles: circles(graph),
    folderCircles: folderCircles(graph),
    longestFunctions: functions.slice(0, NAMED),
    longFunctions: functions.filter(({ lines }) => lines > LONG).length,
    unusedExports: unusedExports(inside, importsAmong(trees)),
  }
}

/** The rooms in the order of the map, from the top down. Rooms that are not on the map come last. */
function rooms(sources: Sources, floorOf: ReadonlyMap<string, number>): readonly Room[] {
  const files = [...floorOf].map(([file, floor]) => ({ file, lines: linesOf(sources.get(file) ?? ''), floor }))
  const found = [...grouped(files, ({ file }) => folderOf(file))].map(([folder, inIt]) => ({
    folder,
    lines: inIt.reduce((sum, { lines }) => sum + lines, 0),
    files: inIt.toSorted((a, b) => b.floor - a.floor || a.file.localeCompare(b.file)),
  }))
  const height = ({ files: [first] }: Room) => (first === undefined ? -1 : (rowOf(first.file) ?? -1))
  return found.sort((a, b) => height(b) - height(a) || a.folder.localeCompare(b.folder))
}

function linesOf(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
}
