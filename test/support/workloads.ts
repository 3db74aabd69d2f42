/** Controllers' objects on a real cluster, and a stand-in for the kubelet of the pods that they make. */
import { onTestFinished } from 'vitest'
import type { KubeList, KubeObject } from './cluster/client.js'
import { until } from './cluster/poll.js'
import type { OnCluster } from './on-cluster.js'
import { type PodDraft, podDraft } from './pods.js'
import { type Behaviour, startServer, type TestServer } from './servers.js'

type Labels = Readonly<Record<string, string>>

export type Template = Pick<PodDraft, 'port' | 'labels' | 'annotations' | 'readinessProbe'>

export interface WorkloadDraft {
  readonly name: string
  /** What its template says of pods, beside `app: helloworld`. */
  readonly template: Template
  /** What it selects its pods by, beside `app: helloworld`. */
  readonly selector?: Labels
  /** 1 unless told. */
  readonly replicas?: number
  /** What else its spec says. */
  readonly spec?: object
}

export type WorkloadKind = 'deployments' | 'replicasets' | 'statefulsets'

export async function addWorkload(world: OnCluster, kind: WorkloadKind, draft: WorkloadDraft): Promise<void> {
  const { name, template, selector, replicas = 1, spec } = draft
  await world.admin.post(`/apis/apps/v1/namespaces/${world.namespace}/${kind}`, {
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'helloworld', ...selector } },
      template: podTemplate(template),
      ...(kind === 'statefulsets' ? { serviceName: name, podManagementPolicy: 'Parallel' } : {}),
      ...spec,
    },
  })
}

/** A Job whose pod has the labels of the application. */
export async function addJob(world: OnCluster, name: string, template: Template): Promise<void> {
  const { metadata, spec } = podTemplate(template)
  await world.admin.post(`/apis/batch/v1/namespaces/${world.namespace}/jobs`, {
    metadata: { name },
    spec: { template: { metadata, spec: { ...spec, restartPolicy: 'Never' } } },
  })
}

/** The same application in every template. */
export function podTemplate(template: Template) {
  const { metadata, spec } = podDraft({ ...template, name: 'template' })
  const { name: _name, ...rest } = metadata
  return { metadata: rest, spec: { ...spec, terminationGracePeriodSeconds: 0 } }
}

interface OwnerReference {
  readonly uid: string
  readonly controller?: boolean
}

interface OwnedPod extends KubeObject {
  readonly metadata: KubeObject['metadata'] & { readonly ownerReferences?: readonly OwnerReference[] }
  readonly status: { readonly phase: string; readonly podIP?: string }
}

interface Workload extends KubeObject {
  readonly metadata: KubeObject['metadata'] & {
    readonly generation: number
    readonly ownerReferences?: readonly OwnerReference[]
  }
  readonly spec: { readonly replicas: number; readonly selector: { readonly matchLabels: Labels } }
  readonly status: { readonly observedGeneration?: number }
}

/** What a controller counts among its replicas: a pod that has ended is replaced. */
const isOver = ({ metadata, status }: OwnedPod) =>
  metadata.deletionTimestamp !== undefined || status.phase === 'Failed' || status.phase === 'Succeeded'
const ownerOf = ({ metadata }: OwnedPod | Workload) =>
  metadata.ownerReferences?.find(({ controller }) => controller)?.uid

/** Names of the pods that no controller owns. */
export async function orphans(world: OnCluster): Promise<readonly string[]> {
  return (await podsOf(world)).filter((pod) => ownerOf(pod) === undefined).map(({ metadata }) => metadata.name)
}

const podsOf = async (world: OnCluster) => (await world.admin.get<KubeList<OwnedPod>>(`${world.api}/pods`)).items

/**
 * The pods, once the controllers have answered every write that was made before: each workload owns as many pods as it
 * wants, none that it does not select, and no pod is left for it to adopt.
 */
async function settled(world: OnCluster): Promise<readonly OwnedPod[]> {
  const listOf = async (kind: string) =>
    (await world.admin.get<KubeList<Workload>>(`/apis/${kind.replace(':', `/namespaces/${world.namespace}/`)}`)).items
  return until(`the controllers of ${world.namespace} are done`, async () => {
    const [deployments, replicaSets, statefulSets, jobs] = await Promise.all(
      ['apps/v1:deployments', 'apps/v1:replicasets', 'apps/v1:statefulsets', 'batch/v1:jobs'].map(listOf),
    )
    const pods = await podsOf(world)
    const isSeen = ({ metadata, status }: Workload) => status.observedGeneration === metadata.generation
    const hasReplicaSet = ({ metadata }: Workload) => replicaSets?.some((one) => ownerOf(one) === metadata.uid)
    const hasItsPods = ({ metadata, spec }: Workload) => {
      const selects = ({ metadata: { labels = {} } }: OwnedPod) =>
        Object.entries(spec.selector.matchLabels).every(([key, value]) => labels[key] === value)
      const owned = pods.filter((pod) => ownerOf(pod) === metadata.uid)
      const adoptable = pods.some((pod) => ownerOf(pod) === undefined && !isOver(pod) && selects(pod))
      const live = owned.filter((pod) => !isOver(pod))
      return !adoptable && owned.every(selects) && live.length === spec.replicas
    }
    const hasPod = ({ metadata }: Workload) => pods.some((pod) => ownerOf(pod) === metadata.uid)
    const isDone =
      deployments?.every((one) => isSeen(one) && hasReplicaSet(one)) &&
      [...(replicaSets ?? []), ...(statefulSets ?? [])].every((one) => isSeen(one) && hasItsPods(one)) &&
      jobs?.every(hasPod)
    return isDone ? pods : undefined
  })
}

export interface Kubelet {
  /** Waits until the controllers are done, and lets each pod that is Pending run on an address of its own. */
  settle(): Promise<void>
  /** The pods that run, by name. */
  readonly servers: ReadonlyMap<string, TestServer>
  /** The one whose name begins so. */
  server(prefix: string): TestServer
}

/**
 * Answers for the kubelet, until the test has ended.
 * @param port the one that the templates name
 * @param behaviourOf how the pod of this name answers
 */
export function startKubelet(
  world: OnCluster,
  port: number,
  behaviourOf: (pod: string) => Behaviour = () => 'ok',
): Kubelet {
  const servers = new Map<string, TestServer>()
  onTestFinished(async () => {
    await Promise.all([...servers.values()].map((server) => server.close()))
  })
  const run = async (name: string) => {
    const ip = `127.0.0.${servers.size + 2}`
    const server = startServer(behaviourOf(name), { name, host: ip, port })
    servers.set(name, await server)
    await world.setStatus(name, { ip })
  }
  return {
    servers,
    async settle() {
      for (const { metadata, status } of await settled(world))
        if (!status.podIP && !isOverStatus(status)) await run(metadata.name)
    },
    server(prefix) {
      const [found, ...more] = [...servers.values()].filter(({ name }) => name.startsWith(prefix))
      if (!found || more.length > 0) throw new Error(`not one pod whose name begins with ${prefix}`)
      return found
    },
  }
}

const isOverStatus = ({ phase }: OwnedPod['status']) => phase === 'Failed' || phase === 'Succeeded'
