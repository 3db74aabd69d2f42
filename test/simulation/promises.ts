/** What must hold after every write, and where everything has come to rest. Each answers what is broken, in a sentence. */
import type { Pod, Service } from '../../handler/kube/port.js'
import { epochOf, isActive, isPromotion } from '../support/roles.js'
import type { WriteCall } from '../support/stored.js'
import type { SimulatedGroup } from './groups.js'
import type { World } from './world.js'

/** What a pass knows: of each group the pods that it read last, of each uid the last probe. */
export interface Knowledge {
  readonly read: Map<string, readonly Pod[]>
  readonly probed: Map<string, boolean>
}

/** Of a write that was carried out. */
export function brokenByWrite(world: World, before: Pod | Service, after: Pod | Service): string | undefined {
  const group = world.group('selector' in after ? after.selector.app : after.labels.app)
  const actives = activesOf(world, group)
  if (actives.length > 1) return `${namesOf(actives)} are active at the same time`
  if (!('selector' in before || 'selector' in after) && epochOf(after) < epochOf(before)) {
    return `the epoch of ${after.name} goes down`
  }
  for (const service of world.servicesOf(group)) {
    const selected = world.selectedBy(service)
    if (selected.length > 1) return `Service ${service.name} selects ${namesOf(selected)}`
  }
  return undefined
}

/** Of a write that a pass is about to make. */
export function brokenByPlan(world: World, { read, probed }: Knowledge, call: WriteCall): string | undefined {
  if (!isPromotion(call)) return undefined
  const { app, never } = world.group(call.pod.labels.app)
  const isGood = ({ name, uid, ready, terminating }: Pod) =>
    ready && !terminating && probed.get(uid) === true && !never.includes(name)
  if (isGood(call.pod)) return undefined
  const better = read.get(app)?.find(isGood)
  return better && `${call.pod.name} is promoted, which fails or is in never, though ${better.name} is healthy`
}

/** Of a group, once passes have put right what there was to. */
export function brokenAtRest(world: World, group: SimulatedGroup): string | undefined {
  const unclean = world.servicesOf(group).find((service) => !world.isHome(service))
  if (unclean) return `Service ${unclean.name} is not as its user left it`
  if (isServed(world, group) || !hasCandidate(world, group)) return undefined
  return `${group.app} has a healthy candidate, and active is ${namesOf(activesOf(world, group)) || 'none'}`
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
