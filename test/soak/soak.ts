/**
 * `npm run soak`: lets the program run for long on a control plane of its own, under fire or left alone. Exit code 1 when
 * it did what it may not, or takes ever more; 2 for wrong flags.
 */
import { randomUUID } from 'node:crypto'
import { startControlPlane } from '../support/cluster/control-plane.js'
import { scriptFlags } from '../support/flags.js'
import { startWork } from '../support/work.js'
import { soakFire } from './fire/fire.js'
import { soakServe } from './serve-soak.js'

const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupted.abort())

/** Beyond it timers end at once. */
const MOST_MINUTES = Math.floor((2 ** 31 - 1) / 60_000)

const { serve, minutes, seed } = scriptFlags('soak')
  .usage('$0 [--minutes 10] [--seed SEED]\n$0 --serve [--minutes 60]\n\nHandlers under fire, unless told otherwise.')
  .option('serve', { type: 'boolean', describe: 'serve --interval 1s --watch, with nothing to do' })
  .option('minutes', { type: 'number', requiresArg: true, describe: 'How long' })
  .option('seed', { type: 'string', requiresArg: true, describe: 'What is done under fire; any other each time' })
  .conflicts('serve', 'seed')
  .check(({ minutes, seed }) => {
    if (Array.isArray(minutes) || Array.isArray(seed)) throw new Error('--minutes and --seed: once each, please.')
    if (minutes === undefined || (minutes > 0 && minutes <= MOST_MINUTES)) return true
    throw new Error(`--minutes: ${minutes} is not a number above 0 and up to ${MOST_MINUTES}.`)
  })
  .parseSync()

const { signal } = interrupted
const durationMs = (minutes ?? (serve ? 60 : 10)) * 60_000
const work = startWork(serve ? 'soak, serve' : 'soak, fire')
const plane = await startControlPlane()
work.at(`of ${durationMs / 60_000} min`)
try {
  const burn = () => {
    const options = { durationMs, seed: seed ?? randomUUID().slice(0, 8), signal }
    work.print(`under fire, seed ${options.seed}`)
    return soakFire(plane, options)
  }
  const { figures, faults } = await (serve ? soakServe(plane, { durationMs, signal }) : burn())
  const wrong = faults.map((fault) => `NOT AS IT SHOULD BE: ${fault}`)
  work.print([`${serve ? 'serve' : 'fire'}, ${durationMs / 60_000} min:`, ...figures, ...wrong].join('\n  '))
  if (faults.length > 0 || signal.aborted) process.exitCode = 1
} finally {
  work.done()
  await plane.stop()
}
