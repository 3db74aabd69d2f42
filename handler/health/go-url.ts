/**
 * Reads and writes URLs as Go's net/url does. The kubelet reads a probe's path and a redirect's Location so. Go accepts
 * texts that the URL class refuses or changes (`//x`, `/a/../b`), and refuses texts that the URL class accepts
 * (`/%zz`). Pure.
 *
 * All texts are bytes, one per character (Latin-1).
 */
import { isIPv6 } from 'node:net'

export interface GoUrl {
  /** In lower case. Empty in a reference without a scheme. */
  readonly scheme: string
  /** The text after the scheme if it does not begin with a slash (`mailto:x`). Such a URL has neither host nor path. */
  readonly opaque: string
  readonly user?: { readonly name: string; readonly password?: string }
  /** With the port, if there is one. An IPv6 address is in brackets. */
  readonly host: string
  /** Escaped, as it is sent. */
  readonly path: string
  /** Without the question mark. `undefined`: there is not even a question mark. */
  readonly query: string | undefined
  readonly fragment: string
}

/** The characters that need no escape in each part of a URL. */
const UNRESERVED = 'A-Za-z0-9\\-._~'
const outside = (characters: string) => new RegExp(`[^${UNRESERVED}${characters}]`, 'g')
const NOT_IN_PATH = outside('$&+,/:;=@')
const NOT_IN_FRAGMENT = outside('$&+,/:;=?@!()*')
const NOT_IN_USER = outside('$&+,;=')
const NOT_IN_HOST = outside(`!$&'()*+,;=:\\[\\]<>"`)
const CONTROL = /[^ -~\x80-\xff]/

/** Parses a URL or a reference. `undefined`: it is neither. */
export function parseUrl(text: string): GoUrl | undefined {
  const [start, rawFragment] = cut(text, '#')
  const url = parseStart(start)
  const fragment = canonical(rawFragment ?? '', NOT_IN_FRAGMENT)
  return url && fragment !== undefined ? { ...url, fragment } : undefined
}

function parseStart(text: string): GoUrl | undefined {
  if (CONTROL.test(text) || text.startsWith(':')) return undefined
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(text)?.[1] ?? ''
  const [rest, query] = cut(scheme ? text.slice(scheme.length + 1) : text, '?')
  const url = { scheme: scheme.toLowerCase(), opaque: '', host: '', path: '', query, fragment: '' }
  if (!rest.startsWith('/')) {
    if (scheme) return { ...url, opaque: rest }
    if (cut(rest, '/')[0].includes(':')) return undefined // it would be read as a scheme
  }
  const [authority, rawPath] = splitAuthority(rest, scheme !== '')
  const path = canonical(rawPath, NOT_IN_PATH)
  const place = authority === undefined ? {} : parseAuthority(authority, url.scheme)
  return path !== undefined && place ? { ...url, ...place, path } : undefined
}

function splitAuthority(rest: string, absolute: boolean): readonly [authority: string | undefined, path: string] {
  if (!rest.startsWith('//') || (!absolute && rest.startsWith('///'))) return [undefined, rest]
  const slash = rest.indexOf('/', 2)
  return slash < 0 ? [rest.slice(2), ''] : [rest.slice(2, slash), rest.slice(slash)]
}

function parseAuthority(text: string, scheme: string): Pick<GoUrl, 'host' | 'user'> | undefined {
  const at = text.lastIndexOf('@')
  const host = parseHost(text.slice(at + 1), scheme)
  if (host === undefined || at < 0) return host === undefined ? undefined : { host }
  const info = text.slice(0, at)
  if (!/^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(info)) return undefined
  const [name, password] = cut(info, ':').map((part) => (part === undefined ? part : decode(part)))
  if (name === undefined || (info.includes(':') && password === undefined)) return undefined
  return { host, user: { name, ...(password === undefined ? {} : { password }) } }
}

/** The port begins at the first colon if the scheme is HTTP, and otherwise at the last one. */
function parseHost(text: string, scheme: string): string | undefined {
  const bracket = text.lastIndexOf('[')
  if (bracket > 0) return undefined
  const isHttp = scheme === 'http' || scheme === 'https'
  const colon = bracket === 0 ? text.lastIndexOf(']') + 1 : isHttp ? text.indexOf(':') : text.lastIndexOf(':')
  if (bracket === 0 && colon === 0) return undefined
  const port = colon < 0 ? '' : text.slice(colon)
  if (!/^(:\d*)?$/.test(port)) return undefined
  const name = colon < 0 ? text : text.slice(0, colon)
  // Of the ASCII characters only the percent sign of a zone may be escaped.
  if (/%(?!25)[0-7]/.test(name) || /[^\x80-\xff]/.test(name.replace(/%/g, '').replace(IN_HOST, ''))) return undefined
  const plain = decode(name)
  if (plain === undefined || (bracket === 0 && !isIPv6(plain.slice(1, -1)))) return undefined
  return plain + port
}

const IN_HOST = new RegExp(`[${UNRESERVED}!$&'()*+,;=:\\[\\]<>"]`, 'g')

/** Resolves a reference in an answer to `base`. `undefined`: it is no reference. */
export function resolveUrl(base: GoUrl, reference: string): GoUrl | undefined {
  const to = parseUrl(reference)
  if (!to) return undefined
  const scheme = to.scheme || base.scheme
  if (to.scheme || to.host || to.user) return { ...to, scheme, path: withoutDots(to.path) }
  const isSame = to.path === '' && to.query === undefined
  const { user: _, ...nowhere } = base
  const place = { ...nowhere, ...(base.user ? { user: base.user } : {}) }
  const path =
    to.path.startsWith('/') || !to.path ? to.path : base.path.slice(0, base.path.lastIndexOf('/') + 1) + to.path
  return {
    ...place,
    scheme,
    path: withoutDots(path || base.path),
    query: isSame ? base.query : to.query,
    fragment: isSame && !to.fragment ? base.fragment : to.fragment,
  }
}

/** The path from its root, without `.` and `..`. The part that then comes first begins anew: `/..//x` is `/x`. */
function withoutDots(path: string): string {
  if (!path) return ''
  const parts = path.split('/')
  const kept: string[] = []
  for (const part of parts) {
    if (part === '..') {
      kept.pop()
      if (kept.length === 1 && kept[0] === '') kept.pop()
    } else if (part !== '.') kept.push(part)
    else if (kept.length === 0) kept.push('')
  }
  const last = parts.at(-1)
  const out = `/${kept.join('/')}${last === '.' || last === '..' ? '/' : ''}`
  return out.replace(/^\/\//, '/')
}

/** A URL of a path that cannot be parsed: the kubelet takes its characters as they are, percent signs included. */
export function rawPath(path: string): GoUrl {
  return { scheme: '', opaque: '', host: '', path: encode(path, NOT_IN_PATH), query: undefined, fragment: '' }
}

/** Writes a URL with a scheme as text. */
export function formatUrl({ scheme, opaque, user, host, path, query, fragment }: GoUrl): string {
  const secret = user?.password === undefined ? '' : `:${encode(user.password, NOT_IN_USER)}`
  const info = user ? `${encode(user.name, NOT_IN_USER)}${secret}@` : ''
  const place = `//${info}${encode(host, NOT_IN_HOST)}${path && !path.startsWith('/') ? '/' : ''}${path}`
  return `${scheme}:${opaque || place}${query === undefined ? '' : `?${query}`}${fragment && `#${fragment}`}`
}

/** The target in the request line. */
export function requestTarget({ scheme, opaque, path, query }: GoUrl): string {
  const target = opaque.startsWith('//') ? `${scheme}:${opaque}` : opaque || path || '/'
  return query === undefined ? target : `${target}?${query}`
}

/** The host, without port and brackets. */
export function hostname({ host }: GoUrl): string {
  return host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1')
}

/** The port, or the scheme's default. */
export function portOf({ scheme, host }: GoUrl): number {
  return Number(/:(\d+)$/.exec(host)?.[1] ?? (scheme === 'https' ? 443 : 80))
}

/** A part of a URL, escaped anew if it is not escaped sufficiently. `undefined`: an escape in it is invalid. */
function canonical(text: string, unsafe: RegExp): string | undefined {
  const plain = decode(text)
  if (plain === undefined || text.replace(/[!$&'()*+,;=:@[\]%]/g, '').search(unsafe) < 0) return plain && text
  return encode(plain, unsafe)
}

function encode(text: string, unsafe: RegExp): string {
  return text.replace(unsafe, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
}

function decode(text: string): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return undefined
  return text.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

function cut(text: string, separator: string): readonly [string, string | undefined] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}
