/**
 * Finds the proxy that the environment names, by the rules of kubectl, which are Go's: golang.org/x/net/http/httpproxy.
 * A variable in capitals overrides the same in small letters. An empty one counts as absent.
 */
import { BlockList, isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import { UsageError } from '../../util/errors.js'

type Environment = Readonly<Record<string, string | undefined>>

const PROTOCOLS = ['http:', 'https:', 'socks5:', 'socks5h:']

/**
 * @param server the API server's URL
 * @returns the proxy's URL; `undefined` if there is none, or none for this server
 * @throws UsageError with the name of the variable, but not its value, which may hold a password
 */
export function environmentProxy(server: string, env: Environment): string | undefined {
  const url = new URL(server)
  const set = firstSet(env, url.protocol === 'https:' ? ['HTTPS_PROXY', 'https_proxy'] : ['HTTP_PROXY', 'http_proxy'])
  if (!set) return undefined
  if (url.protocol === 'http:' && env.REQUEST_METHOD) {
    // The client of a CGI program can set HTTP_PROXY, by a header named Proxy: https://golang.org/s/cgihttpproxy
    throw new UsageError(
      `${set.name} is not used where REQUEST_METHOD is set, as in a CGI program: set proxy-url instead`,
    )
  }
  if (isExempt(url, firstSet(env, ['NO_PROXY', 'no_proxy'])?.value ?? '')) return undefined
  const proxy = parseProxy(set.value)
  if (proxy) return proxy
  throw new UsageError(
    `${set.name} is no http://, https:// or socks5:// URL and no HOST:PORT: set it to the proxy, or unset it`,
  )
}

function firstSet(env: Environment, names: readonly string[]) {
  const name = names.find((name) => env[name])
  return name === undefined ? undefined : { name, value: env[name] ?? '' }
}

/** A value without a scheme is a host, perhaps with a port and a user. */
function parseProxy(value: string): string | undefined {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`
  const isHost = text === value || /^[^\s/]+\/?$/.test(value)
  return isHost && isProxyUrl(text, PROTOCOLS) ? text : undefined
}

/** Whether the text is a URL with one of these protocols, a host, and a user and password that can be decoded. */
export function isProxyUrl(text: string, protocols: readonly string[]): boolean {
  try {
    const { protocol, hostname, username, password } = new URL(text)
    decodeURIComponent(username + password)
    return protocols.includes(protocol) && hostname !== '' && !/\s/.test(text)
  } catch {
    return false
  }
}

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

function isExempt({ protocol, hostname, port }: URL, noProxy: string): boolean {
  const host = plainAddress(hostname)
  if (host === 'localhost' || holds(LOOPBACK, host)) return true
  const actualPort = port || (protocol === 'https:' ? '443' : '80')
  return noProxy.split(',').some((rule) => matches(rule.trim().toLowerCase(), host, actualPort))
}

/** @param rule one entry of NO_PROXY: `*`, ADDRESS/BITS, or an address or a name, with or without a port */
function matches(rule: string, host: string, port: string): boolean {
  if (rule === '*') return true
  const subnet = subnetOf(rule)
  if (subnet) return subnet.family === familyOf(host) && holds(subnet.addresses, host)
  const { name, port: wanted } = splitPort(rule)
  if (name === '' || (wanted !== '' && wanted !== port)) return false
  const address = addressOf(name)
  return address === undefined ? !isIP(host) && matchesName(name, host) : address === host
}

/**
 * `example.com` matches that name and all names below it; `.example.com` and `*.example.com` match only the names
 * below.
 */
function matchesName(rule: string, host: string): boolean {
  const below = rule.replace(/^\*?\./, '')
  const name = (!/[/?#@\\]/.test(below) && domainToASCII(below)) || below
  return host.endsWith(`.${name}`) || (below === rule && host === name)
}

function subnetOf(rule: string) {
  const [, text = '', digits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(rule) ?? []
  const address = addressOf(text)
  if (address === undefined) return undefined
  const family = familyOf(address)
  const bits = Number(digits) - (family === 'ipv4' && isIP(text) === 6 ? 96 : 0)
  if (bits < 0 || bits > (family === 'ipv6' ? 128 : 32)) return undefined
  const addresses = new BlockList()
  addresses.addSubnet(address, bits, family)
  return { addresses, family }
}

/** Splits a rule into name and port. An IPv6 address with a port is in brackets. */
function splitPort(rule: string): { readonly name: string; readonly port: string } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:[\]]*)):([^:]*)$/.exec(rule) ?? []
  return port === undefined ? { name: rule, port: '' } : { name: bracketed ?? plain ?? '', port }
}

function holds(addresses: BlockList, host: string): boolean {
  return isIP(host) !== 0 && addresses.check(host, familyOf(host))
}

/** An address in the form that a URL gives it. An IPv4 address within IPv6 becomes that IPv4 address. */
function addressOf(text: string): string | undefined {
  if (!isIP(text) || text.includes('%')) return undefined
  return isIP(text) === 6 ? plainAddress(new URL(`http://[${text}]`).hostname) : text
}

function plainAddress(hostname: string): string {
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(host) ?? []
  if (high === undefined || low === undefined) return host
  const bytes = [high, low].map((pair) => Number.parseInt(pair, 16)).flatMap((pair) => [pair >> 8, pair & 0xff])
  return bytes.join('.')
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4'
}
