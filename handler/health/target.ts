/** Where a target of a plan goes, for people and for comparison. Pure. */
import type { Target } from './plan.js'

/** Of a path, what names it well enough on a line with others. */
const MAX_PATH_LENGTH = 60

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }

/** The number of the pod's port that it goes to; `undefined`: it goes nowhere. */
export function probedPort(target: Target): number | undefined {
  if (target.kind === 'unusable') return undefined
  if (target.kind === 'tcp') return target.port
  const { protocol, port } = new URL(target.url)
  return port ? Number(port) : DEFAULT_PORTS[protocol]
}

/** `tcp :9090`, `http :8080/health`: a query may hold what nobody else is to read. `undefined`: it goes nowhere. */
export function describeTarget(target: Target): string | undefined {
  if (target.kind === 'unusable') return undefined
  if (target.kind === 'tcp') return `tcp :${target.port}`
  const { protocol, pathname } = new URL(target.url)
  return `${protocol.slice(0, -1)} :${probedPort(target)}${pathname.slice(0, MAX_PATH_LENGTH)}`
}
