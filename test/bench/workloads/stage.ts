// Where a scenario takes place: a namespace with its workload, handlers, clients, and those who record what happens.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Kube, kube } from '../../support/cluster/client.js'
import { observe } from '../../support/cluster/observer.js'
import { until } from '../../support/cluster/poll.js'
import { type Kubectl, kubectlFor } from '../../support/kubectl.js'
import { startTraffic, type Traffic } from '../../support/node/client-traffic.js'
import type { NodeCluster } from '../../support/node/node-cluster.js'
import { type Figures, figuresOf } from './figures.js'
import { handlerFlags, type Scenario, type Who } from './scenario.js'
import { type Serving, startServe } from './serving.js'
import { castOf, podsOf, type StagePod, setUp } from './set-up.js'
import { openView, ownView, type View } from './views.js'
import { followPods, startWitness } from './witness.js'

/** What acts have to do with. */
export interface Stage {
  readonly cluster: NodeCluster
  readonly api: Kube
  readonly kubectl: Kubectl
  readonly namespace: string
  readonly scenario: Scenario
  /** The Service, the workload and the label `app` of the first group. */
  readonly app: string
  readonly traffic: Traffic
  readonly views: readonly View[]
  /** The name of a pod, by what it was at the start. @throws Error when there was none */
  nameOf(who: Who): string
  /** The pods of the first group, by name; terminating ones too. */
  pods(): Promise<readonly StagePod[]>
  /** @throws Error when it is not there */
  pod(name: string): Promise<StagePod>
}

export interface StageOptions {
  readonly cluster: NodeCluster
  readonly scenario: Scenario
  /** The folder of a checkout that is built. */
  readonly checkout: string
  /** The first of the ports on which the handlers listen, as many as there are handlers. */
  readonly port: number
}

export interface Played extends Figures {
  /** What the handlers have said, and Kubernetes in its warnings. */
  readonly log: readonly string[]
}

/** Whatever the stability of pods is asked to be by default, they have it when the scenario begins. */
const settledMs = 11_000

/** Longer than any scenario takes. */
const lastMs = 5 * 60_000

/** Plays a scenario from an empty namespace to its figures. @throws Error when it cannot be set up, or an act fails */
export async function play({ cluster, scenario, checkout, port }: StageOptions): Promise<Played> {
  const { name: namespace, workload, groups: count = 1 } = scenario
  const api = kube(cluster.kubeconfig)
  const [{ machine }] = cluster.nodes
  const groups = Array.from({ length: count }, (_, n) => (n === 0 ? 'shop' : `shop${n + 1}`))
  const cleanUp: (() => Promise<unknown>)[] = [() => api.delete(`/api/v1/namespaces/${namespace}`)]
  try {
    await setUp(api, scenario, groups)
    const settledAt = Date.now() + settledMs
    const views = scenario.views
      ? await Promise.all(Array.from({ length: scenario.views }, () => openView(machine)))
      : [ownView(machine)]
    cleanUp.push(() => Promise.all(views.map((view) => view.close())))
    const serving: Serving[] = []
    cleanUp.push(() => Promise.all(serving.map((one) => one.stop())))
    for (const [n, view] of views.entries()) {
      const user = `${namespace}-${n}`
      const kubeconfig = await cluster.kubeconfigFor(user, { commonName: user, organization: 'system:masters' })
      const flags = [...handlerFlags, '-n', namespace]
      serving.push(await startServe({ machine, view, checkout, kubeconfig, port: port + n, flags }))
    }
    const [app] = groups as [string]
    const pods = (): Promise<readonly StagePod[]> => podsOf(api, namespace, app)
    const cast = workload.replicas === 0 ? [] : await castOf(api, namespace, groups)
    await sleep(settledAt - Date.now())

    const observer = await observe(cluster.kubeconfig, namespace)
    cleanUp.push(() => observer.stop())
    const witness = followPods(observer, startWitness(machine, lastMs))
    cleanUp.push(() => witness.stop())
    const { spec } = await api.get<{ spec: { clusterIP: string } }>(`/api/v1/namespaces/${namespace}/services/${app}`)
    const traffic = await startTraffic(machine, { address: spec.clusterIP, everyMs: 20, lastMs })
    cleanUp.push(() => traffic.stop())
    const [active] = cast
    const beginsAt =
      active === undefined
        ? 0
        : (await until(`${active} answers`, () => traffic.samples.find(({ pod }) => pod === active))).at

    const stage: Stage = {
      ...{ cluster, api, namespace, scenario, traffic, views, app, pods },
      kubectl: kubectlFor(cluster.kubeconfig),
      nameOf: (who) => {
        const name = cast[['active', 'passive', 'third'].indexOf(who)]
        if (name === undefined) throw new Error(`${namespace} has no ${who} pod`)
        return name
      },
      pod: async (name) => {
        const found = (await pods()).find(({ metadata }) => metadata.name === name)
        if (found === undefined) throw new Error(`${namespace} has no pod ${name}`)
        return found
      },
    }
    for (const act of scenario.acts) await act(stage)
    await sleep(scenario.thenS * 1000)

    const endsAt = performance.timeOrigin + performance.now()
    const samples = await traffic.stop()
    await observer.caughtUp()
    const figures = figuresOf({
      samples: samples.filter(({ at }) => at >= beginsAt && at <= endsAt),
      changes: observer.history,
      probes: await witness.stop(),
      timeOrigin: performance.timeOrigin,
      groups,
      publishesNotReady:
        (workload.service as { publishNotReadyAddresses?: boolean })?.publishNotReadyAddresses ?? false,
    })
    return { ...figures, log: [...serving.flatMap(({ log }) => log), ...(await warnings(api, namespace))] }
  } finally {
    // What was begun last ends first.
    const failures: unknown[] = []
    for (const end of cleanUp.reverse()) await end().catch((error: unknown) => failures.push(error))
    if (failures.length > 0) process.stderr.write(`${namespace}: ${failures.join('; ')}\n`)
  }
}

interface Warning {
  readonly involvedObject: { readonly kind: string; readonly name: string }
  readonly reason: string
  readonly message: string
  readonly count?: number
  readonly lastTimestamp: string | null
}

/** A probe that a kubelet made in vain, say: one line for each Event. */
async function warnings(api: Kube, namespace: string): Promise<readonly string[]> {
  const path = `/api/v1/namespaces/${namespace}/events?fieldSelector=type%3DWarning`
  const { items } = await api.get<{ items: readonly Warning[] }>(path)
  return items.map(({ involvedObject: { kind, name }, reason, message, count = 1, lastTimestamp }) =>
    [lastTimestamp ?? '-', `${kind}/${name}`, `${count} times ${reason}:`, message].join(' '),
  )
}
