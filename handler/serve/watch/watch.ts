/** Watches the Services and pods of the scope, and starts passes for the groups that changes have brought into need. */

import type { GroupServices } from '../../group/groups.js'
import type { Pod, Service, Watchable } from '../../kube/port.js'
import type { Filter } from '../../pass/scope.js'
import type { Settings } from '../../settings/settings.js'
import type { Timing } from '../../util/clock.js'
import { GroupCache, type GroupEvent } from './cache.js'
import { GroupQueue } from './queue.js'
import { type Interruption, runReflector, type Store, type WatchEvents } from './reflector.js'

export interface WatchOptions extends Timing {
  readonly namespaces: readonly string[] | 'all'
  readonly roleLabel: string
  /** Only groups that have opted in are managed; false unless given. */
  readonly optIn?: boolean
  /** Passes are made only for these groups. */
  readonly only: Filter
  /** The settings that the flags give. */
  readonly defaults: Settings
  services(namespace: string | undefined): Watchable<Service>
  pods(namespace: string | undefined): Watchable<Pod>
  /** Never rejects. */
  pass(group: GroupServices): Promise<void>
  connected(watch: WatchName, is: boolean, why?: Interruption): void
  /** The watch has lasted for a while. */
  steady(watch: WatchName): void
  /** The watch begins something that takes no longer than this, where nothing hangs. */
  begins(watch: WatchName, withinMs: number): void
}

export interface WatchName {
  readonly resource: 'services' | 'pods'
  readonly namespace: string | undefined
}

/** Watches until `signal` aborts; resolves when the passes that have begun have ended. */
export async function watch(options: WatchOptions, signal: AbortSignal): Promise<void> {
  const groups = new GroupCache(options.roleLabel, options.only, options.optIn, options.defaults)
  const queue = new GroupQueue(groups, options.pass, options, signal)
  const enqueue = (events: readonly GroupEvent[]) => queue.add(events)
  const namespaces = options.namespaces === 'all' ? [undefined] : [...new Set(options.namespaces)]
  await Promise.all(
    namespaces.flatMap((namespace) => {
      const eventsOf = (resource: WatchName['resource']): WatchEvents => ({
        connected: (is, why) => options.connected({ resource, namespace }, is, why),
        steady: () => options.steady({ resource, namespace }),
        begins: (withinMs) => options.begins({ resource, namespace }, withinMs),
      })
      const services: Store<Service> & WatchEvents = {
        replaced: (all) => enqueue(groups.servicesListed(namespace, all)),
        changed: (service) => enqueue(groups.serviceChanged(service)),
        deleted: (service) => enqueue(groups.serviceDeleted(service)),
        ...eventsOf('services'),
      }
      const pods: Store<Pod> & WatchEvents = {
        replaced: (all) => enqueue(groups.podsListed(namespace, all)),
        changed: (pod) => enqueue(groups.podChanged(pod)),
        deleted: (pod) => enqueue(groups.podDeleted(pod)),
        ...eventsOf('pods'),
      }
      return [
        runReflector(options.services(namespace), services, options, signal),
        runReflector(options.pods(namespace), pods, options, signal),
      ]
    }),
  )
  await queue.drained()
}
