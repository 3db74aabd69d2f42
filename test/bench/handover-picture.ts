// The picture of one handover in the README, from the steps that a real pass has made: how the Service and the two pods
// stand after each. Pure: steps in, SVG out. The columns are steps, not time: how long they take is in handover.svg.
import type { HandoverStep, RecordedHandover, StepName } from '../support/handover-steps.js'

const width = 800
const textLeft = 16
/** Where the time line begins and ends. */
const [left, right] = [146, 784]
const firstStep = 274
const stepWidth = 78
const rowTop = 104
const rowHeight = 46
const barHeight = 26
/** How far behind the release the endpoints change, and the answers: controllers and kube-proxy come after it. */
const [endpointLag, answerLag] = [18, 36]

/** What a step does, in the lines that are below its name. */
function captionOf(step: Exclude<StepName, 'before'>, settleMs: number): readonly [string, string] {
  switch (step) {
    case 'claim':
      return ['pin Service', 'to old pod']
    case 'seal':
      return ['old pod', 'to passive']
    case 'check':
      return ['is the claim', 'still there?']
    case 'promote':
      return ['new pod', 'to active']
    case 'settle':
      return ['wait', `${settleMs} ms`]
    case 'release':
      return ['take the', 'pin off']
  }
}

/** A fill for each theme, and one for the text on it. */
const colours = {
  old: { light: '#2f6fb0', dark: '#79b8ff', onLight: '#ffffff', onDark: '#0d1117' },
  new: { light: '#2c7a35', dark: '#6fd07a', onLight: '#ffffff', onDark: '#0d1117' },
  pin: { light: '#b35c00', dark: '#f0a94a', onLight: '#ffffff', onDark: '#0d1117' },
  role: { light: '#dfe5eb', dark: '#3a424c', onLight: '#24292f', onDark: '#e6edf3' },
  passive: { light: '#eef1f4', dark: '#262c34', onLight: '#57606a', onDark: '#a9b4c0' },
} as const

type Colour = keyof typeof colours

interface Segment {
  readonly colour: Colour
  readonly label: string
}

export function handoverPicture(handover: RecordedHandover): string {
  const { oldPod, newPod, steps } = handover
  const podColour = (pod: string | undefined): Colour => (pod === oldPod ? 'old' : 'new')
  const roleOf = (pod: string) => (step: HandoverStep) => {
    const role = step.roles[pod] ?? ''
    return { label: role, colour: role === 'active' ? podColour(pod) : 'passive' } as const
  }
  const only = ({ selected }: HandoverStep): Segment => ({
    label: selected.join(' and ') || 'none',
    colour: podColour(selected[0]),
  })
  const rows = [
    bars(0, steps, selectorOf),
    bars(1, steps, roleOf(oldPod)),
    bars(2, steps, roleOf(newPod)),
    bars(3, steps, only, endpointLag),
    dots(4, steps, only, answerLag),
  ]
  const labels = [
    ['Service selects by', ''],
    [oldPod, 'fails its check'],
    [newPod, 'passes its check'],
    ['Endpoint', 'of the Service'],
    ['New connections', 'are answered by'],
  ] as const
  const height = rowTop + rows.length * rowHeight + 52
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" font-family="system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif" font-size="12">`,
    `<title>One handover from ${oldPod} to ${newPod}, step by step</title>`,
    `<desc>${description(handover)}</desc>`,
    style(),
    `<rect class="paper" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>`,
    ...heading(handover, rowTop + rows.length * rowHeight - 6),
    ...labels.flatMap(([first, second], row) => rowLabel(row, first, second)),
    ...rows.flat(),
    text(
      textLeft,
      height - 30,
      'The columns are steps, not time. Each dot is a new connection: the handover refuses none.',
      'faint',
    ),
    text(textLeft, height - 13, 'Connections that are established stay with the old pod.', 'faint'),
    '</svg>',
  ].join('\n')}\n`
}

function selectorOf({ selector }: HandoverStep): Segment {
  return 'role' in selector
    ? { label: `role: ${selector.role}`, colour: 'role' }
    : { label: 'a label that only the old pod has (the pin)', colour: 'pin' }
}

/** The steps with their numbers, and a line down from each. */
function heading({ steps, settleMs }: RecordedHandover, bottom: number): readonly string[] {
  const before = (left + firstStep - stepWidth / 2) / 2
  return [
    text(before, 51, 'list, probe,', 'strong', 'middle'),
    text(before, 67, 'decide', 'strong', 'middle'),
    ...steps.flatMap(({ name }, n) => {
      if (name === 'before') return []
      const x = xOf(n)
      const [first, second] = captionOf(name, settleMs)
      return [
        `<path class="guide" d="M${x} 90V${bottom}"/>`,
        `<circle class="number" cx="${x}" cy="24" r="11"/>`,
        text(x, 28.5, String(n), 'onNumber', 'middle'),
        text(x, 51, name, 'strong', 'middle'),
        text(x, 67, first, 'small', 'middle'),
        text(x, 81, second, 'small', 'middle'),
      ]
    }),
  ]
}

function rowLabel(row: number, first: string, second: string): readonly string[] {
  const y = rowTop + row * rowHeight + barHeight / 2
  return second === ''
    ? [text(textLeft, y + 4, first, 'strong')]
    : [text(textLeft, y - 3, first, 'strong'), text(textLeft, y + 11, second, 'small')]
}

/** Steps after which a row is the same are one bar. */
function runsOf(steps: readonly HandoverStep[], segmentOf: (step: HandoverStep) => Segment, lag: number) {
  const runs: (Segment & { from: number; to: number })[] = []
  for (const [n, step] of steps.entries()) {
    const segment = segmentOf(step)
    const from = n === 0 ? left : xOf(n) + lag
    const last = runs.at(-1)
    if (last?.label === segment.label) continue
    if (last) last.to = from
    runs.push({ ...segment, from, to: right })
  }
  return runs
}

function bars(
  row: number,
  steps: readonly HandoverStep[],
  segmentOf: (step: HandoverStep) => Segment,
  lag = 0,
): readonly string[] {
  const y = rowTop + row * rowHeight
  return runsOf(steps, segmentOf, lag).flatMap(({ from, to, label, colour }) => [
    `<rect class="${colour}" x="${from + 1}" y="${y}" width="${to - from - 2}" height="${barHeight}" rx="4"/>`,
    text((from + to) / 2, y + barHeight / 2 + 4, label, `on-${colour}`, 'middle'),
  ])
}

/** A dot for each connection, and below them who answers. */
function dots(
  row: number,
  steps: readonly HandoverStep[],
  segmentOf: (step: HandoverStep) => Segment,
  lag: number,
): readonly string[] {
  const y = rowTop + row * rowHeight
  const gap = 11
  return runsOf(steps, segmentOf, lag).flatMap(({ from, to, label, colour }) => {
    const first = left + 4 + Math.ceil(Math.max(0, from - left - 4) / gap) * gap
    const count = Math.max(0, Math.ceil((to - first) / gap))
    return [
      ...Array.from(
        { length: count },
        (_, n) => `<circle class="${colour}" cx="${first + n * gap}" cy="${y + 7}" r="3.5"/>`,
      ),
      text((from + to) / 2, y + 26, label, `as-${colour}`, 'middle'),
    ]
  })
}

/** For those who do not see it. */
function description({ oldPod, newPod, steps }: RecordedHandover): string {
  const told = steps.map(({ name, selected, roles }) => {
    const when = name === 'before' ? 'Before' : `After ${name}`
    return `${when}: ${oldPod} is ${roles[oldPod]}, ${newPod} is ${roles[newPod]}, and the Service selects ${selected.join(' and ')}.`
  })
  return told.join(' ')
}

function style(): string {
  const rules = (theme: 'light' | 'dark'): string => {
    const on = theme === 'light' ? 'onLight' : 'onDark'
    const [paper, edge, ink, faint] =
      theme === 'light' ? ['#ffffff', '#d0d7de', '#1f2328', '#57606a'] : ['#0d1117', '#30363d', '#e6edf3', '#9da7b3']
    return [
      `.paper{fill:${paper};stroke:${edge}}`,
      `.guide{stroke:${edge};stroke-dasharray:2 3}`,
      `.number{fill:${ink}} .onNumber{fill:${paper}}`,
      `.strong{fill:${ink}} .small,.faint{fill:${faint}}`,
      ...Object.entries(colours).map(
        ([name, colour]) => `.${name},.as-${name}{fill:${colour[theme]}} .on-${name}{fill:${colour[on]}}`,
      ),
    ].join('\n')
  }
  return `<style>
.strong,.onNumber{font-weight:600} .small,.faint{font-size:11px} .as-old,.as-new{font-weight:600;font-size:11px}
${rules('light')}
@media (prefers-color-scheme: dark) {
${rules('dark')}
}
</style>`
}

function text(x: number, y: number, content: string, classes: string, anchor: 'start' | 'middle' = 'start'): string {
  return `<text class="${classes}" x="${x}" y="${y}"${anchor === 'middle' ? ' text-anchor="middle"' : ''}>${content}</text>`
}

function xOf(step: number): number {
  return firstStep + (step - 1) * stepWidth
}
