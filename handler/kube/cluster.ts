/** Which cluster, as a program that imports this one deals with it: it is loaded, asked for its namespace, connected to. */
import { loadConfig as load, defaultNamespace as namespaceOf } from './auth/config.js'
import { connect as open } from './client.js'
import type { Kube } from './port.js'

declare const opaque: unique symbol

/** What is inside is the client library's, whose types want others that nobody has who installs this package alone. */
export interface Cluster {
  readonly [opaque]: never
}

export interface ClusterOptions {
  /** A file; without it kubectl's rules hold, and in a pod its service account. */
  readonly kubeconfig?: string | undefined
  readonly context?: string | undefined
  /**
   * KUBECONFIG, HOME, PATH, KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT, POD_NAMESPACE, and HTTPS_PROXY, HTTP_PROXY
   * and NO_PROXY are read.
   */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** @throws UsageError which says what is missing and how to name it */
export const loadConfig = (options: ClusterOptions): Cluster => load(options) as unknown as Cluster

/** The namespace that applies when none is named. */
export const defaultNamespace = (cluster: Cluster): string => namespaceOf(inside(cluster))

/** Nothing is sent before the first call. */
export const connect = (cluster: Cluster): Kube => open(inside(cluster))

function inside(cluster: Cluster): Parameters<typeof open>[0] {
  return cluster as unknown as Parameters<typeof open>[0]
}
