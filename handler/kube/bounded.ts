/** The same port, with a bound on the writes to pods that are under way at once. */
import pLimit from 'p-limit'
import type { Kube } from './port.js'

/**
 * Of one group, however many pods it has: a thousand at once would wait for a connection for longer than a write may
 * take, and those of other groups behind them.
 */
const WRITES_AT_ONCE = 8

export function bounded(kube: Kube): Kube {
  const limit = pLimit(WRITES_AT_ONCE)
  return {
    get requests() {
      return kube.requests
    },
    listServices: (options, signal) => kube.listServices(options, signal),
    listPods: (options, signal) => kube.listPods(options, signal),
    patchPod: (pod, patch, signal) => limit(() => kube.patchPod(pod, patch, signal)),
    patchPodMetadata: (pod, patch, signal) => limit(() => kube.patchPodMetadata(pod, patch, signal)),
    patchService: (service, patch, signal) => kube.patchService(service, patch, signal),
    testService: (service, annotation, value, signal) => kube.testService(service, annotation, value, signal),
  }
}
