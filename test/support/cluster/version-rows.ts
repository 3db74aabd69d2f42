/**
 * The tables of docs/versions.md: that of Kubernetes' releases, which `npm run versions` writes, and that of the versions of
 * Node, which `npm run nodes` prints.
 */

export interface Row {
  /** Such as `1.33.13`. */
  readonly version: string
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** Which checkout was tested. */
  readonly commit: string
}

/** The head of the table of Node's versions. */
export const NODE_HEAD =
  '| Node | tests of the bundle | a steady pass, ms | ratio | an empty process, ms | peak memory, MB |\n' +
  '| --- | --- | --- | --- | --- | --- |\n'

const HEAD = '| Kubernetes | passed | failed | skipped | commit |\n| --- | --- | --- | --- | --- |\n'
const LINE = /^\| (\d\S*) \| (\d+) \| (\d+) \| (\d+) \| `(\S+)` \|$/gm

/** The versions of Node in their table, each with what its tests came to. @throws Error when the page has no such table */
export function nodeRowsOf(page: string): readonly Readonly<Record<'version' | 'tests', string>>[] {
  const rows = parts(page, NODE_HEAD).table.matchAll(/^\| (\S+) \| ([^|]+) \|/gm)
  return [...rows].map(([, version = '', tests = '']) => ({ version, tests }))
}

/** The rows of Kubernetes' releases, in the order of the page. @throws Error when the page has no such table */
export function rowsOf(page: string): readonly Row[] {
  return [...parts(page, HEAD).table.matchAll(LINE)].map(([, version = '', passed, failed, skipped, commit = '']) => {
    return { version, passed: Number(passed), failed: Number(failed), skipped: Number(skipped), commit }
  })
}

/** The page with these rows in place of those of the same releases, and the others as they are. */
export function withRows(page: string, rows: readonly Row[]): string {
  const release = ({ version }: Row) => version.replace(/\.\d+$/, '')
  const kept = rowsOf(page).filter((row) => !rows.some((other) => release(other) === release(row)))
  const lines = [...kept, ...rows]
    .sort((a, b) => a.version.localeCompare(b.version, 'en', { numeric: true }))
    .map((row) => `| ${row.version} | ${row.passed} | ${row.failed} | ${row.skipped} | \`${row.commit}\` |\n`)
  const { before, after } = parts(page, HEAD)
  return `${before}${HEAD}${lines.join('')}${after}`
}

function parts(page: string, head: string) {
  const [before = '', rest] = page.split(head)
  if (rest === undefined) throw new Error(`docs/versions.md has no table with this head:\n${head}`)
  const [table = ''] = /^(?:\|.*\n)*/.exec(rest) ?? []
  return { before, table, after: rest.slice(table.length) }
}
