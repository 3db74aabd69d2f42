/** Follows the traffic of each Service: its pod, and the write that moved it there. */
import type { Pod, Service } from '../../handler/kube/port.js'
import type { SimulatedGroup } from './groups.js'
import type { World } from './simulated-world.js'

/** A write that made a Service select another pod, or none. */
export interface TrafficMove {
  readonly service: Service
  readonly from: Pod
  readonly to: Pod | undefined
  /** The version of the cluster when a write last took the traffic to a pod, before this one. */
  readonly lastMove: number
}

export class Traffic {
  /** By uid of a Service: the version of the cluster when a write took its traffic to another pod. */
  private readonly moved = new Map<string, number>()

  constructor(private readonly world: World) {}

  /** To be called before a write. @returns to be called after it: whose traffic it took from a pod */
  watch(group: SimulatedGroup): () => readonly TrafficMove[] {
    const before = new Map(this.world.servicesOf(group).map((service) => [service.uid, this.podOf(service)]))
    return () =>
      this.world.servicesOf(group).flatMap((service) => {
        const [from, to] = [before.get(service.uid), this.podOf(service)]
        if (from?.uid === to?.uid) return []
        const lastMove = this.moved.get(service.uid) ?? 0
        if (to) this.moved.set(service.uid, this.world.cluster.version)
        return from ? [{ service, from, to, lastMove }] : []
      })
  }

  /** A Service selects no more than one, but for a third party's. */
  private podOf(service: Service): Pod | undefined {
    return this.world.selectedBy(service)[0]
  }
}
