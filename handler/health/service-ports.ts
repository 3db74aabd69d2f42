/** Resolves the names of ports, as Kubernetes' EndpointSlice controller does for a Service. Pure. */

import type { Container, Pod, Service } from '../kube/port.js'
import type { Fault } from '../util/errors.js'

/**
 * The number of the pod's port with this name and protocol: the first in its containers or else in its sidecars.
 * `undefined` if there is none. (FindPort in k8s.io/endpointslice/utils.go.)
 */
export function findPort({ containers }: Pod, name: string, protocol: string): number | undefined {
  return containers
    .flatMap(({ ports }) => ports)
    .find((port) => port.name === name && (port.protocol ?? 'TCP') === protocol)?.number
}

/**
 * The Service's ports whose `targetPort` names no port of the pod: one text for each, such as `"http" (TCP)`. If these
 * are all ports of a Service, the pod is no endpoint that anybody can connect to.
 */
export function unresolvedPorts({ ports = [] }: Service, pod: Pod, named = numbersOf(pod)): readonly string[] {
  return ports.flatMap(({ targetPort, protocol }) =>
    typeof targetPort === 'string' && !named.has(portKey(targetPort, protocol))
      ? [`${JSON.stringify(targetPort)} (${protocol})`]
      : [],
  )
}

/**
 * The results of `findPort` for all names at once, by `portKey`: a pod and a Service may have thousands of ports each.
 */
export function numbersOf({ containers }: Pod): ReadonlyMap<string, number> {
  const numbers = containers.flatMap(({ ports }) =>
    ports.flatMap(({ name, protocol, number }) => (name ? [[portKey(name, protocol), number] as const] : [])),
  )
  return new Map(numbers.reverse()) // if several have one name, the first counts
}

/** The key of a port in the map of `numbersOf`. */
export function portKey(name: string, protocol = 'TCP'): string {
  return `${protocol} ${name}`
}

/**
 * The container that serves the Services: the first that declares a port to which one of them leads, or else the first
 * of all. Absent for a pod that has ended.
 */
export function servingContainer(
  services: readonly Pick<Service, 'ports'>[],
  { containers }: Pod,
): Container | undefined {
  const targets = new Set(services.flatMap(({ ports = [] }) => ports.map(({ targetPort }) => targetPort)))
  return (
    containers.find(({ ports }) => ports.some(({ name = '', number }) => targets.has(number) || targets.has(name))) ??
    containers[0]
  )
}

/** The Services without an endpoint, though this pod is active and healthy: the pod has none of their ports. */
export function unreachable(services: readonly Service[], pod: Pod): readonly Fault[] {
  const named = numbersOf(pod)
  return services.flatMap((service): readonly Fault[] => {
    const missing = unresolvedPorts(service, pod, named)
    if (service.headless || missing.length === 0 || missing.length < (service.ports?.length ?? 0)) return []
    return [
      {
        code: 'port-not-found',
        object: `service ${service.namespace}/${service.name}`,
        message: `nobody can reach the active pod ${pod.name} by it: the pod has no container port named ${missing.join(', ')}, which targetPort asks for`,
        remedy: "Correct targetPort in the Service's spec.ports, or name the port in the pod template.",
      },
    ]
  })
}

/** One line for each Service that has some ports the pod does not have. */
export function deadPorts(services: readonly Service[], pod: Pod): readonly string[] {
  const named = numbersOf(pod)
  return services.flatMap((service) => {
    const missing = unresolvedPorts(service, pod, named)
    if (missing.length === 0 || missing.length === service.ports?.length) return []
    return `service ${service.name}: pod ${pod.name} has no container port named ${missing.join(', ')}, so that these ports of the Service lead nowhere`
  })
}
