/** The cluster that a command is for: the kubeconfig or the pod's own account, the namespaces, and the limits of requests. */
import { defaultNamespace, loadConfig } from '../kube/auth/config.js'
import { requestLimits } from '../kube/transport.js'
import type { Scope } from '../pass/scope.js'
import type { Io } from './io.js'

interface Asked extends Omit<Parameters<typeof loadConfig>[0], 'env'> {
  /** Absent: that of the context or of the pod. */
  readonly namespaces?: Scope['namespaces'] | undefined
  readonly requestTimeoutMs?: number | undefined
}

/** @throws UsageError for a mistake in the kubeconfig */
export function clusterOf(options: Asked, env: Io['env']) {
  const config = loadConfig({ ...options, env })
  return {
    config,
    namespaces: options.namespaces ?? [defaultNamespace(config)],
    limits: requestLimits(options.requestTimeoutMs),
  }
}
