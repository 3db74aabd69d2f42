// What clients asked of an API server, as its audit log tells it: tests count requests with it.
import { readFile } from 'node:fs/promises'

/** One request, once it is answered; a watch as soon as it is under way. */
export interface AuditedRequest {
  /** get, list, watch, create, update, patch, delete, deletecollection. */
  readonly verb: string
  /** `pods`, with the subresource if there is one: `pods/status`. Empty for paths that are no resource. */
  readonly resource: string
  readonly namespace: string
  readonly name: string
  /** The HTTP status of the answer. */
  readonly code: number
  /** The path with its query. */
  readonly uri: string
  readonly userAgent: string
  /** When the request came in, as RFC 3339 with microseconds. */
  readonly receivedAt: string
}

interface AuditEvent {
  readonly auditID: string
  readonly verb: string
  readonly requestURI: string
  readonly userAgent?: string
  readonly user: { readonly username: string }
  readonly objectRef?: {
    readonly resource?: string
    readonly subresource?: string
    readonly namespace?: string
    readonly name?: string
  }
  readonly responseStatus?: { readonly code?: number }
  readonly requestReceivedTimestamp: string
}

/**
 * The requests of one user, in the order in which they came in. A request whose answer the client has read to its end
 * is among them.
 */
export async function requestsOf(auditLog: string, username: string): Promise<readonly AuditedRequest[]> {
  const text = await readFile(auditLog, 'utf8')
  const mine = `"username":${JSON.stringify(username)}`
  const requests = new Map<string, AuditedRequest>()
  // What follows the last newline is an event that is being written.
  for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n')) {
    if (!line.includes(mine)) continue
    const event = JSON.parse(line) as AuditEvent
    // The line may name the user as somebody else's object, or as whom another one impersonates.
    if (event.user.username === username) requests.set(event.auditID, requestOf(event))
  }
  return [...requests.values()].sort((a, b) => (a.receivedAt < b.receivedAt ? -1 : a.receivedAt > b.receivedAt ? 1 : 0))
}

function requestOf(event: AuditEvent): AuditedRequest {
  const { resource = '', subresource, namespace = '', name = '' } = event.objectRef ?? {}
  return {
    verb: event.verb,
    resource: subresource === undefined ? resource : `${resource}/${subresource}`,
    namespace,
    name,
    code: event.responseStatus?.code ?? 0,
    uri: event.requestURI,
    userAgent: event.userAgent ?? '',
    receivedAt: event.requestReceivedTimestamp,
  }
}
