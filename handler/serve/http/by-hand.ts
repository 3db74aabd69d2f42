/** Reads the requests of a person: POST /switchover, /pause and /resume, with their parameters in the query. */
import { PAUSE_LENGTH, parsePause } from '../../cli/parsers.js'
import type { SwitchoverRequest } from '../../group/switchover.js'
import type { PauseRequest } from '../../pass/pause.js'
import { parseName, parseServiceRef, type ServiceRef } from '../../pass/scope.js'
import { quoted } from '../../util/quoted.js'

interface Wrong {
  readonly error: string
}

/** `service` (NAME or NAMESPACE/NAME), `to`, `from` and `force=true`. */
export function readSwitchover(
  query: URLSearchParams,
): { readonly service: ServiceRef; readonly request: SwitchoverRequest } | Wrong {
  const values = readOnce(query, '/switchover', ['service', 'to', 'from', 'force'])
  if ('error' in values) return values
  const service = readService(values)
  if ('error' in service) return service
  const [to, from, force = 'false'] = ['to', 'from', 'force'].map((key) => values.get(key))
  for (const [key, pod] of Object.entries({ to, from })) {
    if (pod !== undefined && !parsePodName(pod)) return { error: `${key}=${quoted(pod)} should be the name of a pod` }
  }
  if (force !== 'true' && force !== 'false') return { error: `force=${quoted(force)} should be true or false` }
  return { service, request: { to, from, force: force === 'true' } }
}

/** `service`, and for a pause `for`, such as 2h or 3d. */
export function readPause(query: URLSearchParams, action: PauseRequest['action']): PauseRequest | Wrong {
  const values = readOnce(query, `/${action}`, action === 'pause' ? ['service', 'for'] : ['service'])
  if ('error' in values) return values
  const service = readService(values)
  if ('error' in service) return service
  const text = values.get('for')
  const forMs = text === undefined ? undefined : parsePause(text)
  if (text !== undefined && !forMs) return { error: `for=${quoted(text)} should be ${PAUSE_LENGTH}` }
  return { service, action, forMs }
}

type Values = ReadonlyMap<string, string>

function readOnce(query: URLSearchParams, route: string, known: readonly string[]): Values | Wrong {
  for (const key of query.keys()) {
    if (!known.includes(key)) return { error: `unknown parameter ${quoted(key)}: ${route} takes ${known.join(', ')}` }
    if (query.getAll(key).length > 1) return { error: `${key} is given more than once: ${route} takes one` }
  }
  return new Map(query)
}

function readService(values: Values): ServiceRef | Wrong {
  const service = values.get('service') ?? ''
  if (service === '') return { error: 'service is missing: give service=NAME or service=NAMESPACE/NAME' }
  return parseServiceRef(service) ?? { error: `service=${quoted(service)} should be NAME or NAMESPACE/NAME` }
}

/** The name of a pod may have dots, unlike that of a Service. */
function parsePodName(text: string): boolean {
  return text.length <= 253 && text.split('.').every((part) => parseName(part) !== undefined)
}
