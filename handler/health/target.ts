/** Names the destination of a target, for people and for comparison. Pure. */
import { programOf } from '../settings/shown-check.js'
import type { HttpCheck } from './http.js'
import type { ProbeTarget } from './targets.js'

/** The most characters of a path on a line with others. */
const MAX_PATH_LENGTH = 60

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }

/** The number of the pod's port that is probed. `undefined`: none is. */
export function probedPort(target: ProbeTarget): number | undefined {
  if (target.kind === 'unusable' || target.kind === 'exec') return undefined
  if (target.kind !== 'http') return target.port
  const url = urlOf(target)
  return url && (url.port ? Number(url.port) : DEFAULT_PORTS[url.protocol])
}

/** `tcp :9090`, `grpc :9000/db`, `exec pg_isready` or `http :8080/health`, without the query, which may hold a secret. `undefined`: nothing is probed. */
export function describeTarget(target: ProbeTarget): string | undefined {
  if (target.kind === 'unusable') return undefined
  if (target.kind === 'tcp') return `tcp :${target.port}`
  if (target.kind === 'grpc') {
    const { isTls, port, service } = target
    return `${isTls ? 'grpcs' : 'grpc'} :${port}${service && `/${service.slice(0, MAX_PATH_LENGTH)}`}`
  }
  if (target.kind === 'exec') return `exec ${programOf(target.command)}`
  const url = urlOf(target)
  if (!url) return 'http'
  return `${url.protocol.slice(0, -1)} :${probedPort(target)}${url.pathname.slice(0, MAX_PATH_LENGTH)}`
}

/** `undefined`: the path of the readinessProbe is of another form, such as `x:%`, and makes no URL. Its probe fails. */
function urlOf({ url }: Pick<HttpCheck, 'url'>): URL | undefined {
  return URL.canParse(url) ? new URL(url) : undefined
}
