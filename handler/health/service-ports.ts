/** How a port's name becomes its number, as Kubernetes' EndpointSlice controller looks it up for a Service. Pure. */

import type { Pod, Service } from '../kube/port.js'
import type { Fault } from '../util/errors.js'

/**
 * The number of the pod's port of this name and protocol: the first in its containers and, where they have none, in its
 * sidecars. `undefined` when there is none. (FindPort in k8s.io/endpointslice/utils.go.)
 */
export function findPort({ containers }: Pod, name: string, protocol: string): number | undefined {
  return containers
    .flatMap(({ ports }) => ports)
    .find((port) => port.name === name && (port.protocol ?? 'TCP') === protocol)?.number
}

/**
 * The Service's ports that this pod cannot serve, as there is no port of the name in `targetPort`: one text for each,
 * such as `"http" (TCP)`. Where these are all ports of a Service, the pod is no endpoint that anybody could connect to.
 */
export function unresolvedPorts({ ports = [] }: Service, pod: Pod, named = numbersOf(pod)): readonly string[] {
  return ports.flatMap(({ targetPort, protocol }) =>
    typeof targetPort === 'string' && !named.has(portKey(targetPort, protocol))
      ? [`${JSON.stringify(targetPort)} (${protocol})`]
      : [],
  )
}

/** What `findPort` finds, by `portKey`, for all names at once: thousands of them may meet thousands of a Service's. */
export function numbersOf({ containers }: Pod): ReadonlyMap<string, number> {
  const numbers = containers.flatMap(({ ports }) =>
    ports.flatMap(({ name, protocol, number }) => (name ? [[portKey(name, protocol), number] as const] : [])),
  )
  return new Map(numbers.reverse()) // of several with one name the first counts
}

export function portKey(name: string, protocol = 'TCP'): string {
  return `${protocol} ${name}`
}

/** The Services that have no endpoint though this pod is active and healthy: none of their ports is one of the pod. */
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

/** One line for each Service of which some ports are none of the pod's. */
export function deadPorts(services: readonly Service[], pod: Pod): readonly string[] {
  const named = numbersOf(pod)
  return services.flatMap((service) => {
    const missing = unresolvedPorts(service, pod, named)
    if (missing.length === 0 || missing.length === service.ports?.length) return []
    return `service ${service.name}: pod ${pod.name} has no container port named ${missing.join(', ')}, so that these ports of the Service lead nowhere`
  })
}
