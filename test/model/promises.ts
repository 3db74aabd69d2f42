/** What must hold of every move, of every pass, and of every end. Pure; each answers what is broken, in a sentence. */
import { SWAP } from '../../handler/keys.js'
import type { Pod } from '../../handler/kube/port.js'
import { epochOf, isActive, isPromotion } from '../support/roles.js'
import { basisOf, type Point } from './behaviour.js'
import { type Cluster, NONE } from './cluster.js'
import type { Move, World } from './moves.js'
import type { State } from './state.js'

/** Of a move that is a pass's. */
export function brokenByMove(
  { objects, serviceNames }: World,
  before: State,
  { state: after, writer }: Move,
): string | undefined {
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

/** Of a pass that has come to its end, in good time: nothing of its claims is left, and none can still be made. */
export function brokenByEnd({ objects, behaviour }: World, { state, ended }: Move): string | undefined {
  if (!ended || ended.isLate) return undefined
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
export function brokenByPlan({ setup, pending, pods, services, probed, lost, refused }: Point): string | undefined {
  for (const { call } of pending) {
    const basis = basisOf(call)
    const isAsRead =
      'pod' in call
        ? pods.some((pod) => isSame(pod, call.pod))
        : 'service' in call && services.some((one) => one.resourceVersion === call.service.resourceVersion)
    if (basis && lost.includes(basis) && !isAsRead) return 'a pass that has come too late writes again without reading'
    if (!isPromotion(call) || setup.isHealthy(call.pod.name)) continue
    const better = pods.find(
      ({ name, uid, terminating }) =>
        probed.has(uid) && setup.isHealthy(name) && !terminating && !refused.includes(name),
    )
    if (better) return `${call.pod.name} is promoted, which fails, though ${better.name} is healthy`
  }
  return undefined
}

/** Of a cluster after passes that nothing has disturbed. */
export function brokenAtRest({ objects, home }: World, cluster: Cluster): string | undefined {
  const pods = objects.podsOf(cluster).filter(({ terminating }) => !terminating)
  const actives = activesOf(pods)
  if (pods.length > 0 && actives.length !== 1) return `${actives.length} pods are active`
  const changed = objects
    .servicesOf(cluster)
    .find(
      ({ selector, annotations }, n) =>
        JSON.stringify([selector, annotations]) !== JSON.stringify([home[n]?.selector, home[n]?.annotations]),
    )
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
  return pods.some((pod) => pod.name === name && !pod.terminating) && views.every((isHealthy) => isHealthy(name))
}
