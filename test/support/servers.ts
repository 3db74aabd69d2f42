/**
 * Servers that stand for pods: they answer well, badly, slowly, for ever or not at all, and can be switched while they
 * run. They speak on bare sockets, because a proper HTTP library refuses to misbehave.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { TLSSocket } from 'node:tls'
import { testCert, testKey } from './tls.js'

/** A request as it came: `head` is everything up to the empty line. */
export interface TestRequest {
  readonly path: string
  readonly head: string
}

/** Answers one request by writing to the socket. */
export type Answer = (socket: Socket, request: TestRequest, server: { readonly name: string }) => void

/** A whole response. Adds nothing but the content-length (unless there is one) and `Connection: close`. */
export function response(status: number, body: string, headers: Readonly<Record<string, string>> = {}): string {
  const all = { 'Content-Length': `${Buffer.byteLength(body)}`, Connection: 'close', ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} Status\r\n${lines.join('')}\r\n${body}`
}

/** Says this, then ends the connection properly. */
export const say =
  (text: string): Answer =>
  (socket) =>
    socket.end(text)

const endless = 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n'

const answers = {
  /** 200 and the server's name. */
  ok: (socket, _request, { name }) => socket.end(response(200, name)),
  /** 500 and the server's name. */
  error: (socket, _request, { name }) => socket.end(response(500, name)),
  /** Takes the request and says nothing. */
  hang: () => {},
  /** Sends the headers and a part of the body, then says nothing. */
  'hang-body': (socket, _request, { name }) => socket.write(`${endless}${name}`),
  /** 200, then a byte of body every 100 ms for ever. */
  drip: (socket) => {
    socket.write(endless)
    repeat(socket, 100, () => socket.write('.'))
  },
  /** A header every 100 ms for ever. */
  'drip-headers': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n')
    repeat(socket, 100, () => socket.write('X-Drip: .\r\n'))
  },
  /** Headers for ever, as fast as they are read. */
  'flood-headers': (socket) => flood(socket, 'HTTP/1.1 200 OK\r\n', 'X-Flood: .\r\n'.repeat(1_000), Infinity),
  /** 200 and a body of 1 GiB, as fast as it is read. */
  flood: (socket) => flood(socket, response(200, '', { 'Content-Length': `${2 ** 30}` }), '.'.repeat(2 ** 16), 2 ** 14),
  /** RST after the request. */
  reset: (socket) => reset(socket),
  /** RST in the middle of the body. */
  'reset-body': (socket, _request, { name }) =>
    socket.write(response(200, name, { 'Content-Length': '1000' }), () => setTimeout(reset, 20, socket)),
  /** Ends the connection without an answer. */
  close: (socket) => socket.end(),
  /** Announces more than it sends, then ends the connection properly. */
  short: (socket, _request, { name }) => socket.end(response(200, name, { 'Content-Length': '1000' })),
  /** Something else than HTTP. */
  garbage: (socket) => socket.end('SSH-2.0-OpenSSH_9.9\r\n\0\xff\r\n'),
  /** 103 every 20 ms and never an answer. */
  informational: (socket) => repeat(socket, 20, () => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n')),
  /** A redirect to the same path. */
  'redirect-loop': (socket, { path }) => socket.end(response(302, '', { Location: path })),
  /** A redirect to an address from the range for documentation. */
  'redirect-away': (socket) => socket.end(response(302, '', { Location: 'http://192.0.2.1/' })),
} as const satisfies Record<string, Answer>

/** `silent`: accepts connections and does nothing, not even TLS. `refuse`: does not listen. */
export type Behaviour = keyof typeof answers | 'silent' | 'refuse' | Answer

export interface TestServer {
  readonly host: string
  readonly port: number
  /** `http://127.0.0.1:1234`, with brackets around an IPv6 address, without a slash at the end. */
  readonly url: string
  readonly name: string
  readonly behaviour: Behaviour
  /** From the next connection on; `refuse` also cuts those that are open. Listens or not when this resolves. */
  behave(behaviour: Behaviour): Promise<void>
  /** How many requests came. */
  readonly requests: number
  readonly lastRequest: TestRequest | undefined
  /** How many connections were accepted. */
  readonly accepted: number
  /** How many connections are open. */
  readonly connections: number
  /** Resolves when no connection is open. @throws Error when one still is after 5 s */
  idle(): Promise<void>
  /** Cuts all connections and stops listening. */
  close(): Promise<void>
}

export interface TestServerOptions {
  /** The body of its answers. */
  readonly name?: string
  readonly host?: string
  /** 0: any free one. */
  readonly port?: number
  readonly tls?: boolean
}

/** Answers on any path, one request for each connection. */
export async function startServer(
  initial: Behaviour = 'ok',
  { name = 'pod', host = '127.0.0.1', port: wanted = 0, tls = false }: TestServerOptions = {},
): Promise<TestServer> {
  let behaviour = initial
  let requests = 0
  let accepted = 0
  let lastRequest: TestRequest | undefined
  const open = new Set<Socket>()

  const server = createServer((raw) => {
    accepted++
    open.add(raw)
    raw.on('error', () => {}) // the other side may be as rude
    raw.on('close', () => open.delete(raw))
    if (behaviour === 'silent' || behaviour === 'refuse') return void raw.resume()
    const answer = typeof behaviour === 'string' ? answers[behaviour] : behaviour
    const socket = tls ? secure(raw) : raw
    let head = ''
    const read = (chunk: Buffer) => {
      head += chunk.toString('latin1')
      if (!head.includes('\r\n\r\n')) return
      socket.off('data', read).resume()
      requests++
      lastRequest = { path: head.split(' ')[1] ?? '', head: head.slice(0, head.indexOf('\r\n\r\n')) }
      answer(socket, lastRequest, { name })
    }
    socket.on('data', read)
  })

  async function listen(port: number): Promise<number> {
    server.listen(port, host)
    await once(server, 'listening')
    const address = server.address()
    if (typeof address !== 'object' || address === null) throw new Error(`no port on ${host}`)
    return address.port
  }

  async function stop(): Promise<void> {
    for (const socket of open) socket.destroy()
    if (server.listening) await new Promise((resolve) => server.close(resolve))
  }

  // A server that refuses at first must have a port all the same.
  const port = await listen(wanted)
  if (initial === 'refuse') await stop()

  return {
    host,
    port,
    url: `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    name,
    get behaviour() {
      return behaviour
    },
    get requests() {
      return requests
    },
    get lastRequest() {
      return lastRequest
    },
    get accepted() {
      return accepted
    },
    get connections() {
      return open.size
    },
    async behave(next) {
      behaviour = next
      if (next === 'refuse') await stop()
      else if (!server.listening) await listen(port)
    },
    async idle() {
      for (let waited = 0; open.size > 0; waited += 10) {
        if (waited >= 5_000) throw new Error(`${open.size} connections to ${name} are still open`)
        await sleep(10)
      }
    },
    close: stop,
  }
}

/**
 * A port that never completes a connection, as behind a firewall that drops packets: its queue of connections to accept
 * is full, and its process does not come to it for a minute. Linux only: elsewhere a full queue may refuse.
 */
export async function startBlackHole(): Promise<{ readonly host: string; readonly port: number; close(): void }> {
  const program = `
    const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      require('node:fs').writeSync(1, String(server.address().port))
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000)
      process.exit()
    })`
  const child = spawn(process.execPath, ['--eval', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const port = Number(String((await once(child.stdout, 'data'))[0]))
  const host = '127.0.0.1'
  const fillers: Socket[] = []
  const close = () => {
    child.kill('SIGKILL')
    for (const socket of fillers) socket.destroy()
  }
  for (let left = 20; left > 0; left--) {
    const socket = connect({ host, port }).on('error', () => {})
    fillers.push(socket)
    const connected = await Promise.race([once(socket, 'connect'), sleep(250, undefined)])
    if (connected === undefined) return { host, port, close }
  }
  close()
  throw new Error('the queue of connections does not get full')
}

function secure(raw: Socket): Socket {
  const socket = new TLSSocket(raw, { isServer: true, key: testKey, cert: testCert })
  socket.on('error', () => raw.destroy())
  socket.on('close', () => raw.destroy())
  return socket
}

function reset(socket: Socket): void {
  // A TLS socket is a layer over the one that can reset.
  const { _parent: parent } = socket as Socket & { readonly _parent?: Socket }
  ;(parent ?? socket).resetAndDestroy()
}

function repeat(socket: Socket, everyMs: number, action: () => void): void {
  const timer = setInterval(action, everyMs)
  socket.once('close', () => clearInterval(timer))
}

/** Writes `chunk` that many times, no faster than it is read. */
function flood(socket: Socket, head: string, chunk: string, times: number): void {
  let left = times
  const pour = () => {
    while (left-- > 0 && !socket.destroyed) if (!socket.write(chunk)) return void socket.once('drain', pour)
    socket.end()
  }
  socket.write(head)
  pour()
}
