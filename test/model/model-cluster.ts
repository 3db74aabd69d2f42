/** The cluster of a state, with pods and Services as numbers: so states are small, and equal states are found. Pure. */
import type { Pod, Service } from '../../handler/kube/port.js'
import { hasEnded } from '../support/roles.js'
import { type Call, selects, type WriteCall, writePod, writeService } from '../support/stored.js'
import { Interned } from './interned.js'
import type { Admission } from './model-world.js'
import { type Kept, keptPod, keptService, told } from './modelled-admission.js'
import type { Answer } from './run.js'

/** Nothing has this name at the moment. */
export const NONE = -1

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
  private readonly effects = new Map<string, Effect>()

  constructor(
    private readonly podNames: readonly string[],
    private readonly serviceNames: readonly string[],
    private readonly admission: Admission,
  ) {}

  podsOf({ pods }: Cluster): readonly Pod[] {
    return pods.flatMap((id) => (id === NONE ? [] : this.pods.value(id)))
  }

  servicesOf({ services }: Cluster): readonly Service[] {
    return services.flatMap((id) => (id === NONE ? [] : this.services.value(id)))
  }

  /** The names of the pods that a Service sends traffic to. */
  selected(cluster: Cluster, service: number): readonly string[] {
    const id = cluster.services[service] ?? NONE
    if (id === NONE) return []
    const { selector } = this.services.value(id)
    return this.podsOf(cluster).flatMap((pod) => (!hasEnded(pod) && selects(selector, pod.labels) ? pod.name : []))
  }

  /**
   * Carries out a call.
   * @param callId the same for equal calls
   * @param kept what admission makes of a write
   */
  carryOut(cluster: Cluster, call: Call, callId: number, kept?: Kept): Done {
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
        return this.write(cluster, call, callId, kept)
    }
  }

  private write(cluster: Cluster, call: WriteCall, callId: number, kept: Kept | undefined): Done {
    const kind = 'pod' in call ? 'pods' : 'services'
    const place = 'pod' in call ? this.podNames.indexOf(call.pod.name) : this.serviceNames.indexOf(call.service.name)
    const id = cluster[kind][place] ?? NONE
    const { key, answer, id: after } = this.effectOf(call, callId, id, kept)
    return { key, answer, cluster: after === id ? cluster : { ...cluster, [kind]: cluster[kind].with(place, after) } }
  }

  private effectOf(call: WriteCall, callId: number, id: number, kept: Kept | undefined): Effect {
    const key = `${callId}/${id}/${kept ?? ''}`
    const known = this.effects.get(key)
    if (known) return known
    const effect =
      'pod' in call
        ? this.effectOnPod(call, id, id === NONE ? undefined : this.pods.value(id), kept)
        : this.effectOnService(call, id, id === NONE ? undefined : this.services.value(id), kept)
    this.effects.set(key, effect)
    return effect
  }

  private effectOnPod(
    call: Extract<WriteCall, { pod: Pod }>,
    id: number,
    before: Pod | undefined,
    once: Kept | undefined,
  ): Effect {
    const { keeps, refusesEnded } = this.admission
    const done = writePod(call, before)
    if (done.kind !== 'applied' || !before) return { key: done.kind, answer: done, id } as Effect
    if (refusesEnded && hasEnded(before)) return { key: 'denied', answer: { kind: 'denied' }, id }
    const kept = once ?? (keeps?.pod === before.name ? keeps.what : undefined)
    const stored = kept ? keptPod(kept, before, done.object) : done.object
    const { object, differences } = told(call, stored)
    return {
      key: differences ? `changed ${differences}` : 'applied',
      answer: { kind: 'applied', object, ...(differences ? { differences } : {}) },
      id: this.pods.idOf(stored),
    }
  }

  private effectOnService(
    call: Extract<WriteCall, { service: Service }>,
    id: number,
    before: Service | undefined,
    kept: Kept | undefined,
  ): Effect {
    const done = writeService(call, before)
    if (done.kind !== 'applied' || !before) return { key: done.kind, answer: done, id } as Effect
    const asked = this.services.idOf(done.object)
    const stored = kept ? this.services.idOf(keptService(kept, before, done.object)) : asked
    return {
      key: `applied ${stored}${stored === asked ? '' : ' changed'}`,
      answer: {
        kind: 'applied',
        object: this.services.value(stored),
        ...(stored === asked ? {} : { differences: `${kept}` }),
      },
      id: stored,
    }
  }
}

/** What becomes of a write: the key and the answer as in `Done`, and the number of the object as it is then. */
interface Effect extends Pick<Done, 'key' | 'answer'> {
  readonly id: number
}
