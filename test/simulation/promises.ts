/** What must hold after every write, and where everything has come to rest. Each answers what is broken, in a sentence. */
import { SWAP } from '../../handler/keys.js'
import type { Pod, Service } from '../../handler/kube/port.js'
import { epochOf, isActive, isPromotion } from '../support/roles.js'
import type { WriteCall } from '../support/stored.js'
import type { SimulatedGroup } from './groups.js'
import type { TrafficMove } from './traffic.js'
import type { World } from './world.js'

/** What a pass knows, and what it has asked for. */
export interface Knowledge {
  /** Of each group the pods that it read last. */
  readonly read: Map<string, PodsRead>
  /** Of each uid the last probe. */
  readonly probed: Map<string, boolean>
  /** The uids that it has ever found not to be healthy. */
  readonly unwell: Set<string>
  /** The annotations by which it has claimed Services, and their groups. */
  readonly claims: Map<string, string>
}

export interface PodsRead {
  readonly pods: readonly Pod[]
  /** The version of the cluster at that time. */
  readonly version: number
}

/** Of a write that was carried out, by a pass that last read the pods at this version of the cluster. */
export function brokenByWrite(
  world: World,
  readAt: number,
  before: Pod | Service,
  after: Pod | Service,
): string | undefined {
  const group = world.group('selector' in after ? after.selector.app : after.labels.app)
  const isOurs = (pod: Pod) => !world.isForeign(pod)
  const actives = activesOf(world, group)
  const own = actives.filter(isOurs)
  if (own.length > 1) return `${namesOf(own)} are active at the same time`
  if (!('selector' in before || 'selector' in after)) {
    if (epochOf(after) < epochOf(before)) return `the epoch of ${after.name} goes down`
    const isBlind = readAt < world.meddledAt(group)
    if (isActive(after) && !isActive(before) && actives.length > 1 && !isBlind) {
      return `a pass raises the number of active pods: ${namesOf(actives)}`
    }
  }
  for (const service of world.servicesOf(group)) {
    const selected = world.selectedBy(service).filter(isOurs)
    if (selected.length > 1) return `Service ${service.name} selects ${namesOf(selected)}`
  }
  return undefined
}

/** Of the same, where it moved traffic: to release what another pass has claimed is to do what that one has decided. */
export function brokenByMove(
  world: World,
  { unwell, claims }: Knowledge,
  readAt: number,
  before: Pod | Service,
  { service, from, to, lastMove }: TrafficMove,
): string | undefined {
  const claim = 'selector' in before ? before.annotations[SWAP] : undefined
  if (claim !== undefined && !claims.has(claim)) return undefined
  if (readAt >= lastMove || !world.isHealthy(from) || unwell.has(from.uid)) return undefined
  return `a slow pass moves the traffic of ${service.name} from ${from.name}, which is healthy, to ${to?.name ?? 'nowhere'}`
}

/** Of a write that a pass is about to make. */
export function brokenByPlan(world: World, { read, probed }: Knowledge, call: WriteCall): string | undefined {
  if (!isPromotion(call)) return undefined
  const { app, never } = world.group(call.pod.labels.app)
  const isGood = ({ name, uid, ready, terminating }: Pod) =>
    ready && !terminating && probed.get(uid) === true && !never.includes(name)
  if (isGood(call.pod)) return undefined
  const better = read.get(app)?.pods.find(isGood)
  return better && `${call.pod.name} is promoted, which fails or is in never, though ${better.name} is healthy`
}

/** Of a group that a pass has claimed, when the pass has come to its end in good time. */
export function brokenByEnd(world: World, group: SimulatedGroup, claim: string): string | undefined {
  const left = world.servicesOf(group).find(({ annotations }) => annotations[SWAP] === claim)
  return left && `a pass ends and leaves ${left.name} claimed`
}

/** Of a group, once passes have put right what there was to. */
export function brokenAtRest(world: World, group: SimulatedGroup): string | undefined {
  const unclean = world.servicesOf(group).find((service) => !world.isHome(service))
  if (unclean) return `Service ${unclean.name} is not as its user left it`
  if (isServed(world, group)) return undefined
  const actives = activesOf(world, group)
  if (hasCandidate(world, group)) {
    return `${group.app} has a healthy candidate, and active is ${namesOf(actives) || 'none'}`
  }
  const doubtful = world.podsOf(group).find(({ name, terminating }) => !terminating && !group.never.includes(name))
  if (actives.length === 1 || !group.promotesUnhealthy || !doubtful) return undefined
  return `${doubtful.name} is at least running, and no pod is active`
}

/** Exactly one active pod, which is healthy. */
export function isServed(world: World, group: SimulatedGroup): boolean {
  const [active, ...more] = activesOf(world, group)
  return active !== undefined && more.length === 0 && world.isHealthy(active)
}

/** Whether there is a pod that could have been made active ever since then. */
export function hasCandidate(world: World, group: SimulatedGroup, sinceMs = Number.POSITIVE_INFINITY): boolean {
  return world
    .podsOf(group)
    .some((pod) => world.isHealthy(pod) && !group.never.includes(pod.name) && world.sinceMs(pod) <= sinceMs)
}

/** Every pod that is there, one that is being deleted as well. */
function activesOf(world: World, group: SimulatedGroup): readonly Pod[] {
  return world.podsOf(group).filter(isActive)
}

function namesOf(pods: readonly Pod[]): string {
  return pods.map(({ name }) => name).join(' and ')
}
