/** How a port's name becomes its number, as Kubernetes' EndpointSlice controller looks it up for a Service. Pure. */
import type { Pod, Service } from './kube/port.js'

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
export function unresolvedPorts({ ports = [] }: Service, pod: Pod): readonly string[] {
  return ports.flatMap(({ targetPort, protocol }) =>
    typeof targetPort === 'string' && findPort(pod, targetPort, protocol) === undefined
      ? [`${JSON.stringify(targetPort)} (${protocol})`]
      : [],
  )
}
