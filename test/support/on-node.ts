/** The demo application on a real node: real pods, told to fail, and the built handler run where it reaches them. */
import { join } from 'node:path'
import { type Kube, type KubeList, type KubeObject, kube } from './cluster/client.js'
import { until } from './cluster/poll.js'
import { repository } from './handler.js'
import { type Kubectl, kubectlFor } from './kubectl.js'
import type { NodeCluster } from './node/node-cluster.js'
import { type Overlay, withOverlay } from './overlay.js'

/** The kinds of the demo, by what owns the pods. Its Service has the same name as its owner. */
export const demos = {
  statefulset: { folder: 'jobs/demo', service: 'helloworld' },
  deployment: { folder: 'jobs/demo/deployment', service: 'helloworld-deployment' },
} as const
export type Demo = keyof typeof demos

export interface DemoPod {
  readonly name: string
  readonly uid: string
  readonly ip: string
  readonly node: string
  readonly role: string | undefined
  readonly ready: boolean
  readonly terminating: boolean
  readonly containerId: string
}

export interface NodeWorld {
  readonly cluster: NodeCluster
  readonly api: Kube
  readonly kubectl: Kubectl
  readonly namespace: string
  /** Applies folders of jobs/, as an overlay does that sets the namespace. */
  apply(options: Omit<Overlay, 'namespace'>): Promise<void>
  /** Deletes what `apply` has applied. */
  remove(options: Omit<Overlay, 'namespace'>): Promise<void>
  /** Applies a demo without a cooldown, and waits until its pods are Ready. */
  applyDemo(demo: Demo, options?: Pick<Overlay, 'patches'>): Promise<void>
  /** The pods of a demo, by name. */
  pods(demo: Demo): Promise<readonly DemoPod[]>
  /** The one that is labelled active, if there is one. */
  active(demo: Demo): Promise<DemoPod | undefined>
  /** Waits until both pods are Ready and none is on its way out. */
  settled(demo: Demo): Promise<readonly DemoPod[]>
  /** Tells the application in a pod how to behave. */
  tell(pod: DemoPod, mode: 'fail' | 'recover' | 'hang'): Promise<void>
  clusterIp(demo: Demo): Promise<string>
  /** Runs `node handler` on the first node, as a user who may do anything. */
  pass(...args: readonly string[]): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>
}

/** The user as whom `pass` runs, as the audit log names it. */
export const passUser = 'pass-by-hand'

/** Makes a namespace for the demos and whatever else is applied. */
export async function openNodeWorld(
  cluster: NodeCluster,
  namespace: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<NodeWorld> {
  const api = kube(cluster.kubeconfig)
  const kubectl = kubectlFor(cluster.kubeconfig)
  if (namespace !== 'default') await api.post('/api/v1/namespaces', { metadata: { name: namespace, labels } })
  await until(`the ServiceAccount default of ${namespace}`, () =>
    api.get(`/api/v1/namespaces/${namespace}/serviceaccounts/default`).catch(() => undefined),
  )
  const kubeconfig = await cluster.kubeconfigFor(passUser, { commonName: passUser, organization: 'system:masters' })
  const [{ machine }] = cluster.nodes

  const pods = async (demo: Demo): Promise<readonly DemoPod[]> => {
    const selector = encodeURIComponent(`app=${demos[demo].service}`)
    const { items } = await api.get<KubeList<PodObject>>(
      `/api/v1/namespaces/${namespace}/pods?labelSelector=${selector}`,
    )
    return items.map(demoPod)
  }
  const settled = (demo: Demo): Promise<readonly DemoPod[]> =>
    until(
      `two pods of ${demos[demo].service}, both Ready`,
      async () => {
        const all = await pods(demo)
        return all.length === 2 && all.every(({ ready, terminating }) => ready && !terminating) ? all : undefined
      },
      { timeoutMs: 300_000 }, // those with a preStop sleep take their time, one after the other
    )
  const apply = (options: Omit<Overlay, 'namespace'>): Promise<void> =>
    withOverlay({ ...options, namespace }, async (folder) => void (await kubectl('apply', '-k', folder)))

  return {
    ...{ cluster, api, kubectl, namespace, pods, settled, apply },
    remove: (options) =>
      withOverlay({ ...options, namespace }, async (folder) => void (await kubectl('delete', '-k', folder))),
    applyDemo: async (demo, options = {}) => {
      await apply({ ...options, patches: [restless, ...(options.patches ?? [])], resources: [demos[demo].folder] })
      await settled(demo)
    },
    active: async (demo) => (await pods(demo)).find(({ role }) => role === 'active'),
    tell: async ({ ip }, mode) =>
      void (await machine.exec('busybox', 'wget', '-q', '-O', '-', '--post-data', '', `http://${ip}:8080/${mode}`)),
    clusterIp: async (demo) => {
      const path = `/api/v1/namespaces/${namespace}/services/${demos[demo].service}`
      return (await api.get<KubeObject & { spec: { clusterIP: string } }>(path)).spec.clusterIP
    },
    pass: async (...args) => {
      const env = [
        'env',
        `KUBECONFIG=${kubeconfig}`,
        'AP_COOLDOWN=0s',
        'AP_RISE=1',
        process.execPath,
        join(repository, 'handler'),
      ]
      return machine.exec(...(env as [string, ...string[]]), '-n', namespace, ...args).then(
        (stdout) => ({ code: 0, stdout, stderr: '' }),
        (error: { code: number; stdout: string; stderr: string }) => error,
      )
    },
  }
}

/** Tests hand over to and fro within seconds, which cooldown and rise are there to prevent. */
export const restless = {
  target: { kind: 'Service' },
  patch: JSON.stringify({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'any', annotations: { 'active-passive/cooldown': '0s', 'active-passive/rise': '1' } },
  }),
}

/** Takes the sleep out of a demo's pods: they end as soon as they are told to. */
export const withoutSleep = {
  target: { kind: 'StatefulSet|Deployment' },
  patch: JSON.stringify([{ op: 'remove', path: '/spec/template/spec/containers/0/lifecycle' }]),
}

interface PodObject extends KubeObject {
  readonly spec: { readonly nodeName?: string }
  readonly status: {
    readonly podIP?: string
    readonly conditions?: readonly { readonly type: string; readonly status: string }[]
    readonly containerStatuses?: readonly { readonly containerID?: string }[]
  }
}

function demoPod({ metadata, spec, status }: PodObject): DemoPod {
  return {
    name: metadata.name,
    uid: metadata.uid,
    ip: status.podIP ?? '',
    node: spec.nodeName ?? '',
    role: metadata.labels?.role,
    ready: (status.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True'),
    terminating: metadata.deletionTimestamp !== undefined,
    containerId: status.containerStatuses?.[0]?.containerID ?? '',
  }
}
