/** The store of an API server, in memory: every write is one step, and is checked as soon as it is made. */
import type { Pod, Service } from '../../handler/kube/port.js'
import { type Effect, type ReadCall, selects, type WriteCall, writePod, writeService } from '../support/stored.js'

/** Told of each write of a pass that was carried out. */
export type Wrote = (call: WriteCall, before: Pod | Service, after: Pod | Service) => void

/** What admission makes of a write: the object that is stored. */
export type Admit = <T extends Pod | Service>(before: T, after: T) => T

export class Cluster {
  private readonly pods = new Map<string, Pod>()
  private readonly services = new Map<string, Service>()
  /** How often anything has changed. */
  version = 0

  pod(namespace: string, name: string): Pod | undefined {
    return this.pods.get(`${namespace}/${name}`)
  }

  service(namespace: string, name: string): Service | undefined {
    return this.services.get(`${namespace}/${name}`)
  }

  putPod(pod: Pod): void {
    this.version++
    this.pods.set(`${pod.namespace}/${pod.name}`, pod)
  }

  removePod({ namespace, name }: Pod): void {
    this.version++
    this.pods.delete(`${namespace}/${name}`)
  }

  putService(service: Service): void {
    this.version++
    this.services.set(`${service.namespace}/${service.name}`, service)
  }

  read({ verb, options: { namespace, labels = {} } }: ReadCall): readonly (Pod | Service)[] {
    const isIn = (object: Pod | Service) => namespace === undefined || object.namespace === namespace
    if (verb === 'listServices') return [...this.services.values()].filter(isIn)
    const isSelected = (pod: Pod) => Object.keys(labels).length === 0 || selects(labels, pod.labels)
    return [...this.pods.values()].filter((pod) => isIn(pod) && isSelected(pod))
  }

  write(call: WriteCall, admit: Admit, wrote: Wrote): Effect<Pod | Service> {
    if ('pod' in call) {
      const before = this.pod(call.pod.namespace, call.pod.name)
      const effect = writePod(call, before)
      if (effect.kind !== 'applied' || !before) return effect
      const object = admit(before, effect.object)
      this.putPod(object)
      wrote(call, before, object)
      return { kind: 'applied', object }
    }
    const before = this.service(call.service.namespace, call.service.name)
    const effect = writeService(call, before)
    if (effect.kind !== 'applied' || !before || call.verb === 'testService') return effect
    const object = admit(before, effect.object)
    this.putService(object)
    wrote(call, before, object)
    return { kind: 'applied', object }
  }
}
