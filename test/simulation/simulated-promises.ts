/** The promises after every write, and once all is at rest. Each check returns the broken promise in a sentence. */
import type { SwitchoverRequest } from '../../handler/group/switchover.js'
import { ACTIVE_SINCE, CLAIM, EPOCH, HEALED } from '../../handler/kube/keys.js'
import type { Pod, Service } from '../../handler/kube/port.js'
import { epochOf, hasEnded, isActive, isBornWithRole, isPromotion, ownMark } from '../support/roles.js'
import type { WriteCall } from '../support/stored.js'
import type { SimulatedGroup } from './groups.js'
import type { TrafficMove } from './simulated-traffic.js'
import type { World } from './simulated-world.js'

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
  /** The uids of the pods that it has tried to make active. */
  readonly tried: Set<string>
  /** The groups of which it has sealed a pod: a swap that has begun is finished. */
  readonly begun: Set<string>
  /** The groups of which it was told an answer that is not what it asked for. */
  readonly altered: Set<string>
  /** The switchover that it was asked for. */
  readonly wish: SwitchoverRequest | undefined
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
    if (hasEnded(after) && isActive(after) && !isActive(before)) return `${after.name} has ended, and is promoted`
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
  const claim = 'selector' in before ? before.annotations[CLAIM] : undefined
  if (claim !== undefined && !claims.has(claim)) return undefined
  if (readAt >= lastMove || !world.isHealthy(from) || unwell.has(from.uid)) return undefined
  return `a slow pass moves the traffic of ${service.name} from ${from.name}, which is healthy, to ${to?.name ?? 'nowhere'}`
}

/** Of a write that a pass is about to make. */
export function brokenByPlan(world: World, knowledge: Knowledge, call: WriteCall): string | undefined {
  const group = world.group('pod' in call ? call.pod.labels.app : call.service.selector.app)
  const pods = knowledge.read.get(group.app)?.pods ?? []
  const isRelease =
    call.verb === 'testService' || (call.verb === 'patchService' && call.patch.annotations[CLAIM] === null)
  // What was healed on a Service is noted there, where the pods are to be left as they are.
  const isNote = call.verb === 'patchService' && Object.keys(call.patch.annotations).join() === HEALED
  if (!isRelease && !isNote && !knowledge.begun.has(group.app) && isUntouchable(pods))
    return `a pass writes to ${group.app}, whose roles come from a template`
  if (!('pod' in call)) return undefined
  const seen = pods.find(({ uid }) => uid === call.pod.uid)
  if (seen && hasEnded(seen) && !isActive(seen) && !testsForActive(call))
    return `a pass writes to ${seen.name}, which has ended`
  return isPromotion(call) ? brokenByPromotion(group, pods, knowledge, call.pod) : undefined
}

/** It writes nothing where the role is gone already, which a pass may have read meanwhile. */
function testsForActive(call: WriteCall): boolean {
  return (
    call.verb === 'patchPod' &&
    call.patch.some((test) => test.op === 'test' && test.path === '/metadata/labels/role' && test.value === 'active')
  )
}

/** Of what a pass chooses, among these. */
function brokenByPromotion(
  { app, never }: SimulatedGroup,
  pods: readonly Pod[],
  { probed, tried, wish }: Knowledge,
  pod: Pod,
): string | undefined {
  if (isJobs(pod)) return `${pod.name} is promoted, which is of a Job`
  if (isTemplated(pod)) return `${pod.name} is promoted, which was created with its role`
  const mayWin = ({ name, uid }: Pod) => !never.includes(name) && !tried.has(uid)
  const isGood = (one: Pod) =>
    one.ready && !one.terminating && !hasEnded(one) && probed.get(one.uid) === true && !never.includes(one.name)
  const better = pods.find((one) => isGood(one) && !isJobs(one) && mayWin(one))
  if (better && !isGood(pod))
    return `${pod.name} is promoted, which fails or is in never, though ${better.name} is healthy`
  // Of healthy pods a person may choose any.
  if (wish && (wish.to === undefined || wish.to === pod.name)) return undefined
  const loser = lostItsLabel(pods)
  if (loser && isGood(loser) && mayWin(loser) && !isJobs(loser))
    return loser.uid === pod.uid ? undefined : `${pod.name} is promoted, though ${loser.name} has lost its label`
  const isProven = ({ containers }: Pod) => containers.some(({ readinessProbe }) => readinessProbe)
  const proven = pods.find((one) => isGood(one) && isProven(one) && mayWin(one))
  return proven && !isProven(pod)
    ? `${pod.name} of ${app} is promoted, of which nobody knows that it is well, though ${proven.name} passed its check`
    : undefined
}

function isJobs({ owner }: Pod): boolean {
  return owner?.kind === 'Job'
}

/** Where nobody is active: the pod that was the last one, if it has no role. Not where two could be. */
function lostItsLabel(pods: readonly Pod[]): Pod | undefined {
  if (pods.some((pod) => isActive(pod) && !hasEnded(pod))) return undefined
  const since = (pod: Pod) => Date.parse(ownMark(pod, ACTIVE_SINCE) ?? '')
  const epoch = (pod: Pod) => Number(ownMark(pod, EPOCH) ?? 0)
  const [last, next] = pods
    .filter((pod) => !hasEnded(pod) && epoch(pod) > 0 && since(pod) > 0)
    .sort(
      (a, b) => epoch(b) - epoch(a) || Number('role' in a.labels) - Number('role' in b.labels) || since(b) - since(a),
    )
  if (!last || 'role' in last.labels) return undefined
  // One that has ended and has the role still was active after it, or before.
  if (pods.some((pod) => isActive(pod) && epoch(pod) >= epoch(last))) return undefined
  const isAlike = next && epoch(next) === epoch(last) && since(next) === since(last) && !('role' in next.labels)
  return isAlike ? undefined : last
}

/** Created with its role by a controller, or by one that has let go of it. */
function isTemplated(pod: Pod): boolean {
  const isMade = pod.writers?.some(({ created, manager }) => created && manager === 'kube-controller-manager')
  return !hasEnded(pod) && !pod.terminating && isMade === true && isBornWithRole(pod)
}

/** A role comes from a template, and there is not one second active pod to be taken back, of a group that has epochs. */
function isUntouchable(pods: readonly Pod[]): boolean {
  const templated = pods.filter(isTemplated)
  if (templated.length === 0) return false
  const isOurs = (pod: Pod) =>
    isActive(pod) && !hasEnded(pod) && !isBornWithRole(pod) && Number(ownMark(pod, EPOCH) ?? 0) > 0
  return !(templated.filter(isActive).length === 1 && pods.some((pod) => isOurs(pod) && !pod.terminating))
}

/** Of the report of a pass that has come to its end, of the group as it has read it last. */
export function brokenByReport(
  group: SimulatedGroup,
  { read, altered }: Knowledge,
  codes: readonly string[],
): string | undefined {
  if (altered.has(group.app) && !codes.includes('changed-by-admission'))
    return `an answer was not what a pass had asked for, and its report of ${group.app} says nothing of it`
  if (read.get(group.app)?.pods.some(isTemplated) && codes.length === 0)
    return `a role of ${group.app} comes from a template, and the report says nothing of it`
  return undefined
}

/** Of a group that a pass has claimed, when the pass has come to its end in good time. */
export function brokenByEnd(world: World, group: SimulatedGroup, claim: string): string | undefined {
  const left = world.servicesOf(group).find(({ annotations }) => annotations[CLAIM] === claim)
  return left && `a pass ends and leaves ${left.name} claimed`
}

/** Of a group, once passes have put right what there was to. */
export function brokenAtRest(world: World, group: SimulatedGroup): string | undefined {
  const unclean = world.servicesOf(group).find((service) => !world.isHome(service))
  if (unclean) return `Service ${unclean.name} is not as its user left it`
  const actives = activesOf(world, group)
  const kept = world.endedOf(group).find(isActive)
  if (kept && !group.keepsTheDead) return `${kept.name} has ended, and is active still`
  if (isServed(world, group)) return undefined
  if (hasCandidate(world, group)) {
    return `${group.app} has a healthy candidate, and active is ${namesOf(actives) || 'none'}`
  }
  const doubtful = world
    .podsOf(group)
    .find((pod) => !pod.terminating && !group.never.includes(pod.name) && !isJobs(pod))
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
    .some(
      (pod) => world.isHealthy(pod) && !isJobs(pod) && !group.never.includes(pod.name) && world.sinceMs(pod) <= sinceMs,
    )
}

/** Every pod that has not ended, one that is being deleted as well. */
function activesOf(world: World, group: SimulatedGroup): readonly Pod[] {
  return world.podsOf(group).filter(isActive)
}

function namesOf(pods: readonly Pod[]): string {
  return pods.map(({ name }) => name).join(' and ')
}
