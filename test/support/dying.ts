import type { Kube } from '../../handler/kube/port.js'

/** A port whose nth request is never made: nothing that is awaited after that ever happens. */
export function dyingAt(kube: Kube, n: number): { kube: Kube; died: Promise<void> } {
  let requests = 0
  let die: () => void = () => {}
  const died = new Promise<void>((resolve) => {
    die = resolve
  })
  const guarded = <A extends unknown[], R>(call: (...args: A) => Promise<R>) => {
    return (...args: A): Promise<R> => {
      if (++requests < n) return call(...args)
      die()
      return new Promise<R>(() => {})
    }
  }
  return {
    died,
    kube: {
      requests: 0,
      listServices: guarded(kube.listServices),
      listPods: guarded(kube.listPods),
      patchPod: guarded(kube.patchPod),
      patchPodMetadata: guarded(kube.patchPodMetadata),
      patchService: guarded(kube.patchService),
      testService: guarded(kube.testService),
    },
  }
}
