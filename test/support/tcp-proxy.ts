/** A TCP proxy on loopback that counts what passes through it, and can be told to get in its way. */
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Transform } from 'node:stream'

/** What passes is either a part of a request or a part of an answer. */
export type Direction = 'request' | 'answer'

export interface TcpProxy {
  readonly port: number
  /** Accepted so far. */
  readonly connections: number
  /** How many connections were cut by `cutIn`. */
  readonly cuts: Readonly<Record<Direction, number>>
  /** Cuts every connection, and takes new ones. */
  cut(): void
  /**
   * Cuts one connection in the middle of what passes: `after` so many more parts in that direction, on whichever
   * connections, half of the next one is let through. Takes the place of an earlier order that has not come true yet.
   */
  cutIn(direction: Direction, after: number): void
  /** From now on, everything that passes is late by so much. */
  delay(ms: number): void
  /** Lets nothing through any more on the connections that there are, which stay open; new ones work. */
  hold(): void
  close(): Promise<void>
}

export async function startTcpProxy(host: string, port: number): Promise<TcpProxy> {
  const open = new Set<Socket>()
  const cuts = { request: 0, answer: 0 }
  let connections = 0
  let delayMs = 0
  let order: { readonly direction: Direction; after: number } | undefined

  /** Whether it is this part's turn to be cut. */
  const isCut = (direction: Direction): boolean => {
    if (order?.direction !== direction || order.after-- > 0) return false
    order = undefined
    cuts[direction]++
    return true
  }

  const server = createServer((client) => {
    connections++
    const upstream = connect(port, host)
    const destroy = () => {
      client.destroy()
      upstream.destroy()
    }
    for (const [direction, from, to] of [
      ['request', client, upstream],
      ['answer', upstream, client],
    ] as const) {
      const meddle = new Transform({
        transform: (part: Buffer, _encoding, done) => {
          if (isCut(direction)) to.write(part.subarray(0, part.length >> 1), destroy)
          else if (delayMs > 0) setTimeout(done, delayMs, null, part)
          else done(null, part)
        },
      })
      open.add(from)
      from.pipe(meddle).pipe(to)
      from.on('error', destroy)
      from.on('close', () => {
        open.delete(from)
        to.destroy()
      })
    }
  })
  const cut = () => {
    for (const socket of open) socket.destroy()
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    cuts,
    get connections() {
      return connections
    },
    cut,
    cutIn: (direction, after) => {
      order = { direction, after }
    },
    delay: (ms) => {
      delayMs = ms
    },
    hold: () => {
      for (const socket of open) socket.unpipe().pause()
    },
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      cut()
      await closed
    },
  }
}

/** A proxy before the API server of a kubeconfig, and one that leads through it. */
export async function throughProxy(
  kubeconfig: string,
): Promise<{ readonly proxy: TcpProxy; readonly kubeconfig: string }> {
  const text = await readFile(kubeconfig, 'utf8')
  const [server = ''] = SERVER.exec(text) ?? []
  const { hostname, port } = new URL(server)
  const proxy = await startTcpProxy(hostname, Number(port))
  return { proxy, kubeconfig: await onPort(kubeconfig, proxy.port) }
}

/** The same kubeconfig with its API server on another port of this machine. @returns its path */
export async function onPort(kubeconfig: string, port: number, user = ''): Promise<string> {
  const file = `${kubeconfig}-${port}`
  const text = await readFile(kubeconfig, 'utf8')
  await writeFile(file, text.replace(SERVER, `https://${user}127.0.0.1:${port}`), { mode: 0o600 })
  return file
}

const SERVER = /https:\/\/[^"\s]+/
