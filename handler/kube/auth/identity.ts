/** Who we are to the API server and whom we trust, as the kubeconfig and its files say at the moment of each request. */
import type { Agent as HttpAgent } from 'node:http'
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import type { User } from '@kubernetes/client-node/dist/config_types.js'
import { RequestContext } from '@kubernetes/client-node/dist/gen/http/http.js'
import { keepAliveAgents, type Pool } from '../agents.js'
import { hasStaticCredentials } from './check-config.js'
import { type Headers, impersonationHeaders, isHeaderValue } from './impersonation.js'
import type { KubeCluster, KubeUser } from './kubeconfig.js'
import { type Credential, Credentials, type Plugin } from './plugin.js'

export interface Identity {
  /** What the next request is to be sent with. @throws Error when there are no credentials to be had */
  present(signal: AbortSignal): Promise<Presented>
  /** The API server answered 401. */
  refused(): void
}

export interface Presented {
  /** One with several values is sent once for each. */
  readonly headers: Readonly<Record<string, string | string[]>>
  readonly agent: HttpAgent
}

export function openIdentity(
  given: KubeConfig,
  { pluginTimeoutMs, ...pool }: Pool & { readonly pluginTimeoutMs: number },
): Identity {
  const { config, plugin } = withoutPlugin(given)
  const credentials = plugin && new Credentials(plugin, given.getCurrentCluster(), pluginTimeoutMs)
  const agentFor = keepAliveAgents(pool)
  const own = headersOf(config.getCurrentUser())
  return {
    present: async (signal) => {
      const user = config.getCurrentUser()
      if (credentials && user) equip(user, await credentials.get(signal))
      const context = new RequestContext(config.getCurrentCluster()?.server ?? '', 'GET' as never)
      await config.applySecurityAuthentication(context)
      const headers = sendable({ ...context.getHeaders(), ...own })
      return { headers, agent: agentFor(context.getAgent() as HttpAgent) }
    },
    refused: () => credentials?.forget(),
  }
}

/** Where requests to the cluster go first: a URL; undefined: to the API server itself. */
export function proxyOf(cluster: KubeCluster | null): string | undefined {
  return cluster?.proxyUrl || cluster?.environmentProxy
}

/**
 * A copy of the configuration whose cluster has the proxy that is used, and whose user has no plugin but is given what
 * the plugin says. A context without a user gets one without a name: client-node would not trust the cluster's
 * authority either.
 */
function withoutPlugin(given: KubeConfig): { readonly config: KubeConfig; readonly plugin: Plugin | undefined } {
  const config = new KubeConfig()
  config.loadFromOptions({
    clusters: given.clusters.map((cluster) => ({ ...cluster, proxyUrl: resolving(proxyOf(cluster)) })),
    contexts: given.contexts.map((context) => ({ ...context, user: context.user ?? '' })),
    users: [...given.users.map((user) => ({ ...user })), { name: '' }],
    currentContext: given.currentContext,
  })
  const user = config.getCurrentUser()
  const plugin: Plugin | undefined = user && !hasStaticCredentials(user) ? user.exec : undefined
  if (user) Object.assign(user, { exec: undefined })
  return { config, plugin }
}

/** For kubectl, a SOCKS 5 proxy is the one to look up names; for client-node, only one of the scheme socks5h is. */
function resolving(proxy: string | undefined): string | undefined {
  return proxy?.replace(/^socks5:/i, 'socks5h:')
}

function equip(user: User, { token, clientCertificateData, clientKeyData }: Credential): void {
  const base64 = (pem: string | undefined) => pem && Buffer.from(pem).toString('base64')
  if (token) Object.assign(user, { token })
  if (clientCertificateData) {
    Object.assign(user, { certData: base64(clientCertificateData), keyData: base64(clientKeyData) })
    Object.assign(user, { certFile: undefined, keyFile: undefined })
  }
}

/** What client-node would not send, or not as kubectl does. */
function headersOf(user: KubeUser | null): Headers {
  if (!user?.given) return {}
  const { username, password } = user.given
  const basic = Buffer.from(`${username}:${password}`).toString('base64')
  return {
    ...(username && { Authorization: `Basic ${basic}` }),
    ...impersonationHeaders(user.given),
  }
}

/**
 * A token that was read from a file may end in a line feed, which no header may. Node sends a text byte for character,
 * and kubectl in UTF-8.
 */
function sendable(headers: Headers): Record<string, string | string[]> {
  const one = (name: string, value: string) => {
    const text = value.trim()
    if (!isHeaderValue(text)) throw new Error(`what is to be sent as ${name} holds a control character`)
    return Buffer.from(text).toString('latin1')
  }
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      typeof value === 'string' ? one(name, value) : value.map((each) => one(name, each)),
    ]),
  )
}
