/** `npm run soak -- --serve`: lets a part of the program run for long on a control plane of its own, and looks whether
 * it takes ever more. Exit code 1 when it does. */
import { hideBin } from 'yargs/helpers'
import yargs from 'yargs/yargs'
import { startControlPlane } from '../cluster/control-plane.js'
import type { Cluster } from '../support/cluster-context.js'
import type { Judgement } from './judge.js'
import { soakServe } from './serve.js'

type Soak = (cluster: Cluster, durationMs: number, signal: AbortSignal) => Promise<Judgement>

const kinds = {
  serve: { describe: 'serve --interval 1s --watch, with nothing to do', soak: soakServe },
} as const satisfies Record<string, { readonly describe: string; readonly soak: Soak }>

const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupted.abort())

const parser = yargs(hideBin(process.argv))
  .scriptName('npm run soak --')
  .usage('$0 --serve [--minutes 60]')
  .option('minutes', { type: 'number', default: 60, requiresArg: true, describe: 'How long' })
  .check(({ minutes }) => minutes > 0 || '--minutes: a number above 0, please.')
  .version(false)
  .strict()
for (const [name, { describe }] of Object.entries(kinds)) parser.option(name, { type: 'boolean', describe })
const argv = parser.parseSync() as { readonly minutes: number; readonly [kind: string]: unknown }
const wanted = Object.entries(kinds).filter(([name]) => argv[name] === true)

if (wanted.length === 0) {
  parser.showHelp()
  process.exit(2)
}
const plane = await startControlPlane()
try {
  for (const [name, { soak }] of wanted) {
    const { figures, faults } = await soak(plane, argv.minutes * 60_000, interrupted.signal)
    console.log(
      [`${name}, ${argv.minutes} min:`, ...figures, ...faults.map((fault) => `NOT AS IT SHOULD BE: ${fault}`)].join(
        '\n  ',
      ),
    )
    if (faults.length > 0 || interrupted.signal.aborted) process.exitCode = 1
  }
} finally {
  await plane.stop()
}
