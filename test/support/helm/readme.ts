/**
 * The README of the chart: its template with the table of the values, by helm-docs. It is shown away from the repository
 * too, as by Artifact Hub, so its links lead to the pages of this version. As a program: writes it.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pageOf } from '../../../release/facts.mjs'
import { repository } from '../handler.js'
import { CHART } from './helm.js'
import { buildHelm, findHelm } from './programs.js'

/** The text that README.md should have. */
export function chartReadme(): string {
  const program = join(findHelm() ?? '', 'helm-docs')
  const how = ['--dry-run', '--sort-values-order=file', '--log-level=warning']
  const text = execFileSync(program, [...how, `--chart-search-root=${CHART}`], { cwd: repository, encoding: 'utf8' })
  return text.replace(/(?<=\]\()\.\.?\/[^)\s]+/g, (path) => pageOf(posix.join(CHART, path)))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildHelm()
  writeFileSync(join(repository, CHART, 'README.md'), chartReadme())
}
