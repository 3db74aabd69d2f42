/** The Node server: a thin adapter around `fetch`, with limits on the time and the space that a client may take. */
import { once } from 'node:events'
import * as http from 'node:http'
import * as https from 'node:https'
import * as net from 'node:net'
import { ReadableStream } from 'node:stream/web'
import { UsageError } from '../../util/errors.js'
import type { Certificate } from './certificates.js'
import { limitConnections } from './connections.js'
import type { Fetch } from './routes.js'

interface ServerOptions {
  /** 0: any free port. */
  readonly port: number
  /** `undefined`: every address of the machine. */
  readonly host: string | undefined
  readonly certificate: Certificate | undefined
  readonly fetch: Fetch
}

export interface RunningServer {
  readonly url: string
  /** Shows this certificate on connections that begin from now on. */
  renew(certificate: Certificate): void
  /** Accepts no more connections; resolves when every answer was sent. */
  close(): Promise<void>
}

const LIMITS = {
  /** The TLS handshake, and then the request line and the headers. */
  headersTimeout: 5_000,
  /** The whole request. */
  requestTimeout: 15_000,
  /**
   * Between two requests. Common load balancers and proxies close a connection after 60 s. This is longer: if the
   * server closed it first, a request that is just on its way would be lost, and a POST is not sent again. The limit on
   * headers runs from the first byte of a request, not while a connection is idle.
   */
  keepAliveTimeout: 65_000,
  /** The limits above are checked so often. */
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16 * 1024,
} as const
/** A client has to read its answer within this time. */
const ANSWER_TIMEOUT_MS = 15_000
const MAX_CONNECTIONS = 1_000

/** @throws UsageError when the port cannot be listened on */
export async function startServer({ port, host, certificate, fetch }: ServerOptions): Promise<RunningServer> {
  let closing = false
  const respond: http.RequestListener = (incoming, outgoing) => {
    const answered = connections.requestBegins(incoming.socket)
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
      // http.Server's own close() would stop the checks of slow clients, and cut off answers that are on their way.
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
  outgoing.on('error', () => {}) // a client went away
  try {
    const request = requestOf(incoming)
    const response = request instanceof Request ? await fetch(request) : new Response(null, { status: request })
    const chunks: Uint8Array[] = []
    for await (const chunk of response.body ?? []) chunks.push(chunk)
    const length = chunks.reduce((sum, { byteLength }) => sum + byteLength, 0)
    if (isClosing()) outgoing.setHeader('connection', 'close')
    outgoing.writeHead(response.status, { ...Object.fromEntries(response.headers), 'content-length': length })
    // The chunks are not joined, because answers with the same report share its bytes.
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

/** A target that begins with two slashes is a path too, though a relative URL would name another host by them. */
function urlOf(target: string): URL {
  return target.startsWith('/') ? new URL(`http://localhost${target}`) : new URL(target, 'http://localhost')
}

/** @returns the status of the answer instead, where the URL or the method is not one that a Request may have */
function requestOf(incoming: http.IncomingMessage): Request | 400 | 501 {
  const { method = '', url = '', headers } = incoming
  if (method === 'TRACE') return 501
  const hasBody = method !== 'GET' && method !== 'HEAD'
  // The body is read when a route asks for it. It is never destroyed, because that would cut off the answer too.
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
