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

/** As much of vitest's JSON report as is counted. */
interface Results {
  readonly testResults: readonly FileResult[]
}

interface FileResult {
  /** Its path. */
  readonly name: string
  readonly status: string
  readonly assertionResults: readonly { readonly status: string }[]
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
  await promisify(execFile)(process.execPath, ['build.mjs'], { cwd: repository })
  const all = await test(release, TESTS)
  const failed = all.filter(({ status }) => status === 'failed').map(({ name }) => name)
  if (failed.length > 0) process.stdout.write(`once more, without the others beside them: ${failed.join(', ')}\n`)
  // Tests have limits of time, which a busy machine exceeds.
  const again = failed.length > 0 ? await test(release, failed) : []
  const results = [...all.filter(({ name }) => !failed.includes(name)), ...again]
  const tests = results.flatMap(({ assertionResults }) => assertionResults)
  const count = (...statuses: readonly string[]) => tests.filter(({ status }) => statuses.includes(status)).length
  return {
    version: release.version.slice(1),
    passed: count('passed'),
    // A file whose preparation fails has no test that failed.
    failed: Math.max(count('failed'), again.filter(({ status }) => status === 'failed').length),
    skipped: count('skipped', 'pending', 'todo'),
    commit: await commitOf(repository),
  }
}

async function test(release: Release, files: readonly string[]): Promise<readonly FileResult[]> {
  const folder = await mkdtemp(join(tmpdir(), 'active-passive-versions-'))
  const report = join(folder, 'results.json')
  try {
    const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${report}`]
    const child = spawn('npx', ['vitest', 'run', '--project', 'all', ...reporters, ...files], {
      cwd: repository,
      env: { ...process.env, TEST_KUBERNETES: release.name },
      stdio: 'inherit',
    })
    await once(child, 'close')
    return (JSON.parse(await readFile(report, 'utf8')) as Results).testResults
  } finally {
    await rm(folder, { recursive: true })
  }
}
