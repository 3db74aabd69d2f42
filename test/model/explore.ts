/** `npm run model`: searches every interleaving, further than the tests do. */
import { totalmem } from 'node:os'
import { getHeapStatistics } from 'node:v8'
import { hideBin } from 'yargs/helpers'
import { scriptFlags } from '../support/flags.js'
import { startWork } from '../support/work.js'
import { carryOut, describe, explorations, HEADER } from './explorations.js'

const words = hideBin(process.argv)
const { deep, only } = scriptFlags('model')
  .option('deep', {
    type: 'boolean',
    default: false,
    describe: 'To the end of each, as long as it takes and as far as memory lasts',
  })
  .option('only', { type: 'string', requiresArg: true, describe: 'Only those whose names hold this' })
  .check(({ only }) => {
    const wrong = words.find((word) => /^--(no-)?deep=/.test(word) && !/=(true|false)$/.test(word))
    if (wrong) throw new Error(`${wrong}: it takes no value.`)
    if (Array.isArray(only)) throw new Error('--only: once, please.')
    if (only === undefined || (only !== '' && isNamed(only))) return true
    throw new Error(
      `--only: "${only}" is in none of these names:\n  ${explorations.map(({ name }) => name).join('\n  ')}`,
    )
  })
  .parseSync()

function isNamed(part: string): boolean {
  return explorations.some(({ name }) => name.includes(part))
}

const MOST_STATES = 2_000_000
/** What is left of it then is for what is under way. */
const MOST_OF_MEMORY = 0.85

function isMemoryFull(): boolean {
  const { used_heap_size, heap_size_limit } = getHeapStatistics()
  const { rss, arrayBuffers } = process.memoryUsage()
  // The table of states is no part of the heap, and doubles when it grows.
  return used_heap_size > MOST_OF_MEMORY * heap_size_limit || rss + arrayBuffers > MOST_OF_MEMORY * totalmem()
}

console.log(HEADER)
for (const exploration of explorations.filter(({ name }) => name.includes(only ?? ''))) {
  const startedAtMs = performance.now()
  const seconds = () => ((performance.now() - startedAtMs) / 1_000).toFixed(0)
  const work = startWork(exploration.name)
  let isFull = false
  const isEnough = (states: number, done: string) => {
    if (states % 1_000 !== 0) return isFull
    isFull = isMemoryFull()
    work.at(`${states.toLocaleString('en')} states, ${done} beginnings done`)
    work.tick()
    return isFull
  }
  const most = deep || exploration.isSmall ? Number.POSITIVE_INFINITY : MOST_STATES
  const result = await carryOut(exploration, most, isEnough).finally(work.done)
  console.log(describe(exploration, result))
  process.stderr.write(`${exploration.name}: ${seconds()} s\n`)
  if (isFull)
    process.stderr.write(
      'The memory is full. `node --max-old-space-size=MEGABYTES --import tsx test/model/explore.ts` may have more.\n',
    )
  if (!result.found) continue
  console.log([`${result.found.broken}:`, ...result.found.story].join('\n  '))
  process.exitCode = 1
}
