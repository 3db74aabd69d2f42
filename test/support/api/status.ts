/** Answers that are no objects: the Status bodies of a real API server, word for word. */
import type { Json, JsonObject } from './json.js'
import { type ResourceName, resources, type Target } from './resources.js'

export interface Answer {
  readonly status: number
  /** A string is sent as text, everything else as JSON. */
  readonly body: Json
  readonly headers?: Readonly<Record<string, string>>
}

/** One reason why an object is invalid. */
export interface Cause {
  readonly reason: string
  readonly message: string
  readonly field: string
}

function failure(status: number, message: string, reason: string | undefined, more: JsonObject = {}): Answer {
  const body: JsonObject = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message }
  if (reason !== undefined) body.reason = reason
  return { status, body: { ...body, ...more, code: status } }
}

const named = (resource: ResourceName, name?: string): JsonObject => {
  const { group } = resources[resource]
  return { ...(name === undefined ? {} : { name }), ...(group === '' ? {} : { group }), kind: resource }
}

const qualified = (resource: ResourceName): string => {
  const { group } = resources[resource]
  return group === '' ? resource : `${resource}.${group}`
}

export const badRequest = (message: string): Answer => failure(400, message, 'BadRequest')

export const unauthorized = (): Answer => failure(401, 'Unauthorized', 'Unauthorized')

/** RBAC's refusal. */
export function forbidden(user: string, verb: string, { resource, namespace, name, status }: Target): Answer {
  const object = name === undefined ? qualified(resource) : `${qualified(resource)} "${name}"`
  const what = `resource "${resource}${status ? '/status' : ''}" in API group "${resources[resource].group}"`
  const where = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`
  return failure(403, `${object} is forbidden: User "${user}" cannot ${verb} ${what} ${where}`, 'Forbidden', {
    details: named(resource, name),
  })
}

export const notFound = (resource: ResourceName, name: string): Answer =>
  failure(404, `${qualified(resource)} "${name}" not found`, 'NotFound', { details: named(resource, name) })

export const noSuchResource = (): Answer =>
  failure(404, 'the server could not find the requested resource', 'NotFound', { details: {} })

export const noSuchPath = (): Answer => ({ status: 404, body: '404 page not found\n' })

export const methodNotAllowed = (): Answer =>
  failure(405, 'the server does not allow this method on the requested resource', 'MethodNotAllowed', { details: {} })

export function alreadyExists(resource: ResourceName, name: string, terminating: boolean): Answer {
  const message = `${terminating ? 'object is being deleted: ' : ''}${qualified(resource)} "${name}" already exists`
  return failure(409, message, 'AlreadyExists', { details: named(resource, name) })
}

/** The resourceVersion has moved on. */
export const conflict = (resource: ResourceName, name: string): Answer =>
  failure(
    409,
    `Operation cannot be fulfilled on ${qualified(resource)} "${name}": the object has been modified; ` +
      'please apply your changes to the latest version and try again',
    'Conflict',
    { details: named(resource, name) },
  )

/** A precondition of a DELETE does not hold. */
export const preconditionFailed = (kind: string, name: string, message: string): Answer =>
  failure(409, `Operation cannot be fulfilled on ${kind} "${name}": ${message}`, 'Conflict', {
    details: { name, kind },
  })

export const expired = (message: string, more: JsonObject = {}): Answer => failure(410, message, 'Expired', more)

export const tooLarge = (message: string): Answer =>
  failure(413, `Request entity too large: ${message}`, 'RequestEntityTooLarge')

export const unsupportedPatchType = (): Answer =>
  failure(415, '415: Unsupported Media Type', 'UnsupportedMediaType', { details: {} })

export const unsupportedBodyType = (): Answer =>
  failure(
    415,
    'the body of the request was in an unknown format - accepted media types include: ' +
      'application/json, application/yaml, application/vnd.kubernetes.protobuf',
    'UnsupportedMediaType',
  )

/** A JSON Patch that could not be applied. It never says which operation failed, or why. */
export const patchFailed = (): Answer =>
  failure(422, 'the server rejected our request due to an error in our request', 'Invalid', { details: {} })

/** A patch that leaves something of the wrong type. The whole result is echoed, twice. */
export function undecodable(document: Json, problem: string): Answer {
  const message = `Invalid value: ${JSON.stringify(JSON.stringify(document))}: ${problem}`
  const causes = [{ reason: 'FieldValueInvalid', message, field: 'patch' }]
  return failure(422, ` "" is invalid: patch: ${message}`, 'Invalid', { details: { causes } })
}

/** An object that breaks the rules. (A real server may name a cause more than once.) */
export function invalid(kind: string, name: string, causes: readonly Cause[], group = ''): Answer {
  const lines = causes.map(({ field, message }) => `${field}: ${message}`)
  const summary = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`
  const details: JsonObject = {
    ...(name === '' ? {} : { name }),
    ...(group === '' ? {} : { group }),
    kind,
    causes: causes.map((cause) => ({ ...cause })),
  }
  const qualifiedKind = group === '' ? kind : `${kind}.${group}`
  return failure(422, `${qualifiedKind} "${name}" is invalid: ${summary}`, 'Invalid', { details })
}

/** The refusal of a ValidatingAdmissionPolicy whose binding has the same name. */
export function denied(resource: ResourceName, name: string, policy: string, denial: string, reason: string): Answer {
  const message = `ValidatingAdmissionPolicy '${policy}' with binding '${policy}' denied request: ${denial}`
  return failure(
    reason === 'Forbidden' ? 403 : 422,
    `${qualified(resource)} "${name}" is forbidden: ${message}`,
    reason,
    { details: { ...named(resource, name), causes: [{ message }] } },
  )
}

/** The flow control of the server itself speaks plain text. */
export const tooManyRequests = (retryAfterSeconds: number): Answer => ({
  status: 429,
  body: 'Too many requests, please try again later.\n',
  headers: { 'retry-after': String(retryAfterSeconds) },
})

export const internalError = (message: string): Answer => failure(500, message, undefined)

/** A read of a resourceVersion that does not exist yet. */
export const futureVersion = (asked: number, current: number): Answer => ({
  ...failure(504, `Timeout: Too large resource version: ${asked}, current: ${current}`, 'Timeout', {
    details: {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    },
  }),
  headers: { 'retry-after': '1' },
})
