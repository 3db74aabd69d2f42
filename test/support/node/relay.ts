// The way into a machine's network from outside of it: a socket in the cluster's folder, which knows no network
// namespaces. At its inner end runs `relay-inside.ts`.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { pipeline } from 'node:stream'
import { typescriptFile } from '../cluster/processes.js'
import type { Programs } from '../cluster/programs.js'
import type { Machine } from './machines.js'

export interface Relay {
  /** On loopback. */
  readonly port: number
  close(): void
}

/** Makes `port` of the machine's loopback reachable on ours. Connections made before anybody listens there are cut. */
export async function startRelay(programs: Programs, folder: string, machine: Machine, port: number): Promise<Relay> {
  const socket = `relay-${port}.sock` // in the folder in which it runs: such paths must be short
  const { command, args } = typescriptFile(new URL('./relay-inside.ts', import.meta.url))
  await programs.run({ name: 'relay', command, args: [...args, socket, `${port}`], place: machine.place })
  const open = new Set<Socket>()
  const server = createServer((outer) => {
    const inner = connect(join(folder, socket))
    open.add(outer)
    outer.setNoDelay()
    pipeline(outer, inner, outer, () => open.delete(outer))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close()
      for (const socket of open) socket.destroy()
    },
  }
}
