/** Loads the cluster and the user: from a kubeconfig by kubectl's rules, or from the pod's own service account. */
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { authorityOf } from '../../util/authority.js'
import { UsageError } from '../../util/errors.js'
import { checkConfig, namesOf } from './check-config.js'
import { environmentProxy } from './environment-proxy.js'
import { mergeKubeconfigs, readKubeconfig, toKubeConfig } from './kubeconfig.js'
import { isOverridden, type Overrides, override } from './overrides.js'

interface ConfigOptions extends Overrides {
  /** A file that the user named. */
  readonly kubeconfig?: string | undefined
  readonly context?: string | undefined
  /**
   * These variables are read: KUBECONFIG, HOME, PATH, KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT, POD_NAMESPACE,
   * HTTPS_PROXY, HTTP_PROXY and NO_PROXY.
   */
  readonly env: Readonly<Record<string, string | undefined>>
  /** A prefix of the path of a pod's service account. */
  readonly root?: string
}

/** Loads the configuration. @throws UsageError which says what is missing and how to give it */
export function loadConfig(options: ConfigOptions): KubeConfig {
  const { context, env, root = '' } = options
  const { files, config: given } = merged(options)
  const pod = servicePod(env, root)
  // As kubectl: if the files choose no cluster (an empty file, for instance), the pod's own is used.
  const isChosen = Boolean(context ?? given.currentContext) || isOverridden(options)
  const account = files.length === 0 || !isChosen ? pod : undefined
  if (files.length === 0 && !account) throw new UsageError(NO_CLUSTER)
  const config = account ? toKubeConfig(account, root) : given
  const origin = account ? 'the service account of this pod' : `kubeconfig ${files.join(', ')}`
  if (context !== undefined) {
    if (!config.contexts.some(({ name }) => name === context)) {
      throw new UsageError(`--context ${context}: not in ${origin}, which has: ${namesOf(config) || 'none'}`)
    }
    config.setCurrentContext(context)
  }
  override(config, options, origin)
  orUsageError(origin, () => checkConfig(config, env))
  if (pod) useNamespace(config, podNamespace(env, root))
  useProxy(config, env)
  return config
}

const NO_CLUSTER =
  'no cluster: there is no kubeconfig (--kubeconfig, KUBECONFIG or ~/.kube/config), and this is not a pod with a service account'

/** The names in the kubeconfig's files, whether or not a cluster can be chosen by them. @throws UsageError */
export function namesInKubeconfig({ kubeconfig, env }: Pick<ConfigOptions, 'kubeconfig' | 'env'>) {
  const { contexts, clusters, users } = merged({ kubeconfig, env }).config
  const namesOf = (all: readonly { readonly name: string }[]): readonly string[] => all.map(({ name }) => name)
  return { context: namesOf(contexts), cluster: namesOf(clusters), user: namesOf(users) }
}

function merged({ kubeconfig, env }: Pick<ConfigOptions, 'kubeconfig' | 'env'>) {
  const files = kubeconfig === undefined ? defaultFiles(env) : [kubeconfig]
  return { files, config: mergeKubeconfigs(files.map(read)) }
}

/** The namespace that applies if none is given. */
export function defaultNamespace(config: KubeConfig): string {
  return config.getContextObject(config.getCurrentContext())?.namespace?.trim() || 'default'
}

/** The files in KUBECONFIG that exist, or the one in the home folder. Empty: nothing is configured. */
function defaultFiles(env: ConfigOptions['env']): string[] {
  const named = (env.KUBECONFIG ?? '').split(delimiter).filter((file) => file !== '')
  if (named.length > 0) {
    const existing = named.filter((file) => existsSync(file))
    if (existing.length === 0) throw new UsageError(`KUBECONFIG=${env.KUBECONFIG}: there is no such file`)
    return existing
  }
  const home = join(env.HOME ?? homedir(), '.kube', 'config')
  return existsSync(home) ? [home] : []
}

function read(file: string): KubeConfig {
  if (!existsSync(file)) throw new UsageError(`kubeconfig ${file}: there is no such file`)
  return orUsageError(`kubeconfig ${file}`, () => readKubeconfig(file))
}

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

/** The pod's service account as a kubeconfig. `undefined`: this is no pod, or it has no service account. */
function servicePod(
  { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port }: ConfigOptions['env'],
  root: string,
) {
  const authority = `${root}${ACCOUNT}/ca.crt`
  if (!host || !existsSync(authority)) return undefined
  const server = `https://${authorityOf({ host, port: port || '443' })}`
  return {
    clusters: [{ name: 'inCluster', cluster: { server, 'certificate-authority': authority } }],
    users: [{ name: 'inClusterUser', user: { tokenFile: `${root}${ACCOUNT}/token` } }],
    contexts: [{ name: 'inClusterContext', context: { cluster: 'inCluster', user: 'inClusterUser' } }],
    'current-context': 'inClusterContext',
  }
}

function podNamespace({ POD_NAMESPACE }: ConfigOptions['env'], root: string): string {
  const file = `${root}${ACCOUNT}/namespace`
  return POD_NAMESPACE || (existsSync(file) ? readFileSync(file, 'utf8').trim() : '')
}

/** As kubectl: in a pod, a context without a namespace means the pod's namespace. */
function useNamespace(config: KubeConfig, namespace: string): void {
  const context = config.getContextObject(config.getCurrentContext())
  if (context && !context.namespace && namespace) Object.assign(context, { namespace })
}

/** A proxy in the kubeconfig's cluster overrides the environment's. */
function useProxy(config: KubeConfig, env: ConfigOptions['env']): void {
  const cluster = config.getCurrentCluster()
  if (!cluster || cluster.proxyUrl) return
  const proxy = environmentProxy(cluster.server, env)
  if (proxy !== undefined) Object.assign(cluster, { environmentProxy: proxy })
}

function orUsageError<T>(where: string, attempt: () => T): T {
  try {
    return attempt()
  } catch (error) {
    throw new UsageError(`${where}: ${error instanceof Error ? error.message.split('\n')[0] : error}`)
  }
}
