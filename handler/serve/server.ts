/** The Node server: a thin adapter around `fetch`, with limits on what a client may take. */
import { once } from 'node:events'
import * as http from 'node:http'
import * as https from 'node:https'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { UsageError } from '../errors.js'
import type { Certificate } from './certificates.js'
import { limitConnections } from './connections.js'
import type { Fetch } from './fetch.js'

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
  /** Between two requests. */
  keepAliveTimeout: 60_000,
  /** How exact those are. */
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16 * 1024,
} as const
const MAX_CONNECTIONS = 1_000

/** @throws UsageError when the port is not to be had */
export async function startServer({ port, host, certificate, fetch }: ServerOptions): Promise<RunningServer> {
  const unfinished = new Set<http.IncomingMessage>()
  const respond: http.RequestListener = (incoming, outgoing) => {
    unfinished.add(incoming)
    incoming.once('close', () => unfinished.delete(incoming))
    void answer(fetch, incoming, outgoing)
  }
  const tls =
    certificate && https.createServer({ ...LIMITS, ...certificate, handshakeTimeout: LIMITS.headersTimeout }, respond)
  const server = tls ?? http.createServer(LIMITS, respond)
  const closeSilent = limitConnections(server, MAX_CONNECTIONS)
  let closing = false
  server.on('request', (_incoming, outgoing: http.ServerResponse) => {
    if (closing) outgoing.setHeader('connection', 'close')
  })
  server.listen({ port, host })
  await once(server, 'listening').catch((error: NodeJS.ErrnoException) => {
    const remedy = error.code === 'EADDRINUSE' ? 'something else listens there' : (error.code ?? error.message)
    throw new UsageError(`--port ${port}: cannot be listened on: ${remedy}`)
  })
  return {
    url: `http${tls ? 's' : ''}://${host ?? '0.0.0.0'}:${(server.address() as AddressInfo).port}`,
    renew: (renewed) => tls?.setSecureContext(renewed),
    close: async () => {
      closing = true
      const closed = once(server, 'close')
      server.close()
      closeSilent()
      // Once it is closed the server does not look after slow clients any more.
      const timer = setTimeout(() => {
        for (const incoming of unfinished) if (!incoming.complete) incoming.destroy()
      }, LIMITS.headersTimeout)
      await closed
      clearTimeout(timer)
    },
  }
}

async function answer(fetch: Fetch, incoming: http.IncomingMessage, outgoing: http.ServerResponse): Promise<void> {
  outgoing.on('error', () => {}) // of a client that went away
  try {
    const request = requestOf(incoming)
    if (!request) return void outgoing.writeHead(400, { connection: 'close' }).end()
    const response = await fetch(request)
    if (!incoming.complete) outgoing.setHeader('connection', 'close') // what is left of the body is not read
    outgoing.writeHead(response.status, Object.fromEntries(response.headers))
    outgoing.end(Buffer.from(await response.arrayBuffer()))
  } catch {
    outgoing.destroy()
  }
}

/** `undefined` for what is no URL, or no method that a request may have. */
function requestOf(incoming: http.IncomingMessage): Request | undefined {
  const { method = '', url = '', headers } = incoming
  const hasBody = method !== 'GET' && method !== 'HEAD'
  try {
    const pairs = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
      value === undefined ? [] : [[name, String(value)]],
    )
    return new Request(new URL(url, 'http://localhost'), {
      method,
      headers: pairs,
      ...(hasBody ? { body: Readable.toWeb(incoming) as ReadableStream<Uint8Array>, duplex: 'half' } : {}),
    } as RequestInit)
  } catch {
    return undefined
  }
}
