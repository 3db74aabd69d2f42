/** What must hold of every move, of every pass, and of every end. Pure; each answers what is broken, in a sentence. */
import { SWAP } from '../../handler/keys.js'
import type { Pod } from '../../handler/kube/port.js'
import { epochOf, isActive, isPromotion } from '../support/roles.js'
import { basisOf, type Point } from './behaviour.js'
import { type Cluster, NONE } from './cluster.js'
import type { Move } from './moves.js'
import type { State } from './state.js'
import type { World } from './world.js'

/** Of whatever happens. */
export function brokenBy(world: World, move: Move): string | undefined {
  const broken = brokenByMove(world, move) ?? brokenByEnd(world, move)
  if (broken) return broken
  for (const point of move.state.passes) {
    const plan = point && brokenByPlan(world, point)
    if (plan) return plan
  }
  return undefined
}

/** Of a move that is a pass's. */
function brokenByMove({ objects, serviceNames }: World, { before, state: after, writer }: Move): string | undefined {
  if (!writer || before.cluster === after.cluster) return undefined
  const actives = activesOf(objects.podsOf(after.cluster))
  const own = actives.filter((name) => !after.foreign[podPlace(after.cluster, objects, name)])
  if (own.length > 1) return `${own.join(' and ')} are active at the same time`
  const then = activesOf(objects.podsOf(before.cluster))
  if (!writer.blind && actives.length > Math.max(1, then.length)) {
    return `a pass raises the number of active pods to ${actives.length}`
  }
  for (const [n, id] of after.cluster.pods.entries()) {
    const old = before.cluster.pods[n] ?? NONE
    if (id === old || id === NONE || old === NONE) continue
    const [then, now] = [objects.pods.value(old), objects.pods.value(id)]
    if (epochOf(now) < epochOf(then)) return `the epoch of ${now.name} goes down`
    if (now.terminating && isActive(now) && !isActive(then)) return `${now.name} is promoted while it is being deleted`
  }
  for (const [n, name] of serviceNames.entries()) {
    const [then, now] = [objects.selected(before.cluster, n), objects.selected(after.cluster, n)]
    const ours = now.filter((pod) => !after.foreign[podPlace(after.cluster, objects, pod)])
    if (ours.length > 1) return `Service ${name} selects ${now.join(' and ')}`
    const [old] = then
    if (
      writer.stale &&
      !after.meddled &&
      then.length === 1 &&
      old !== undefined &&
      now.join() !== old &&
      isWell(before, objects.podsOf(before.cluster), old)
    ) {
      return `a slow pass moves the traffic of ${name} from ${old}, which is healthy, to ${now.join() || 'nowhere'}`
    }
  }
  return undefined
}

/** So many refusals are believed (handler/latch.ts). */
const REFUSALS = 3

/**
 * Of a pass that has come to its end, that was not cut off, and that was let to write Services: nothing of its claims is
 * left, and none can still be made.
 */
function brokenByEnd({ objects, behaviour }: World, { state, ended }: Move): string | undefined {
  if (!ended || ended.isCut || ended.refusals >= REFUSALS) return undefined
  const isIts = (claim: string | null | undefined) => typeof claim === 'string' && ended.claims.includes(claim)
  const left = objects.servicesOf(state.cluster).find(({ annotations }) => isIts(annotations[SWAP]))
  if (left) return `a pass ends and leaves ${left.name} claimed`
  for (const { callId } of state.flying) {
    const call = behaviour.calls.value(callId)
    if (call.verb !== 'patchService' || !isIts(call.patch.annotations[SWAP])) continue
    if (objects.carryOut(state.cluster, call, callId).cluster !== state.cluster) {
      return `a pass ends, and its claim of ${call.service.name}, which was not answered, may still be made`
    }
  }
  return undefined
}

/** Of what a pass is about to write: nothing that has come too late before, and the best pod that it knows of. */
function brokenByPlan(
  { never }: World,
  { setup, pending, pods, services, probed, lost, refused }: Point,
): string | undefined {
  const isGood = (pod: Pod) => setup.isHealthy(pod) && !never.includes(pod.name)
  for (const { call } of pending) {
    const basis = basisOf(call)
    const isAsRead =
      'pod' in call
        ? pods.some((pod) => isSame(pod, call.pod))
        : 'service' in call && services.some((one) => one.resourceVersion === call.service.resourceVersion)
    if (basis && lost.includes(basis) && !isAsRead) return 'a pass that has come too late writes again without reading'
    if (!isPromotion(call)) continue
    if (never.includes(call.pod.name)) return `${call.pod.name} is promoted, which must never be`
    if (isGood(call.pod)) continue
    const better = pods.find(
      (pod) => probed.has(pod.uid) && isGood(pod) && !pod.terminating && !refused.includes(pod.name),
    )
    if (better) return `${call.pod.name} is promoted, which fails, though ${better.name} is healthy`
  }
  return undefined
}

/** Of a cluster after passes that nothing has disturbed, and that all found the same pods healthy. */
export function brokenAtRest(
  { objects, home, never }: World,
  cluster: Cluster,
  isHealthy: (pod: Pod) => boolean,
): string | undefined {
  const services = objects.servicesOf(cluster)
  const pods = objects.podsOf(cluster).filter(({ terminating }) => !terminating)
  const actives = pods.filter(isActive)
  // That somebody has labelled several before any pass did is an error in a template: named, and left.
  if (actives.length > 1 && actives.every((pod) => epochOf(pod) === 0)) return undefined
  if (actives.length > 1) return `${actives.length} pods are active`
  // Without a Service that selects them, pods are nobody's.
  if (services.length > 0) {
    const candidates = pods.filter(({ name }) => !never.includes(name))
    const [active] = actives
    if (candidates.length > 0 && !active) return 'no pod is active'
    const better = candidates.find(isHealthy)
    if (active && better && !isHealthy(active))
      return `${active.name} is active and fails, though ${better.name} is healthy`
  }
  const changed = services.find(({ name, selector, annotations }) => {
    const written = home.find((one) => one.name === name)
    return JSON.stringify([selector, annotations]) !== JSON.stringify([written?.selector, written?.annotations])
  })
  return changed ? `Service ${changed.name} is not as its user wrote it` : undefined
}

function activesOf(pods: readonly Pod[]): readonly string[] {
  return pods.filter(isActive).map(({ name }) => name)
}

function podPlace({ pods }: Cluster, objects: World['objects'], name: string): number {
  return pods.findIndex((id) => id !== NONE && objects.pods.value(id).name === name)
}

/** What a swap tests. */
function isSame(one: Pod, other: Pod): boolean {
  return one.uid === other.uid && one.labels.role === other.labels.role && epochOf(one) === epochOf(other)
}

/** Healthy in the eyes of every pass, and there to stay. */
function isWell({ views }: State, pods: readonly Pod[], name: string): boolean {
  return pods.some((pod) => pod.name === name && !pod.terminating && views.every((isHealthy) => isHealthy(pod)))
}
