// What is known of each pod of a scenario at any moment: what the API server said of it, and what it answered. Pure.
import type { Change, ObservedPod } from '../../support/cluster/history.js'
import { type Probe, witnessEveryMs } from './witness.js'

export interface Life {
  readonly uid: string
  readonly name: string
  /** By controller: the pod template that it was made from. */
  readonly revision: string
  /** Milliseconds since 1970. Infinity: it is still there. */
  readonly from: number
  readonly to: number
  /** When it became Ready, or was so no more. */
  readonly ready: readonly { readonly at: number; readonly ready: boolean }[]
  readonly probes: readonly Probe[]
}

/** @param timeOrigin what `seenAtMs` counts from, in milliseconds since 1970 @param probes by time */
export function livesOf(changes: readonly Change[], probes: readonly Probe[], timeOrigin: number): readonly Life[] {
  const lives = new Map<string, Life & { to: number; ready: { at: number; ready: boolean }[]; probes: Probe[] }>()
  for (const { kind, deleted, seenAtMs, object } of changes) {
    if (kind !== 'pod') continue
    const { uid, name, labels = {} } = object.metadata
    const at = timeOrigin + seenAtMs
    const revision = labels['controller-revision-hash'] ?? labels['pod-template-hash'] ?? ''
    const life = lives.get(uid) ?? {
      uid,
      name,
      revision,
      from: at,
      to: Number.POSITIVE_INFINITY,
      ready: [],
      probes: [],
    }
    lives.set(uid, life)
    if (deleted) life.to = at
    else if (isReady(object) !== (life.ready.at(-1)?.ready ?? false)) life.ready.push({ at, ready: isReady(object) })
  }
  for (const probe of probes) lives.get(probe.uid)?.probes.push(probe)
  return [...lives.values()]
}

export function isReady({ status }: ObservedPod): boolean {
  return (status?.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True')
}

/** What the pod of this name answered last before that moment; undefined: it was not asked yet, or there was none. */
export function healthAt(lives: readonly Life[], name: string, at: number): boolean | undefined {
  const life = lives.findLast((life) => life.name === name && life.from <= at)
  return life?.probes.findLast((probe) => probe.at <= at)?.healthy
}

/**
 * Whether this pod would have answered new connections from the one moment to the other: it was healthy whenever it was
 * asked, just before and after too, and Ready, without which Kubernetes sends it none.
 * @param anyway the Service sends connections to pods that are not Ready
 */
export function servesThroughout(life: Life, from: number, to: number, anyway: boolean): boolean {
  if (life.from > from || life.to < to) return false
  const within = life.probes.filter(({ at }) => at > from - 2 * witnessEveryMs && at < to + witnessEveryMs)
  const before = life.ready.findLast(({ at }) => at <= from)?.ready ?? false
  const isReadyThroughout = before && life.ready.every(({ at, ready }) => ready || at <= from || at >= to)
  return within.length > 0 && within.every(({ healthy }) => healthy) && (anyway || isReadyThroughout)
}
