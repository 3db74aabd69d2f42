/** Passes through the real client against the in-process API, with pods whose health a test sets. */

import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { type HistoryEntry, readHistory } from '../../handler/group/history.js'
import { connect } from '../../handler/kube/client.js'
import { HISTORY } from '../../handler/kube/keys.js'
import type { Kube } from '../../handler/kube/port.js'
import type { Effects } from '../../handler/pass/context.js'
import { type PassOptions, pass } from '../../handler/pass/pass.js'
import type { Report } from '../../handler/report/report.js'
import { DEFAULT_SETTINGS, type Settings } from '../../handler/settings/settings.js'
import { systemClock } from '../../handler/util/clock.js'
import { type Api, startApi } from './api/server.js'
import type { Draft } from './api/store.js'
import { type PodDraft, podDraft, podStatus, type ServiceDraft, serviceDraft } from './pods.js'
import { withoutHistory } from './without-history.js'

export const NAMESPACE = 'default'

/** What a probe says that has reached nothing, neither the pod nor its node. */
export const UNREACHED = 'host unreachable'

/** What a probe says that could not be made, and whose fault that is. */
export const UNMADE = 'not checked: may not get pods/exec'

export interface InProcess {
  readonly api: Api
  /** What probes of a pod answer: `200` unless set; every text but that is a failure. */
  readonly health: Map<string, string>
  readonly probed: string[]
  /** A client of its own, with connections of its own. */
  connect(connection?: Parameters<typeof connect>[2]): Kube
  /**
   * Unless told, somebody has created it by hand, and its role and marks were set since then, as by an earlier pass.
   */
  addPod(pod: Partial<PodDraft> & Pick<Draft, 'manager' | 'setBy'> & { readonly name: string }): void
  addService(service: ServiceDraft): void
  /** One pass; without bursts unless told: one failure is a failed pod. */
  pass(
    options?: Partial<Omit<PassOptions, 'settings'>> & { settings?: Partial<Settings> },
    run?: PassRun,
  ): Promise<Report>
  labels(pod: string): Readonly<Record<string, string>>
  annotations(pod: string): Readonly<Record<string, string>>
  /** The pods labelled active. */
  actives(): readonly string[]
  /** The annotations are those without the history: every handover adds to it, and no decision rests on it. */
  service(name: string): {
    readonly selector: Readonly<Record<string, string>>
    readonly annotations: Readonly<Record<string, string>>
  }
  /** The handovers that this Service remembers, newest first. */
  history(service: string): readonly HistoryEntry[]
  /** `GET services`, `PATCH pod/a`, … of the requests since the last call, in order. */
  takeRequests(): readonly string[]
  close(): Promise<void>
}

export interface PassRun
  extends Partial<Pick<Effects, 'kube' | 'dryRunKube' | 'clock' | 'random' | 'probe' | 'announce'>> {
  readonly stop?: AbortSignal
}

type Labels = Readonly<Record<string, string>>

/** Two healthy pods, `a` and `b`, behind Service `app`, unless told otherwise. */
export async function startInProcess(pods: readonly string[] = ['a', 'b']): Promise<InProcess> {
  const api = await startApi()
  const config = new KubeConfig()
  config.loadFromString(api.kubeconfig)
  const health = new Map<string, string>()
  const probed: string[] = []
  const metadata = (name: string) => api.store.get('pods', NAMESPACE, name)?.metadata
  const stored = (name: string) => {
    const service = api.store.get('services', NAMESPACE, name)
    if (!service) throw new Error(`there is no Service ${name}`)
    const { selector } = service.spec as { selector: Labels }
    return { selector, annotations: (service.metadata.annotations ?? {}) as Labels }
  }
  const probe: Effects['probe'] = async ({ pod }) => {
    probed.push(pod.name)
    const text = health.get(pod.name) ?? '200'
    const unmade = { code: 'denied', message: 'may not get pods/exec', remedy: 'Grant it.' } as const
    const more = text === UNREACHED ? ({ reached: false } as const) : text === UNMADE ? { unmade } : {}
    return { healthy: text === '200', text, ms: 1, ...more }
  }
  const world: InProcess = {
    api,
    health,
    probed,
    connect: (connection) => connect(config, {}, connection),
    addPod: ({ manager, setBy, ...pod }) => {
      const draft = podDraft({ port: 8080, ...pod })
      const marks = Object.keys({ ...pod.labels, ...pod.annotations }).filter(isMark)
      api.store.create('pods', {
        ...draft,
        metadata: { ...draft.metadata, namespace: NAMESPACE },
        status: podStatus(pod),
        ...(manager ? { manager } : {}),
        setBy: setBy ?? Object.fromEntries(marks.map((key) => [key, 'active-passive'])),
      })
    },
    addService: (service) => {
      const draft = serviceDraft(service)
      api.store.create('services', { ...draft, metadata: { ...draft.metadata, namespace: NAMESPACE } } as never)
    },
    pass: ({ settings, ...options } = {}, { stop = new AbortController().signal, ...effects } = {}) =>
      pass(
        {
          namespaces: [NAMESPACE],
          services: [],
          roleLabel: 'role',
          dryRun: false,
          deadlineMs: 20_000,
          concurrency: 64,
          ...options,
          settings: { ...DEFAULT_SETTINGS, failures: 1, ...settings },
        },
        { kube: connect(config), clock: systemClock, probe, random: Math.random, ...effects },
        stop,
      ),
    labels: (pod) => (metadata(pod)?.labels ?? {}) as Labels,
    annotations: (pod) => (metadata(pod)?.annotations ?? {}) as Labels,
    actives: () =>
      api.store
        .list('pods', NAMESPACE)
        .filter(({ metadata }) => (metadata.labels as Labels | undefined)?.role === 'active')
        .map(({ metadata }) => metadata.name),
    service: (name) => {
      const { selector, annotations } = stored(name)
      return { selector, annotations: withoutHistory(annotations) }
    },
    history: (name) => readHistory(stored(name).annotations[HISTORY]),
    takeRequests: () => {
      const taken = api.requests.map(({ method, path }) => `${method} ${shorten(path)}`)
      api.clearRequests()
      return taken
    },
    close: () => api.close(),
  }
  world.addService({ name: 'app' })
  for (const name of pods) world.addPod({ name })
  return world
}

/** Whether this program writes such a label or annotation. */
const isMark = (key: string) => key === 'role' || key.startsWith('active-passive/')

function shorten(path: string): string {
  return path.replace(/^\/api\/v1(\/namespaces\/[^/]+)?\//, '').replace(/^(pod|service)s\/(.+)/, '$1/$2')
}
