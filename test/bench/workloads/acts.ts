// What can happen in a scenario. Each act resolves when it was done, not when it has had its effect.
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../../support/cluster/poll.js'
import { isReady } from './lives.js'
import type { Act, Who } from './scenario.js'
import type { StagePod } from './set-up.js'
import type { Stage } from './stage.js'
import type { Loss } from './views.js'
import { collections, laneLabel, podTemplate, type Template } from './workload.js'

type Mode = 'fail' | 'hang' | 'recover'

export const wait =
  (seconds: number): Act =>
  async () =>
    void (await sleep(seconds * 1000))

/** Tells the application in a pod how to behave. */
export const tell =
  (who: Who, mode: Mode): Act =>
  async (stage) =>
    post(stage, (await stage.pod(stage.nameOf(who))).status.podIP as string, mode)

async function post({ traffic }: Stage, ip: string, mode: Mode): Promise<void> {
  const { status } = await traffic.post({ url: `http://${ip}:8080/${mode}` })
  if (status !== 200) throw new Error(`the pod at ${ip} was told to ${mode}, and answered ${status || 'nothing'}`)
}

/** @param inTurns the second fails while the first is well */
export interface Flap {
  readonly who: readonly Who[]
  /** It fails for so long, is well for so long, and so on. */
  readonly everyS: number
  readonly forS: number
  readonly inTurns?: boolean
}

export const flap =
  ({ who, everyS, forS, inTurns = false }: Flap): Act =>
  async (stage) => {
    const pods = await Promise.all(who.map((one) => stage.pod(stage.nameOf(one))))
    const beganAt = Date.now()
    const say = (mode: (n: number) => Mode) =>
      Promise.all(pods.map(({ status }, n) => post(stage, status.podIP as string, mode(n))))
    for (let step = 0; step * everyS < forS; step++) {
      await sleep(beganAt + step * everyS * 1000 - Date.now())
      await say((n) => ((step + (inTurns ? n : 0)) % 2 === 0 ? 'fail' : 'recover'))
    }
    await sleep(beganAt + forS * 1000 - Date.now())
    await say(() => 'recover')
  }

/** Deletes a pod, as kubectl does. @param graceSeconds instead of its own: a preStop sleep ends then */
export const remove =
  (who: Who, graceSeconds?: number): Act =>
  async ({ api, namespace, nameOf }) => {
    const body = graceSeconds === undefined ? undefined : { gracePeriodSeconds: graceSeconds }
    await api.delete(`/api/v1/namespaces/${namespace}/pods/${nameOf(who)}`, body)
  }

/** What a signal does to the first process of a pod's container. */
export const kill =
  (who: Who, signal: 'KILL' | 'STOP'): Act =>
  async (stage) => {
    const { spec, status } = await stage.pod(stage.nameOf(who))
    const node = stage.cluster.nodes.find(({ name }) => name === spec.nodeName)
    const pid = await node?.pidOf(status.containerStatuses?.[0]?.containerID ?? '')
    await node?.machine.exec('kill', `-${signal}`, `${pid}`)
  }

/** Rolls out another version. */
export const rollOut = (template: Template = {}): Act => change(template, {})

/** Changes the template and other fields of the workload in one write. */
export const change =
  (template: Template, spec: object): Act =>
  async (stage) => {
    const { scenario, app, namespace } = stage
    const changed = podTemplate({ app, [laneLabel]: namespace }, { ...scenario.workload, ...template })
    const annotated = { ...changed, metadata: { annotations: { version: '2' } } }
    await patch(stage, { ...spec, template: annotated })
  }

/** Writes fields of the workload. */
export const set =
  (spec: object): Act =>
  (stage) =>
    patch(stage, spec)

async function patch({ api, namespace, app, scenario }: Stage, spec: object): Promise<void> {
  await api.patch(`/apis/apps/v1/namespaces/${namespace}/${collections[scenario.workload.kind]}/${app}`, { spec })
}

/** A Deployment that takes pods away takes these first, in this order. */
export const firstToGo =
  (...who: readonly Who[]): Act =>
  async ({ api, namespace, nameOf }) => {
    for (const [n, one] of who.entries()) {
      const annotations = { 'controller.kubernetes.io/pod-deletion-cost': `${n - 100}` }
      await api.patch(`/api/v1/namespaces/${namespace}/pods/${nameOf(one)}`, { metadata: { annotations } })
    }
  }

/** Waits until the pods are as they should be. @param what for the error when they are not, within a minute */
export const once =
  (what: string, isSo: (pods: readonly StagePod[], stage: Stage) => boolean): Act =>
  async (stage) =>
    void (await until(`${stage.namespace}: ${what}`, async () => isSo(await stage.pods(), stage) || undefined, {
      timeoutMs: 60_000,
      everyMs: 50,
    }))

/** Waits until this pod is there and Ready. */
export const onceReady = (who: Who): Act =>
  once(`the ${who} pod is Ready`, (pods, { nameOf }) =>
    pods.some((pod) => pod.metadata.name === nameOf(who) && isReady(pod) && !pod.metadata.deletionTimestamp),
  )

/** Waits until there is a pod of the version that `rollOut` has brought. */
export const onceNew: Act = once('there is a pod of the new version', (pods) => pods.some(isNew))

/** Waits until one is Ready. */
export const onceNewReady: Act = once('a pod of the new version is Ready', (pods) =>
  pods.some((pod) => isNew(pod) && isReady(pod)),
)

function isNew({ metadata }: StagePod): boolean {
  return metadata.annotations?.version === '2'
}

/** Deletes a pod of a StatefulSet, and waits until its successor has its name, Ready or not. */
export const replace =
  (who: Who, graceSeconds?: number): Act =>
  async (stage) => {
    const { uid } = (await stage.pod(stage.nameOf(who))).metadata
    await remove(who, graceSeconds)(stage)
    await once(`the ${who} pod is another one`, (pods, { nameOf }) =>
      pods.some(({ metadata }) => metadata.name === nameOf(who) && metadata.uid !== uid),
    )(stage)
  }

/** From now on, a handler does not reach this pod. */
export const lose =
  (view: number, who: Who, how: Loss): Act =>
  async (stage) =>
    stage.views[view]?.lose([(await stage.pod(stage.nameOf(who))).status.podIP as string], how)

/** From now on, a handler reaches no pod, or not the active ones of so many groups. */
export const blind =
  (view: number, pods: 'all' | number, how: Loss): Act =>
  async ({ api, namespace, views }) => {
    const { items } = await api.get<{ items: readonly StagePod[] }>(`/api/v1/namespaces/${namespace}/pods`)
    const active = items.filter(({ metadata }) => metadata.labels?.role === 'active')
    const lost = pods === 'all' ? items : active.slice(0, pods)
    await views[view]?.lose(
      lost.map(({ status }) => status.podIP as string),
      how,
    )
  }

/** Takes the node of this pod out of service, and puts it back when its pods are gone from it. */
export const drainNodeOf =
  (who: Who): Act =>
  async (stage) => {
    const { nodeName = '' } = (await stage.pod(stage.nameOf(who))).spec
    const selector = `${laneLabel}=${stage.namespace}`
    try {
      const flags = ['--ignore-daemonsets', '--timeout=1m', '--pod-selector', selector]
      await stage.kubectl('drain', nodeName, ...flags)
    } finally {
      await stage.kubectl('uncordon', nodeName)
    }
  }
