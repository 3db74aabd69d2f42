/** Agents that lead through a proxy, where those that client-node makes are not enough. */
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { isIPv6 } from 'node:net'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'

/** hpagent's for a server of http:// and a proxy of http://. */
interface PlainProxy extends HttpAgent {
  readonly proxy: URL
}

export function isPlainProxy(agent: HttpAgent): agent is PlainProxy {
  const { proxy } = agent as Partial<PlainProxy>
  return !(agent instanceof HttpsAgent) && proxy instanceof URL && proxy.protocol === 'http:'
}

/** What the agent of Node's own types does not show. */
interface Internal {
  addRequest(request: { path: string; setHeader(name: string, value: string): void }, options: Target): void
}

interface Target {
  readonly host: string
  readonly port: number | string
}

const { addRequest } = HttpAgent.prototype as unknown as Internal

/**
 * Asks the proxy for the whole URL, as kubectl does for a server of http://: many a proxy grants CONNECT to the port of
 * HTTPS only.
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
 * hpagent asks for CONNECT to an IPv6 address without the brackets that belong to one, and, as the SOCKS agent, looks up
 * a proxy's address with them.
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
