/** Which cluster, as whom: kubeconfig by kubectl's rules, or the pod's own service account. */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { UsageError } from '../../errors.js'
import { checkConfig, namesOf } from './check-config.js'
import { mergeKubeconfigs, readKubeconfig } from './kubeconfig.js'

export interface ConfigOptions {
  /** A file, given on purpose. */
  readonly kubeconfig?: string | undefined
  readonly context?: string | undefined
  /** KUBECONFIG, HOME, PATH, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are read. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** What stands before the path of a pod's service account. */
  readonly root?: string
}

/** @throws UsageError which says what is missing and how to name it */
export function loadConfig({ kubeconfig, context, env, root = '' }: ConfigOptions): KubeConfig {
  const files = kubeconfig === undefined ? defaultFiles(env) : [kubeconfig]
  const config = files.length > 0 ? mergeKubeconfigs(files.map(read)) : inCluster(env, root)
  const origin = files.length > 0 ? `kubeconfig ${files.join(', ')}` : 'the service account of this pod'
  if (context !== undefined) {
    if (!config.contexts.some(({ name }) => name === context)) {
      throw new UsageError(`--context ${context}: not in ${origin}, which has: ${namesOf(config)}`)
    }
    config.setCurrentContext(context)
  }
  orUsageError(origin, () => checkConfig(config, env))
  return config
}

/** The namespace that applies when none is named. */
export function defaultNamespace(config: KubeConfig): string {
  return config.getContextObject(config.getCurrentContext())?.namespace?.trim() || 'default'
}

/** KUBECONFIG's files, those that exist, or the one in the home folder; none: not configured. */
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
  return orUsageError(`kubeconfig ${file}`, () => readKubeconfig(file))
}

function inCluster(env: ConfigOptions['env'], root: string): KubeConfig {
  const host = env.KUBERNETES_SERVICE_HOST
  const config = new KubeConfig()
  config.loadFromCluster(root)
  const [cluster] = config.clusters
  if (!host || !cluster || !existsSync(cluster.caFile ?? '')) {
    throw new UsageError(
      'no cluster: there is no kubeconfig (--kubeconfig, KUBECONFIG or ~/.kube/config), and this is not a pod with a service account',
    )
  }
  const port = env.KUBERNETES_SERVICE_PORT || '443'
  config.clusters = [{ ...cluster, server: `https://${host.includes(':') ? `[${host}]` : host}:${port}` }]
  return config
}

function orUsageError<T>(where: string, attempt: () => T): T {
  try {
    return attempt()
  } catch (error) {
    throw new UsageError(`${where}: ${error instanceof Error ? error.message.split('\n')[0] : error}`)
  }
}
