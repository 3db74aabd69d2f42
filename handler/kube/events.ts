/** Creates Events of events.k8s.io/v1, which `kubectl describe service` and `kubectl get events` show. */
import { hostname } from 'node:os'
import { isObject, parse } from './list.js'
import { KubeError } from './port.js'
import type { Rights } from './rights.js'
import { type Access, isExisting, refusal, unanswered } from './status.js'
import type { Transport } from './transport.js'

/** An Event about a Service. The API server keeps it for an hour, unless it is told otherwise. */
export interface KubeEvent {
  /** Of the Service, and so of the Event. */
  readonly namespace: string
  /** Unique in the namespace. An Event of this name says the same. */
  readonly name: string
  readonly type: 'Normal' | 'Warning'
  /** In CamelCase, of at most 128 characters; `action` too. */
  readonly reason: string
  readonly action: string
  /** At most 1024 bytes. */
  readonly note: string
  /** Epoch milliseconds. */
  readonly timeMs: number
  readonly service: { readonly name: string; readonly uid: string }
  /** Absent: the Event concerns no pod. */
  readonly pod?: { readonly name: string; readonly uid: string }
}

/** `exists`: an Event of this name is there already. */
export type Created = { readonly kind: 'created' | 'exists' } | { readonly kind: 'failed'; readonly error: KubeError }

export interface Events {
  /** Never throws for anything that the server or the network did. */
  createEvent(event: KubeEvent, signal: AbortSignal): Promise<Created>
}

/** The reporter of our Events, as a qualified name. */
export const REPORTING_CONTROLLER = 'active-passive/handler'

const MAX_INSTANCE = 128

interface Server {
  readonly transport: Pick<Transport, 'post'>
  readonly server: string
  readonly rights: Rights
  /** The parameters of every write. */
  readonly query: string
}

export async function createEvent(
  { transport, server, rights, query }: Server,
  event: KubeEvent,
  signal: AbortSignal,
): Promise<Created> {
  const { namespace, name } = event
  const access: Access = { verb: 'create', resource: 'events', namespace, server }
  try {
    const path = `/apis/events.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/events?${query}`
    const answer = await transport.post(path, bodyOf(event), signal)
    if (isExisting(answer)) return { kind: 'exists' }
    if (answer.status !== 201) return { kind: 'failed', error: refusal(access, answer, rights) }
    parse(access, answer, isObject(name))
    return { kind: 'created' }
  } catch (error) {
    return { kind: 'failed', error: error instanceof KubeError ? error : unanswered(access, error) }
  }
}

/** The object as the API takes it. Its deprecated fields must be absent: kubectl shows the age by `eventTime`. */
function bodyOf({ namespace, name, type, reason, action, note, timeMs, service, pod }: KubeEvent) {
  const core = { apiVersion: 'v1', namespace }
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace },
    ...{ type, reason, action, note },
    eventTime: new Date(timeMs).toISOString().replace('Z', '000Z'), // in microseconds, or the API refuses it
    reportingController: REPORTING_CONTROLLER,
    reportingInstance: hostname().slice(0, MAX_INSTANCE) || 'unknown',
    regarding: { ...core, kind: 'Service', ...service },
    ...(pod ? { related: { ...core, kind: 'Pod', ...pod } } : {}),
  }
}
