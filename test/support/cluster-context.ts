// What the global set-up hands to the tests: `inject('cluster')`, undefined when there is no cluster to test on.
import 'vitest'

/** A Kubernetes API server that tests may do anything to. */
export interface Cluster {
  /** Path of a kubeconfig whose current context is the cluster's administrator. */
  readonly kubeconfig: string
  /** Path of the API server's audit log (see `test/support/cluster/audit.ts`); absent on a cluster that we did not start. */
  readonly auditLog?: string
}

declare module 'vitest' {
  interface ProvidedContext {
    cluster: Cluster | undefined
  }
}
