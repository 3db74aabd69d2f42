/** Tables for a terminal, aligned as kubectl does it. Pure. */

/** How a cell is drawn where colours are wanted. */
export type Tone = 'good' | 'bad' | 'warn' | 'dim'

export interface Cell {
  readonly text: string
  readonly tone?: Tone | undefined
}

export interface TableStyle {
  /** The width of the terminal. Absent: lines are not cut. */
  readonly columns?: number | undefined
  readonly colors: boolean
}

const CODES: Readonly<Record<Tone, string>> = { good: '32', bad: '31', warn: '33', dim: '2' }
/** Between two columns. */
const GAP = '   '

/**
 * A line for the headers, unless there are none, and one for each row, each with its line break. Columns are as wide as their widest cell. The
 * last column takes what is left of the line, and is cut to it.
 */
export function table(headers: readonly string[], rows: readonly (readonly Cell[])[], style: TableStyle): string {
  const first = headers.map((text): Cell => ({ text }))
  const lines: readonly (readonly Cell[])[] = headers.length > 0 ? [first, ...rows] : rows
  const widths = (lines[0] ?? []).map((_, n) => Math.max(...lines.map((line) => widthOf(line[n]?.text ?? ''))))
  return lines.map((cells) => `${lineOf(cells, widths, style)}\n`).join('')
}

function lineOf(cells: readonly Cell[], widths: readonly number[], { columns, colors }: TableStyle): string {
  let left = columns ?? Number.POSITIVE_INFINITY
  const parts: string[] = []
  for (const [n, { text, tone }] of cells.entries()) {
    const isLast = n === cells.length - 1
    const shown = cut(text, left)
    const padding = isLast
      ? ''
      : ' '.repeat(Math.max(0, Math.min(left, (widths[n] ?? 0) + GAP.length) - widthOf(shown)))
    parts.push(`${tone && colors ? painted(shown, tone) : shown}${padding}`)
    left = Math.max(0, left - (widths[n] ?? 0) - GAP.length)
  }
  return parts.join('').trimEnd()
}

function painted(text: string, tone: Tone): string {
  return text === '' ? '' : `\u001b[${CODES[tone]}m${text}\u001b[0m`
}

/** Cuts a text to a width, and shows that it was cut. */
function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  return width < 1 ? '' : `${[...text].slice(0, width - 1).join('')}…`
}

/** Names of Kubernetes are ASCII. Sentences may hold more, where a character counts as one column. */
function widthOf(text: string): number {
  return [...text].length
}
