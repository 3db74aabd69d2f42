/** The promises for every move, every pass and every end. Pure. Each check returns the broken promise in a sentence. */
import { ACTIVE_SINCE, CLAIM, EPOCH, HEALED, PIN, TAKEN_BACK } from '../../handler/kube/keys.js'
import { FIELD_MANAGER, type Pod } from '../../handler/kube/port.js'
import { epochOf, hasEnded, isActivation, isActive, isPromotion } from '../support/roles.js'
import { basisOf, type Point } from './behaviour.js'
import { type Cluster, NONE } from './model-cluster.js'
import type { World } from './model-world.js'
import { MOST_LET_GO, type Move } from './moves.js'
import type { State } from './state.js'

/** Of whatever happens. */
export function brokenBy(world: World, move: Move): string | undefined {
  const broken =
    brokenByMove(world, move) ??
    brokenByReport(move) ??
    brokenByEnd(world, move) ??
    brokenByLeaving(world, move) ??
    brokenByController(move)
  if (broken) return broken
  for (const point of move.state.passes) {
    const plan = point && brokenByPass(world, point)
    if (plan) return plan
  }
  return undefined
}

/** What is broken by a pass that stands at this point, by the point: there are many more states than points. */
const known = new WeakMap<Point, { readonly broken: string | undefined }>()

function brokenByPass(world: World, point: Point): string | undefined {
  const before = known.get(point)
  if (before) return before.broken
  const broken = brokenByPlan(world, point) ?? brokenByTrust(point)
  known.set(point, { broken })
  return broken
}

/** Of a move that is a pass's. */
function brokenByMove(world: World, { before, state: after, writer }: Move): string | undefined {
  if (!writer || before.cluster === after.cluster) return undefined
  const { objects, serviceNames } = world
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
    if (hasEnded(now) && isActive(now) && !isActive(then)) return `${now.name} is promoted though it has ended`
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
      old !== world.leaving &&
      now.join() !== old &&
      isWell(before, objects.podsOf(before.cluster), old)
    ) {
      return `a slow pass moves the traffic of ${name} from ${old}, which is healthy, to ${now.join() || 'nowhere'}`
    }
  }
  return undefined
}

/** What is not as it should be is said. */
function brokenByReport({ ended }: Move): string | undefined {
  if (!ended?.isContent) return undefined
  const [changed] = ended.changed
  if (changed) return `a pass says that all is well, though admission has changed its write: ${changed}`
  const born = ended.pods.find((pod) => isBorn(pod) && !hasEnded(pod))
  return born && `a pass says that all is well, though ${born.name} was born with its role`
}

function brokenByController({ state: { letGo } }: Move): string | undefined {
  return letGo > MOST_LET_GO ? `the writes of passes have made a controller create ${letGo} pods` : undefined
}

/** So many refusals are believed (handler/handover/claim.ts). */
const REFUSALS = 3

/**
 * Of a pass that has come to its end, that was not cut off, and that was let to write Services: nothing of its claims is
 * left, and none can still be made.
 */
function brokenByEnd({ objects, behaviour }: World, { state, ended }: Move): string | undefined {
  if (!ended || ended.isCut || ended.refusals >= REFUSALS) return undefined
  const isIts = (claim: string | null | undefined) => typeof claim === 'string' && ended.claims.includes(claim)
  const left = objects.servicesOf(state.cluster).find(({ annotations }) => isIts(annotations[CLAIM]))
  if (left) return `a pass ends and leaves ${left.name} claimed`
  for (const { callId } of state.flying) {
    const call = behaviour.calls.value(callId)
    if (call.verb !== 'patchService' || !isIts(call.patch.annotations[CLAIM])) continue
    if (objects.carryOut(state.cluster, call, callId).cluster !== state.cluster) {
      return `a pass ends, and its claim of ${call.service.name}, which was not answered, may still be made`
    }
  }
  return undefined
}

/** Of a pass that has come to its end by itself: it does not go away from a group that it has left without an active pod. */
function brokenByLeaving({ never }: World, { ended }: Move): string | undefined {
  if (!ended?.bereft || ended.services.length === 0 || ended.isCut || ended.isStarved || ended.refused.length > 0)
    return undefined
  const able = ended.pods.find((pod) => !pod.terminating && !hasEnded(pod) && !never.includes(pod.name))
  return able && `a pass has sealed ${ended.bereft}, and ends without an active pod, though ${able.name} is there`
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
      (pod) => probed.has(pod.uid) && isGood(pod) && !pod.terminating && !hasEnded(pod) && !refused.includes(pod.name),
    )
    if (better) return `${call.pod.name} is promoted, which fails, though ${better.name} is healthy`
  }
  return undefined
}

/** Of what a pass is about to write: whose labels it takes for its own to move, and whose marks it believes. */
function brokenByTrust({ setup, pending, pods: read, services, probed, refused }: Point): string | undefined {
  const pods = read.filter((pod) => !hasEnded(pod))
  for (const { call } of pending) {
    if (!('pod' in call)) {
      const pin = call.verb === 'patchService' ? call.patch.selector[PIN] : undefined
      const pinned = pin ? pods.filter(({ labels }) => labels[PIN] === pin).map(({ name }) => name) : []
      if (pinned.length > 1) return `Service ${services[0]?.name} is pinned to what ${pinned.join(' and ')} carry`
      continue
    }
    const why = whyUntouchable(pods)
    if (why) return `${call.pod.name} is written, though ${why}`
    if (!isActivation(call)) continue
    const made = pods.find((pod) => isMade(pod) && pod.uid !== call.pod.uid)
    if (isCopy(call.pod) && isActive(call.pod) && made)
      return `${call.pod.name} is kept, which is a copy, and not ${made.name}`
    const bereft = pods.filter(isActive).length > 0 ? undefined : bereftOf(pods)
    const isGood = (pod: Pod) => probed.has(pod.uid) && setup.isHealthy(pod) && !refused.includes(pod.name)
    if (bereft && bereft.uid !== call.pod.uid && isGood(bereft))
      return `${call.pod.name} is promoted, though ${bereft.name} has lost no more than its label`
  }
  return undefined
}

/** Why a group with these pods, which are alive, is to be left as it is. */
function whyUntouchable(pods: readonly Pod[]): string | undefined {
  const resisted = pods.find(
    ({ annotations, owner, labels, writers = [] }) =>
      annotations?.[TAKEN_BACK] !== undefined &&
      ((annotations[TAKEN_BACK] !== '' && owner === undefined) ||
        (labels.role === 'active' &&
          !writers.some((one) => one.manager === FIELD_MANAGER && one.labels.includes('role')))),
  )
  if (resisted) return `${resisted.name} was taken back, which did not hold`
  const born = pods.filter(isBorn)
  const orphan = pods.find(
    (pod) =>
      pod.owner === undefined && ownEpochOf(pod) > 0 && pod.writers?.some(({ created, owns }) => created && owns),
  )
  if (orphan && born[0]) return `${born[0].name} was born with its role, and ${orphan.name} was let go of`
  const [first] = born
  return first && !(pods.some(isMade) && born.some(isActive)) ? `${first.name} was born with its role` : undefined
}

/** Of pods that were born active one is taken back, and no more: what is left of them is named. */
function isOneOfSeveral(pods: readonly Pod[]): boolean {
  const taken = pods.filter(({ annotations }) => Boolean(annotations?.[TAKEN_BACK]))
  const born = pods.filter((pod) => isBorn(pod) && isActive(pod))
  return born.length > 0 && born.length + taken.length > 1
}

/** Whoever created it has given it its role, by a template. */
function isBorn({ owner, labels, writers = [] }: Pod): boolean {
  return owner !== undefined && 'role' in labels && writers.some((one) => one.created && one.labels.includes('role'))
}

/** Made active by passes, and there to stay. */
function isMade(pod: Pod): boolean {
  return isActive(pod) && ownEpochOf(pod) > 0 && !pod.terminating && !isBorn(pod)
}

function isCopy(pod: Pod): boolean {
  return pod.labels[PIN] !== undefined && pod.labels[PIN] !== pod.uid
}

/** A mark that was written on this pod, and not one that it was created with. */
function ownMark(pod: Pod, key: string): string | undefined {
  const isBornWith = pod.writers?.some(({ created, annotations }) => created && annotations.includes(key))
  return isBornWith || isCopy(pod) ? undefined : pod.annotations?.[key]
}

function ownEpochOf(pod: Pod): number {
  return Number(ownMark(pod, EPOCH) ?? 0)
}

/** The pod that was the last to be made active, if it has lost its label since. */
function bereftOf(pods: readonly Pod[]): Pod | undefined {
  const sinceOf = (pod: Pod) => Date.parse(ownMark(pod, ACTIVE_SINCE) ?? '') || 0
  const marked = pods.filter((pod) => ownEpochOf(pod) > 0 && sinceOf(pod) > 0)
  const epoch = Math.max(...marked.map(epochOf))
  const newest = marked.filter((pod) => epochOf(pod) === epoch)
  const since = Math.max(...newest.map(sinceOf))
  const [last, ...others] = newest.filter((pod) => sinceOf(pod) === since)
  return others.length === 0 && last && !last.terminating && !('role' in last.labels) ? last : undefined
}

/** Of a cluster after passes that nothing has disturbed, and that all found the same pods healthy. */
export function brokenAtRest(
  { objects, home, never, admission }: World,
  cluster: Cluster,
  isHealthy: (pod: Pod) => boolean,
): string | undefined {
  const services = objects.servicesOf(cluster)
  const all = objects.podsOf(cluster)
  const there = all.filter(({ terminating }) => !terminating)
  const pods = there.filter((pod) => !hasEnded(pod))
  const actives = pods.filter(isActive)
  // That somebody has labelled several before any pass did is an error in a template: named, and left.
  if (actives.length > 1 && actives.every((pod) => ownEpochOf(pod) === 0)) return undefined
  // What belongs to a template is named as well, and left.
  if (whyUntouchable(pods) || isOneOfSeveral(pods)) return undefined
  if (actives.length > 1) return `${actives.length} pods are active`
  // Without a Service that selects them, pods are nobody's.
  if (services.length > 0 && !admission.keeps) {
    const over = there.find((pod) => hasEnded(pod) && isActive(pod))
    if (over && pods.length > 0 && !admission.refusesEnded)
      return `${over.name} has ended, and is still labelled active`
    const candidates = pods.filter(({ name }) => !never.includes(name))
    const [active] = actives
    const better = candidates.find(isHealthy)
    // One that is terminating serves as long as it is Ready, and is left as it is until another is healthy.
    const isServed = all.some((pod) => pod.terminating && isActive(pod) && pod.ready && !hasEnded(pod)) && !better
    if (candidates.length > 0 && !active && !isServed) return 'no pod is active'
    if (active && better && !isHealthy(active))
      return `${active.name} is active and fails, though ${better.name} is healthy`
  }
  // What was healed may be noted on it.
  const changed = services.find(({ name, selector, annotations: { [HEALED]: _healed, ...annotations } }) => {
    const written = home.find((one) => one.name === name)
    return JSON.stringify([selector, annotations]) !== JSON.stringify([written?.selector, written?.annotations])
  })
  return changed ? `Service ${changed.name} is not as its user wrote it` : undefined
}

function activesOf(pods: readonly Pod[]): readonly string[] {
  return pods.filter((pod) => isActive(pod) && !hasEnded(pod)).map(({ name }) => name)
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
  return pods.some(
    (pod) => pod.name === name && !pod.terminating && !hasEnded(pod) && views.every((isHealthy) => isHealthy(pod)),
  )
}
