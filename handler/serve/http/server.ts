/** The Node server: a thin adapter around `fetch`, with limits on what a client may take. */
import { once } from 'node:events'
import * as http from 'node:http'
import * as https from 'node:https'
import * as net from 'node:net'
import { ReadableStream } from 'node:stream/web'
import { UsageError } from '../../util/errors.js'
import type { Certificate } from './certificates.js'
import { limitConnections } from './connections.js'
import type { Fetch } from './routes.js'

export interface ServerOptions {
  /** 0: any that is free. */
  readonly port: number
  /** `undefined`: every address of the machine. */
  readonly host: string | undefined
  readonly certificate: Certificate | undefined
  readonly fetch: Fetch
}

export interface RunningServer {
  readonly url: string
  /** For connections that begin from now on. */
  renew(certificate: Certificate): void
  /** Accepts no more connections; resolves when every answer that is owed is out. */
  close(): Promise<void>
}

const LIMITS = {
  /** TLS included; then the request line and the headers. */
  headersTimeout: 5_000,
  /** The whole request. */
  requestTimeout: 15_000,
  /**
   * Between two requests. Longer than the 60 s after which common load balancers and proxies close a connection: closed
   * by us first, a request that is just on its way would be lost, and a POST is not sent again. The limit on headers runs
   * from the first byte of a request, not while a connection is idle.
   */
  keepAliveTimeout: 65_000,
  /** How exact those are. */
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16 * 1024,
} as const
/** For a client to take its answer. */
const ANSWER_TIMEOUT_MS = 15_000
const MAX_CONNECTIONS = 1_000

/** @throws UsageError when the port is not to be had */
export async function startServer({ port, host, certificate, fetch }: ServerOptions): Promise<RunningServer> {
  let closing = false
  const respond: http.RequestListener = (incoming, outgoing) => {
    const answered = connections.owe(incoming.socket)
    if (answered) void answer(fetch, incoming, outgoing, () => closing).finally(answered)
  }
  const tls =
    certificate && https.createServer({ ...LIMITS, ...certificate, handshakeTimeout: LIMITS.headersTimeout }, respond)
  const server = tls ?? http.createServer(LIMITS, respond)
  const connections = limitConnections(server, MAX_CONNECTIONS)
  server.listen({ port, host })
  await once(server, 'listening').catch((error: NodeJS.ErrnoException) => {
    const remedy = error.code === 'EADDRINUSE' ? 'something else listens there' : (error.code ?? error.message)
    throw new UsageError(`--port ${port}: cannot be listened on: ${remedy}`)
  })
  return {
    url: `http${tls ? 's' : ''}://${host ?? '0.0.0.0'}:${(server.address() as net.AddressInfo).port}`,
    renew: (renewed) => tls?.setSecureContext(renewed),
    close: async () => {
      closing = true
      const closed = once(server, 'close')
      // That of http.Server would look after slow clients no more, and cut off answers that are on their way.
      net.Server.prototype.close.call(server)
      server.requestTimeout = LIMITS.headersTimeout
      connections.close(LIMITS.headersTimeout)
      await closed
    },
  }
}

async function answer(
  fetch: Fetch,
  incoming: http.IncomingMessage,
  outgoing: http.ServerResponse,
  isClosing: () => boolean,
): Promise<void> {
  outgoing.on('error', () => {}) // of a client that went away
  try {
    const request = requestOf(incoming)
    const response = request instanceof Request ? await fetch(request) : new Response(null, { status: request })
    const chunks: Uint8Array[] = []
    for await (const chunk of response.body ?? []) chunks.push(chunk)
    const length = chunks.reduce((sum, { byteLength }) => sum + byteLength, 0)
    if (isClosing()) outgoing.setHeader('connection', 'close')
    outgoing.writeHead(response.status, { ...Object.fromEntries(response.headers), 'content-length': length })
    // As they are: callers that are answered with the same share it in memory.
    for (const chunk of chunks) outgoing.write(chunk)
    outgoing.end()
  } catch {
    outgoing.destroy()
  }
  incoming.resume() // a client that is cut off while it still sends may not see its answer
  if (outgoing.destroyed) return
  const timer = setTimeout(() => incoming.socket.destroy(), ANSWER_TIMEOUT_MS)
  outgoing.once('close', () => clearTimeout(timer))
}

/** A path is one though it begins with two slashes, after which a reference to another host would follow. */
function urlOf(target: string): URL {
  return target.startsWith('/') ? new URL(`http://localhost${target}`) : new URL(target, 'http://localhost')
}

/** Or the status that answers what cannot be one: no URL, or a method that a request may not have. */
function requestOf(incoming: http.IncomingMessage): Request | 400 | 501 {
  const { method = '', url = '', headers } = incoming
  if (method === 'TRACE') return 501
  const hasBody = method !== 'GET' && method !== 'HEAD'
  // Read when it is asked for, and never cut off: that would cut off the answer too.
  const body = () => ReadableStream.from(incoming.iterator({ destroyOnReturn: false }))
  try {
    const pairs = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
      value === undefined ? [] : [[name, String(value)]],
    )
    return new Request(urlOf(url), {
      method,
      headers: pairs,
      ...(hasBody ? { body: body(), duplex: 'half' } : {}),
    } as RequestInit)
  } catch {
    return 400
  }
}
