/** The table of docs/versions.md that `npm run versions` writes: a row for each release of Kubernetes. */

export interface Row {
  /** Such as `1.33.13`. */
  readonly version: string
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** Which checkout was tested. */
  readonly commit: string
}

const HEAD = '| Kubernetes | passed | failed | skipped | commit |\n| --- | --- | --- | --- | --- |\n'
const LINE = /^\| (\d\S*) \| (\d+) \| (\d+) \| (\d+) \| `(\S+)` \|$/gm

/** The rows of the table, in the order of the page. @throws Error when the page has no such table */
export function rowsOf(page: string): readonly Row[] {
  return [...parts(page).table.matchAll(LINE)].map(([, version = '', passed, failed, skipped, commit = '']) => {
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
  const { before, after } = parts(page)
  return `${before}${HEAD}${lines.join('')}${after}`
}

function parts(page: string) {
  const [before = '', rest] = page.split(HEAD)
  if (rest === undefined) throw new Error('docs/versions.md has no table of results on releases of Kubernetes')
  const [table = ''] = /^(?:\|.*\n)*/.exec(rest) ?? []
  return { before, table, after: rest.slice(table.length) }
}
