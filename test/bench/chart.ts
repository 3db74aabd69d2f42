// The picture of handovers in docs/performance.md: a line for each, from the pass's first write to the new pod's first answer
// and beyond. Pure: figures in, SVG out.
import type { Handover } from '../support/handover.js'

export interface ChartOptions {
  /** What those read who do not see it. */
  readonly title: string
  /** One panel each, with its title. */
  readonly panels: readonly { readonly title: string; readonly handovers: readonly Handover[] }[]
  /** What was measured, below the panels. */
  readonly caption: string
}

const width = 720
const left = 16
const right = 16
const lineHeight = 5
const titleHeight = 26
const axisHeight = 30
const captionHeight = 40
/** Milliseconds from the left end to the right one. */
const [from, to] = [-50, 1250]

const colours = { before: '#4c78a8', refused: '#d62728', after: '#59a14f', text: '#333333', faint: '#d9d9d9' }

export function chartOf({ title, panels, caption }: ChartOptions): string {
  const heights = panels.map(({ handovers }) => titleHeight + handovers.length * lineHeight + 8)
  const tops = heights.map((_, n) => heights.slice(0, n).reduce((sum, height) => sum + height, 0))
  const bottom = heights.reduce((sum, height) => sum + height, 0)
  const height = bottom + axisHeight + captionHeight
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<title>${title}</title>`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    ...axis(bottom),
    ...panels.flatMap(({ title, handovers }, n) => panel(title, handovers, tops[n] ?? 0)),
    ...legend(bottom + axisHeight + 10),
    text(left, bottom + axisHeight + 32, caption, 11),
    '</svg>',
  ].join('\n')}\n`
}

function axis(bottom: number): readonly string[] {
  const ticks = [0, 200, 400, 600, 800, 1000, 1200]
  return [
    ...ticks.map((ms) => `<path d="M${x(ms)} 0V${bottom}" stroke="${colours.faint}"/>`),
    ...ticks.map((ms) => text(x(ms), bottom + 16, ms === 0 ? 'first write' : `${ms} ms`, 11, 'middle')),
  ]
}

function panel(title: string, handovers: readonly Handover[], top: number): readonly string[] {
  const lines = handovers.flatMap(({ lastByOld, refused, firstByNew }, n) => {
    const y = top + titleHeight + n * lineHeight
    const [first, last] = [refused[0], refused.at(-1)]
    return [
      bar(from, lastByOld, y, colours.before),
      ...(first === undefined || last === undefined ? [] : [bar(first, last, y, colours.refused)]),
      bar(firstByNew, to, y, colours.after),
    ]
  })
  return [text(left, top + 18, title, 13), ...lines]
}

function legend(y: number): readonly string[] {
  const entries = [
    ['the old pod answers', colours.before],
    ['connections are refused', colours.refused],
    ['the new pod answers', colours.after],
  ] as const
  return entries.flatMap(([label, colour], n) => {
    const at = left + n * 190
    return [`<rect x="${at}" y="${y - 9}" width="14" height="9" fill="${colour}"/>`, text(at + 20, y, label, 11)]
  })
}

function bar(start: number, end: number, y: number, colour: string): string {
  const [a, b] = [x(Math.max(from, start)), x(Math.min(to, end))]
  return `<rect x="${a}" y="${y}" width="${Math.max(1, round(b - a))}" height="${lineHeight - 1}" fill="${colour}"/>`
}

function text(at: number, y: number, content: string, size: number, anchor = 'start'): string {
  return `<text x="${at}" y="${y}" font-size="${size}" text-anchor="${anchor}" fill="${colours.text}">${content}</text>`
}

function x(ms: number): number {
  return round(left + ((ms - from) / (to - from)) * (width - left - right))
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10
}
