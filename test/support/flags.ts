// The flags of a script of package.json. A wrong one is told, and ends the process with 2.

import type { Argv } from 'yargs'
import { hideBin } from 'yargs/helpers'
import yargs from 'yargs/yargs'

/** @param script as in `npm run SCRIPT` */
export function scriptFlags(script: string): Argv {
  return yargs(hideBin(process.argv))
    .scriptName(`npm run ${script} --`)
    .version(false)
    .strict()
    .demandCommand(0, 0, undefined, 'It takes no words, only flags.')
    .fail((message, error) => {
      process.stderr.write(`${message ?? error.message}\nTry \`npm run ${script} -- --help\`.\n`)
      process.exit(2)
    })
}

/** For `.option('runs', …)`: how often each kind is measured. */
export function runsFlag(what: string, byDefault: number) {
  return {
    type: 'number',
    default: byDefault,
    requiresArg: true,
    describe: what,
    coerce: (runs: number) => {
      if (Number.isInteger(runs) && runs > 0) return runs
      throw new Error(`--runs ${runs}: a whole number above zero, please.`)
    },
  } as const
}
