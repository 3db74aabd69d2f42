// ServiceAccounts with exactly the rights that a test wants to give.
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { applyPatch, type Kube, kube } from './client.js'
import { writeKubeconfig } from './kubeconfig.js'
import { until } from './poll.js'

/** A rule of a Role or ClusterRole. */
export interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
  readonly resourceNames?: readonly string[]
}

export interface ServiceAccountOptions {
  /** Created if it is absent. */
  readonly namespace: string
  readonly name: string
  /** What it may do in its namespace; replaces what an earlier call gave it. */
  readonly rules?: readonly Rule[]
  /** What it may do in all namespaces. */
  readonly clusterRules?: readonly Rule[]
}

export interface ServiceAccountUser {
  /** Path of a kubeconfig with its token and its namespace, in the folder of the administrator's kubeconfig. */
  readonly kubeconfig: string
  /** `system:serviceaccount:<namespace>:<name>`, as the audit log writes it. */
  readonly username: string
}

/**
 * Makes a ServiceAccount with these rights, and a kubeconfig for it. Returns when the API server grants them all.
 * @param admin path of the kubeconfig of somebody who may do that
 */
export async function serviceAccount(admin: string, options: ServiceAccountOptions): Promise<ServiceAccountUser> {
  const { namespace, name, rules = [], clusterRules = [] } = options
  const api = kube(admin)
  const username = `system:serviceaccount:${namespace}:${name}`
  await createNamespace(admin, namespace)
  await apply(api, `/api/v1/namespaces/${namespace}/serviceaccounts/${name}`, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
  })
  const subjects = [{ kind: 'ServiceAccount', namespace, name }]
  await grant(api, `/namespaces/${namespace}`, 'Role', name, rules, subjects)
  if (clusterRules.length > 0) await grant(api, '', 'ClusterRole', `${namespace}-${name}`, clusterRules, subjects)
  await granted(api, username, namespace, rules)
  await granted(api, username, undefined, clusterRules)

  return asServiceAccount(admin, namespace, name)
}

/**
 * A kubeconfig for a ServiceAccount that is there, whatever its rights.
 * @param admin path of the kubeconfig of somebody who may ask for its token
 */
export async function asServiceAccount(admin: string, namespace: string, name: string): Promise<ServiceAccountUser> {
  const api = kube(admin)
  const kubeconfig = join(dirname(admin), `${namespace}-${name}-${randomUUID().slice(0, 8)}.kubeconfig`)
  const { status } = await api.post<{ status: { token: string } }>(
    `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
    { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 86_400 } },
  )
  const ca = await authorityOf(admin)
  await writeKubeconfig(kubeconfig, {
    server: api.server,
    ca,
    user: name,
    namespace,
    credentials: { token: status.token },
  })
  return { kubeconfig, username: `system:serviceaccount:${namespace}:${name}` }
}

/**
 * Creates a namespace if it is absent, and waits until pods can be created in it.
 * @param admin path of a kubeconfig
 */
export async function createNamespace(admin: string, name: string): Promise<void> {
  const api = kube(admin)
  await apply(api, `/api/v1/namespaces/${name}`, { apiVersion: 'v1', kind: 'Namespace' })
  await until(`the ServiceAccount default of namespace ${name}`, () =>
    api.get(`/api/v1/namespaces/${name}/serviceaccounts/default`).catch(() => undefined),
  )
}

async function grant(
  api: Kube,
  scope: string,
  kind: 'Role' | 'ClusterRole',
  name: string,
  rules: readonly Rule[],
  subjects: readonly unknown[],
): Promise<void> {
  const group = 'rbac.authorization.k8s.io'
  const path = `/apis/${group}/v1${scope}/${kind.toLowerCase()}`
  await apply(api, `${path}s/${name}`, { apiVersion: `${group}/v1`, kind, rules })
  const roleRef = { apiGroup: group, kind, name }
  await apply(api, `${path}bindings/${name}`, { apiVersion: `${group}/v1`, kind: `${kind}Binding`, roleRef, subjects })
}

/** Creates the object or makes it what is given. */
async function apply(api: Kube, path: string, object: Readonly<Record<string, unknown>>): Promise<void> {
  const name = path.slice(path.lastIndexOf('/') + 1)
  await api.patch(`${path}?fieldManager=test&force=true`, { ...object, metadata: { name } }, applyPatch)
}

/** The authorizer learns of a Role through a watch, a moment after the Role was written. */
async function granted(api: Kube, user: string, namespace: string | undefined, rules: readonly Rule[]): Promise<void> {
  for (const attributes of rules.flatMap(combinations)) {
    const spec = { user, resourceAttributes: { ...attributes, ...(namespace !== undefined && { namespace }) } }
    await until(`${user} may ${JSON.stringify(spec.resourceAttributes)}`, async () => {
      const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec }
      const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews'
      const { status } = await api.post<{ status: { allowed: boolean } }>(path, review)
      return status.allowed || undefined
    })
  }
}

function combinations({
  apiGroups,
  resources,
  verbs,
  resourceNames,
}: Rule): readonly Readonly<Record<string, string>>[] {
  return apiGroups.flatMap((group) =>
    resources.flatMap((path) =>
      verbs.flatMap((verb) => {
        const [resource = '', subresource = ''] = path.split('/')
        return (resourceNames ?? ['']).map((name) => ({ group, resource, subresource, verb, name }))
      }),
    ),
  )
}

async function authorityOf(kubeconfig: string): Promise<Buffer | undefined> {
  const config = new KubeConfig()
  config.loadFromFile(kubeconfig)
  const { caData, caFile } = config.getCurrentCluster() ?? {}
  if (caData !== undefined) return Buffer.from(caData, 'base64')
  return caFile === undefined ? undefined : await readFile(caFile)
}
