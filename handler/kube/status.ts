/** Interprets the API server's status codes, and explains refusals. */

import { redacted } from '../util/printable.js'
import { isDeniedByAdmission, KubeError, type Written } from './port.js'
import { type Right, Rights } from './rights.js'
import { type Answer, Unanswered } from './transport.js'

/** The part of a request that explains its refusal. */
export interface Access extends Right {
  /** The name of the object; absent for a list. */
  readonly name?: string
  readonly server: string
}

type Refused = Exclude<Written<never>, { kind: 'applied' }>

/** Long enough for every message of RBAC. Some other messages echo a whole pod. */
const MESSAGE_LENGTH = 300
const DEFAULT_RETRY_AFTER_MS = 1_000
/** No pod is active between a seal and a promotion: a server that asks for a longer wait is asked again sooner. */
const LONGEST_WRITE_DELAY_MS = 2_000

/** A refusal of authorization, by RBAC or otherwise. */
const FORBIDDEN = /User "([^"]*)" cannot (?:list|patch|watch|create|get) resource\b/
const BETWEEN = 'Check what answers at this address: that was no API server, perhaps a proxy or its login page.'

/** The outcome of a PATCH that was answered. */
export function outcomeOf(
  access: Access,
  answer: Answer,
  rights = new Rights(),
): { readonly kind: 'applied' } | Refused {
  const { status } = answer
  const said = readStatus(answer)
  if (status === 200 || status === 201) {
    rights.allowed(access)
    return { kind: 'applied' }
  }
  if (status === 429) {
    return {
      kind: 'throttled',
      retryAfterMs: Math.min(answer.retryAfterMs ?? DEFAULT_RETRY_AFTER_MS, LONGEST_WRITE_DELAY_MS),
    }
  }
  if (status === 403 || isOfAdmission(said?.message ?? '')) {
    return { kind: 'denied', error: refusal(access, answer, rights) }
  }
  if (status === 401) return { kind: 'unauthenticated', error: refusal(access, answer) }
  // A proxy may answer so after it has passed the request on, or no API server answers a PATCH so.
  if (status < 300 || status === 408 || status >= 500) return { kind: 'unknown', error: refusal(access, answer) }
  // A pod that is gone counts as sealed, so only the API server's own 404 may count as `gone`.
  if (status === 404 && said?.details?.name === access.name) return { kind: 'gone' }
  if (status === 409) return { kind: 'lost' }
  if (status === 422 && said) {
    // A failed test has empty details. A wrong uid is a cause that names the field. All others are real mistakes.
    if (Object.keys(said.details ?? {}).length === 0) return { kind: 'lost' }
    if (said.details?.causes?.some(({ field }) => field === 'metadata.uid')) return { kind: 'gone' }
  }
  return { kind: 'rejected', error: refusal(access, answer) }
}

/** Any status but success: the error, with its remedy. @param rights the requests allowed before */
export function refusal(access: Access, answer: Answer, rights = new Rights()): KubeError {
  const { status } = answer
  const known = readStatus(answer)
  const said = cut(known?.message ?? answer.body)
  if (status === 403 || isOfAdmission(known?.message ?? '')) {
    const remedy = known ? permit(access, known.message, rights) : BETWEEN
    return new KubeError('denied', `may not ${describe(access)}: ${said}`, remedy)
  }
  if (status === 401) {
    const message = `could not ${describe(access)}: status 401, not authenticated: ${access.server} does not accept the credential`
    return new KubeError('unauthenticated', message, known ? RENEW : `${RENEW} ${BETWEEN}`)
  }
  const message = `could not ${describe(access)}: status ${status}${said && `: ${said}`}`
  const { retryAfterMs } = answer
  const busy = 'The API server has too much to do: try again later.'
  if (status === 429) return new KubeError('failed', message, busy, { retryAfterMs })
  // An API server in trouble does not always answer with a Status.
  const remedy = known || status >= 500 ? 'Look at the API server.' : BETWEEN
  const invalid = known && status === 422 ? invalidObject(access) : undefined
  return new KubeError('failed', message, invalid ?? remedy, { retryAfterMs })
}

/** The remedy for an object that is invalid now, or would be after the write. */
function invalidObject({ resource, namespace, name }: Access): string | undefined {
  if (name === undefined) return undefined
  const another = resource === 'pods' ? ', or delete it to have another one made' : ''
  return `Put right what the API server finds wrong with ${resource.slice(0, -1)} ${namespace}/${name}${another}: it takes no write that leaves it so.`
}

/** Whether the API server refused to create an object because one of its name is there. */
export function isExisting(answer: Answer): boolean {
  return answer.status === 409 && readStatus(answer)?.reason === 'AlreadyExists'
}

/** A success whose body is not the API's. */
export function unintelligible(access: Access, { body }: Answer): KubeError {
  const message = `could not ${describe(access)}: ${access.server} answered with something else: ${cut(body)}`
  return new KubeError('failed', message, BETWEEN)
}

/** No answer: the error, with its remedy. */
export function unanswered(access: Access, error: unknown): KubeError {
  const said = cut(error instanceof Error ? error.message : String(error))
  const options = { cause: error }
  if (error instanceof Unanswered && error.kind === 'no-credentials') {
    const message = `could not ${describe(access)}: no credentials for ${access.server}: ${said}`
    return new KubeError(
      'unauthenticated',
      message,
      'Check the user of the context: its plugin, or its files.',
      options,
    )
  }
  return new KubeError(
    'unreachable',
    `could not ${describe(access)}: no answer from ${access.server}: ${said}`,
    isTls(error)
      ? 'Check certificate-authority and tls-server-name of the cluster, and the certificate of the user.'
      : 'Check that the API server is up and can be reached from here.',
    options,
  )
}

function describe({ verb, resource, namespace }: Right): string {
  const group = groupOf(resource)
  return `${verb} ${group && `${group}/`}${resource} in ${namespace === undefined ? 'all namespaces' : `namespace ${namespace}`}`
}

/** The API group of a resource, as a rule of a Role names it. */
function groupOf(resource: Right['resource']): string {
  return resource === 'events' ? 'events.k8s.io' : ''
}

/** The remedy for a 401. */
const RENEW =
  'Renew the credential: it has expired, or was replaced or withdrawn. In a pod, the token is void once its ServiceAccount is deleted, even if that is made again, and only new pods have another one: kubectl rollout restart deployment/NAME.'

/**
 * The remedy for a 403. It names the missing Role, the missing binding or the missing rule, as far as that is known.
 */
function permit(access: Access, said: string, rights: Rights): string {
  const { resource, namespace } = access
  const [, user] = FORBIDDEN.exec(said) ?? []
  if (user === undefined) {
    // Of the second right that an exec needs, the API server does not say that it is missing.
    const isSecond = resource === 'pods/exec' && /\bis forbidden:\s*$/.test(said)
    if (isSecond) return `Grant both verbs by one rule of a Role: ${ruleFor(access)}`
    return 'An admission policy or webhook refused it, or failed: look there.'
  }
  if (user === 'system:anonymous') return 'Name credentials: the user of the context has none.'
  const rule = ruleFor(access)
  const absent = [...said.matchAll(ABSENT)].map(([, cluster, name]) =>
    cluster ? `ClusterRole ${name}` : `Role ${name} in namespace ${namespace}`,
  )
  if (absent.length > 0) {
    return `A binding is there, but not what it binds ${user} to: make ${absent.join(' and ')} again, with the rule ${rule}`
  }
  const other = rights.besides(access)
  if (other) {
    const bound = other.namespace === undefined ? 'ClusterRole' : 'Role'
    return `User ${user} may ${describe(other)}, so that a binding is there: add to its ${bound} the rule ${rule}`
  }
  const role = namespace === undefined ? 'a ClusterRole' : `a Role in namespace ${namespace}`
  return `Grant it by a rule of ${role}: ${rule}. Where one has it already, what is missing is its binding to ${user}.`
}

/** An exec is a GET, for which API servers since Kubernetes 1.35 want `create` as well. */
function ruleFor({ verb, resource }: Right): string {
  const verbs = resource === 'pods/exec' ? 'create, get' : verb
  return `- {apiGroups: [${groupOf(resource) || '""'}], resources: [${resource}], verbs: [${verbs}]}`
}

/** RBAC adds this to its refusal if a binding names a role that does not exist. */
const ABSENT = /\b(cluster)?role\.rbac\.authorization\.k8s\.io "([^"]+)" not found/g

function isTls(error: unknown): boolean {
  return error instanceof Unanswered && /CERT|TLS|SSL|SIGNATURE|EPROTO/.test(error.code ?? '')
}

/** Kubernetes' Status object. */
interface Status {
  readonly message: string
  readonly reason?: string
  readonly details?: { readonly name?: string; readonly causes?: readonly { readonly field?: string }[] }
}

/** Parses the Status of a refusal. `undefined` if the body may come from another server. */
export function readStatus({ body }: Answer): Status | undefined {
  try {
    const said = JSON.parse(body) as Partial<Status> | null
    return typeof said?.message === 'string' ? (said as Status) : undefined
  } catch {
    return undefined
  }
}

/** The beginning of a message, on one line, without secrets. */
function cut(message: string): string {
  const line = redacted(message).replace(/\s+/g, ' ').trim()
  return line.length > MESSAGE_LENGTH ? `${line.slice(0, MESSAGE_LENGTH)}…` : line
}

/** A refusal of admission, with any status. It comes before anything is stored. */
export function isOfAdmission(message: string): boolean {
  return isDeniedByAdmission(message) || /\bfailed calling webhook\b/.test(message)
}
