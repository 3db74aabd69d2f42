/** Connections to the API server, kept from one request to the next. */
import { Agent as HttpAgent } from 'node:http'
import { type AgentOptions, Agent as HttpsAgent } from 'node:https'
import { createSecureContext } from 'node:tls'
import { ForwardingAgent, isPlainProxy, toleratesIpv6 } from './proxy-agents.js'

export interface Pool {
  /** Connections at once. */
  readonly maxSockets: number
  /** Kept idle no longer: load balancers drop such without a word, and a write on it would stay unanswered. */
  readonly idleMs: number
}

/**
 * client-node makes an agent for each request, which holds the trust and the certificates as they are at that moment.
 * One that keeps its connections is made from it, and another only when those have changed.
 * What is returned throws an Error when a certificate and its key do not belong together.
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
  // A proxy's. To a SOCKS proxy's, a time limit of its own would be one on every silence, even in a watch.
  const { timeout: _idle, ...own } = settings
  return Object.assign(agent, own)
}

/** Requests that are under way end on the connection that they have. */
function retire(agent: HttpAgent): void {
  Object.assign(agent, { keepAlive: false })
  dropIdle(agent)
}

/** Lets go of the connections that no request is on: where one is dead, the others may lead to the same place. */
export function dropIdle(agent: HttpAgent): void {
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
}
