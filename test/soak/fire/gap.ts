/** How long a group had no active pod though one of its pods could have been it. Pure. */
import { bears, type Change, type ObservedPod } from '../../support/cluster/history.js'

export interface Span {
  readonly fromMs: number
  readonly toMs: number
}

/** From then on, what the pod of this name answers to its check. */
export interface Health {
  readonly atMs: number
  readonly pod: string
  readonly healthy: boolean
}

/** A time without an active pod while another was fit to be it. */
export interface Gap extends Span {
  /** So much of it counts. */
  readonly ms: number
}

/**
 * The longest gap. Time in which the control plane was away, or no handler ran, does not count, because nobody could
 * have done anything about it; nor does it begin the count anew.
 * @param outages may overlap
 */
export function longestGap(
  changes: readonly Change[],
  health: readonly Health[],
  outages: readonly Span[],
  labels: Readonly<Record<string, string>>,
  endMs: number,
): Gap | undefined {
  const pods = new Map<string, ObservedPod>()
  const healthy = new Map<string, boolean>()
  let away = 0
  const happened: { readonly atMs: number; readonly apply: () => void }[] = [
    ...changes.flatMap((change) => {
      if (change.kind !== 'pod' || !bears(change.object.metadata.labels, labels)) return []
      const { name } = change.object.metadata
      const apply = () => void (change.deleted ? pods.delete(name) : pods.set(name, change.object))
      return { atMs: change.seenAtMs, apply }
    }),
    ...health.map(({ atMs, pod, healthy: is }) => ({ atMs, apply: () => void healthy.set(pod, is) })),
    ...outages.flatMap(({ fromMs, toMs }) => [
      { atMs: fromMs, apply: () => void away++ },
      { atMs: toMs, apply: () => void away-- },
    ]),
  ]
    .filter(({ atMs }) => atMs <= endMs)
    .sort((a, b) => a.atMs - b.atMs)

  let longest: Gap | undefined
  let current: Gap | undefined
  for (const [index, { atMs, apply }] of happened.entries()) {
    apply()
    const all = [...pods.values()]
    const isMissed =
      !all.some(({ metadata }) => metadata.labels?.role === 'active') &&
      all.some((pod) => isFit(pod) && healthy.get(pod.metadata.name))
    const toMs = happened[index + 1]?.atMs ?? endMs
    const { fromMs, ms } = current ?? { fromMs: atMs, ms: 0 }
    current = isMissed ? { fromMs, toMs, ms: ms + (away === 0 ? toMs - atMs : 0) } : undefined
    if (current && current.ms > (longest?.ms ?? 0)) longest = current
  }
  return longest
}

/** Running, Ready and not being deleted. */
function isFit({ metadata, status }: ObservedPod): boolean {
  const isReady = status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')
  return metadata.deletionTimestamp === undefined && status?.phase === 'Running' && isReady === true
}
