/** `npm run model`: every interleaving, further than the tests go. */
import { getHeapStatistics } from 'node:v8'
import { hideBin } from 'yargs/helpers'
import yargs from 'yargs/yargs'
import { carryOut, describe, explorations } from './explorations.js'

const { deep, only } = yargs(hideBin(process.argv))
  .scriptName('npm run model --')
  .option('deep', {
    type: 'boolean',
    default: false,
    describe: 'To the end of each, as long as it takes and as far as memory lasts',
  })
  .option('only', { type: 'string', default: '', requiresArg: true, describe: 'Only those whose names hold this' })
  .check(({ only }) => {
    if (explorations.some(({ name }) => name.includes(only))) return true
    throw new Error(`--only ${only}: there are ${explorations.map(({ name }) => name).join('; ')}.`)
  })
  .version(false)
  .strict()
  .demandCommand(0, 0, undefined, 'It takes no words, only flags.')
  .fail((message, error) => {
    process.stderr.write(`${message ?? error.message}\nTry \`npm run model -- --help\`.\n`)
    process.exit(2)
  })
  .parseSync()

const MOST_STATES = 2_000_000
const PROGRESS_MS = 60_000
/** What is left of the memory then is for what is under way. */
const MOST_OF_MEMORY = 0.85

for (const exploration of explorations.filter(({ name }) => name.includes(only))) {
  const startedAtMs = performance.now()
  const seconds = () => ((performance.now() - startedAtMs) / 1_000).toFixed(0)
  let toldAtMs = startedAtMs
  let isFull = false
  const isEnough = (states: number, beginning: string) => {
    if (states % 1_000 !== 0) return isFull
    const { used_heap_size, heap_size_limit } = getHeapStatistics()
    isFull ||= used_heap_size > MOST_OF_MEMORY * heap_size_limit
    if (performance.now() > toldAtMs + PROGRESS_MS) {
      toldAtMs = performance.now()
      const progress = `${states.toLocaleString('en')} states after ${seconds()} s, in beginning ${beginning}`
      process.stderr.write(`${exploration.name}: ${progress}\n`)
    }
    return isFull
  }
  const most = deep || exploration.isSmall ? Number.POSITIVE_INFINITY : MOST_STATES
  const result = await carryOut(exploration, most, isEnough)
  console.log(`${describe(exploration, result)}, after ${seconds()} s`)
  if (isFull) console.log('  The memory is full: NODE_OPTIONS=--max-old-space-size=MEGABYTES allows more.')
  if (!result.found) continue
  console.log([`  ${result.found.broken}:`, ...result.found.story].join('\n    '))
  process.exitCode = 1
}
