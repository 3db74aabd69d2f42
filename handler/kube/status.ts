/** What a status of the API server means, and how a refusal is explained. */
import { KubeError, type Written } from './port.js'
import type { Answer } from './transport.js'

/** A kind of request, as RBAC sees it. */
export interface Access {
  readonly verb: 'list' | 'patch'
  readonly resource: 'pods' | 'services'
  /** `undefined`: all namespaces. */
  readonly namespace: string | undefined
  readonly server: string
}

/** Long enough for every message of RBAC; some messages echo a whole pod. */
const MESSAGE_LENGTH = 300
const DEFAULT_RETRY_AFTER_MS = 1_000

/** What became of a PATCH that was answered. */
export function outcomeOf(
  access: Access,
  answer: Answer,
): { readonly kind: 'applied' } | Exclude<Written<never>, { kind: 'applied' }> {
  const { status } = answer
  if (status === 200 || status === 201) return { kind: 'applied' }
  if (status === 404) return { kind: 'gone' }
  if (status === 409) return { kind: 'lost' }
  if (status === 422) return unprocessable(access, answer)
  if (status === 401 || status === 403) return { kind: 'denied', error: refusal(access, answer) }
  if (status === 429) return { kind: 'throttled', retryAfterMs: answer.retryAfterMs ?? DEFAULT_RETRY_AFTER_MS }
  if (status >= 500) return { kind: 'unknown', error: refusal(access, answer) }
  return { kind: 'rejected', error: refusal(access, answer) }
}

/** A failed test is a 422 with empty details; another uid is one that names the field; the rest are real mistakes. */
function unprocessable(access: Access, answer: Answer): Exclude<Written<never>, { kind: 'applied' }> {
  const { details } = readStatus(answer)
  if (!details || Object.keys(details).length === 0) return { kind: 'lost' }
  if (details.causes?.some(({ field }) => field === 'metadata.uid')) return { kind: 'gone' }
  return { kind: 'rejected', error: refusal(access, answer) }
}

/** An answer that is not what was asked for, explained. */
export function refusal(access: Access, answer: Answer): KubeError {
  const { status } = answer
  const said = cut(readStatus(answer).message ?? answer.body)
  if (status === 401) {
    return new KubeError(
      'denied',
      `may not ${describe(access)}: not authenticated`,
      'Check the credentials: a token may have expired.',
    )
  }
  if (status === 403) {
    return new KubeError(
      'denied',
      `may not ${describe(access)}: ${said}`,
      /cannot (list|patch) /.test(said) ? grant(access) : 'An admission policy or webhook refused it: allow it there.',
    )
  }
  return new KubeError('failed', `could not ${describe(access)}: status ${status}: ${said}`, 'Look at the API server.')
}

/** No answer, explained. */
export function unanswered(access: Access, error: unknown): KubeError {
  const said = cut(error instanceof Error ? error.message : String(error))
  return new KubeError(
    'unreachable',
    `could not ${describe(access)}: no answer from ${access.server}: ${said}`,
    'Check that the API server is up and can be reached from here.',
    { cause: error },
  )
}

function describe({ verb, resource, namespace }: Access): string {
  return `${verb} ${resource} in ${namespace === undefined ? 'all namespaces' : `namespace ${namespace}`}`
}

function grant({ verb, resource, namespace }: Access): string {
  const role = namespace === undefined ? 'a ClusterRole' : `a Role in namespace ${namespace}`
  return `Grant it by a rule of ${role}: - {apiGroups: [""], resources: [${resource}], verbs: [${verb}]}`
}

interface Status {
  readonly message?: string
  readonly details?: { readonly name?: string; readonly causes?: readonly { readonly field?: string }[] }
}

function readStatus({ body }: Answer): Status {
  try {
    return (JSON.parse(body) as Status | null) ?? {}
  } catch {
    return {}
  }
}

/** The first words of a message, on one line. */
function cut(message: string): string {
  const line = message.replace(/\s+/g, ' ').trim()
  return line.length > MESSAGE_LENGTH ? `${line.slice(0, MESSAGE_LENGTH)}…` : line
}
