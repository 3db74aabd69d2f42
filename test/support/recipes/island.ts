/**
 * A network of its own, in which servers stand for pods under addresses that EndpointSlices take (they take none of
 * loopback). What runs there reaches the API server, by its address on our loopback, and nothing else of this machine.
 */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream'
import { promisify } from 'node:util'
import { until } from '../cluster/poll.js'
import { lastLines, type Process, startKeeper, typescriptFile } from '../cluster/processes.js'
import type { Place } from '../cluster/programs.js'
import { isThere } from '../node/requirements.js'

const run = promisify(execFile)

export interface Island {
  /** Where its processes run, and what they leave behind until it is closed. Everybody may enter it. */
  readonly folder: string
  /** Has a command run there. */
  readonly place: Place
  /** Starts a program there; it ends with the island at the latest. */
  start(name: string, command: string, ...args: readonly string[]): Promise<Process>
  /** Runs a command there; resolves with its stdout. @throws what execFile throws for another exit code than 0 */
  exec(command: string, ...args: readonly string[]): Promise<string>
  close(): Promise<void>
}

/** What is missing on this machine to have one; undefined when nothing is. */
export function whyNoIsland(): string | undefined {
  if (process.platform !== 'linux') return `it takes network namespaces of Linux, and this is ${process.platform}`
  if (process.getuid?.() !== 0) return 'a network namespace needs root'
  return isThere('ip') ? undefined : 'programs are missing: apt-get install --no-install-recommends iproute2'
}

/**
 * @param server URL of the API server, on loopback
 * @param addresses those of the pods
 */
export async function openIsland(server: string, addresses: readonly string[]): Promise<Island> {
  const folder = await mkdtemp(join(tmpdir(), 'active-passive-island-'))
  await chmod(folder, 0o755) // a database runs as a user of its own
  const keeper = startKeeper(folder)
  const begin = (name: string, command: string, args: readonly string[]) =>
    keeper.run({ name, command, args, log: join(folder, `${name}.log`), graceMs: 0 })
  const first = await begin('island', 'unshare', ['--net', '--', 'sh', '-ec', script(addresses)])
  await until('an island', () => whenReady(first, join(folder, 'ready')))

  const enter = ['--target', `${first.pid}`, '--net', '--']
  const place: Place = (command, args) => ({ command: 'nsenter', args: [...enter, command, ...args] })
  const start: Island['start'] = (name, ...command) => begin(name, 'nsenter', [...enter, ...command])
  const outside = await relayOutside(join(folder, 'api.sock'), Number(new URL(server).port))
  const { command, args } = typescriptFile(new URL('../node/relay-inside.ts', import.meta.url))
  await start('relay', command, ...args, new URL(server).port, 'api.sock')
  return {
    folder,
    place,
    start,
    exec: async (...all) => (await run('nsenter', [...enter, ...all], { cwd: folder })).stdout,
    close: async () => {
      outside.close()
      await keeper.end()
    },
  }
}

/** What the first process does: it is there for as long as the island is. */
function script(addresses: readonly string[]): string {
  const add = addresses.map((address) => `ip addr add ${address}/32 dev lo`)
  return ['ip link set lo up', ...add, 'touch ready', 'exec sleep infinity'].join('\n')
}

async function whenReady({ ended, log }: Process, ready: string): Promise<true | undefined> {
  if (ended !== undefined) throw new Error(`no network namespace (${ended}): ${await lastLines(log)}`)
  return existsSync(ready) || undefined
}

async function relayOutside(path: string, port: number) {
  const server = createServer((inner) => {
    const outer = connect({ host: '127.0.0.1', port, noDelay: true })
    pipeline(inner, outer, inner, () => undefined) // a connection that breaks is its two ends' affair
  })
  await once(server.listen(path), 'listening')
  return server
}
