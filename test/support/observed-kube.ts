import type { Kube } from '../../handler/kube/port.js'
import type { Call } from './stored.js'

/** Carries out a call: `send` makes it. */
export type Around = <T>(call: Call, send: () => Promise<T>) => Promise<T>

/** The same port, with each call carried out by `around`. */
export function observed(kube: Kube, around: Around): Kube {
  return {
    get requests() {
      return kube.requests
    },
    listServices: (options, signal) =>
      around({ verb: 'listServices', options }, () => kube.listServices(options, signal)),
    listPods: (options, signal) => around({ verb: 'listPods', options }, () => kube.listPods(options, signal)),
    patchPod: (pod, patch, signal) => around({ verb: 'patchPod', pod, patch }, () => kube.patchPod(pod, patch, signal)),
    patchPodMetadata: (pod, patch, signal) =>
      around({ verb: 'patchPodMetadata', pod, patch }, () => kube.patchPodMetadata(pod, patch, signal)),
    patchService: (service, patch, signal) =>
      around({ verb: 'patchService', service, patch }, () => kube.patchService(service, patch, signal)),
    testService: (service, annotation, value, signal) =>
      around({ verb: 'testService', service, annotation, value }, () =>
        kube.testService(service, annotation, value, signal),
      ),
  }
}
