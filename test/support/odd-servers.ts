/** Servers that answer probes in every odd way, each with a note of what it was asked. They listen on loopback only. */
import { once } from 'node:events'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { createSecureServer } from 'node:http2'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { pipeline, Readable } from 'node:stream'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import { testCert, testKey } from './tls.js'

export interface OddServer {
  readonly port: number
  /** The requests since the last call, as they came. */
  take(): readonly string[]
  /** How many are open. */
  readonly connections: number
  close(): Promise<void>
}

/** What a server knows when it answers: `{plain}` and `{tls}` in a text stand for the ports of two others. */
export interface Ports {
  readonly plain: number
  readonly tls: number
}

/** Listens on loopback, or on another host; on any port, or on this one. */
export type StartOdd = (ports: Ports, host?: string, port?: number) => Promise<OddServer>

/** What to say to a request, as bytes in Latin-1 after which the connection ends; or what to do. */
export type Say = string | ((socket: Socket, path: string, fill: (text: string) => Buffer) => void)

/** Speaks whatever it is told over TCP. */
export const plain =
  (say: Say): StartOdd =>
  (ports, host, port) =>
    listen(createServer(), 'connection', [host, port], (socket, note) => converse(socket, note, say, ports))

/** The same over TLS. */
export const secure =
  (say: Say, options: TlsOptions = {}): StartOdd =>
  (ports, host, port) =>
    listen(tlsServer(options), 'secureConnection', [host, port], (socket, note) => converse(socket, note, say, ports))

/** Answers by path; `*` stands for all others. */
export const routes =
  (answers: Readonly<Record<string, string>>): Say =>
  (socket, path, fill) =>
    socket.end(fill(answers[path] ?? answers['*'] ?? 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'))

/** Says this, and leaves the connection open. */
export const hold =
  (text: string): Say =>
  (socket) =>
    socket.write(bytes(text))

/** Says this, and then so many bytes more, as fast as they are taken. */
export const flood =
  (text: string, count: number): Say =>
  (socket) => {
    const block = Buffer.alloc(64 << 10, 'x')
    const blocks = function* () {
      yield bytes(text)
      for (let left = count; left > 0; left -= block.length) yield block.subarray(0, left)
    }
    pipeline(Readable.from(blocks()), socket, () => {})
  }

/** Says these one after another, some milliseconds apart, then ends the connection. */
export const slowly =
  (...parts: readonly string[]): Say =>
  (socket) => {
    const [first = '', ...rest] = parts
    if (rest.length === 0) return void socket.end(bytes(first))
    socket.write(bytes(first))
    setTimeout(() => socket.destroyed || (slowly(...rest) as (socket: Socket) => void)(socket), 30)
  }

/** Says this, then resets the connection. */
export const thenReset =
  (text: string): Say =>
  (socket) => {
    const { _parent: parent } = socket as Socket & { readonly _parent?: Socket }
    socket.write(bytes(text), () => setTimeout(() => (parent ?? socket).resetAndDestroy(), 20))
  }

/** Does this with a connection that was just accepted, whatever comes. */
export const accept =
  (act: (socket: Socket) => void): StartOdd =>
  (_, host, port) =>
    listen(createServer(), 'connection', [host, port], (socket) => act(socket.resume()))

/** Nobody listens there. */
export const closed: StartOdd = async (_, host, port) => {
  const server = await listen(createServer(), 'connection', [host, port], () => {})
  await server.close()
  return server
}

/** A proper server of HTTP/2, by ALPN. */
export const http2 =
  (answer: (request: Http2ServerRequest, response: Http2ServerResponse) => void, options: object = {}): StartOdd =>
  async (_, host, port) => {
    const asked: string[] = []
    const server = createSecureServer({ key: testKey, cert: testCert, ...options }, (request, response) => {
      asked.push(`${request.httpVersion} ${JSON.stringify(Object.entries(request.headers).sort())}`)
      response.on('error', () => {})
      answer(request, response)
    })
    server.on('sessionError', () => {})
    return begin(server as unknown as Server, [host, port], asked)
  }

/** A frame of HTTP/2 (RFC 9113, section 4.1). */
export function frame(type: number, flags: number, stream: number, payload: Buffer | string = ''): Buffer {
  const body = Buffer.from(payload as string, 'latin1')
  const head = Buffer.alloc(9)
  head.writeUIntBE(body.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, body])
}

/** Fields as literals without indexing and without Huffman's code (RFC 7541, section 6.2.2). */
export function fields(...all: readonly (readonly [string, string])[]): Buffer {
  const text = (value: string) => {
    const raw = Buffer.from(value, 'latin1')
    return Buffer.concat([integer(raw.length), raw])
  }
  return Buffer.concat(all.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]))
}

function integer(value: number): Buffer {
  if (value < 127) return Buffer.from([value])
  const out = [127]
  for (let rest = value - 127; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...out, rest])
    out.push((rest % 128) + 128)
  }
}

/** Speaks HTTP/2 frame by frame: its settings, then these once the request's headers have come. */
export const frames =
  (answer: readonly Buffer[], { first = frame(4, 0, 0), end = true, tls = true } = {}): StartOdd =>
  (_, host, port) => {
    const serve = (socket: Socket) => {
      let seen = Buffer.alloc(0)
      let answered = false
      socket.write(first)
      socket.on('data', (chunk) => {
        seen = Buffer.concat([seen, chunk])
        if (answered || !hasHeaders(seen)) return
        answered = true
        socket.write(Buffer.concat([frame(4, 1, 0), ...answer]))
        if (end) setTimeout(() => socket.end(), 50)
      })
    }
    if (!tls) return listen(createServer(), 'connection', [host, port], serve)
    return listen(tlsServer({ ALPNProtocols: ['h2'] }), 'secureConnection', [host, port], serve)
  }

/** Whether a client's preface and a frame of type HEADERS are there. */
function hasHeaders(seen: Buffer): boolean {
  for (let at = 24; at + 9 <= seen.length; at += 9 + seen.readUIntBE(at, 3)) if (seen[at + 3] === 1) return true
  return false
}

type Note = (request: string) => void
type At = readonly [host: string | undefined, port: number | undefined]

async function listen(
  server: Server,
  event: 'connection' | 'secureConnection',
  at: At,
  serve: (socket: Socket, note: Note) => void,
): Promise<OddServer> {
  const asked: string[] = []
  server.on(event, (socket: Socket) => {
    socket.on('error', () => {})
    serve(socket, (request) => asked.push(request))
  })
  return begin(server, at, asked)
}

/** @param asked what it has been asked, as it is asked */
async function begin(server: Server, [host = '127.0.0.1', port = 0]: At, asked: string[]): Promise<OddServer> {
  server.on('tlsClientError', () => {})
  const open = track(server)
  server.listen(port, host)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    take: () => asked.splice(0),
    get connections() {
      return open.size
    },
    close: () => stop(server, open),
  }
}

const tlsServer = (options: TlsOptions) => createTlsServer({ key: testKey, cert: testCert, ...options })

function track(server: Server): ReadonlySet<Socket> {
  const open = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    socket.on('error', () => {})
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  return open
}

async function stop(server: Server, open: ReadonlySet<Socket>): Promise<void> {
  for (const socket of open) socket.destroy()
  if (server.listening) await new Promise((resolve) => server.close(resolve))
}

function converse(socket: Socket, note: Note, say: Say, { plain, tls }: Ports): void {
  let head = ''
  const read = (chunk: Buffer) => {
    head += chunk.toString('latin1')
    const end = head.indexOf('\r\n\r\n')
    if (end < 0) return
    socket.off('data', read).resume()
    note(head.slice(0, end))
    const fill = (text: string) =>
      bytes(
        text
          .replaceAll('{port}', `${socket.localPort}`)
          .replaceAll('{plain}', `${plain}`)
          .replaceAll('{tls}', `${tls}`),
      )
    if (typeof say === 'string') socket.end(fill(say))
    else say(socket, head.split(' ')[1] ?? '', fill)
  }
  socket.on('data', read)
}

const bytes = (text: string) => Buffer.from(text, 'latin1')
