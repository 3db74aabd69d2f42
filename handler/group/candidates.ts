/**
 * The pods that may become active, in order. Choices are made from sorted lists: equal situations give equal decisions.
 */
import { EVIDENCE } from '../health/plan.js'
import { isOfJob, isRunning, workloadOf } from '../kube/pods.js'
import type { Settings } from '../settings/settings.js'
import { compareNames } from '../util/compare-names.js'
import type { Judged } from './groups.js'
import type { Member } from './members.js'
import { isNamed, labelWords, placeIn } from './named.js'
import type { WhyNot } from './reasons.js'
import { isStable, revisionOf, revisionsToGoTo } from './stability.js'

/** The pods that may become active, best first. */
export function candidates(members: readonly Judged[], settings: Settings, nowMs: number): readonly Judged[] {
  return inOrder(members, settings, nowMs).filter((member) => whyNot(member, settings) === null)
}

/** Why this pod is not a candidate, or `null`. */
export function whyNot(member: Judged, settings: Settings): WhyNot | null {
  return whyNever(member, settings) ?? whyNotHealthy(member)
}

function whyNotHealthy({ pod, verdict }: Judged): WhyNot | null {
  const { health, conclusive, check, isRecovering, unmade } = verdict
  if (health === 'healthy') return null
  const text = check.result
  if (conclusive) return { code: pod.terminating ? 'terminating' : isRunning(pod) ? 'not-ready' : 'not-running', text }
  if (health === 'unknown') return { code: text === 'not waited for' ? 'not-waited-for' : 'not-probed', text }
  return { code: unmade ? 'unchecked' : isRecovering ? 'recovering' : 'check-failed', text }
}

/** Why this pod is never made active, however healthy it is, or `null`. */
export function whyNever({ pod, verdict }: Judged, settings: Settings): WhyNot | null {
  const { never } = settings
  if (isNamed(never, pod)) return { code: 'named-in-never', text: `named in never${labelWords(never, pod)}` }
  if (isOfJob(pod)) return { code: 'pod-of-job', text: `a pod of Job ${pod.owner?.name}, which ends` }
  // A workflow's step or a chart's test. Only a pod without an owner, but with a check or a readinessProbe, may be
  // more.
  const isWork = pod.runsOnce && (pod.owner || verdict.evidence === 'none')
  return isWork ? { code: 'runs-once', text: 'a pod that ends, by its restartPolicy' } : null
}

/**
 * Orders pods: by evidence, best first; then stable ones; then by place in `prefer`; then those of the workload that
 * has the active pod, or had it last; then those of the revision that the role is to go to; then fewer failures; then
 * names.
 */
export function inOrder(members: readonly Judged[], settings: Settings, nowMs: number): readonly Judged[] {
  const home = activeWorkload(members)
  const isUnstable = (one: Judged) => (isStable(one, settings, nowMs) ? 0 : 1)
  const isElsewhere = ({ pod }: Judged) => (workloadOf(pod) === home ? 0 : 1)
  const ranks = new Map(members.map((one) => [one, rank(one, settings)]))
  const rankOf = (one: Judged) => ranks.get(one) ?? 0
  const revisions = revisionsToGoTo(members)
  const isOther = ({ pod }: Judged) => (revisionOf(pod) === revisions.get(workloadOf(pod)) ? 0 : 1)
  return [...members].sort(
    (a, b) =>
      evidenceRank(a) - evidenceRank(b) ||
      isUnstable(a) - isUnstable(b) ||
      rankOf(a) - rankOf(b) ||
      isElsewhere(a) - isElsewhere(b) ||
      isOther(a) - isOther(b) ||
      a.verdict.failures - b.verdict.failures ||
      compareNames(a.pod.name, b.pod.name),
  )
}

/** The pod's place in `prefer`, by its name or by a label. All pods that are not in it share the last place. */
export function rank({ pod }: Judged, { prefer = [] }: Settings): number {
  return placeIn(prefer, pod)
}

/**
 * The rank of the evidence, best first: our check, the kubelet's readinessProbe, none, and then pods that are not
 * healthy.
 */
export function evidenceRank({ verdict }: Judged): number {
  return verdict.health === 'healthy' ? EVIDENCE.indexOf(verdict.evidence) : EVIDENCE.length
}

/**
 * The workload of the active pod; of several, that of the highest epoch. Without one: the workload of the last active
 * pod, as the newest handover noted it, or else the workload with the most pods, or with the oldest pod.
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

/** The first item with the highest value. */
function highest<T>(items: readonly T[], value: (item: T) => number): T | undefined {
  return items.reduce<T | undefined>((best, item) => (best && value(best) >= value(item) ? best : item), undefined)
}
