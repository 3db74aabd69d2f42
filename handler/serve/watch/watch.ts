/** The watches on Services and pods of the scope, and the passes that they start. */

import type { GroupServices } from '../../group/groups.js'
import type { Pod, Service, Watchable } from '../../kube/port.js'
import type { ServiceRef } from '../../pass/scope.js'
import type { Settings } from '../../settings/settings.js'
import type { Timing } from '../../util/clock.js'
import { GroupCache, type News } from './cache.js'
import { GroupQueue } from './queue.js'
import { type Follower, follow, type Interruption } from './reflector.js'

export interface WatchOptions extends Timing {
  readonly namespaces: readonly string[] | 'all'
  readonly roleLabel: string
  /** Of all groups, those that have opted in; false unless given. */
  readonly optIn?: boolean
  /** Passes are for the groups of these Services; none: for all. */
  readonly only: readonly ServiceRef[]
  /** Of the settings, as the flags say. */
  readonly defaults: Settings
  services(namespace: string | undefined): Watchable<Service>
  pods(namespace: string | undefined): Watchable<Pod>
  /** Never rejects. */
  pass(group: GroupServices): Promise<void>
  connected(watch: WatchName, is: boolean, why?: Interruption): void
  /** It has stood for a while. */
  steady(watch: WatchName): void
}

export interface WatchName {
  readonly resource: 'services' | 'pods'
  readonly namespace: string | undefined
}

/** Watches until `signal` aborts, and passes that have begun have ended. */
export async function watch(options: WatchOptions, signal: AbortSignal): Promise<void> {
  const groups = new GroupCache(options.roleLabel, options.only, options.optIn, options.defaults)
  const attendance = new GroupQueue(groups, options.pass, options, signal)
  const tell = (news: readonly News[]) => attendance.tell(news)
  const namespaces = options.namespaces === 'all' ? [undefined] : [...new Set(options.namespaces)]
  await Promise.all(
    namespaces.flatMap((namespace) => {
      const told = (resource: WatchName['resource']) => ({
        connected: (is: boolean, why?: Interruption) => options.connected({ resource, namespace }, is, why),
        steady: () => options.steady({ resource, namespace }),
      })
      const services: Follower<Service> = {
        listed: (all) => tell(groups.servicesListed(namespace, all)),
        changed: (service) => tell(groups.serviceChanged(service)),
        deleted: (service) => tell(groups.serviceDeleted(service)),
        ...told('services'),
      }
      const pods: Follower<Pod> = {
        listed: (all) => tell(groups.podsListed(namespace, all)),
        changed: (pod) => tell(groups.podChanged(pod)),
        deleted: (pod) => tell(groups.podDeleted(pod)),
        ...told('pods'),
      }
      return [
        follow(options.services(namespace), services, options, signal),
        follow(options.pods(namespace), pods, options, signal),
      ]
    }),
  )
  await attendance.ended()
}
