/** Which pods may become active, and in which order. Whatever chooses sorts first: equal situations, equal decisions. */
import type { Verdict } from './health/judge.js'
import { EVIDENCE } from './health/plan.js'
import type { Pod } from './kube/port.js'
import type { Member } from './members.js'
import { compareNames } from './names.js'
import { isOfJob, workloadOf } from './pods.js'
import type { Settings } from './policy.js'

export interface Judged extends Member {
  readonly verdict: Verdict
}

/** The pods that may become active, best first. */
export function candidates(members: readonly Judged[], settings: Settings): readonly Judged[] {
  return inOrder(members, settings).filter((member) => whyNot(member, settings) === null)
}

/** Why this pod is not a candidate, or `null`. */
export function whyNot(member: Judged, settings: Settings): string | null {
  const { health, check } = member.verdict
  return whyNever(member, settings) ?? (health === 'healthy' ? null : check.result)
}

/** Why this pod is never made active, however healthy it is, or `null`. */
export function whyNever({ pod, verdict }: Judged, settings: Settings): string | null {
  if (settings.never?.includes(pod.name)) return 'named in never'
  if (isOfJob(pod)) return `a pod of Job ${pod.owner?.name}, which ends`
  // A workflow's, a chart's test: only what answers a check of ours is more than work that is being done.
  return pod.runsOnce && (pod.owner || verdict.evidence === 'none') ? 'a pod that ends, by its restartPolicy' : null
}

/**
 * What rests on better evidence first; then the preferred pods as they are named; those of the workload that has the
 * active pod, or had it last; those of the youngest revision of their workload; fewer failures; names.
 */
export function inOrder(members: readonly Judged[], settings: Settings): readonly Judged[] {
  const home = activeWorkload(members)
  const isElsewhere = ({ pod }: Judged) => (workloadOf(pod) === home ? 0 : 1)
  const revisions = youngestRevisions(members)
  const isOld = ({ pod }: Judged) => (revisionOf(pod) === revisions.get(workloadOf(pod)) ? 0 : 1)
  return [...members].sort(
    (a, b) =>
      evidenceRank(a) - evidenceRank(b) ||
      rank(a, settings) - rank(b, settings) ||
      isElsewhere(a) - isElsewhere(b) ||
      isOld(a) - isOld(b) ||
      a.verdict.failures - b.verdict.failures ||
      compareNames(a.pod.name, b.pod.name),
  )
}

/** The place in `prefer`; all pods that are not in it share the last. */
export function rank({ pod }: Judged, { prefer = [] }: Settings): number {
  const place = prefer.indexOf(pod.name)
  return place < 0 ? prefer.length : place
}

/** Lower is better: a check of ours, the kubelet's readinessProbe, none; then all that are not healthy. */
export function evidenceRank({ verdict }: Judged): number {
  return verdict.health === 'healthy' ? EVIDENCE.indexOf(verdict.evidence) : EVIDENCE.length
}

/**
 * The workload of the active pod, of several that of the highest epoch. Where there is none: of the last one, as the
 * newest swap has noted it; or else the one with the most pods, or the oldest pod.
 */
export function activeWorkload(members: readonly Member[]): string | undefined {
  const byName = [...members].sort((a, b) => compareNames(a.pod.name, b.pod.name))
  const newest = (some: readonly Member[]) => highest(some, ({ epoch }) => epoch)
  const active = newest(byName.filter(({ role }) => role === 'active'))
  if (active) return workloadOf(active.pod)
  const noted = newest(byName.filter(({ activeOwner }) => activeOwner !== undefined))
  if (noted) return noted.activeOwner
  const pods = byName.map(({ pod }) => pod).filter((pod) => !isOfJob(pod))
  const counts = new Map<string | undefined, number>()
  for (const pod of pods) counts.set(workloadOf(pod), (counts.get(workloadOf(pod)) ?? 0) + 1)
  const oldestFirst = [...pods].sort((a, b) => a.createdAtMs - b.createdAtMs)
  const chosen = highest(oldestFirst, (pod) => counts.get(workloadOf(pod)) ?? 0)
  return chosen && workloadOf(chosen)
}

/** The first of those with the highest value. */
function highest<T>(items: readonly T[], value: (item: T) => number): T | undefined {
  return items.reduce<T | undefined>((best, item) => (best && value(best) >= value(item) ? best : item), undefined)
}

/** By workload: a canary of another one is younger, and no new revision. */
function youngestRevisions(members: readonly Member[]): ReadonlyMap<string | undefined, string | undefined> {
  const youngest = new Map<string | undefined, Pod>()
  const isYounger = (a: Pod, b: Pod) =>
    a.createdAtMs > b.createdAtMs || (a.createdAtMs === b.createdAtMs && compareNames(a.name, b.name) < 0)
  for (const { pod } of members) {
    const known = youngest.get(workloadOf(pod))
    if (!known || isYounger(pod, known)) youngest.set(workloadOf(pod), pod)
  }
  return new Map([...youngest].map(([workload, pod]) => [workload, revisionOf(pod)]))
}

/** The label that a StatefulSet, DaemonSet or Deployment gives the pods of one pod template. */
function revisionOf({ labels }: Pod): string | undefined {
  return labels['controller-revision-hash'] ?? labels['pod-template-hash']
}
