/** Who we are to the API server and whom we trust, as the kubeconfig and its files say at the moment of each request. */
import type { Agent as HttpAgent } from 'node:http'
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import type { User } from '@kubernetes/client-node/dist/config_types.js'
import { RequestContext } from '@kubernetes/client-node/dist/gen/http/http.js'
import { keepAliveAgents, type Pool } from '../agents.js'
import { type Credential, Credentials, type Plugin } from './plugin.js'

export interface Identity {
  /** What the next request is to be sent with. @throws Error when there are no credentials to be had */
  present(signal: AbortSignal): Promise<Presented>
  /** The API server answered 401. */
  refused(): void
}

export interface Presented {
  readonly headers: Readonly<Record<string, string>>
  readonly agent: HttpAgent
}

export function openIdentity(
  given: KubeConfig,
  { pluginTimeoutMs, ...pool }: Pool & { readonly pluginTimeoutMs: number },
): Identity {
  const { config, plugin } = withoutPlugin(given)
  const server = config.getCurrentCluster()
  const credentials = plugin && new Credentials(plugin, server, pluginTimeoutMs)
  const agentFor = keepAliveAgents(pool)
  return {
    present: async (signal) => {
      const user = config.getCurrentUser()
      if (credentials && user) equip(user, await credentials.get(signal))
      const context = new RequestContext(server?.server ?? '', 'GET' as never)
      await config.applySecurityAuthentication(context)
      return { headers: trimmed(context.getHeaders()), agent: agentFor(context.getAgent() as HttpAgent) }
    },
    refused: () => credentials?.forget(),
  }
}

/**
 * A copy of the configuration whose user has no plugin but is given what the plugin says. A context without a user gets
 * one without a name: client-node would not trust the cluster's authority either.
 */
function withoutPlugin(given: KubeConfig): { readonly config: KubeConfig; readonly plugin: Plugin | undefined } {
  const config = new KubeConfig()
  config.loadFromOptions({
    clusters: given.clusters,
    contexts: given.contexts.map((context) => ({ ...context, user: context.user ?? '' })),
    users: [...given.users.map((user) => ({ ...user })), { name: '' }],
    currentContext: given.currentContext,
  })
  const user = config.getCurrentUser()
  const plugin: Plugin | undefined = user?.exec
  if (user) Object.assign(user, { exec: undefined })
  return { config, plugin }
}

function equip(user: User, { token, clientCertificateData, clientKeyData }: Credential): void {
  const base64 = (pem: string | undefined) => pem && Buffer.from(pem).toString('base64')
  if (token) Object.assign(user, { token })
  if (clientCertificateData) {
    Object.assign(user, { certData: base64(clientCertificateData), keyData: base64(clientKeyData) })
    Object.assign(user, { certFile: undefined, keyFile: undefined })
  }
}

/** A token that was read from a file may end in a line feed, which no header may. */
function trimmed(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.trim()]))
}
