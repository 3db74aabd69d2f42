/**
 * `npm run nodes`: the tests of the built program on the oldest and the newest versions of Node that it is for, and what
 * a steady pass costs as a whole process there. The passes run in turns, so that the ratios hold when the machine's speed
 * drifts.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { buildWorld } from '../demo/demo-world.js'
import { NODE_HEAD } from '../support/cluster/version-rows.js'
import { repository } from '../support/handler.js'
import { isSupported, NODE_VERSIONS, nodeBinary } from '../support/node-binary.js'
import { startWork } from '../support/work.js'
import { type Figures, measure, spread } from './measure.js'

/** They run what is built: the bins, the library, `node handler` and `serve` as processes. */
const TESTS = ['test/package', 'test/serve/process', 'test/serve/function', 'test/commands', 'test/unit/kube/bundle']
const WARM_UPS = 2
const RUNS = 20

const work = startWork('nodes')
try {
  const nodes: { readonly version: string; readonly path: string; readonly tests: string; readonly runs: Runs[] }[] = []
  for (const version of NODE_VERSIONS.filter(isSupported)) {
    work.at(`Node ${version}: tests`)
    const path = await nodeBinary(version)
    const tests = await test(path)
    work.print(`Node ${version}: ${tests}`)
    nodes.push({ version, path, tests, runs: [] })
  }
  await measureAll(nodes)
  const [oldest] = nodes
  console.log(`Median (min to max) of ${RUNS} runs each, in turns; ratios pair by pair, to Node ${oldest?.version}`)
  console.log(NODE_HEAD.trimEnd())
  for (const { version, tests, runs } of nodes) {
    const ratios = runs.map(({ pass }, n) => pass.ms / (oldest?.runs[n]?.pass.ms ?? Number.NaN))
    const figures = [
      spread(
        runs.map(({ pass }) => pass.ms),
        0,
      ),
      spread(ratios, 2),
      spread(
        runs.map(({ empty }) => empty.ms),
        0,
      ),
      spread(
        runs.map(({ pass }) => pass.peakMb),
        0,
      ),
    ]
    console.log(`| ${[version, tests, ...figures].join(' | ')} |`)
  }
} finally {
  work.done()
}

interface Runs {
  readonly pass: Figures
  readonly empty: Figures
}

async function measureAll(nodes: readonly { readonly path: string; readonly runs: Runs[] }[]): Promise<void> {
  const world = await buildWorld()
  const env = { KUBECONFIG: world.kubeconfig }
  try {
    for (let n = 0; n < WARM_UPS + RUNS; n++) {
      work.at(`${n} of ${WARM_UPS + RUNS} runs`)
      for (const { path, runs } of nodes) {
        const figures = { pass: await measure(['handler'], env, path), empty: await measure(['-e', '0'], {}, path) }
        if (n >= WARM_UPS) runs.push(figures) // the first pass makes a pod active: it is among the warm-ups
      }
    }
  } finally {
    await world.close()
  }
}

/** Runs vitest by another Node, and so all that its tests start. @throws Error with what failed */
async function test(node: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'active-passive-nodes-'))
  try {
    const results = join(folder, 'results.json')
    const vitest = join(repository, 'node_modules/vitest/vitest.mjs')
    const args = [
      vitest,
      'run',
      '--project=all',
      '--project=unit',
      '--reporter=json',
      `--outputFile=${results}`,
      ...TESTS,
    ]
    const env = { ...process.env, PATH: [dirname(node), process.env.PATH].join(delimiter) }
    const child = spawn(node, args, { cwd: repository, env, stdio: ['ignore', 'ignore', 'inherit'] })
    await once(child, 'close')
    const { numPassedTests, numFailedTests, numPendingTests, success, testResults } = JSON.parse(
      await readFile(results, 'utf8'),
    )
    if (!success) console.error(failures(testResults))
    return `${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped`
  } finally {
    await rm(folder, { recursive: true })
  }
}

interface FileResult {
  readonly name: string
  readonly message: string
  readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
}

function failures(files: readonly FileResult[]): string {
  const failed = files.flatMap(({ name, message, assertionResults }) => [
    ...(message === '' ? [] : [`${name}: ${message}`]),
    ...assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => `${name}: ${fullName}`),
  ])
  return failed.join('\n')
}
