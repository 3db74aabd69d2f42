// The results of the measurement: of each scenario, before a change and after it. A page for people, generated from data
// beside it. Pure, but for `read` and `write`.
import { readFile, rename, writeFile } from 'node:fs/promises'
import type { Figures, Turn } from './figures.js'
import type { Scenario } from './scenario.js'

export type Column = 'before' | 'after'

export type Result = {
  /** Of the handler that was measured; `+`: with changes that are not committed. */
  readonly commit: string
  /** When, RFC 3339. */
  readonly at: string
} & (Figures | { readonly failed: string })

/** By the scenario's name. */
export type Results = Readonly<Record<string, Partial<Record<Column, Result>>>>

export interface Kind {
  readonly title: string
  readonly scenarios: readonly Pick<Scenario, 'name' | 'what'>[]
}

/** The data's file beside the page's. */
export function dataFile(page: string): string {
  return page.replace(/(\.md)?$/, '.json')
}

/** @throws Error when the file is there and is not what `write` has written */
export async function read(page: string): Promise<Results> {
  const text = await readFile(dataFile(page), 'utf8').catch(({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'ENOENT') return '{}'
    throw new Error(message)
  })
  try {
    return JSON.parse(text) as Results
  } catch {
    throw new Error(`${dataFile(page)} is no JSON: delete it, or get it back from git.`)
  }
}

/** Both files, each at once: a run that is stopped leaves what it had measured. */
export async function write(page: string, results: Results, kinds: readonly Kind[]): Promise<void> {
  const files = { [dataFile(page)]: dataOf(results, kinds), [page]: pageOf(results, kinds) }
  for (const [file, text] of Object.entries(files)) {
    await writeFile(`${file}.new`, text)
    await rename(`${file}.new`, file)
  }
}

/** A line for each result, in the order of the table: a change of one is a change of one line. */
export function dataOf(results: Results, kinds: readonly Kind[]): string {
  const names = kinds.flatMap(({ scenarios }) => scenarios.map(({ name }) => name))
  const known = names.filter((name) => results[name] !== undefined)
  const entries = known.map((name) => {
    const lines = columns.flatMap((column) => {
      const result = results[name]?.[column]
      return result === undefined ? [] : [`    ${JSON.stringify(column)}: ${JSON.stringify(result)}`]
    })
    return `  ${JSON.stringify(name)}: {\n${lines.join(',\n')}\n  }`
  })
  return `{\n${entries.join(',\n')}\n}\n`
}

const columns: readonly Column[] = ['before', 'after']

export function pageOf(results: Results, kinds: readonly Kind[]): string {
  const all = Object.values(results).flatMap((result) => Object.values(result))
  const measured = all.filter((result) => 'moves' in result)
  return `# Real workloads on real nodes

\`npm run bench:workloads -- -o docs/workloads.md\` makes these measurements and writes this page. Two nodes run kubelet,
kube-proxy and the demo application. \`node handler serve --watch --interval 2s\` has its defaults unless a row says otherwise,
and a client opens a connection every 20 ms through the Service's cluster IP. Each scenario was played once, so tenths of a
second are chance. [workloads.json](workloads.json) has all figures.

- **moves**: how often the role went to another pod, and to which one: the ordinal of a StatefulSet's pod, or its place
  among those of its revision; \`new\`: of another revision than at the start. *not Ready*: by its kubelet, when it got the
  role. *late*: the one before was gone already. **two at once**, which must never be: two pods of a group were active at a
  time, or answered in turns.
- **none**: seconds in which no connection was answered.
- **avoidable**: how much of that lies in outages throughout which some pod was healthy and Ready. The time until a
  failure is known is part of it, and the second that kube-proxy takes for a second change. A **bold** figure has a longer
  outage than that.
- **failing**: seconds in which a pod answered that failed its health check, while another was healthy and Ready.

Never more than ${Math.max(0, ...measured.map(({ actives }) => actives))} active pod of a group at once; two pods answered in turns for ${seconds(Math.max(0, ...measured.map(({ twoS }) => twoS)))} s at most.
${columns.map((column) => `\n${column}: ${commitsOf(results, column)}`).join('  ')}
${kinds.map((kind) => tableOf(results, kind)).join('')}`
}

function commitsOf(results: Results, column: Column): string {
  const commits = new Set(Object.values(results).flatMap((result) => result[column]?.commit ?? []))
  return commits.size === 0 ? 'not measured' : `commit ${[...commits].sort().join(', ')}`
}

function tableOf(results: Results, { title, scenarios }: Kind): string {
  const head = ['scenario', ...columns.flatMap((column) => [`${column}: moves`, 'none', 'avoidable', 'failing'])]
  const rows = scenarios.map(({ name, what }) => [
    `**${name}** ${what}`,
    ...columns.flatMap((column) => cellsOf(results[name]?.[column])),
  ])
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`
  return `\n## ${title}\n\n${[head, head.map(() => '---'), ...rows].map(line).join('')}`
}

/** What a line on one result says, and a row of the table: moves, none, avoidable, failing. */
export function cellsOf(result: Result | undefined): readonly string[] {
  if (result === undefined) return ['', '', '', '']
  if ('failed' in result)
    return [`not measured: ${result.failed.replaceAll('|', '/').replace(/\s+/g, ' ')}`, '', '', '']
  const { moves, path, withoutS, avoidableS, longestAvoidableS, failingS } = result
  const avoidable = longestAvoidableS > kubeProxyS ? `**${seconds(avoidableS)}**` : seconds(avoidableS)
  const fault = hadTwo(result) ? '**two at once**, ' : ''
  return [`${fault}${moves}${pathOf(path)}`, seconds(withoutS), avoidable, seconds(failingS)]
}

/** Whether two pods of a group had the role at once, or answered in turns: what must never be. */
export function hadTwo({ actives, twoS }: Pick<Figures, 'actives' | 'twoS'>): boolean {
  return actives > 1 || twoS > 0
}

/** The second after which it applies the second of two changes, and some. */
const kubeProxyS = 1.3

const longestPath = 8

function pathOf(path: readonly Turn[]): string {
  if (path.length < 2) return ''
  const turns = path.map(({ pod, ready, late }, n) => {
    const marks = n === 0 ? [] : [...(ready ? [] : ['not Ready']), ...(late ? ['late'] : [])]
    return marks.length === 0 ? pod : `${pod} (${marks.join(', ')})`
  })
  const more = turns.length > longestPath ? [...turns.slice(0, longestPath), '…'] : turns
  return `: ${more.join(' → ')}`
}

function seconds(value: number): string {
  return value.toFixed(1)
}
