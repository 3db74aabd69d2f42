/** Makes agents for requests to other servers than the API server. */
import type { Agent as HttpAgent } from 'node:http'
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { environmentProxy } from './environment-proxy.js'
import { openIdentity } from './identity.js'

type Environment = Readonly<Record<string, string | undefined>>

const POOL = { maxSockets: 1, idleMs: 5_000, pluginTimeoutMs: 0 }

/**
 * The agent for one server, through the proxy that the environment names for it, by the same rules as for the API
 * server. It trusts the authorities that Node trusts, and shows no credentials of ours.
 * @throws UsageError with the name of the variable that makes no sense
 */
export async function agentFor({ origin, protocol }: URL, env: Environment, signal: AbortSignal): Promise<HttpAgent> {
  const name = 'other'
  const proxy = environmentProxy(origin, env)
  const config = new KubeConfig()
  config.loadFromOptions({
    // client-node takes http:// only where there is nothing to verify
    clusters: [{ name, server: origin, skipTLSVerify: protocol === 'http:', environmentProxy: proxy }],
    contexts: [{ name, cluster: name }],
    users: [],
    currentContext: name,
  })
  const { agent } = await openIdentity(config, POOL).present(signal)
  return agent
}
