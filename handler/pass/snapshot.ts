/** Reads the cluster: the Services, leftover claims on them, then the pods. Two LISTs, in this order. */

import pLimit from 'p-limit'
import { emptySelectors } from '../group/empty-selectors.js'
import { keyOf } from '../group/group-key.js'
import { assignPods, type Group, type GroupServices, groupServices } from '../group/groups.js'
import { isClaimed, withoutMerelyClaimed } from '../group/services.js'
import { isStuck, release, type Stuck } from '../handover/claim.js'
import type { SwapContext } from '../handover/context.js'
import { CLAIM } from '../kube/keys.js'
import { KubeError, type Pod, type Service } from '../kube/port.js'

/** A pass tries to release leftover claims for at most this long. */
const RELEASE_LIMIT_MS = 3_000
/** The number of releases at once, because a group may have thousands of Services. */
const RELEASES_AT_ONCE = 8
/** A swap that is under way ends by itself within this time. Only smoothness depends on it. */
const LEFTOVER_WAIT_MS = 250

interface SnapshotOptions {
  /** `undefined`: all namespaces. */
  readonly namespace: string | undefined
  /** Selects the groups that are to be served. */
  readonly select: (groups: readonly GroupServices[]) => readonly GroupServices[]
}

interface Snapshot {
  readonly groups: readonly Group[]
  /** Every Service in scope, managed or not. */
  readonly services: readonly Service[]
  /** Leftover claims that could not be taken off. */
  readonly stuck: readonly Stuck[]
  /** The Services whose leftover claims this pass took off, as they were before. */
  readonly healed: readonly Service[]
  /** The pods could not be read. */
  readonly error?: KubeError
}

/** @throws KubeError when the Services could not be read */
export async function takeSnapshot(
  context: SwapContext,
  scope: SnapshotOptions,
  waitForLeftovers: boolean,
): Promise<Snapshot> {
  const { kube, deadline, roleLabel, optIn } = context
  const { services, stuck, healed } = await readServices(context, scope, waitForLeftovers)
  const everyGroup = groupServices(services, roleLabel, optIn)
  const groups = scope.select(everyGroup)
  const lasting = new Set(withoutMerelyClaimed(services, roleLabel, optIn))
  const rivals = everyGroup.filter((group) => group.services.some((service) => lasting.has(service)))
  const [only, ...more] = groups
  if (!only) return { groups: [], services, stuck, healed }
  const labels = more.length === 0 ? only.selector : undefined
  const namespace = scope.namespace ?? (labels && only.namespace)
  try {
    const pods = await kube.listPods({ namespace, labels }, deadline.observing)
    const populated = assignPods(groups, rivals, pods, roleLabel)
    return { groups: await withNearMisses(context, populated, pods, services), services, stuck, healed }
  } catch (error) {
    if (!(error instanceof KubeError)) throw error
    const left =
      more.length > 0 ? groups.flatMap((group) => group.services.filter((one) => isClaimed(one, roleLabel))) : []
    const stillLeft = left.map((service): Stuck => ({ kind: 'stuck', service }))
    return { groups: [], services, stuck: [...stuck, ...stillLeft], healed, error }
  }
}

/** Reads one group alone; `undefined`: it is not managed now. @throws KubeError */
export async function readGroup(
  context: SwapContext,
  group: GroupServices,
  waitForLeftovers: boolean,
): Promise<Pick<Snapshot, 'stuck' | 'healed'> & { readonly group: Group | undefined }> {
  const key = keyOf(group)
  const select = (groups: readonly GroupServices[]) => groups.filter((other) => keyOf(other) === key)
  const scope = { namespace: group.namespace, select }
  const { groups, stuck, healed, error } = await takeSnapshot(context, scope, waitForLeftovers)
  if (error) throw error
  return { group: groups[0], stuck, healed }
}

/**
 * Adds a warning to groups without any pod whose selector nearly matches pods that exist. For a single group, only its
 * own pods were read, so the others are read for this alone: it has no pods that the delay could harm.
 */
async function withNearMisses(
  { kube, deadline, roleLabel }: SwapContext,
  groups: readonly Group[],
  pods: readonly Pod[],
  services: readonly Service[],
): Promise<readonly Group[]> {
  const isEmpty = ({ members, strangers, ended, fault }: Group) =>
    !fault && members.length + strangers.length + ended.length === 0
  const empty = groups.filter(isEmpty)
  const [only] = groups
  if (!only || empty.length === 0) return groups
  const { namespace } = only
  const all = groups.length > 1 ? pods : await kube.listPods({ namespace }, deadline.observing).catch(() => [])
  const found = emptySelectors(empty, all, services, roleLabel)
  return groups.map((group) => {
    const warning = found.get(keyOf(group))
    return warning ? { ...group, warnings: [...group.warnings, warning] } : group
  })
}

/**
 * LISTs the Services and, if a single group is to be served, releases the claims that a crashed pass has left on it.
 * Other groups do not wait for that: of several groups, each claimed group is read again by itself.
 */
async function readServices(
  context: SwapContext,
  scope: SnapshotOptions,
  wait: boolean,
): Promise<Omit<Snapshot, 'groups'>> {
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
  const released = await Promise.all(leftovers.map((service) => limit(() => release(context, service, until, true))))
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
