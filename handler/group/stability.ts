/** Which pods have proved themselves, and to which revision of a workload the role is to go. Pure. */

import { workloadOf } from '../kube/pods.js'
import type { Pod } from '../kube/port.js'
import type { Settings } from '../settings/settings.js'
import { compareNames } from '../util/compare-names.js'
import type { Judged } from './groups.js'
import type { Member } from './members.js'

/**
 * Ready for `stable`, without a restart, and without a failure that was counted, for as long. A pod that fails on start,
 * or that its kubelet starts again and again, is Ready now and then: whatever its revision, it comes after one that lasts.
 */
export function isStable(
  { pod, failures, healthySinceMs = 0 }: Judged,
  { stable }: Pick<Settings, 'stable'>,
  nowMs: number,
): boolean {
  const sinceMs = Math.max(pod.readySinceMs, pod.restartedAtMs ?? 0, healthySinceMs)
  return stable === 0 || (pod.ready && failures === 0 && nowMs - sinceMs >= stable)
}

/** Whether its kubelet has started it again within `stable`: it may do so once more. */
export function isJustRestarted(
  { pod: { restartedAtMs } }: Judged,
  { stable }: Pick<Settings, 'stable'>,
  nowMs: number,
): boolean {
  return restartedAtMs !== undefined && nowMs - restartedAtMs < stable
}

/** The label that a StatefulSet, DaemonSet or Deployment gives the pods of one pod template. */
export function revisionOf({ labels }: Pod): string | undefined {
  return labels['controller-revision-hash'] ?? labels['pod-template-hash']
}

/**
 * By workload, the revision whose pods come first: that of the active pod, as long as nothing tells that it is being
 * replaced by another; else the youngest. A canary (a paused rollout, a partition) is the youngest too, and no more than
 * that: it does not take the role from the revision that has it.
 */
export function revisionsToGoTo(members: readonly Member[]): ReadonlyMap<string | undefined, string | undefined> {
  const youngest = youngestByWorkload(members)
  const revisions = new Map([...youngest].map(([workload, pod]) => [workload, revisionOf(pod)]))
  const active = newestActive(members)
  if (active) {
    const workload = workloadOf(active.pod)
    const next = youngest.get(workload)
    if (next && !(active.pod.terminating && isRollout(active.pod, next, members)))
      revisions.set(workload, revisionOf(active.pod))
  }
  return revisions
}

/**
 * Whether the active pod is deleted by a rollout. A controller replaces a pod that somebody else has deleted by one of
 * the same revision, at once, and so the youngest pod tells. A StatefulSet does so only once the pod is gone, but rolls out
 * from the last pod to the first: one that is deleted while a later one is of an older revision was not in turn.
 */
function isRollout(deleted: Pod, youngest: Pod, members: readonly Member[]): boolean {
  const next = revisionOf(youngest)
  if (next === revisionOf(deleted)) return false
  if (deleted.owner?.kind !== 'StatefulSet') return true
  const place = ordinalOf(deleted)
  const own = members.map(({ pod }) => pod).filter((pod) => workloadOf(pod) === workloadOf(deleted))
  return own.every((pod) => pod.terminating || ordinalOf(pod) <= place || revisionOf(pod) === next)
}

/** A pod of a StatefulSet ends in it. */
function ordinalOf({ name }: Pod): number {
  return Number(/-(\d+)$/.exec(name)?.[1] ?? 0)
}

function newestActive(members: readonly Member[]): Member | undefined {
  return members
    .filter(({ role }) => role === 'active')
    .reduce<Member | undefined>((newest, one) => {
      if (!newest || one.epoch > newest.epoch) return one
      return one.epoch === newest.epoch && compareNames(one.pod.name, newest.pod.name) < 0 ? one : newest
    }, undefined)
}

/** By workload: a canary of another one is younger, and no new revision. */
function youngestByWorkload(members: readonly Member[]): ReadonlyMap<string | undefined, Pod> {
  const youngest = new Map<string | undefined, Pod>()
  const isYounger = (a: Pod, b: Pod) =>
    a.createdAtMs > b.createdAtMs || (a.createdAtMs === b.createdAtMs && compareNames(a.name, b.name) < 0)
  for (const { pod } of members) {
    const known = youngest.get(workloadOf(pod))
    if (!known || isYounger(pod, known)) youngest.set(workloadOf(pod), pod)
  }
  return youngest
}
