/**
 * A network of its own, in which servers stand for pods under addresses that EndpointSlices take (they take none of
 * loopback). What runs there reaches the API server, by its address on our loopback, and nothing else of this machine.
 */
import { once } from 'node:events'
import { chmod, mkdtemp } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream'
import { findBinaries } from '../cluster/binaries.js'
import { type Process, startKeeper, typescriptFile } from '../cluster/processes.js'
import { type Place, Programs } from '../cluster/programs.js'
import { startMachines } from '../node/machines.js'
import { isThere } from '../node/requirements.js'

export interface Island {
  /** Where its programs run, and what they leave behind until it is closed. Everybody may enter it. */
  readonly folder: string
  /** Has a command run there. */
  readonly place: Place
  /** Starts a program there, one of Kubernetes' own or one on the PATH; it ends with the island at the latest. */
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
  const programs = new Programs(keeper, findBinaries() ?? '', folder)
  const [machine] = await startMachines(programs, folder, 1)
  if (!machine) throw new Error('no machine was started')
  const { place, exec } = machine
  await exec('sh', '-ec', addresses.map((address) => `ip addr add ${address}/32 dev lo`).join('\n'))
  const { port } = new URL(server)
  const outside = await relayOutside(join(folder, 'api.sock'), Number(port))
  const { command, args } = typescriptFile(new URL('../node/relay-inside.ts', import.meta.url))
  await programs.run({ name: 'relay', command, args: [...args, port, 'api.sock'], place })
  return {
    folder,
    place,
    start: (name, command, ...args) => programs.run({ name, command, args, place }),
    exec,
    close: async () => {
      outside.close()
      await programs.end()
    },
  }
}

async function relayOutside(path: string, port: number) {
  const server = createServer((inner) => {
    const outer = connect({ host: '127.0.0.1', port, noDelay: true })
    pipeline(inner, outer, inner, () => undefined) // a connection that breaks is its two ends' affair
  })
  await once(server.listen(path), 'listening')
  return server
}
