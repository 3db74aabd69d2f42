/**
 * Makes the requests of an HTTP probe as the kubelet and Go's client do: headers, redirects, and the bytes of HTTP/1.
 * Pure.
 */
import { domainToASCII } from 'node:url'
import { version } from '../util/version.js'
import { formatUrl, type GoUrl, parseUrl, requestTarget, resolveUrl } from './go-url.js'
import { MAX_LOCATION_BYTES, trim } from './http-fields.js'

/** Values by the name in its usual form (`X-Key`). Values are bytes, one per character. */
type Headers = ReadonlyMap<string, readonly string[]>

export interface HttpRequest {
  readonly url: GoUrl
  /** Replaces the URL's host; empty: it does not. */
  readonly host: string
  readonly headers: Headers
  /** The headers that a redirect keeps. */
  readonly carried: Headers
}

/** Some servers accept only kubelets, and check nothing but this name. Ours also names this program. */
export const USER_AGENT = `kube-probe/1.36 active-passive/${version}`

const bytes = (text: string) => Buffer.from(text).toString('latin1')

/**
 * The first request of a probe.
 * @throws Error if the URL or a header is invalid
 */
export function firstRequest(address: string, given: readonly (readonly [name: string, value: string])[]): HttpRequest {
  const url = parseUrl(bytes(address))
  if (!url?.host) throw new Error('invalid URL')
  const headers = new Map<string, readonly string[]>()
  for (const [name, value] of given) {
    const key = usualName(bytes(name))
    headers.set(key, [...(headers.get(key) ?? []), bytes(value)])
  }
  if (!headers.has('User-Agent')) headers.set('User-Agent', [USER_AGENT])
  if (!headers.has('Accept')) headers.set('Accept', ['*/*'])
  else if (!headers.get('Accept')?.[0]) headers.delete('Accept')
  for (const [name, values] of headers) {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name) || values.some((value) => /[^\t -~\x80-\xff]/.test(value)))
      throw new Error('invalid header')
  }
  return { url, host: headers.get('Host')?.[0] ?? '', headers, carried: headers }
}

/** The usual form of a name. A name that is no token is left as it is. */
function usualName(name: string): string {
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) return name
  return name.toLowerCase().replace(/(^|-)[a-z]/g, (start) => start.toUpperCase())
}

/** Headers about a body. A redirect that turns any request into a GET removes them, also when the request was a GET. */
const OF_A_BODY = ['Content-Encoding', 'Content-Language', 'Content-Location', 'Content-Type']

/**
 * The request after a redirect with this status and Location.
 * @throws Error if the URL is invalid
 */
export function redirected(last: HttpRequest, status: number, location: string): HttpRequest {
  if (location.length > MAX_LOCATION_BYTES) throw new Error('Location too long')
  const url = resolveUrl(last.url, location)
  if (!url) throw new Error('invalid URL')
  const carried = new Map(last.carried)
  if (status <= 303) for (const name of OF_A_BODY) carried.delete(name)
  const headers = new Map(carried)
  const { user: _, ...from } = last.url
  const isDowngrade = last.url.scheme === 'https' && url.scheme === 'http'
  if (!isDowngrade && !headers.get('Referer')?.[0]) headers.set('Referer', [formatUrl(from)])
  const isRelative = parseUrl(location)?.scheme === ''
  return { url, host: isRelative && last.host !== last.url.host ? last.host : '', headers, carried }
}

/**
 * The longest host that is not ASCII. No DNS name is half as long, and encoding one takes time by the square of its
 * length.
 */
const MAX_UNICODE_HOST_BYTES = 1 << 10

/** The host in a request's header, in ASCII. Empty if it cannot be sent. */
function hostOf({ host, url }: HttpRequest): string {
  const wanted = host || url.host
  const [name = '', port = ''] = /^(.*?)(:\d*)?$/s.exec(wanted)?.slice(1) ?? []
  if (name.length > MAX_UNICODE_HOST_BYTES && /[\x80-\xff]/.test(name)) return ''
  const ascii = !/[\x80-\xff]/.test(name) ? name : domainToASCII(Buffer.from(name, 'latin1').toString())
  if (!/^[\w!$%&()*+,\-.:;=[\]'~]*$/.test(ascii)) return ''
  return ascii.replace(/%[^\]]*(?=\])/, '') + port // a zone means nothing to another machine
}

/** The headers, with the credentials of the URL unless there is an Authorization header. */
function headersOf({ url: { user }, headers }: HttpRequest): Headers {
  if (!user || headers.get('Authorization')?.[0]) return headers
  const basic = Buffer.from(`${user.name}:${user.password ?? ''}`, 'latin1').toString('base64')
  return new Map([...headers, ['Authorization', [`Basic ${basic}`]]])
}

/** Whether it is a websocket's handshake, which HTTP/2 does not have. */
export function needsHttp1({ headers }: HttpRequest): boolean {
  return hasToken(headers.get('Connection'), 'upgrade') && headers.get('Upgrade')?.[0]?.toLowerCase() === 'websocket'
}

function hasToken(values: readonly string[] | undefined, token: string): boolean {
  return values?.some((value) => value.split(',').some((part) => part.trim().toLowerCase() === token)) ?? false
}

/** Headers about the framing of a message, and headers that http1Head writes itself. */
const NOT_COPIED = ['Host', 'User-Agent', 'Content-Length', 'Transfer-Encoding', 'Trailer']

/** The bytes of an HTTP/1.1 request, on a connection for this request alone. @throws Error if it is invalid */
export function http1Head(request: HttpRequest): string {
  const target = requestTarget(request.url)
  if (/[^ -~\x80-\xff]/.test(target)) throw new Error('invalid URL')
  const headers = headersOf(request)
  const agent = headers.get('User-Agent')?.[0]
  const others = [...headers].filter(([name]) => !NOT_COPIED.includes(name)).sort(([a], [b]) => (a < b ? -1 : 1))
  const isUpgrade = headers.get('Upgrade')?.[0] && hasToken(headers.get('Connection'), 'upgrade')
  const closes = hasToken(headers.get('Connection')?.slice(0, 1), 'close')
  const lines = [
    `GET ${target} HTTP/1.1`,
    `Host: ${hostOf(request)}`,
    ...(agent ? [`User-Agent: ${trim(agent)}`] : []),
    ...others.flatMap(([name, values]) => values.map((value) => `${name}: ${trim(value)}`)),
    ...(isUpgrade || closes ? [] : ['Connection: close']),
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}

const OF_A_CONNECTION = ['Connection', 'Proxy-Connection', 'Transfer-Encoding', 'Upgrade', 'Keep-Alive']

/** The fields of an HTTP/2 request. @throws Error if it cannot be made in HTTP/2 */
export function http2Fields(request: HttpRequest): Record<string, string | string[]> {
  const headers = headersOf(request)
  const authority = hostOf(request)
  const path = requestTarget(request.url)
  const allows = (name: string, values: readonly string[]) =>
    (headers.get(name)?.length ?? 0) < 2 && ['', ...values].includes(headers.get(name)?.[0]?.toLowerCase() ?? '')
  if (!allows('Upgrade', ['chunked']) || !allows('Transfer-Encoding', ['chunked'])) throw new Error('invalid header')
  if (!allows('Connection', ['close', 'keep-alive']) || !authority) throw new Error('invalid header')
  if (!path.startsWith('/') && path !== '*') throw new Error('invalid URL')
  const fields: Record<string, string | string[]> = {
    ':method': 'GET',
    ':path': path,
    ':scheme': request.url.scheme,
    ':authority': authority,
  }
  for (const [name, values] of headers) {
    if (name === 'Host' || name === 'Content-Length' || OF_A_CONNECTION.includes(name)) continue
    if (name === 'User-Agent' && !values[0]) continue
    fields[name.toLowerCase()] = name === 'User-Agent' ? (values[0] ?? '') : [...values]
  }
  return fields
}
