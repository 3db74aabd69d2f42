/** Prints a survey for people. */
import { inRoot } from './folders.js'
import { LONG } from './functions.js'
import { type Figures, figures } from './limits.js'
import type { Room, Survey } from './survey.js'

const WIDTH = 120

/** @param limits printed beside the figures */
export function toText(survey: Survey, limits: Figures): string {
  const { arrowsUp, circles, folderCircles, longestFunctions, longFunctions, notOnTheMap, unusedExports } = survey
  const functions = longestFunctions.map(({ lines, name, file, line }) => `${lines}  ${name}  ${file}:${line}`)
  const inFolders = folderCircles.flatMap(({ folders, imports }) => [
    ...wrapped(folders.map(folderName), ', '),
    ...imports.map(({ from, to, count }) => `  ${folderName(from)} -> ${folderName(to)}: ${count}`),
  ])
  return [
    ...figuresTable(figures(survey), limits),
    ...section('rooms, from top to bottom: files, lines, floors; each file with its floor', roomsTable(survey.rooms)),
    ...section('longest chain', wrapped(survey.longestChain.map(inRoot), ' > ')),
    ...section(
      'arrows up',
      arrowsUp.map(({ from, to, line }) => `${from}:${line} -> ${to}`),
    ),
    ...section('not on the map', wrapped(notOnTheMap.map(inRoot), '  ')),
    ...section(
      'circles of files',
      circles.flatMap((files) => wrapped(files.map(inRoot), ', ')),
    ),
    ...section('circles of folders, and pairs of files between them', inFolders),
    ...section(`longest functions; ${longFunctions} of more than ${LONG} lines`, functions),
    ...section(
      'exports that no other file imports',
      unusedExports.map((e) => `${e.file}:${e.line}  ${e.name}`),
    ),
  ].join('\n')
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return ['', title, ...(lines.length > 0 ? lines : ['none']).map((line) => `  ${line}`)]
}

function figuresTable(found: Figures, limits: Figures): readonly string[] {
  const rows = (Object.keys(limits) as (keyof Figures)[]).map((key) => {
    const mark = found[key] > limits[key] ? '  TOO MUCH' : ''
    return `${key.padEnd(16)}${String(found[key]).padStart(6)}${String(limits[key]).padStart(7)}${mark}`
  })
  return [`${''.padEnd(16)}${'is'.padStart(6)}${'limit'.padStart(7)}`, ...rows]
}

function roomsTable(rooms: readonly Room[]): readonly string[] {
  return rooms.flatMap(({ folder, lines, files }) => {
    const numbers = files.map(({ floor }) => floor)
    const span = `${Math.min(...numbers)}-${Math.max(...numbers)}`
    const name = folderName(folder).padEnd(18)
    const head = `${name}${String(files.length).padStart(4)}${String(lines).padStart(7)}  ${span}`
    const names = files.map(({ file, floor }) => `${file.slice(file.lastIndexOf('/') + 1, -'.ts'.length)} ${floor}`)
    return [head, ...wrapped(names, ', ').map((line) => `    ${line}`)]
  })
}

function folderName(folder: string): string {
  return folder === '.' ? '(root)' : folder
}

/** Puts the items into lines that fit, with room for their indentation. */
function wrapped(items: readonly string[], separator: string): readonly string[] {
  const lines: string[] = []
  for (const [place, item] of items.entries()) {
    const text = place < items.length - 1 ? item + separator : item
    const last = lines.at(-1)
    if (last === undefined || last.length + text.trimEnd().length > WIDTH - 6) lines.push(text)
    else lines[lines.length - 1] = last + text
  }
  return lines.map((line) => line.trimEnd())
}
