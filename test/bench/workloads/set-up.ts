// What a scenario begins with: a namespace, its workloads, and who is active.
import type { Kube, KubeList } from '../../support/cluster/client.js'
import type { ObservedPod } from '../../support/cluster/history.js'
import { until } from '../../support/cluster/poll.js'
import { isReady } from './lives.js'
import type { Scenario } from './scenario.js'
import { collections, configMap, laneLabel, service, workloadObject } from './workload.js'

/** A pod as the API server has it. */
export interface StagePod extends ObservedPod {
  readonly spec: { readonly nodeName?: string }
  readonly status: NonNullable<ObservedPod['status']> & {
    readonly containerStatuses?: readonly {
      readonly containerID?: string
      readonly restartCount: number
      readonly started?: boolean
    }[]
  }
}

/** Resolves when the workloads have the pods that they begin with. */
export async function setUp(
  api: Kube,
  { name: namespace, workload, readyAtFirst }: Scenario,
  groups: readonly string[],
) {
  const { kind, replicas = 2 } = workload
  await api.post('/api/v1/namespaces', { metadata: { name: namespace } })
  const inside = `/api/v1/namespaces/${namespace}`
  await until(`the ServiceAccount default of ${namespace}`, () =>
    api.get(`${inside}/serviceaccounts/default`).catch(() => undefined),
  )
  await api.post(`${inside}/configmaps`, await configMap())
  for (const app of groups) {
    await api.post(`${inside}/services`, service(app, workload))
    const collection = `/apis/apps/v1/namespaces/${namespace}/${collections[kind]}`
    await api.post(collection, workloadObject(app, namespace, workload))
  }
  const wanted = readyAtFirst ?? replicas
  await until(
    `${wanted} Ready pods of each group of ${namespace}`,
    async () => {
      const query = encodeURIComponent(`${laneLabel}=${namespace}`)
      const { items } = await api.get<KubeList<StagePod>>(`${inside}/pods?labelSelector=${query}`)
      const ready = (app: string) => items.filter((pod) => pod.metadata.labels?.app === app && isReady(pod)).length
      return groups.every((app) => ready(app) >= wanted) || undefined
    },
    { timeoutMs: 120_000, everyMs: 100 },
  )
}

/** Waits until each group has an active pod; the names of the first's, the active one first. */
export async function castOf(api: Kube, namespace: string, groups: readonly string[]): Promise<readonly string[]> {
  const isActive = ({ metadata }: StagePod) => metadata.labels?.role === 'active'
  for (const app of groups) {
    await until(`an active pod of ${app}`, async () => (await podsOf(api, namespace, app)).some(isActive) || undefined)
  }
  const all = await podsOf(api, namespace, groups[0] as string)
  return [...all.filter(isActive), ...all.filter((pod) => !isActive(pod))].map(({ metadata }) => metadata.name)
}

/** Of one group, by name; terminating ones too. */
export async function podsOf(api: Kube, namespace: string, app: string): Promise<readonly StagePod[]> {
  const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(`app=${app}`)}`
  return (await api.get<KubeList<StagePod>>(path)).items
}
