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
import { TokenFile } from './token-file.js'

export interface Identity {
  /** What the next request is to be sent with. @throws Error when there are no credentials to be had */
  present(signal: AbortSignal): Promise<Presented>
  /** The API server answered 401 to what was presented: it is not presented again, if there is another. */
  refused(presented: Presented): void
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
  const { config, plugin, tokenFile } = standing(given)
  const credentials = plugin && new Credentials(plugin, given.getCurrentCluster(), pluginTimeoutMs)
  const agentFor = keepAliveAgents(pool)
  const own = headersOf(config.getCurrentUser())
  /** What the plugin had said when it was presented. */
  const said = new WeakMap<Presented, Credential>()
  let last: Presented | undefined
  /** Files that are being replaced may be absent, or not belong together: until then what they held before counts. */
  const fromFiles = async (): Promise<Presented> => {
    try {
      const context = new RequestContext(config.getCurrentCluster()?.server ?? '', 'GET' as never)
      await config.applySecurityAuthentication(context)
      const headers = sendable({ ...context.getHeaders(), ...own })
      last = { headers, agent: agentFor(context.getAgent() as HttpAgent) }
      return last
    } catch (error) {
      if (!last) throw error
      return { ...last }
    }
  }
  return {
    present: async (signal) => {
      const user = config.getCurrentUser()
      const credential = await credentials?.get(signal)
      const token = (await tokenFile?.token()) ?? credential?.token
      if (user) equip(user, { ...credential, ...(token && { token }) })
      const presented = await fromFiles()
      if (credential) said.set(presented, credential)
      return presented
    },
    refused: (presented) => {
      const credential = said.get(presented)
      if (credential) credentials?.forget(credential)
    },
  }
}

/** Where requests to the cluster go first: a URL; undefined: to the API server itself. */
export function proxyOf(cluster: KubeCluster | null): string | undefined {
  return cluster?.proxyUrl || cluster?.environmentProxy
}

interface Standing {
  readonly config: KubeConfig
  readonly plugin: Plugin | undefined
  readonly tokenFile: TokenFile | undefined
}

/**
 * A copy of the configuration whose cluster has the proxy that is used, and whose user has neither plugin nor token file
 * but is given what they say. A context without a user gets one without a name: client-node would not trust the
 * cluster's authority either.
 */
function standing(given: KubeConfig): Standing {
  const config = new KubeConfig()
  config.loadFromOptions({
    clusters: given.clusters.map((cluster) => ({ ...cluster, proxyUrl: resolving(proxyOf(cluster)) })),
    contexts: given.contexts.map((context) => ({ ...context, user: context.user ?? '' })),
    users: [...given.users.map((user) => ({ ...user })), { name: '' }],
    currentContext: given.currentContext,
  })
  const user = config.getCurrentUser()
  const plugin: Plugin | undefined = user && !hasStaticCredentials(user) ? user.exec : undefined
  const file: string | undefined = user?.authProvider?.config?.tokenFile
  if (user) Object.assign(user, { exec: undefined, authProvider: undefined })
  return { config, plugin, tokenFile: file === undefined ? undefined : new TokenFile(file) }
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
