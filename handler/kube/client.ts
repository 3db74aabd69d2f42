/** The port over a real API server. */

import type { V1Pod, V1Service } from '@kubernetes/client-node'
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { type Kube, KubeError, type ListOptions, type Written } from './port.js'
import { readPod, readService } from './read.js'
import { type Access, outcomeOf, refusal, unanswered, unintelligible } from './status.js'
import { type Answer, LIMITS, type Limits, openTransport } from './transport.js'

const PAGE = 5_000
const JSON_PATCH = 'application/json-patch+json'
const MERGE_PATCH = 'application/merge-patch+json'

/** A page of a list, as the API sends it. */
interface Page<M> {
  readonly metadata?: { readonly continue?: string }
  /** `null`, an empty list of Go, is as good as none. */
  readonly items: readonly M[] | null
}

interface ObjectRef {
  readonly namespace: string
  readonly name: string
}

/** Nothing is sent before the first call. */
export function connect(config: KubeConfig, limits: Partial<Limits> = {}): Kube {
  const transport = openTransport(config, { ...LIMITS, ...limits })
  const server = describeServer(config)

  async function list<M>(resource: 'pods' | 'services', options: ListOptions, signal: AbortSignal): Promise<M[]> {
    const access: Access = { verb: 'list', resource, namespace: options.namespace, server }
    const items: M[] = []
    let restarted = false
    for (let next: string | undefined; ; ) {
      const answer = await transport.get(listPath(resource, options, next), signal).catch((error) => {
        throw unanswered(access, error)
      })
      if (answer.status === 410 && next !== undefined && !restarted) {
        // The pages' common version has expired; only a list from the start is consistent.
        restarted = true
        items.length = 0
        next = undefined
        continue
      }
      if (answer.status !== 200) throw refusal(access, answer)
      const page = parse(access, answer, isPage<M>)
      items.push(...(page.items ?? []))
      next = page.metadata?.continue || undefined
      if (next === undefined) return items
    }
  }

  async function patch<M, T>(
    resource: 'pods' | 'services',
    { namespace, name }: ObjectRef,
    contentType: string,
    body: unknown,
    signal: AbortSignal,
    read: (model: M) => T,
  ): Promise<Written<T>> {
    const access: Access = { verb: 'patch', resource, namespace, name, server }
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/${resource}/${encodeURIComponent(name)}?fieldManager=active-passive`
    try {
      const answer = await transport.patch(path, contentType, body, signal)
      const outcome = outcomeOf(access, answer)
      return outcome.kind === 'applied'
        ? { kind: 'applied', object: read(parse(access, answer, isObject<M>(name))) }
        : outcome
    } catch (error) {
      return { kind: 'unknown', error: error instanceof KubeError ? error : unanswered(access, error) }
    }
  }

  return {
    get requests() {
      return transport.requests
    },
    listServices: async (options, signal) => (await list<V1Service>('services', options, signal)).map(readService),
    listPods: async (options, signal) => (await list<V1Pod>('pods', options, signal)).map(readPod),
    patchPod: (pod, operations, signal) => patch('pods', pod, JSON_PATCH, operations, signal, readPod),
    patchPodMetadata: (pod, metadata, signal) => patch('pods', pod, MERGE_PATCH, { metadata }, signal, readPod),
    // Without a version the server would write whatever is there.
    patchService: async (service, { resourceVersion, annotations, selector }, signal) =>
      resourceVersion === ''
        ? { kind: 'lost' }
        : patch(
            'services',
            service,
            MERGE_PATCH,
            { metadata: { resourceVersion, annotations }, spec: { selector } },
            signal,
            readService,
          ),
  }
}

/** Where requests go, for messages. */
function describeServer(config: KubeConfig): string {
  const { server = '', proxyUrl } = config.getCurrentCluster() ?? {}
  return proxyUrl ? `${server} through the proxy ${new URL(proxyUrl).host}` : server
}

function listPath(resource: string, { namespace, labels = {} }: ListOptions, next: string | undefined): string {
  const scope = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`
  const selector = Object.entries(labels).map(([key, value]) => `${key}=${value}`)
  const query = new URLSearchParams({
    ...(selector.length > 0 ? { labelSelector: selector.join(',') } : {}),
    limit: String(PAGE),
    ...(next ? { continue: next } : {}),
  })
  return `/api/v1${scope}/${resource}?${query}`
}

/** @throws KubeError when a 200 is not from an API server: a proxy's login page, for instance */
function parse<T>(access: Access, answer: Answer, is: (value: unknown) => value is T): T {
  let value: unknown
  try {
    value = JSON.parse(answer.body)
  } catch {
    throw unintelligible(access, answer)
  }
  if (!is(value)) throw unintelligible(access, answer)
  return value
}

function isPage<M>(value: unknown): value is Page<M> {
  const { kind, items } = (value ?? {}) as { readonly kind?: unknown; readonly items?: unknown }
  if (kind !== 'PodList' && kind !== 'ServiceList') return false
  return items === null || (Array.isArray(items) && items.every((item) => typeof item === 'object' && item !== null))
}

const isObject =
  <M>(name: string) =>
  (value: unknown): value is M =>
    (value as { readonly metadata?: { readonly name?: unknown } } | null)?.metadata?.name === name
