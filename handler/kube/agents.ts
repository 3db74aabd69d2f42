/** Keeps connections to the API server open between requests. */
import { Agent as HttpAgent } from 'node:http'
import { type AgentOptions, Agent as HttpsAgent } from 'node:https'
import { createSecureContext } from 'node:tls'
import { ForwardingAgent, isPlainProxy, toleratesIpv6 } from './proxy-agents.js'

export interface Pool {
  /** The most connections at once. */
  readonly maxSockets: number
  /**
   * Idle connections are closed after this time: load balancers drop them without notice, and a write would get no
   * answer.
   */
  readonly idleMs: number
}

/**
 * client-node makes an agent for each request, with the trusted authorities and the certificate of that moment. This
 * makes a keep-alive agent from it, and a new one only if these have changed. The returned function throws an Error if
 * a certificate and its key do not belong together.
 */
export function keepAliveAgents({ maxSockets, idleMs }: Pool): (fresh: HttpAgent) => HttpAgent {
  const settings = { keepAlive: true, timeout: idleMs, maxSockets }
  let current: HttpAgent | undefined
  let identity: string | undefined
  return (fresh) => {
    const { options } = fresh as HttpAgent & { readonly options: AgentOptions }
    const seen = JSON.stringify([options.ca, options.cert, options.key].map(String))
    if (current === undefined || seen !== identity) {
      if (options.cert) createSecureContext(options)
      if (current) retire(current)
      identity = seen
      current = keepAlive(fresh, options, settings)
    }
    return current
  }
}

function keepAlive(agent: HttpAgent, options: AgentOptions, settings: AgentOptions): HttpAgent {
  if (agent.constructor === HttpsAgent) return new HttpsAgent({ ...options, ...settings })
  if (agent.constructor === HttpAgent) return new HttpAgent({ ...options, ...settings })
  if (isPlainProxy(agent)) return new ForwardingAgent(agent.proxy, settings)
  Object.assign(options, settings)
  toleratesIpv6(agent)
  // This is a proxy's agent. A SOCKS agent would apply `timeout` to every silence, even in a watch.
  const { timeout: _idle, ...own } = settings
  return Object.assign(agent, own)
}

/** Stops keeping connections. Requests under way end on the connection that they have. */
function retire(agent: HttpAgent): void {
  Object.assign(agent, { keepAlive: false })
  dropIdle(agent)
}

/** Closes the idle connections: if one connection is dead, the others may lead to the same place. */
export function dropIdle(agent: HttpAgent): void {
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
}
