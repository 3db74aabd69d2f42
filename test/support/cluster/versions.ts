// `npm run versions`: runs what tests the API server on each release of Kubernetes that is pinned, builds those that are
// not built yet, and writes the results into docs/versions.md. `-- 1.31 1.33` runs these alone and keeps the other rows.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { commitOf } from '../../bench/workloads/commit.js'
import { repository } from '../handler.js'
import { buildBinaries, findBinaries, type Release, releaseNamed, releases } from './binaries.js'
import { type Row, withRows } from './version-rows.js'

/** What is about the API server, and needs no node. */
const TESTS = ['test/cluster', 'test/contract', 'test/jobs']
const page = join(repository, 'docs/versions.md')

interface Results {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
}

try {
  const names = process.argv.slice(2)
  const chosen = names.length > 0 ? names.map(releaseNamed) : releases()
  for (const release of chosen) {
    const row = await run(release)
    await writeFile(page, withRows(await readFile(page, 'utf8'), [row]))
    process.stdout.write(
      `Kubernetes ${row.version}: ${row.passed} passed, ${row.failed} failed, ${row.skipped} skipped\n`,
    )
    if (row.failed > 0) process.exitCode = 1
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
}

async function run(release: Release): Promise<Row> {
  if (findBinaries(release) === undefined) {
    process.stdout.write(`building Kubernetes ${release.version}, which takes minutes\n`)
    await buildBinaries({}, release)
  }
  const folder = await mkdtemp(join(tmpdir(), 'active-passive-versions-'))
  const file = join(folder, 'results.json')
  try {
    await promisify(execFile)(process.execPath, ['build.mjs'], { cwd: repository })
    const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${file}`]
    const child = spawn('npx', ['vitest', 'run', '--project', 'all', ...reporters, ...TESTS], {
      cwd: repository,
      env: { ...process.env, TEST_KUBERNETES: release.name },
      stdio: 'inherit',
    })
    await once(child, 'close')
    const results = JSON.parse(await readFile(file, 'utf8')) as Results
    return {
      version: release.version.slice(1),
      passed: results.numPassedTests,
      failed: results.numFailedTests,
      skipped: results.numPendingTests,
      commit: await commitOf(repository),
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}
