/** The demo's cluster: an in-process Kubernetes API, pods that are HTTP servers, and a client of the Service. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import got from 'got'
import { type Api, startApi } from '../support/api/server.js'
import { podDraft, podStatus, serviceDraft } from '../support/pods.js'
import { startServer, type TestServer } from '../support/servers.js'

export const SERVICE = 'helloworld'
const NAMESPACE = 'default'

export interface World {
  readonly api: Api
  readonly pods: readonly TestServer[]
  /** A file for KUBECONFIG. */
  readonly kubeconfig: string
  /** The names of the pods that the Service selects. */
  endpoints(): readonly string[]
  role(pod: string): string
  /** Sends requests to the Service, one after the other, until the returned function is called. */
  startClient(): () => Promise<Traffic>
  close(): Promise<void>
}

/** How many requests each pod answered, and how many found no pod. */
export interface Traffic {
  readonly answers: ReadonlyMap<string, number>
  readonly refused: number
}

export async function buildWorld(): Promise<World> {
  const api = await startApi()
  const folder = await mkdtemp(join(tmpdir(), 'active-passive-demo-'))
  const kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, api.kubeconfig)
  const pods = await Promise.all([0, 1].map((n) => startServer('ok', { name: `${SERVICE}-${n}` })))
  for (const { name, port } of pods) {
    const draft = podDraft({ name, port })
    api.store.create('pods', { ...draft, metadata: { ...draft.metadata, namespace: NAMESPACE }, status: podStatus({}) })
  }
  const service = serviceDraft({ name: SERVICE })
  api.store.create('services', { ...service, metadata: { ...service.metadata, namespace: NAMESPACE } })

  const labels = (pod: string) => (api.store.get('pods', NAMESPACE, pod)?.metadata.labels ?? {}) as Labels
  const endpoints = () => {
    const spec = api.store.get('services', NAMESPACE, SERVICE)?.spec as { selector: Labels }
    const selects = (pod: string) => Object.entries(spec.selector).every(([key, value]) => labels(pod)[key] === value)
    return pods.map(({ name }) => name).filter(selects)
  }
  return {
    api,
    pods,
    kubeconfig,
    endpoints,
    role: (pod) => labels(pod).role ?? 'no role',
    startClient: () => startClient(pods, endpoints),
    close: async () => {
      await Promise.all([api.close(), ...pods.map((pod) => pod.close()), rm(folder, { recursive: true })])
    },
  }
}

type Labels = Readonly<Record<string, string>>

function startClient(pods: readonly TestServer[], endpoints: () => readonly string[]): () => Promise<Traffic> {
  const answers = new Map<string, number>()
  let refused = 0
  let stopped = false
  const work = (async () => {
    while (!stopped) {
      const pod = pods.find(({ name }) => endpoints().includes(name))
      if (pod) {
        const body = await got(pod.url, { throwHttpErrors: false, retry: { limit: 0 } }).text()
        answers.set(body, (answers.get(body) ?? 0) + 1)
      } else {
        refused++
      }
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  })()
  return async () => {
    stopped = true
    await work
    return { answers, refused }
  }
}
