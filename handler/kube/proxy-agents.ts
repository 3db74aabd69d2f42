/** Agents for proxies, where client-node's are not enough. */
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { isIPv6 } from 'node:net'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'

/** hpagent's agent for an http:// server behind an http:// proxy. */
interface PlainProxy extends HttpAgent {
  readonly proxy: URL
}

/** Whether an agent leads through an http:// proxy to an http:// server. */
export function isPlainProxy(agent: HttpAgent): agent is PlainProxy {
  const { proxy } = agent as Partial<PlainProxy>
  return !(agent instanceof HttpsAgent) && proxy instanceof URL && proxy.protocol === 'http:'
}

/** A method of Node's agent that its types do not show. */
interface Internal {
  addRequest(request: { path: string; setHeader(name: string, value: string): void }, options: Target): void
}

interface Target {
  readonly host: string
  readonly port: number | string
}

const { addRequest } = HttpAgent.prototype as unknown as Internal

/**
 * Asks the proxy for the whole URL, as kubectl does for an http:// server: many proxies allow CONNECT only to the port
 * of HTTPS.
 */
export class ForwardingAgent extends HttpAgent {
  constructor(
    private readonly proxy: URL,
    settings: ConstructorParameters<typeof HttpAgent>[0],
  ) {
    super(settings)
  }

  addRequest(request: Parameters<Internal['addRequest']>[0], options: Target): void {
    const { hostname, port, username, password } = this.proxy
    request.path = `http://${bracketed(options.host)}:${options.port}${request.path}`
    if (username || password) {
      const secret = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
      request.setHeader('proxy-authorization', `Basic ${Buffer.from(secret).toString('base64')}`)
    }
    addRequest.call(this, request, { ...options, host: unbracketed(hostname), port: port || 80 })
  }
}

/**
 * Mends two faults with IPv6. hpagent asks for CONNECT to an IPv6 address without its brackets. hpagent and the SOCKS
 * agent look up a proxy's IPv6 address with its brackets.
 */
export function toleratesIpv6(agent: HttpAgent): void {
  const tunnel = agent as HttpAgent & { proxy: { host: string } | URL; createConnection: Connect }
  if (!(tunnel.proxy instanceof URL)) {
    if (tunnel.proxy) Object.assign(tunnel.proxy, { host: unbracketed(tunnel.proxy.host) })
    return
  }
  const { protocol, hostname, port, username, password } = tunnel.proxy
  const connect = tunnel.createConnection
  Object.assign(tunnel, {
    proxy: { protocol, hostname: unbracketed(hostname), port, username, password },
    createConnection: (options: ConnectOptions, ...rest: unknown[]) => {
      const { host } = options
      if (!isIPv6(host)) return connect.call(tunnel, options, ...rest)
      const verify = (_host: string, certificate: PeerCertificate) =>
        checkServerIdentity(options.servername || host, certificate)
      return connect.call(tunnel, { ...options, checkServerIdentity: verify, host: bracketed(host) }, ...rest)
    },
  })
}

interface ConnectOptions {
  readonly host: string
  readonly servername?: string
}

type Connect = (options: ConnectOptions, ...rest: unknown[]) => unknown

const bracketed = (host: string) => (isIPv6(host) ? `[${host}]` : host)
const unbracketed = (host: string) => host.replace(/^\[(.*)\]$/, '$1')
