/**
 * `http(s)://` checks, and readinessProbes of the kind httpGet.
 *
 * On node:http itself and not on got, which drains the body of a redirect before the next request (a pod that drips one
 * would keep the socket), takes 300 and 304 for redirects, and drops headers when only the port changes: none of that
 * is what the kubelet does.
 */
import { once } from 'node:events'
import * as http from 'node:http'
import * as https from 'node:https'
import { version } from '../version.js'
import { type Limit, limited } from './limit.js'
import type { ProbeResult } from './result.js'

export interface HttpCheck {
  /** With the pod's IP (an IPv6 one in brackets) and, unless it is the scheme's own, a numeric port. */
  readonly url: URL | string
  /** As in a readinessProbe: `Host` replaces the URL's, an empty `Accept` or `User-Agent` removes the default. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Inclusive ranges of acceptable statuses. */
  readonly statuses: readonly (readonly [min: number, max: number])[]
  /** A substring that the first 64 KiB of the body must hold. */
  readonly body?: string
  /**
   * `same-host`: as the kubelet, follows at most 10 redirects to the same host, whatever the port and the scheme; one
   * to another host is the answer. `none`: any redirect is the answer.
   */
  readonly redirects: 'same-host' | 'none'
}

const maxBytes = 64 * 1024
const maxRedirects = 10
const redirectStatuses: readonly (number | undefined)[] = [301, 302, 303, 307, 308]

/** Headers that are written by us or that would make the server wait for a body. */
const reserved = ['host', 'user-agent', 'accept', 'connection', 'content-length', 'transfer-encoding', 'trailer']

/**
 * Requests once, on a connection of its own, without verifying a certificate. Ends within `timeoutMs`, redirects and
 * body included, or as soon as `signal` is aborted; leaves no socket; never throws.
 */
export function probeHttp(check: HttpCheck, timeoutMs: number, signal: AbortSignal): Promise<ProbeResult> {
  return limited(timeoutMs, signal, async (limit) => {
    let url = new URL(check.url)
    let host = header(check, 'Host')
    for (let redirects = 0; ; redirects++) {
      const answer = await get(check, url, host, limit)
      if (!('location' in answer)) return answer
      if (redirects === maxRedirects) return { healthy: false, text: `more than ${maxRedirects} redirects` }
      url = answer.location
      if (answer.absolute) host = undefined // as Go's client: a relative one keeps the Host header
    }
  })
}

type Answer = Omit<ProbeResult, 'ms'> | Redirect
interface Redirect {
  readonly location: URL
  readonly absolute: boolean
}

async function get(check: HttpCheck, url: URL, host: string | undefined, limit: Limit): Promise<Answer> {
  const request = (url.protocol === 'https:' ? https : http).request(url, {
    signal: limit.signal,
    agent: false, // a connection of its own, and no proxy from the environment
    headers: requestHeaders(check, host || url.host),
    // What a browser must fear of lenient parsing does no harm here, and Go's parser, the kubelet's, is lenient too.
    insecureHTTPParser: true,
    maxHeaderSize: maxBytes,
    rejectUnauthorized: false,
  })
  request.on('error', () => {}) // one that comes when the answer is known already
  // A 101 is an answer like any other, but node leaves its socket to whoever listens.
  request.on('upgrade', (response, socket) => {
    socket.destroy()
    request.emit('response', response)
  })
  try {
    request.end()
    const response: http.IncomingMessage = (await once(request, 'response'))[0]
    const { statusCode: status = 0 } = response
    const text = `${status}`
    const redirect = check.redirects === 'same-host' ? redirectOf(response, url) : undefined
    if (redirect) return redirect
    if (!check.statuses.some(([min, max]) => min <= status && status <= max)) return { healthy: false, text }
    limit.late = 'body unfinished after'
    const body = await read(response)
    if (check.body === undefined || body.includes(check.body)) return { healthy: true, text }
    return { healthy: false, text: `${text}, but not the expected body` }
  } finally {
    request.destroy()
  }
}

/** Where the kubelet would go next; `undefined` when this response is the answer. @throws TypeError on a bad URL */
function redirectOf({ statusCode, headers }: http.IncomingMessage, from: URL): Redirect | undefined {
  if (!headers.location || !redirectStatuses.includes(statusCode)) return undefined
  const text = Buffer.from(headers.location, 'latin1').toString()
  const location = new URL(text, from)
  return location.hostname === from.hostname ? { location, absolute: URL.canParse(text) } : undefined
}

/** The first 64 KiB at most. */
async function read(response: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes >= maxBytes) break
    }
  } catch (cause) {
    throw new Error('body cut short', { cause })
  }
  return Buffer.concat(chunks, Math.min(bytes, maxBytes))
}

/** Name, value, name, value, …, which keeps repeated names apart; in UTF-8, where node by itself takes Latin-1 only. */
function requestHeaders(check: HttpCheck, host: string): string[] {
  const userAgent = header(check, 'User-Agent') ?? `active-passive/${version}`
  const accept = header(check, 'Accept') ?? '*/*'
  return [
    ...['Host', host, 'Connection', 'close'],
    ...(userAgent ? ['User-Agent', userAgent] : []),
    ...(accept ? ['Accept', accept] : []),
    ...check.headers.filter(([name]) => !reserved.includes(name.toLowerCase())).flat(),
  ].map((text) => Buffer.from(text).toString('latin1'))
}

function header({ headers }: HttpCheck, wanted: string): string | undefined {
  return headers.find(([name]) => name.toLowerCase() === wanted.toLowerCase())?.[1]
}
