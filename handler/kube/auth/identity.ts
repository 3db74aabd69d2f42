/**
 * Provides our credentials and the authorities that we trust, as the kubeconfig and its files are at the moment of each
 * request.
 */
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
  /** The headers and the agent for the next request. @throws Error if there are no credentials */
  present(signal: AbortSignal): Promise<Presented>
  /** The API server answered 401: these credentials are not presented again if there are others. */
  refused(presented: Presented): void
}

export interface Presented {
  /** A header with several values is sent once for each. */
  readonly headers: Readonly<Record<string, string | string[]>>
  readonly agent: HttpAgent
}

/** Opens the identity of the current context. The pool of connections is kept for as long as the identity. */
export function openIdentity(
  given: KubeConfig,
  { pluginTimeoutMs, ...pool }: Pool & { readonly pluginTimeoutMs: number },
): Identity {
  const { config, plugin, tokenFile } = standing(given)
  const credentials = plugin && new Credentials(plugin, given.getCurrentCluster(), pluginTimeoutMs)
  const agentFor = keepAliveAgents(pool)
  const own = headersOf(config.getCurrentUser())
  /** The plugin's credential that each presentation was made of. */
  const said = new WeakMap<Presented, Credential>()
  let last: Presented | undefined
  /**
   * While files are being replaced they may be absent, or not belong together. Until then the last good ones are used.
   */
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

/** The URL of the proxy that requests go through. `undefined`: none. */
export function proxyOf(cluster: KubeCluster | null): string | undefined {
  return cluster?.proxyUrl || cluster?.environmentProxy
}

interface Standing {
  readonly config: KubeConfig
  readonly plugin: Plugin | undefined
  readonly tokenFile: TokenFile | undefined
}

/**
 * Copies the configuration. Its cluster has the proxy that is used. Its user has neither plugin nor token file; `equip`
 * gives it their credentials. A context without a user gets a user without a name: without a user, client-node would
 * not trust the cluster's authority either.
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

/** In kubectl, any SOCKS 5 proxy resolves names. In client-node, only one with the scheme socks5h does. */
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

/** Headers that client-node would not send, or not in kubectl's way. */
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
 * Makes headers sendable. A token from a file may end in a line feed, which no header may have. Node sends one byte per
 * character, and kubectl sends UTF-8.
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
