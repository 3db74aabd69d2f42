/**
 * The ports of a Service that no check goes to, ours or the kubelet's: one that is dead is nobody's failure then, and all
 * connections to it are refused for as long as the others are well. Pure.
 *
 * Nothing is said of
 * - a pod of which only the Ready condition is asked: it stands for all of its ports, or for none, by its author's choice;
 * - a Service with one port whose check goes to another: a port for management that tells of the whole application is
 *   common and deliberate. Of several ports each may fail for itself, and a check of one tells nothing of the others;
 * - ports for UDP and SCTP, which nothing here can check, and those that are none of the pod's (deadPorts).
 */

import type { Container, Pod, Service } from '../kube/port.js'
import type { Settings } from '../settings/settings.js'
import { probePort } from './address.js'
import type { Plan } from './plan.js'
import { numbersOf, portKey } from './service-ports.js'
import { probedPort } from './target.js'

/** So many are named; the rest are counted. */
const MOST_NAMED = 7

/**
 * One line for all Services of a group, or none. It names no pod, so that it is the same after a handover.
 * @param pod the active one
 * @param plan of its check
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

/** The ports that a readinessProbe may speak of: its own or, as nobody knows what a command does, all of its container. */
function probedByKubelet(container: Container): readonly number[] {
  const { readinessProbe: probe, ports } = container
  if (!probe) return []
  if (probe.kind === 'grpc' || probe.kind === 'exec') return ports.map(({ number }) => number)
  const port = probe.host ? undefined : probePort(container, probe.port)
  return typeof port === 'number' ? [port] : []
}

/** The pod's TCP ports that the Services lead to, each as a check would write it: by its name where the Service does. */
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
