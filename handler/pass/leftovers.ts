/** Recovers from crashed passes: reads the Services, and releases the claims that were left on them. */
import pLimit from 'p-limit'
import { type GroupServices, groupServices } from '../group/groups.js'
import { isClaimed } from '../group/services.js'
import { isStuck, release, type Stuck } from '../handover/claim.js'
import type { SwapContext } from '../handover/context.js'
import { CLAIM } from '../kube/keys.js'
import type { Service } from '../kube/port.js'

/** A pass tries to release leftover claims for at most this long. */
const RELEASE_LIMIT_MS = 3_000
/** The number of releases at once, because a group may have thousands of Services. */
const RELEASES_AT_ONCE = 8
/** A swap that is under way ends by itself within this time. Only smoothness depends on it. */
const LEFTOVER_WAIT_MS = 250

export interface ServicesScope {
  /** `undefined`: all namespaces. */
  readonly namespace: string | undefined
  /** Selects the groups that are to be served. */
  readonly select: (groups: readonly GroupServices[]) => readonly GroupServices[]
}

export interface ServicesRead {
  /** Every Service in scope, managed or not. */
  readonly services: readonly Service[]
  /** Leftover claims that could not be taken off. */
  readonly stuck: readonly Stuck[]
  /** The Services whose leftover claims this pass took off, as they were before. */
  readonly healed: readonly Service[]
}

/**
 * LISTs the Services and, if a single group is to be served, releases the claims that a crashed pass has left on it.
 * Other groups do not wait for that: of several groups, each claimed group is read again by itself.
 * @param wait a claim that is still the same after LEFTOVER_WAIT_MS was left by a crashed pass; `false`: do not wait
 * @throws KubeError
 */
export async function readServices(context: SwapContext, scope: ServicesScope, wait: boolean): Promise<ServicesRead> {
  const { kube, clock, deadline, roleLabel, optIn } = context
  const list = () => kube.listServices({ namespace: scope.namespace }, deadline.observing)
  const claimed = (services: readonly Service[]) => {
    if (!services.some((one) => isClaimed(one, roleLabel))) return [] // as nearly always: no need to group them
    const [only, ...more] = scope.select(groupServices(services, roleLabel, optIn))
    return more.length > 0 ? [] : (only?.services.filter((one) => isClaimed(one, roleLabel)) ?? [])
  }

  const services = await list()
  const before = claimed(services)
  if (before.length === 0) return { services, stuck: [], healed: [] }
  if (wait) await clock.sleep(LEFTOVER_WAIT_MS, deadline.observing)
  const current = wait ? await list() : services
  const leftovers = claimed(current).filter((now) => before.some((then) => isSameClaim(then, now)))
  const until = deadline.within(RELEASE_LIMIT_MS)
  const limit = pLimit(RELEASES_AT_ONCE)
  const released = await Promise.all(
    leftovers.map((service) => limit(() => release(context, service, until, { isLeft: true }))),
  )
  const free = (service: Service) => {
    const place = leftovers.findIndex(({ uid }) => uid === service.uid)
    const result = released[place]
    return result?.kind === 'free' ? (result.service ?? []) : service
  }
  const healed = leftovers.filter((_, n) => {
    const result = released[n]
    return result?.kind === 'free' && result.byUs === true
  })
  return { services: current.flatMap(free), stuck: released.filter(isStuck), healed }
}

function isSameClaim(one: Service, other: Service): boolean {
  return one.uid === other.uid && one.annotations[CLAIM] === other.annotations[CLAIM]
}
