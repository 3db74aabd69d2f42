/** Finds mistakes in a configuration before anything is sent: those that kubectl refuses, and some more. */
import { accessSync, constants, readFileSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { createSecureContext } from 'node:tls'
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { isProxyUrl } from './environment-proxy.js'
import type { UserFields } from './fields.js'
import { checkImpersonation, isHeaderValue } from './impersonation.js'
import type { KubeCluster, KubeUser } from './kubeconfig.js'
import type { Plugin } from './plugin.js'
import { tokenIn } from './token-file.js'

type Environment = Readonly<Record<string, string | undefined>>

/** Checks the current context. @throws Error which says why it cannot work */
export function checkConfig(config: KubeConfig, env: Environment): void {
  const name = config.getCurrentContext()
  const context = config.contexts.find((one) => one.name === name)
  if (!context) {
    const chosen = name ? `its current-context ${quote(name)} is not in it` : 'it has no current-context'
    const names = namesOf(config)
    const choice = names ? `. Choose one with --context: ${names}` : ' and no contexts. Name another with --kubeconfig'
    throw new Error(chosen + choice)
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

/** The names of the contexts, or ''. */
export function namesOf({ contexts }: KubeConfig): string {
  return contexts.map(({ name }) => name).join(', ')
}

function checkCluster({ server, skipTLSVerify, proxyUrl, caFile, caData }: KubeCluster): void {
  if (server === '') throw new Error('it has no server')
  if (!isUrl(server, ['http:', 'https:'])) throw new Error(`server ${quote(server)} is no http:// or https:// URL`)
  if (server.startsWith('http:') && !skipTLSVerify) {
    throw new Error(`server ${quote(server)} is not encrypted: to use it all the same, set insecure-skip-tls-verify`)
  }
  if (proxyUrl && !isProxyUrl(proxyUrl, ['http:', 'https:', 'socks:', 'socks4:', 'socks5:', 'socks5h:'])) {
    throw new Error('proxy-url is no http://, https:// or socks5:// URL')
  }
  notBoth('certificate-authority', caFile, caData)
  const authority = read('certificate-authority', caFile, caData)
  if (authority && skipTLSVerify) {
    throw new Error('certificate-authority is of no use with insecure-skip-tls-verify: remove one of them')
  }
  if (authority && !authority.includes('-----BEGIN')) throw new Error('certificate-authority is no PEM')
}

function checkUser(user: KubeUser, env: Environment): void {
  const { exec, given, certFile, certData, keyFile, keyData } = user
  if (given) {
    checkMethods(given)
    checkImpersonation(given)
  }
  const tokenFile: string | undefined = user.authProvider?.config?.tokenFile
  if (tokenFile) tokenIn(read('tokenFile', tokenFile, undefined)?.toString() ?? '', tokenFile)
  if (exec) {
    if (!hasStaticCredentials(user)) findPlugin(exec, env)
    checkPlugin(exec)
  }
  notBoth('client-certificate', certFile, certData)
  notBoth('client-key', keyFile, keyData)
  const cert = read('client-certificate', certFile, certData)
  const key = read('client-key', keyFile, keyData)
  if (!cert && !key) return
  if (!cert || !key) throw new Error('client-certificate and client-key are of use only together')
  within('client-certificate and client-key', () => createSecureContext({ cert, key }))
}

/** A request can authenticate in one way only. */
function checkMethods(user: UserFields): void {
  const { token, tokenFile, username, password, 'auth-provider': provider } = user
  if (provider && user.exec) throw new Error('auth-provider and exec are both set: remove one of them')
  if (provider) {
    throw new Error(`auth-provider ${quote(provider.name)} is not supported: use an exec credential plugin`)
  }
  if (password && !username && !token) throw new Error('password without username: set username, or remove password')
  if ((token || tokenFile) && (username || password)) {
    const [one, other] = [token ? 'token' : 'tokenFile', username ? 'username' : 'password']
    throw new Error(`${one} and ${other} are both set: remove one of them`)
  }
  if (!isHeaderValue(token.trim())) throw new Error("token holds a control character, which can't be sent")
}

/** Whether the kubeconfig itself holds credentials. A plugin is not run then. */
export function hasStaticCredentials({ given, token, authProvider, certFile, certData, keyFile, keyData }: KubeUser) {
  const hasCertificate = Boolean((certFile || certData) && (keyFile || keyData))
  return Boolean(token || authProvider || given?.username || hasCertificate)
}

const API_VERSIONS = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1']
const MODES = ['Never', 'IfAvailable', 'Always']

function checkPlugin({ apiVersion = '', interactiveMode = '', env }: Plugin): void {
  if (!API_VERSIONS.includes(apiVersion)) {
    throw new Error(`exec.apiVersion ${quote(apiVersion)} is none of ${API_VERSIONS.join(', ')}`)
  }
  if (env?.some(({ name }) => name === '')) throw new Error('exec.env has a variable without a name')
  if (interactiveMode === '' && !apiVersion.endsWith('/v1beta1')) {
    throw new Error(`exec.interactiveMode is not set, which ${apiVersion} asks for: set it to Never or IfAvailable`)
  }
  if (interactiveMode !== '' && !MODES.includes(interactiveMode)) {
    throw new Error(`exec.interactiveMode ${quote(interactiveMode)} is none of ${MODES.join(', ')}`)
  }
  if (interactiveMode === 'Always') {
    throw new Error('exec.interactiveMode Always: there is nobody to answer here. Use a plugin that runs with Never')
  }
}

function findPlugin({ command = '', installHint }: Plugin, { PATH = '' }: Environment): void {
  const folders = command.includes('/') ? [''] : PATH.split(delimiter)
  if (command !== '' && folders.some((folder) => isExecutable(join(folder, command)))) return
  const hint = installHint ? `. ${installHint.replace(/[\s\p{C}]+/gu, ' ').trim()}` : ''
  throw new Error(`its credential plugin ${quote(command)} can't be found, or may not be executed${hint}`)
}

function notBoth(field: string, file: string | undefined, data: string | undefined): void {
  if (file && data) throw new Error(`${field} and ${field}-data are both set: remove one of them`)
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

/** @throws Error whose message begins with `what` */
function within<T>(what: string, look: () => T): T {
  try {
    return look()
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}`)
  }
}

const quote = (text: string | undefined) => JSON.stringify(text)
