// `node handler serve` of some checkout, somewhere in the cluster's first machine.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { until } from '../../support/cluster/poll.js'
import type { Machine } from '../../support/node/machines.js'
import type { View } from './views.js'

export interface ServeOptions {
  readonly machine: Machine
  readonly view: View
  /** The folder of the checkout, which is built. */
  readonly checkout: string
  readonly kubeconfig: string
  readonly port: number
  readonly flags: readonly string[]
}

export interface Serving {
  /** What it has said so far. */
  readonly log: readonly string[]
  stop(): Promise<void>
}

/** Resolves when it is ready. @throws Error with what it said when it is not in time */
export async function startServe(options: ServeOptions): Promise<Serving> {
  const { machine, view, checkout, kubeconfig, port, flags } = options
  const program = [process.execPath, join(checkout, 'handler'), 'serve', '--port', `${port}`, ...flags]
  // Its number where it runs is the first thing to be read.
  const shell = ['-c', 'echo $$; exec "$@"', 'sh', 'env', `KUBECONFIG=${kubeconfig}`]
  const { command, args } = view.place('sh', [...shell, ...program])
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const closed = once(child, 'close')
  const log: string[] = []
  createInterface(child.stderr).on('line', (line) => log.push(line))
  const lines = createInterface(child.stdout)
  const [pid] = (await once(lines, 'line')) as [string]
  lines.on('line', (line) => log.push(line))
  await until('serve is ready', () => (log.some((line) => line.includes('listening on')) ? true : undefined)).catch(
    (error: Error) => {
      throw new Error(`${error.message}; it said: ${log.join('; ')}`)
    },
  )
  return {
    log,
    stop: async () => {
      await machine.exec('kill', '-TERM', pid).catch(() => undefined) // it has ended by itself
      await closed
    },
  }
}
