/** Tells which pods are stable, and to which revision of a workload the role is to go. Pure. */

import { workloadOf } from '../kube/pods.js'
import type { Pod } from '../kube/port.js'
import type { Settings } from '../settings/settings.js'
import { compareNames } from '../util/compare-names.js'
import type { Judged } from './groups.js'
import type { Member } from './members.js'

/**
 * Whether the pod has been Ready for `stable`, without a restart and without a counted failure in that time. A pod that
 * fails on start, or is restarted again and again, is Ready now and then: whatever its revision, it comes after a
 * stable one.
 */
export function isStable(
  { pod, failures, healthySinceMs = 0 }: Judged,
  { stable }: Pick<Settings, 'stable'>,
  nowMs: number,
): boolean {
  const sinceMs = Math.max(pod.readySinceMs, pod.restartedAtMs ?? 0, healthySinceMs)
  return stable === 0 || (pod.ready && failures === 0 && nowMs - sinceMs >= stable)
}

/** Whether its kubelet restarted the pod within `stable`: it may do so again. */
export function isJustRestarted(
  { pod: { restartedAtMs } }: Judged,
  { stable }: Pick<Settings, 'stable'>,
  nowMs: number,
): boolean {
  return restartedAtMs !== undefined && nowMs - restartedAtMs < stable
}

/** The revision of a pod: the label that a StatefulSet, DaemonSet or Deployment gives the pods of one pod template. */
export function revisionOf({ labels }: Pod): string | undefined {
  return labels['controller-revision-hash'] ?? labels['pod-template-hash']
}

/**
 * By workload, the revision whose pods come first: that of the active pod, unless a rollout is replacing that pod;
 * otherwise the youngest. A canary (a paused rollout, a partition) is the youngest too, but does not take the role from
 * the revision that has it.
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
 * Whether a rollout deletes the active pod. If somebody else has deleted a pod, its controller replaces it by one of
 * the same revision at once, so the youngest pod tells. A StatefulSet replaces it only once it is gone, but rolls out
 * from the last pod to the first: if a later pod has an older revision, the deleted one was not next in the rollout.
 */
function isRollout(deleted: Pod, youngest: Pod, members: readonly Member[]): boolean {
  const next = revisionOf(youngest)
  if (next === revisionOf(deleted)) return false
  if (deleted.owner?.kind !== 'StatefulSet') return true
  const place = ordinalOf(deleted)
  const own = members.map(({ pod }) => pod).filter((pod) => workloadOf(pod) === workloadOf(deleted))
  return own.every((pod) => pod.terminating || ordinalOf(pod) <= place || revisionOf(pod) === next)
}

/** The ordinal at the end of the name of a StatefulSet's pod. */
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

/** By workload: a younger pod of another one is no new revision. */
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
