/** The port over a real API server. */

import type { V1Pod, V1PodList, V1Service, V1ServiceList } from '@kubernetes/client-node'
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { type Kube, KubeError, type ListOptions, type Written } from './port.js'
import { readPod, readService } from './read.js'
import { type Access, outcomeOf, refusal, unanswered } from './status.js'
import { type Answer, openTransport } from './transport.js'

const PAGE = 5_000
const JSON_PATCH = 'application/json-patch+json'
const MERGE_PATCH = 'application/merge-patch+json'

/** Nothing is sent before the first call. */
export function connect(config: KubeConfig): Kube {
  const transport = openTransport(config)
  const server = config.getCurrentCluster()?.server ?? ''

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
      const page = parse<V1PodList | V1ServiceList>(access, answer)
      items.push(...(page.items as M[]))
      next = page.metadata?._continue ?? (page.metadata as { continue?: string } | undefined)?.continue
      if (!next) return items
    }
  }

  async function patch<M, T>(
    resource: 'pods' | 'services',
    { namespace, name }: { readonly namespace: string; readonly name: string },
    contentType: string,
    body: unknown,
    signal: AbortSignal,
    read: (model: M) => T,
  ): Promise<Written<T>> {
    const access: Access = { verb: 'patch', resource, namespace, server }
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/${resource}/${encodeURIComponent(name)}?fieldManager=active-passive`
    try {
      const answer = await transport.patch(path, contentType, body, signal)
      const outcome = outcomeOf(access, answer)
      return outcome.kind === 'applied' ? { kind: 'applied', object: read(parse<M>(access, answer)) } : outcome
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
    patchService: (service, { resourceVersion, annotations, selector }, signal) =>
      patch(
        'services',
        service,
        MERGE_PATCH,
        { metadata: { resourceVersion, annotations }, spec: { selector } },
        signal,
        readService,
      ),
  }
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

function parse<T>(access: Access, { body }: Answer): T {
  try {
    return JSON.parse(body) as T
  } catch (error) {
    throw unanswered(access, error)
  }
}
