/**
 * Runs `http(s)://` checks and httpGet readinessProbes. Those are judged as the kubelet judges them; its own code is
 * the reference (`test/unit/health/kubelet.test.ts`).
 */
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { JsonFact } from '../settings/json-facts.js'
import { type Destination, openConnection } from './connection.js'
import { hostname, portOf } from './go-url.js'
import { type HttpAnswer, readAnswer } from './http-answer.js'
import { firstRequest, type HttpRequest, http1Head, needsHttp1, redirected } from './http-request.js'
import { type Limit, limited } from './limit.js'
import type { ProbeResult } from './probe-result.js'

export interface HttpCheck {
  /** With the pod's IP (IPv6 in brackets) and a numeric port. */
  readonly url: string
  /**
   * As in a readinessProbe: `Host` replaces the URL's host, and an empty `Accept` or `User-Agent` removes the default.
   */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Inclusive ranges of acceptable statuses. */
  readonly statuses: readonly (readonly [min: number, max: number])[]
  /** A text that the first 64 KiB of the body must contain. Without it, 10 KiB of the body are read. */
  readonly body?: string
  /** What the body must hold as JSON, of at most 64 KiB. */
  readonly json?: readonly JsonFact[]
  /**
   * `same-host`: follows at most 9 redirects to the same host, as the kubelet does, whatever the port and the scheme; a
   * redirect to another host is the answer. `none`: any redirect is the answer.
   */
  readonly redirects: 'same-host' | 'none'
}

const MAX_BODY_BYTES = 10 << 10
const MAX_SEARCHED_BODY_BYTES = 64 << 10
/** How much of a redirect's body Go reads, to use the connection again. */
const MAX_REDIRECT_BODY_BYTES = 2 << 10
const MAX_REQUESTS = 10
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308]

/**
 * Makes one request, on a connection of its own, without verifying a certificate. Ends within `timeoutMs` milliseconds,
 * redirects and body included, or as soon as `signal` is aborted. Leaves no socket open. Never throws.
 */
export function probeHttp(check: HttpCheck, timeoutMs: number, signal: AbortSignal): Promise<ProbeResult> {
  return limited(timeoutMs, signal, async (limit) => {
    const first = firstRequest(check.url, check.headers)
    let request = first
    for (let requests = 1; ; requests++) {
      const found = await get(check, first, request, limit)
      if (!('url' in found)) return found
      if (requests === MAX_REQUESTS) return { healthy: false, text: `more than ${MAX_REQUESTS - 1} redirects` }
      request = found
    }
  })
}

/** @returns the result, or the request that a redirect asks for */
async function get(
  check: HttpCheck,
  first: HttpRequest,
  request: HttpRequest,
  limit: Limit,
): Promise<Omit<ProbeResult, 'ms'> | HttpRequest> {
  const socket = await openConnection(destinationOf(request), limit.signal, () => {
    limit.isReached = true
  })
  try {
    const answer = await exchange(socket, request)
    const { status } = answer
    if (check.redirects === 'same-host' && REDIRECTS.includes(status) && answer.location) {
      const next = redirected(request, status, answer.location)
      if (hostname(next.url) === hostname(first.url)) {
        if ((answer.length ?? 0) <= MAX_REDIRECT_BODY_BYTES) await read(answer, MAX_REDIRECT_BODY_BYTES).catch(() => {})
        return next
      }
    }
    const text = `${status}`
    if (!check.statuses.some(([min, max]) => min <= status && status <= max)) return { healthy: false, text }
    limit.late = 'body unfinished after'
    const difference = await differenceOf(check, answer)
    return difference === undefined ? { healthy: true, text } : { healthy: false, text: `${text}, but ${difference}` }
  } finally {
    socket.destroy()
  }
}

/** @throws Error if the URL is neither http nor https */
function destinationOf(request: HttpRequest): Destination {
  const { url } = request
  const address = { host: hostname(url), port: portOf(url) }
  if (url.scheme === 'http') return address
  if (url.scheme !== 'https') throw new Error('neither http nor https')
  return { ...address, tls: needsHttp1(request) ? {} : { protocols: ['h2', 'http/1.1'] } }
}

/**
 * Reads the body. @returns how it differs from the expected one, completing "200, but …", or `undefined`
 * @throws Error if it is cut short
 */
async function differenceOf({ body: text, json }: HttpCheck, answer: HttpAnswer): Promise<string | undefined> {
  const most = text === undefined ? MAX_BODY_BYTES : MAX_SEARCHED_BODY_BYTES
  // One byte more of JSON shows that there is more.
  const bytes = await read(answer, json === undefined ? most : MAX_SEARCHED_BODY_BYTES + 1)
  const body = bytes.subarray(0, MAX_SEARCHED_BODY_BYTES)
  if (text !== undefined && !body.includes(text)) return 'not the expected body'
  if (json === undefined) return undefined
  if (bytes.length > body.length) return 'its JSON is longer than 64 KiB'
  const { differenceIn } = await import('./json-body.js') // few checks ask for it
  return differenceIn(body, json)
}

async function exchange(socket: Socket | TLSSocket, request: HttpRequest): Promise<HttpAnswer> {
  if ('alpnProtocol' in socket && socket.alpnProtocol === 'h2') {
    const { exchangeHttp2 } = await import('./http2.js')
    return exchangeHttp2(socket, request)
  }
  socket.write(http1Head(request), 'latin1')
  return readAnswer(bytesFrom(socket))
}

/** The bytes received until the other side closes. Node shows a reset that comes together with data as an end. */
async function* bytesFrom(socket: Socket): AsyncGenerator<Buffer> {
  yield* socket.iterator({ destroyOnReturn: false })
  if (socket.remoteAddress === undefined) throw new Error('reset')
}

/** Reads the body, at most `most` bytes. @throws Error if it is cut short */
async function read({ body }: HttpAnswer, most: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of body) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes >= most) break
    }
  } catch (cause) {
    throw new Error('body cut short', { cause })
  }
  return Buffer.concat(chunks, Math.min(bytes, most))
}
