/** Which pods may become active, and in which order. Whatever chooses sorts first: equal situations, equal decisions. */
import type { Verdict } from './health/judge.js'
import type { Pod } from './kube/port.js'
import { compareNames } from './names.js'
import type { Member } from './observe.js'
import type { Settings } from './policy.js'

export interface Judged extends Member {
  readonly verdict: Verdict
}

/** The pods that may become active, best first. */
export function candidates(members: readonly Judged[], settings: Settings): readonly Judged[] {
  return inOrder(members, settings).filter((member) => whyNot(member, settings) === null)
}

/** Why this pod is not a candidate, or `null`. */
export function whyNot({ pod, verdict }: Judged, settings: Settings): string | null {
  if (settings.never?.includes(pod.name)) return 'named in never'
  return verdict.health === 'healthy' ? null : verdict.check.result
}

/** The preferred pods as they are named; then those of the youngest pod's revision; fewer failures; names. */
export function inOrder(members: readonly Judged[], settings: Settings): readonly Judged[] {
  const byAge = (a: Judged, b: Judged) => b.pod.createdAtMs - a.pod.createdAtMs || compareNames(a.pod.name, b.pod.name)
  const [youngest] = [...members].sort(byAge)
  const isOld = ({ pod }: Judged) => (youngest && revisionOf(pod) === revisionOf(youngest.pod) ? 0 : 1)
  return [...members].sort(
    (a, b) =>
      rank(a, settings) - rank(b, settings) ||
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

/** The label that a StatefulSet, DaemonSet or Deployment gives the pods of one pod template. */
function revisionOf({ labels }: Pod): string | undefined {
  return labels['controller-revision-hash'] ?? labels['pod-template-hash']
}
