/**
 * Finds the ports of a Service that no check covers, neither ours nor the kubelet's. If nothing listens on such a port,
 * no pod fails for it, and all connections to it are refused while the others work. Pure.
 *
 * There is no warning for
 * - a pod whose Ready condition is its only check: by its author's choice, that covers all of its ports or none;
 * - a Service with one port whose check goes to another port: a management port that tells of the whole application is
 *   common and deliberate. With several ports, each may fail by itself, and a check of one says nothing about the
 *   others;
 * - ports for UDP and SCTP, which cannot be checked here, and ports that the pod does not have (deadPorts).
 */

import type { Container, Pod, Service } from '../kube/port.js'
import type { Settings } from '../settings/settings.js'
import { probePort } from './address.js'
import type { Plan } from './plan.js'
import { numbersOf, portKey } from './service-ports.js'
import { probedPort } from './target.js'

/** The most ports that a line names; the rest are counted. */
const MOST_NAMED = 7

/**
 * One line for all Services of a group, or none. It names no pod, so it stays the same after a handover.
 * @param pod the active pod
 * @param plan the plan of its check
 */
export function uncheckedPorts(
  services: readonly Pick<Service, 'ports'>[],
  pod: Pod,
  { targets }: Pick<Plan, 'targets'>,
  { 'health-check': checks }: Pick<Settings, 'health-check'>,
): readonly string[] {
  const ours = targets.flatMap((target) => probedPort(target) ?? [])
  if (ours.length === 0) return []
  const checked = new Set([...ours, ...pod.containers.flatMap(probedByKubelet)])
  const ports = reachedPorts(services, pod)
  const unchecked = [...ports].filter(([number]) => !checked.has(number)).map(([, written]) => written)
  if (ports.size < 2 || unchecked.length === 0) return []
  const named = unchecked.slice(0, MOST_NAMED)
  const rest = unchecked.length - named.length
  const list = `${unchecked.length === 1 ? 'port' : 'ports'} ${named.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
  const lines = named.map((port) => `tcp://:${port}`).join(', ')
  const beside = checks.some(({ kind }) => kind === 'probe') ? 'probe' : 'what it says'
  return [
    `no check goes to ${list} of the Service: if nothing listens there, nobody notices. Add ${lines} as ${named.length === 1 ? 'a line' : 'lines'} of annotation active-passive/health-check, beside ${beside}`,
  ]
}

/**
 * The ports that a readinessProbe may cover: its own, or for exec all of its container, as nobody knows which.
 */
function probedByKubelet(container: Container): readonly number[] {
  const { readinessProbe: probe, ports } = container
  if (!probe) return []
  if (probe.kind === 'exec') return ports.map(({ number }) => number)
  const port = 'host' in probe && probe.host ? undefined : probePort(container, probe.port)
  return typeof port === 'number' ? [port] : []
}

/**
 * The pod's TCP ports that the Services lead to, each as a check would write it: by name if the Service uses a name.
 */
function reachedPorts(services: readonly Pick<Service, 'ports'>[], pod: Pod): ReadonlyMap<number, string> {
  const numbers = numbersOf(pod)
  const reached = new Map<number, string>()
  for (const { targetPort, protocol } of services.flatMap(({ ports = [] }) => ports)) {
    if (protocol !== 'TCP') continue
    const number = typeof targetPort === 'number' ? targetPort : numbers.get(portKey(targetPort, protocol))
    if (number !== undefined && !reached.has(number)) reached.set(number, `${targetPort}`)
  }
  return reached
}
