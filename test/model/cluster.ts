/** The cluster of a state: pods and Services as numbers, so that states are small and equal ones are found. Pure. */
import type { Pod, Service } from '../../handler/kube/port.js'
import { type Call, selects, type WriteCall, writePod, writeService } from '../support/stored.js'
import { Interned } from './interned.js'
import type { Answer } from './run.js'

/** Nothing has this name at the moment. */
export const NONE = -1

/** A pass does nothing with a pod that it has written: histories that differ in it alone are the same. */
const UNREAD = new Proxy({} as Pod, { get: refuse, has: refuse, ownKeys: refuse })

function refuse(): never {
  throw new Error('a pass reads what the server answers to a write of a pod: the model has to tell answers apart')
}

/** In the order of their names, which stay; `NONE` or a number of `Objects`. */
export interface Cluster {
  readonly pods: readonly number[]
  readonly services: readonly number[]
}

/** What became of a call: the answer, a text that tells answers apart, and the cluster as it is then. */
export interface Done {
  readonly key: string
  readonly answer: Answer
  readonly cluster: Cluster
}

export class Objects {
  readonly pods = new Interned<Pod>()
  readonly services = new Interned<Service>()
  private readonly effects = new Map<string, { readonly kind: 'applied' | 'lost' | 'gone'; readonly id: number }>()

  constructor(
    private readonly podNames: readonly string[],
    private readonly serviceNames: readonly string[],
  ) {}

  podsOf({ pods }: Cluster): readonly Pod[] {
    return pods.flatMap((id) => (id === NONE ? [] : this.pods.value(id)))
  }

  servicesOf({ services }: Cluster): readonly Service[] {
    return services.flatMap((id) => (id === NONE ? [] : this.services.value(id)))
  }

  /** The names of the pods that a Service selects. */
  selected(cluster: Cluster, service: number): readonly string[] {
    const id = cluster.services[service] ?? NONE
    if (id === NONE) return []
    const { selector } = this.services.value(id)
    return this.podsOf(cluster).flatMap(({ name, labels }) => (selects(selector, labels) ? name : []))
  }

  /** Carries out a call. @param callId the same for equal calls */
  carryOut(cluster: Cluster, call: Call, callId: number): Done {
    switch (call.verb) {
      case 'listPods': {
        const { labels = {} } = call.options
        const pods = this.podsOf(cluster).filter((pod) => Object.entries(labels).every(([k, v]) => pod.labels[k] === v))
        return { key: cluster.pods.join(), answer: { kind: 'pods', pods }, cluster }
      }
      case 'listServices':
        return {
          key: cluster.services.join(),
          answer: { kind: 'services', services: this.servicesOf(cluster) },
          cluster,
        }
      default:
        return this.write(cluster, call, callId)
    }
  }

  private write(cluster: Cluster, call: WriteCall, callId: number): Done {
    const kind = 'pod' in call ? 'pods' : 'services'
    const place = 'pod' in call ? this.podNames.indexOf(call.pod.name) : this.serviceNames.indexOf(call.service.name)
    const id = cluster[kind][place] ?? NONE
    const effect = this.effectOf(call, callId, id)
    if (effect.kind !== 'applied') return { key: effect.kind, answer: { kind: effect.kind }, cluster }
    const written = effect.id === id ? cluster : { ...cluster, [kind]: cluster[kind].with(place, effect.id) }
    return kind === 'pods'
      ? { key: 'applied', answer: { kind: 'applied', object: UNREAD }, cluster: written }
      : {
          key: `applied ${effect.id}`,
          answer: { kind: 'applied', object: this.services.value(effect.id) },
          cluster: written,
        }
  }

  private effectOf(call: WriteCall, callId: number, id: number) {
    const key = `${callId}/${id}`
    const known = this.effects.get(key)
    if (known) return known
    let effect: { readonly kind: 'applied' | 'lost' | 'gone'; readonly id: number }
    if ('pod' in call) {
      const done = writePod(call, id === NONE ? undefined : this.pods.value(id))
      effect = { kind: done.kind, id: done.kind === 'applied' ? this.pods.idOf(done.object) : id }
    } else {
      const done = writeService(call, id === NONE ? undefined : this.services.value(id))
      effect = { kind: done.kind, id: done.kind === 'applied' ? this.services.idOf(done.object) : id }
    }
    this.effects.set(key, effect)
    return effect
  }
}
