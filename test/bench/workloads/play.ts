/**
 * `npm run bench:workloads`: what the handler makes of real workloads on two real nodes: rollouts, deletions, crashes,
 * flaps, views that differ. Who gets the role, how often, and for how long a client gets no answer.
 */

import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { scriptFlags } from '../../support/flags.js'
import { repository } from '../../support/handler.js'
import { startWork } from '../../support/work.js'
import { clusterOrExit } from '../cluster.js'
import { commitOf } from './commit.js'
import { inLanes } from './lanes.js'
import { cellsOf, hadTwo, type Result, type Results, read, write } from './results.js'
import { kinds, scenarios } from './scenarios/index.js'
import { play } from './stage.js'

/** They mostly wait; more of them would be slower than what is measured. */
const lanes = 2
const names = scenarios.map(({ name }) => name)

const flags = scriptFlags('bench:workloads')
  .option('only', { type: 'string', requiresArg: true, describe: 'Only these scenarios, separated by commas' })
  .option('list', { type: 'boolean', default: false, describe: 'Say which scenarios there are' })
  .option('output', {
    type: 'string',
    alias: 'o',
    requiresArg: true,
    describe: 'Write a page (docs/workloads.md), and the data beside it, which keep what is not measured now',
  })
  .option('before', { type: 'boolean', default: false, describe: 'Fill the column of what was before' })
  .option('handler', {
    type: 'string',
    requiresArg: true,
    default: repository,
    defaultDescription: 'this checkout',
    describe: 'Folder of the checkout whose build is measured',
  })
  .option('log', { type: 'boolean', default: false, describe: 'Print what the handlers say' })
  .check(({ only, handler }) => {
    const unknown = only?.split(',').find((name) => !names.includes(name))
    if (unknown !== undefined) throw new Error(`--only ${unknown}: no such scenario; --list names them.`)
    if (existsSync(join(handler, 'dist', 'main.cjs'))) return true
    throw new Error(`--handler ${handler}: there is no dist/main.cjs; run \`npm run build\` there.`)
  })
  .parseSync()

if (flags.list) {
  for (const { name, what } of scenarios) console.log(`${name.padEnd(28)} ${what}`)
  process.exit(0)
}

const { before, output } = flags
const checkout = resolve(flags.handler)
const only = flags.only?.split(',')
const chosen = scenarios.filter(({ name }) => only?.includes(name) ?? true)
const commit = await commitOf(checkout)
let results: Results = output === undefined ? {} : await read(output)
let failures = 0

const work = startWork('bench:workloads')
let played = 0
const cluster = await clusterOrExit({ nodes: 2 })
try {
  work.print(
    `The handler of commit ${commit}; ${chosen.length} scenarios. Moves; seconds without an answer, avoidable, failing`,
  )
  await inLanes(lanes, chosen, async (scenario, n) => {
    work.at(`${played} of ${chosen.length} scenarios`)
    const result: Result = { commit, at: new Date().toISOString(), ...(await measure(n)) }
    results = { ...results, [scenario.name]: { ...results[scenario.name], [before ? 'before' : 'after']: result } }
    played++
    work.print(
      `${scenario.name.padEnd(28)} ${cellsOf(result)
        .slice(1)
        .map((cell) => cell.padStart(6))
        .join(' ')}  ${cellsOf(result)[0]}`,
    )
    if (output !== undefined) await write(output, results, kinds)
  })
} finally {
  work.done()
  await cluster.stop()
}
process.exitCode = failures > 0 ? 1 : 0

async function measure(n: number) {
  const scenario = chosen[n] as (typeof chosen)[number]
  try {
    const { log, ...figures } = await play({ cluster, scenario, checkout, port: 8100 + 2 * n })
    if (flags.log) for (const line of log) work.print(`${scenario.name}: ${line}`)
    if (hadTwo(figures)) failures++
    return figures
  } catch (error) {
    failures++
    return { failed: error instanceof Error ? error.message : `${error}` }
  }
}
