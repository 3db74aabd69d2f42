/** Which cluster, as whom: kubeconfig by kubectl's rules, or the pod's own service account. */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { UsageError } from '../errors.js'

export interface ConfigOptions {
  /** A file, given on purpose. */
  readonly kubeconfig?: string | undefined
  readonly context?: string | undefined
  /** KUBECONFIG, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are read. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** @throws UsageError which says what is missing and how to name it */
export function loadConfig({ kubeconfig, context, env }: ConfigOptions): KubeConfig {
  const files = kubeconfig === undefined ? defaultFiles(env) : [kubeconfig]
  const config = files.length > 0 ? mergeFiles(files) : inCluster(env)
  if (context !== undefined) selectContext(config, context, files)
  const current = config.getCurrentContext()
  if (!config.getContextObject(current)) {
    const names = config.getContexts().map(({ name }) => name)
    const chosen = current ? `its current-context ${JSON.stringify(current)} is not in it` : 'it has no current-context'
    throw new UsageError(
      `kubeconfig ${files.join(', ')}: ${chosen}. Choose one with --context: ${names.join(', ') || 'it has none'}`,
    )
  }
  if (!config.getCurrentCluster()?.server) {
    throw new UsageError(
      `kubeconfig ${files.join(', ')}: context ${JSON.stringify(current)} names a cluster that is not in it`,
    )
  }
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

/** As kubectl merges: the first file that names a thing wins. */
function mergeFiles(files: readonly string[]): KubeConfig {
  const merged = new KubeConfig()
  for (const file of files) {
    const config = new KubeConfig()
    try {
      config.loadFromFile(file)
    } catch (error) {
      throw new UsageError(`kubeconfig ${file}: ${error instanceof Error ? error.message.split('\n')[0] : error}`)
    }
    merged.clusters.push(...without(config.clusters, merged.clusters))
    merged.users.push(...without(config.users, merged.users))
    merged.contexts.push(...without(config.contexts, merged.contexts))
    merged.currentContext ||= config.currentContext
  }
  return merged
}

function without<T extends { name: string }>(additions: readonly T[], present: readonly { name: string }[]): T[] {
  return additions.filter(({ name }) => !present.some((one) => one.name === name))
}

function selectContext(config: KubeConfig, context: string, files: readonly string[]): void {
  const names = config.getContexts().map(({ name }) => name)
  if (!names.includes(context)) {
    const where = files.join(', ') || 'the in-cluster configuration'
    throw new UsageError(`--context ${context}: not in ${where}, which has: ${names.join(', ') || 'none'}`)
  }
  config.setCurrentContext(context)
}

function inCluster(env: ConfigOptions['env']): KubeConfig {
  const host = env.KUBERNETES_SERVICE_HOST
  const config = new KubeConfig()
  config.loadFromCluster()
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
