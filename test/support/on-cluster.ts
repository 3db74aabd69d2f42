/** A namespace of its own on a real cluster, with pods that are real servers, and the built handler's runs in it. */
import { randomUUID } from 'node:crypto'
import { type AuditedRequest, requestsOf } from './cluster/audit.js'
import { type Kube, type KubeList, type KubeObject, kube } from './cluster/client.js'
import { until } from './cluster/poll.js'
import type { Place } from './cluster/programs.js'
import { type Rule, serviceAccount } from './cluster/users.js'
import type { Cluster } from './cluster-context.js'
import { type Run, runHandler } from './handler.js'
import { type PodDraft, podDraft, podStatus, type ServiceDraft, serviceDraft } from './pods.js'
import { type Behaviour, startServer, type TestServer } from './servers.js'
import { withoutHistory } from './without-history.js'

/** What a pass needs. */
export const ALL_RIGHTS: readonly Rule[] = [
  { apiGroups: [''], resources: ['pods', 'services'], verbs: ['list', 'patch'] },
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create'] },
]

/** What `serve --watch` needs. */
export const WATCH_RIGHTS: readonly Rule[] = [
  { apiGroups: [''], resources: ['pods', 'services'], verbs: ['list', 'patch', 'watch'] },
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create'] },
]

type Labels = Readonly<Record<string, string>>

export interface OnCluster {
  readonly namespace: string
  readonly admin: Kube
  readonly api: string
  /** A kubeconfig of the handler's ServiceAccount. */
  readonly kubeconfig: string
  /** A pod that is a server on loopback, Running and Ready unless told. */
  addPod(name: string, behaviour?: Behaviour, draft?: Partial<PodDraft>): Promise<TestServer>
  /** The same for a server that there is: a pod that comes again under its name is another. */
  createPod(server: Pick<TestServer, 'name' | 'port'>, draft?: Partial<PodDraft>): Promise<void>
  setStatus(pod: string, status: Partial<PodDraft>): Promise<void>
  addService(service: ServiceDraft): Promise<void>
  annotateService(name: string, annotations: Readonly<Record<string, string | null>>): Promise<void>
  label(pod: string, labels: Readonly<Record<string, string | null>>): Promise<void>
  pods(): Promise<readonly KubeObject[]>
  labels(pod: string): Promise<Labels>
  /** The names of the pods that are labelled active. */
  actives(): Promise<readonly string[]>
  /** What the user wrote and what we may have left there. */
  /** The annotations are those without the history. */
  service(name: string): Promise<{ readonly selector: Labels; readonly annotations: Labels }>
  /** One `node handler …` as the ServiceAccount. */
  run(args?: readonly string[], env?: Readonly<Record<string, string>>): Promise<Run>
  /** The same in JSON. */
  report(args?: readonly string[], env?: Readonly<Record<string, string>>): Promise<JsonRun>
  /** `list services`, `patch pods/a 422`, `create events`, … since the last call; `undefined` on a cluster without an audit log. */
  takeRequests(): Promise<readonly string[] | undefined>
  close(): Promise<void>
}

/** As much of a group's JSON report as tests look at. */
export interface JsonGroup {
  readonly services: readonly string[]
  readonly decision: string
  readonly reason: { readonly code: string; readonly text: string }
  readonly active: { readonly before: string | null; readonly after: string | null }
  readonly latch: string | null
  readonly warnings: readonly string[]
  readonly writes: readonly { readonly object: string; readonly result: string }[]
  readonly error?: {
    readonly code: string
    readonly object: string
    readonly message: string
    readonly remedy: string
  }
}

export interface JsonRun {
  readonly code: number | null
  /** The first of the groups. */
  readonly group: JsonGroup
  readonly groups: readonly JsonGroup[]
  /** Of Services that are in no group. */
  readonly warnings: readonly string[]
  readonly requests: number
}

/** @param place where the handler runs, if not here */
export async function openNamespace(cluster: Cluster, rules = ALL_RIGHTS, place?: Place): Promise<OnCluster> {
  const { kubeconfig, auditLog } = cluster
  const namespace = `t-${randomUUID().slice(0, 8)}`
  const user = await serviceAccount(kubeconfig, { namespace, name: 'active-passive', rules })
  const admin = kube(kubeconfig)
  const api = `/api/v1/namespaces/${namespace}`
  const servers: TestServer[] = []
  let taken = 0
  const createPod: OnCluster['createPod'] = async ({ name, port }, draft = {}) => {
    await admin.post(`${api}/pods`, podDraft({ port, ...draft, name }))
    await admin.patch(`${api}/pods/${name}/status`, { status: podStatus(draft) })
  }
  const pods = async () => (await admin.get<KubeList>(`${api}/pods`)).items

  return {
    namespace,
    admin,
    api,
    kubeconfig: user.kubeconfig,
    addPod: async (name, behaviour = 'ok', draft = {}) => {
      const server = await startServer(behaviour, { name, ...(draft.ip ? { host: draft.ip } : {}) })
      servers.push(server)
      await createPod(server, draft)
      return server
    },
    createPod,
    setStatus: async (pod, status) =>
      void (await admin.patch(`${api}/pods/${pod}/status`, { status: podStatus(status) })),
    addService: async (service) => void (await admin.post(`${api}/services`, serviceDraft(service))),
    annotateService: async (name, annotations) =>
      void (await admin.patch(`${api}/services/${name}`, { metadata: { annotations } })),
    label: async (pod, labels) => void (await admin.patch(`${api}/pods/${pod}`, { metadata: { labels } })),
    pods,
    labels: async (pod) => (await admin.get(`${api}/pods/${pod}`)).metadata.labels ?? {},
    actives: async () =>
      (await pods()).filter(({ metadata }) => metadata.labels?.role === 'active').map(({ metadata }) => metadata.name),
    service: async (name) => {
      const { metadata, spec } = await admin.get<KubeObject & { spec: { selector: Labels } }>(`${api}/services/${name}`)
      return { selector: spec.selector, annotations: withoutHistory(metadata.annotations ?? {}) }
    },
    run: (args = [], env = {}) => runHandler(args, { KUBECONFIG: user.kubeconfig, ...env }, place),
    report: async (args = [], env = {}) => {
      const variables = { KUBECONFIG: user.kubeconfig, ...env }
      const { code, stdout, stderr } = await runHandler([...args, '-o', 'json'], variables, place)
      if (!stdout) throw new Error(`no report: ${stderr}`)
      const { groups, warnings = [], requests } = JSON.parse(stdout) as Omit<JsonRun, 'code'>
      return { code, group: groups[0] as JsonGroup, groups, warnings, requests }
    },
    takeRequests: async () => {
      if (auditLog === undefined) return undefined
      const all = await requestsOf(auditLog, user.username)
      const fresh = all.slice(taken)
      taken = all.length
      return fresh.map(describeRequest)
    },
    close: async () => {
      await Promise.all(servers.map((server) => server.close()))
      await closeNamespace(cluster, admin, namespace)
    },
  }
}

/**
 * Deletes it where it would stay. A control plane that we have started ends with the tests: there it is enough that
 * nothing goes on in it, for its deletion is a hundred requests, one or two for each kind of what may be there.
 */
export async function closeNamespace({ auditLog }: Cluster, admin: Kube, namespace: string): Promise<void> {
  if (auditLog === undefined) await admin.delete(`/api/v1/namespaces/${namespace}`)
  else await admin.delete(`/apis/batch/v1/namespaces/${namespace}/cronjobs`)
}

function describeRequest({ verb, resource, name, code }: AuditedRequest): string {
  if (resource === 'events') return `${verb} ${resource}${code === 201 ? '' : ` ${code}`}` // their names hold a hash
  return `${verb} ${resource}${name ? `/${name}` : ''}${code === 200 ? '' : ` ${code}`}`
}

/** Waits until a controller has made these pods, and answers for the kubelet: each runs on an address of its own. */
export async function startPods(world: OnCluster, count: number, port: number): Promise<readonly TestServer[]> {
  const names = await until(`${count} pods in ${world.namespace}`, async () => {
    const found = (await world.pods()).map(({ metadata }) => metadata.name).sort()
    return found.length === count ? found : undefined
  })
  return Promise.all(
    names.map(async (name, n) => {
      const ip = `127.0.0.${n + 2}`
      const server = await startServer('ok', { name, host: ip, port })
      await world.setStatus(name, { ip })
      return server
    }),
  )
}
