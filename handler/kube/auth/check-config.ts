/** What can be seen to be wrong with a configuration before anything is sent. */
import { accessSync, constants, readFileSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { createSecureContext } from 'node:tls'
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import type { Cluster, User } from '@kubernetes/client-node/dist/config_types.js'
import { TOKEN_FILE } from './kubeconfig.js'
import type { Plugin } from './plugin.js'

type Environment = Readonly<Record<string, string | undefined>>

/** @throws Error which says why the current context can't work */
export function checkConfig(config: KubeConfig, env: Environment): void {
  const name = config.getCurrentContext()
  const context = config.contexts.find((one) => one.name === name)
  if (!context) {
    const chosen = name ? `its current-context ${quote(name)} is not in it` : 'it has no current-context'
    throw new Error(`${chosen}. Choose one with --context: ${namesOf(config)}`)
  }
  const cluster = config.getCurrentCluster()
  if (!cluster) throw new Error(`context ${quote(name)} names cluster ${quote(context.cluster)}, which is not in it`)
  const user = config.getCurrentUser()
  if (context.user && !user) {
    throw new Error(`context ${quote(name)} names user ${quote(context.user)}, which is not in it`)
  }
  within(`cluster ${quote(cluster.name)}`, () => checkCluster(cluster))
  if (user) within(`user ${quote(user.name)}`, () => checkUser(user, env))
}

export function namesOf({ contexts }: KubeConfig): string {
  return contexts.map(({ name }) => name).join(', ') || 'it has none'
}

function checkCluster({ server, skipTLSVerify, proxyUrl, caFile, caData }: Cluster): void {
  if (!isUrl(server, ['http:', 'https:'])) throw new Error(`server ${quote(server)} is no http:// or https:// URL`)
  if (server.startsWith('http:') && !skipTLSVerify) {
    throw new Error(`server ${quote(server)} is not encrypted: to use it all the same, set insecure-skip-tls-verify`)
  }
  if (proxyUrl && !isUrl(proxyUrl, ['http:', 'https:', 'socks:', 'socks4:', 'socks5:', 'socks5h:'])) {
    throw new Error('proxy-url is no http://, https:// or socks5:// URL')
  }
  const authority = read('certificate-authority', caFile, caData)
  if (authority && !authority.includes('-----BEGIN')) throw new Error('certificate-authority is no PEM')
}

function checkUser({ authProvider, exec, certFile, certData, keyFile, keyData }: User, env: Environment): void {
  if (authProvider?.name === TOKEN_FILE) read('tokenFile', authProvider.config?.tokenFile, undefined)
  else if (authProvider) {
    throw new Error(`auth-provider ${quote(authProvider.name)} is not supported: use an exec credential plugin`)
  }
  if (exec) checkPlugin(exec, env)
  const cert = read('client-certificate', certFile, certData)
  const key = read('client-key', keyFile, keyData)
  if (!cert && !key) return
  if (!cert || !key) throw new Error('client-certificate and client-key are of use only together')
  within('client-certificate and client-key', () => createSecureContext({ cert, key }))
}

function checkPlugin({ command = '', installHint }: Plugin, { PATH = '' }: Environment): void {
  const folders = command.includes('/') ? [''] : PATH.split(delimiter)
  if (command !== '' && folders.some((folder) => isExecutable(join(folder, command)))) return
  const hint = installHint ? `. ${installHint.replace(/\s+/g, ' ').trim()}` : ''
  throw new Error(`its credential plugin ${quote(command)} can't be found, or may not be executed${hint}`)
}

function read(what: string, file: string | undefined, data: string | undefined): Buffer | undefined {
  if (data) return Buffer.from(data, 'base64')
  return file ? within(what, () => readFileSync(file)) : undefined
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

function isUrl(text: string, protocols: readonly string[]): boolean {
  return URL.canParse(text) && protocols.includes(new URL(text).protocol)
}

/** @throws Error with what was being looked at before its message */
function within<T>(what: string, look: () => T): T {
  try {
    return look()
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}`)
  }
}

const quote = (text: string | undefined) => JSON.stringify(text)
