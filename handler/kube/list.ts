/** Reads a whole list, page by page, and checks that answers come from an API server. */
import type { ListOptions } from './port.js'
import type { Rights } from './rights.js'
import { type Access, refusal, unanswered, unintelligible } from './status.js'
import type { Answer, Transport } from './transport.js'

const PAGE_SIZE = 5_000

/** A page of a list, as the API sends it. */
interface Page<M> {
  readonly metadata?: { readonly continue?: string; readonly resourceVersion?: string }
  /** Go writes an empty list as `null`. */
  readonly items: readonly M[] | null
}

interface Listed<M> {
  readonly items: M[]
  /** The version of the whole list; a watch begins after it. */
  readonly resourceVersion: string
}

/** Lists all objects, consistently: all pages have the version of the first. @throws KubeError */
export async function listAll<M>(
  transport: Transport,
  server: string,
  resource: Access['resource'],
  options: ListOptions,
  signal: AbortSignal,
  rights?: Rights,
): Promise<Listed<M>> {
  const access: Access = { verb: 'list', resource, namespace: options.namespace, server }
  const items: M[] = []
  let restarted = false
  for (let next: string | undefined; ; ) {
    const answer = await transport.get(listPath(resource, options, next), signal).catch((error) => {
      throw unanswered(access, error)
    })
    if (answer.status === 410 && next !== undefined && !restarted) {
      // The version of the pages has expired: only a list from the start is consistent.
      restarted = true
      items.length = 0
      next = undefined
      continue
    }
    if (answer.status !== 200) throw refusal(access, answer, rights)
    rights?.allowed(access)
    const page = parse(access, answer, isPage<M>)
    items.push(...(page.items ?? []))
    next = page.metadata?.continue || undefined
    if (next === undefined) return { items, resourceVersion: page.metadata?.resourceVersion ?? '' }
  }
}

/** The path `/api/v1/…` of a collection, without a query. */
export function collectionPath(resource: Access['resource'], namespace: string | undefined): string {
  return `/api/v1${namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`}/${resource}`
}

/** A label selector of equality requirements, as the API writes it. Empty: all objects. */
export function labelSelector(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',')
}

function listPath(resource: Access['resource'], { namespace, labels = {} }: ListOptions, next?: string): string {
  const selector = labelSelector(labels)
  const query = new URLSearchParams({
    ...(selector ? { labelSelector: selector } : {}),
    limit: String(PAGE_SIZE),
    ...(next ? { continue: next } : {}),
  })
  return `${collectionPath(resource, namespace)}?${query}`
}

/**
 * Parses a 200. @throws KubeError if it does not come from an API server, but from a proxy's login page, for instance
 */
export function parse<T>(access: Access, answer: Answer, is: (value: unknown) => value is T): T {
  let value: unknown
  try {
    value = JSON.parse(answer.body)
  } catch {
    throw unintelligible(access, answer)
  }
  if (!is(value)) throw unintelligible(access, answer)
  return value
}

/** Whether a value is an object of this name, by its metadata. */
export const isObject =
  <M>(name: string) =>
  (value: unknown): value is M =>
    (value as { readonly metadata?: { readonly name?: unknown } } | null)?.metadata?.name === name

function isPage<M>(value: unknown): value is Page<M> {
  const { kind, items } = (value ?? {}) as { readonly kind?: unknown; readonly items?: unknown }
  if (kind !== 'PodList' && kind !== 'ServiceList') return false
  return items === null || (Array.isArray(items) && items.every((item) => typeof item === 'object' && item !== null))
}
