/**
 * Watches objects of a real API server. Each watch holds a connection of its own for as long as it lasts.
 *
 * client-node's Watch overwrites its time limit, and its informer gives up on errors other than 410.
 */
import type { V1Pod, V1Service } from '@kubernetes/client-node'
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { describeServer } from './client.js'
import { collectionPath, listAll } from './list.js'
import { type Change, Expired, KubeError, type Pod, type Service, type Watchable } from './port.js'
import { readPod, readService } from './read.js'
import { Rights } from './rights.js'
import { type Access, refusal, unanswered, unintelligible } from './status.js'
import { type Answer, LIMITS, type Limits, openTransport, type Stream, type Transport } from './transport.js'

export interface Watches {
  /** The number of requests sent so far. */
  readonly requests: number
  /** @param namespace `undefined`: all namespaces */
  pods(namespace: string | undefined): Watchable<Pod>
  services(namespace: string | undefined): Watchable<Service>
}

/** Sends nothing before the first call. */
export function connectWatches(config: KubeConfig, limits: Partial<Limits> = {}): Watches {
  const transport = openTransport(config, { ...LIMITS, maxSockets: Number.POSITIVE_INFINITY, ...limits })
  const source = { transport, server: describeServer(config), rights: new Rights() }
  return {
    get requests() {
      return transport.requests
    },
    pods: (namespace) => watchable<V1Pod, Pod>(source, 'pods', namespace, readPod),
    services: (namespace) => watchable<V1Service, Service>(source, 'services', namespace, readService),
  }
}

interface Source {
  readonly transport: Transport
  readonly server: string
  readonly rights: Rights
}

/**
 * The server ends a watch after this time. A connection without events may be silent until then; no shorter time is
 * needed.
 */
const WATCH_SECONDS = 3_600

function watchable<M, T>(
  { transport, server, rights }: Source,
  resource: Access['resource'],
  namespace: string | undefined,
  read: (model: M) => T,
): Watchable<T> {
  const access: Access = { verb: 'watch', resource, namespace, server }
  return {
    list: async (signal) => {
      const { items, resourceVersion } = await listAll<M>(transport, server, resource, { namespace }, signal, rights)
      return { objects: items.map(read), resourceVersion }
    },
    watch: async (resourceVersion, signal) => {
      const query = new URLSearchParams({
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion,
        timeoutSeconds: String(WATCH_SECONDS),
      })
      const path = `${collectionPath(resource, namespace)}?${query}`
      const answer = await openStream(transport, path, signal).catch((error) => {
        throw unanswered(access, error)
      })
      if ('lines' in answer) return changes(access, answer, read)
      throw answer.status === 410 ? new Expired() : refusal(access, answer, rights)
    },
  }
}

/**
 * Opens a stream that the signal aborts while it is being read, and not afterwards. got emits an error if a stream is
 * aborted after its end; nobody would handle it, and the process would end.
 */
async function openStream(transport: Transport, path: string, signal: AbortSignal): Promise<Stream | Answer> {
  const connection = new AbortController()
  const cut = () => connection.abort()
  if (signal.aborted) cut()
  signal.addEventListener('abort', cut)
  const ended = () => signal.removeEventListener('abort', cut)
  const answer = await transport.stream(path, connection.signal).catch((error) => {
    ended()
    throw error
  })
  if ('lines' in answer) return { lines: untilEnd(answer.lines, ended) }
  ended()
  return answer
}

async function* untilEnd(lines: AsyncIterable<string>, ended: () => void): AsyncGenerator<string> {
  try {
    yield* lines
  } finally {
    ended()
  }
}

interface Event {
  readonly type: string
  readonly object: { readonly metadata?: { readonly resourceVersion?: string }; readonly code?: number }
}

async function* changes<M, T>(access: Access, { lines }: Stream, read: (model: M) => T): AsyncGenerator<Change<T>> {
  try {
    for await (const line of lines) {
      const { type, object } = eventOf(access, line)
      if (type === 'ERROR') {
        if (object.code === 410) throw new Expired()
        throw refusal(access, { status: object.code ?? 0, body: JSON.stringify(object), retryAfterMs: undefined })
      }
      const resourceVersion = object.metadata?.resourceVersion
      if (!resourceVersion) throw unintelligible(access, { status: 200, body: line, retryAfterMs: undefined })
      if (type === 'BOOKMARK') yield { kind: 'bookmark', resourceVersion }
      else yield { kind: type === 'DELETED' ? 'deleted' : 'changed', object: read(object as M), resourceVersion }
    }
  } catch (error) {
    throw error instanceof Expired || error instanceof KubeError ? error : unanswered(access, error)
  }
}

function eventOf(access: Access, line: string): Event {
  try {
    const event = JSON.parse(line) as Event
    if (typeof event.type === 'string' && typeof event.object === 'object' && event.object !== null) return event
  } catch {}
  throw unintelligible(access, { status: 200, body: line, retryAfterMs: undefined })
}
