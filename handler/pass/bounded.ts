/** Wraps the Kubernetes interface and limits the requests at once: those of one group, and those of all groups together. */
import pLimit from 'p-limit'
import type { GroupServices } from '../group/groups.js'
import type { Kube } from '../kube/port.js'
import { type FairShare, turnOf } from './fair-share.js'

/**
 * The limit of one group, however many pods it has: of a thousand writes at once, some would wait for a connection for
 * longer than a write may take.
 */
const POD_WRITES_AT_ONCE = 8

/**
 * The interface for one group. Its requests take turns with those of all others, so that a tenant with hundreds of groups to
 * write in each pass does not hold up the other tenants.
 */
export function bounded(kube: Kube, requests: FairShare, group: Pick<GroupServices, 'namespace' | 'selector'>): Kube {
  const limit = pLimit(POD_WRITES_AT_ONCE)
  const inTurn = <T>(request: () => Promise<T>) => requests.take(turnOf(group, 0), request)
  return {
    get requests() {
      return kube.requests
    },
    listServices: (options, signal) => inTurn(() => kube.listServices(options, signal)),
    listPods: (options, signal) => inTurn(() => kube.listPods(options, signal)),
    patchPod: (pod, patch, signal) => limit(() => inTurn(() => kube.patchPod(pod, patch, signal))),
    patchPodMetadata: (pod, patch, signal) => limit(() => inTurn(() => kube.patchPodMetadata(pod, patch, signal))),
    patchService: (service, patch, signal) => inTurn(() => kube.patchService(service, patch, signal)),
    testService: (service, annotation, value, signal) =>
      inTurn(() => kube.testService(service, annotation, value, signal)),
  }
}
