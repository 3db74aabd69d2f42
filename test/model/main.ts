/** `npm run model`: every interleaving, further than the tests go. */
import { hideBin } from 'yargs/helpers'
import yargs from 'yargs/yargs'
import { carryOut, describe, explorations } from './explorations.js'

const { deep, only } = yargs(hideBin(process.argv))
  .scriptName('npm run model --')
  .option('deep', { type: 'boolean', default: false, describe: 'To the end of each, however long it takes' })
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

const MOST_STATES = 300_000

for (const exploration of explorations.filter(({ name }) => name.includes(only))) {
  const startedAtMs = performance.now()
  const result = await carryOut(exploration, deep || exploration.isSmall ? Number.POSITIVE_INFINITY : MOST_STATES)
  const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(0)
  console.log(`${describe(exploration, result)}, after ${seconds} s`)
  if (!result.found) continue
  console.log([`  ${result.found.broken}:`, ...result.found.story].join('\n    '))
  process.exitCode = 1
}
