/** Tables for a terminal, aligned as kubectl does it. Pure. */
import { cut, widthOf } from './width.js'

/** How a cell is drawn where colours are wanted. */
export type Tone = 'good' | 'bad' | 'warn' | 'dim'

export interface Cell {
  readonly text: string
  /** In place of a text that has no room: the word that matters most. Of the last column only. */
  readonly brief?: string
  readonly tone?: Tone | undefined
}

export interface TableStyle {
  /** The width of the terminal. Absent: lines are not cut. */
  readonly columns?: number | undefined
  readonly colors: boolean
  /** Columns that may be left out where the last one would have no room, by their headers: the first goes first. */
  readonly spare?: readonly string[]
}

type Line = readonly Cell[]

const CODES: Readonly<Record<Tone, string>> = { good: '32', bad: '31', warn: '33', dim: '2' }
/** Between two columns. */
const GAP = '   '
/** What the last column gets at least, where it needs it. */
const LEAST_LAST = 24

/**
 * A line for the headers, unless there are none, and one for each row, each with its line break. Columns are as wide as
 * their widest cell, and the last one takes what is left of the line. No line is longer than the terminal is wide: where
 * the last column lacks room, spare columns are left out, and then the widest ones are cut.
 */
export function table(headers: readonly string[], rows: readonly Line[], style: TableStyle): string {
  const { columns = Number.POSITIVE_INFINITY, spare = [] } = style
  const first = headers.map((text): Cell => ({ text }))
  let lines = headers.length > 0 ? [first, ...rows] : rows
  const wanted = lines.reduce((most, line) => Math.max(most, widthOf(briefOf(line.at(-1)))), 0)
  const least = Math.min(wanted, LEAST_LAST)
  for (const header of spare) {
    if (taken(widthsOf(lines)) + least <= columns) break
    const n = (lines[0] ?? []).findIndex(({ text }) => text === header)
    if (n >= 0) lines = lines.map((line) => line.filter((_, other) => other !== n))
  }
  const widths = narrowed(widthsOf(lines), columns - least)
  return lines.map((cells) => `${lineOf(cells, widths, columns, style.colors)}\n`).join('')
}

/** Of all columns but the last. */
function widthsOf(lines: readonly Line[]): readonly number[] {
  const columns = (lines[0] ?? []).slice(0, -1)
  return columns.map((_, n) => lines.reduce((most, line) => Math.max(most, widthOf(line[n]?.text ?? '')), 0))
}

function taken(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width + GAP.length, 0)
}

/** Takes from the widest columns until all of them, with their gaps, fit into `room`. */
function narrowed(widths: readonly number[], room: number): readonly number[] {
  const narrow = [...widths]
  for (let over = taken(narrow) - room; over > 0; over--) {
    const widest = Math.max(...narrow)
    if (widest <= 1) break
    narrow[narrow.indexOf(widest)] = widest - 1
  }
  return narrow
}

function lineOf(cells: Line, widths: readonly number[], columns: number, colors: boolean): string {
  const left = Math.max(0, columns - taken(widths))
  const parts = cells.map((one, n) => {
    const width = widths[n]
    const isLast = width === undefined
    const shown = cut(isLast && widthOf(one.text) > left ? briefOf(one) : one.text, width ?? left)
    const padding = isLast ? '' : ' '.repeat(width - widthOf(shown)) + GAP
    return `${one.tone && colors ? painted(shown, one.tone) : shown}${padding}`
  })
  return parts.join('').trimEnd()
}

function briefOf(cell: Cell | undefined): string {
  return cell?.brief ?? cell?.text ?? ''
}

function painted(text: string, tone: Tone): string {
  return text === '' ? '' : `\u001b[${CODES[tone]}m${text}\u001b[0m`
}
