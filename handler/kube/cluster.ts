/** The public functions for programs that import this package: load a kubeconfig, get its namespace, connect. */
import { loadConfig as load, defaultNamespace as namespaceOf } from './auth/config.js'
import { connect as open } from './client.js'
import type { Commands } from './commands.js'
import { connectCommands as openCommands } from './exec.js'
import type { Kube } from './port.js'

declare const opaque: unique symbol

/**
 * An opaque kubeconfig. The client library's own type is not exposed: its types need packages that users of this
 * package do not install.
 */
export interface Cluster {
  readonly [opaque]: never
}

export interface ClusterOptions {
  /** A file. Without it kubectl's rules apply, and in a pod its service account. */
  readonly kubeconfig?: string | undefined
  readonly context?: string | undefined
  /**
   * These variables are read: KUBECONFIG, HOME, PATH, KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT, POD_NAMESPACE,
   * HTTPS_PROXY, HTTP_PROXY and NO_PROXY.
   */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Loads a kubeconfig. @throws UsageError which says what is missing and how to give it */
export const loadConfig = (options: ClusterOptions): Cluster => load(options) as unknown as Cluster

/** The namespace that applies if none is given. */
export const defaultNamespace = (cluster: Cluster): string => namespaceOf(inside(cluster))

/** Sends nothing before the first call. */
export const connect = (cluster: Cluster): Kube => open(inside(cluster))

/** Runs commands in containers, for checks of kind exec. Sends nothing before the first one. */
export const connectCommands = (cluster: Cluster): Commands => openCommands(inside(cluster))

function inside(cluster: Cluster): Parameters<typeof open>[0] {
  return cluster as unknown as Parameters<typeof open>[0]
}
