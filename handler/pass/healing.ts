/**
 * Finds what a pass has repaired, and whether the cause goes on. Pure. The first repair is a warning; another one
 * within an hour is an error, because its cause will not stop by itself.
 *
 * An annotation notes the repairs. Nothing depends on it: without the note, the next repair counts as the first one.
 *
 * The ordinary work of this program is not healing: new pods, pods that were labelled by hand before any pass, copies
 * of pods, failovers, and a claim that the pass which made it takes off itself.
 */

import { isSwap } from '../group/decide.js'
import { type Member, ownMarks } from '../group/members.js'
import { isBornWithRole } from '../group/role-origin.js'
import { HEALED, PREFIX } from '../kube/keys.js'
import { workloadOf } from '../kube/pods.js'
import { FIELD_MANAGER, type Service } from '../kube/port.js'
import { type GroupReport, REPAIRS, type Repair } from '../report/report.js'

/** The repairs of one kind in one pass. */
export interface Incident {
  readonly what: Repair
  /** The Services before they were released. */
  readonly services: readonly Service[]
  /** The pods that had been changed, as they were found. */
  readonly pods: readonly Member[]
}

type Healed = Pick<GroupReport, 'decision' | 'activeAfter' | 'writes' | 'members'>

/** The incidents of this pass. @param released Services that it has released, as they were before */
export function incidentsOf(report: Healed, released: readonly Service[], roleLabel: string): readonly Incident[] {
  const isOurs = ({ claimedBy }: Service) => claimedBy?.manager === FIELD_MANAGER
  const role = rolesRepaired(report, roleLabel)
  const wiped = wipedPods(report.members).filter((member) => isWritten(report, member) && !role.includes(member))
  return [
    { what: 'claim' as const, services: released.filter((service) => !isOurs(service)), pods: [] },
    { what: 'interrupted' as const, services: released.filter(isOurs), pods: [] },
    { what: 'role' as const, services: [], pods: role },
    { what: 'marks' as const, services: [], pods: wiped },
  ].filter(({ services, pods }) => services.length + pods.length > 0)
}

/** The pods whose role another writer has given or taken, and this pass has put right. */
function rolesRepaired({ decision, activeAfter, members }: Healed, roleLabel: string): readonly Member[] {
  if (!isSwap(decision) || activeAfter !== decision.winner.pod.name) return []
  const { uid } = decision.winner.pod
  switch (decision.reason.code) {
    case 'label-lost':
      return members.filter(({ pod }) => pod.uid === uid)
    case 'active-gone':
      return deposed(members, roleLabel)
    case 'several-actives':
      return members.filter((member) => isGivenByOthers(member, uid, roleLabel))
    default:
      return []
  }
}

/**
 * Whether another writer has made the pod active. A role that the pod was born with comes from its manifest, and does
 * not count. But if a swap has made that pod passive since, its creator has written the role again.
 */
function isGivenByOthers({ pod, role, pin, epoch, activeSinceMs }: Member, winner: string, roleLabel: string): boolean {
  if (role !== 'active' || pin === 'foreign' || writerOf({ pod }, roleLabel) === FIELD_MANAGER) return false
  const wasSealed = epoch > 0 && (pod.uid !== winner || activeSinceMs === undefined)
  return wasSealed || !isBornWithRole(pod, roleLabel)
}

/** The pods that the newest swap has made active and another writer has labelled passive. */
function deposed(members: readonly Member[], roleLabel: string): readonly Member[] {
  const newest = Math.max(...members.map(({ epoch }) => epoch))
  return members.filter(({ pod, role, labelled, pin, epoch, activeSinceMs }) => {
    const owners = (pod.writers ?? []).filter(({ labels }) => labels.includes(roleLabel))
    const isOthers = owners.length > 0 && owners.every(({ manager }) => manager !== FIELD_MANAGER)
    const wasActive = epoch > 0 && epoch === newest && activeSinceMs !== undefined && pin === 'own'
    return wasActive && labelled && role === 'passive' && isOthers && !pod.terminating
  })
}

/** The field manager of a label; `undefined`: unknown. */
export function writerOf({ pod: { writers = [] } }: Pick<Member, 'pod'>, label: string): string | undefined {
  return writers.find(({ labels }) => labels.includes(label))?.manager
}

/**
 * A pod that is created while a pass probes gets no marks, although it is older than the swap. A pod that is older by
 * more than this was in the list of the pass. This also allows for clocks that differ.
 */
const LONGEST_PASS_MS = 60_000

/** The pods from which another writer has taken labels that this program had written. */
function wipedPods(members: readonly Member[]): readonly Member[] {
  return members.filter((member) => {
    const { labelled, role, epoch, pin } = member
    if (pin === 'foreign') return false
    if (!labelled) return epoch > 0 || pin === 'own' || isOlderThanSwap(member, members)
    return epoch > 0 && pin === 'none' && role === 'active'
  })
}

/** Whether the pod has no mark at all, although it was there when the newest swap sealed the pods of its workload. */
function isOlderThanSwap({ pod }: Member, members: readonly Member[]): boolean {
  if (Object.keys(pod.annotations ?? {}).some((key) => key.startsWith(PREFIX))) return false
  const newest = Math.max(...members.map(({ epoch }) => epoch))
  const sealed = members.filter(({ epoch }) => epoch > 0 && epoch === newest)
  const since = Math.max(...sealed.map(({ activeSinceMs }) => activeSinceMs ?? Number.NEGATIVE_INFINITY))
  const isSibling = sealed.some((other) => workloadOf(other.pod) === workloadOf(pod))
  return isSibling && pod.createdAtMs > 0 && pod.createdAtMs < since - LONGEST_PASS_MS
}

function isWritten({ writes }: Healed, { pod }: Member): boolean {
  return writes.some(
    ({ kind, name, result }) => kind === 'pod' && name === pod.name && (result === 'applied' || result === 'dry run'),
  )
}

/** The times of earlier incidents, epoch milliseconds, the newest first. */
export type Memory = Readonly<Partial<Record<Repair, readonly number[]>>>

export const WINDOW_MS = 3_600_000
/** The clocks of passes may differ by this much. A time that lies further in the future is forgotten. */
const SKEW_MS = 300_000
/** At most this many times of a kind are kept. */
export const KEPT = 10
/** None of our notes is longer. */
const LONGEST_NOTE = 4_096

/** The incidents of the last hour. Invalid parts of a note are ignored. @param notes the annotations */
export function recall(notes: readonly (string | undefined)[], nowMs: number): Memory {
  const times = new Map<Repair, Set<number>>()
  for (const part of notes.flatMap((note = '') => note.slice(0, LONGEST_NOTE).split(';'))) {
    const [name, ...texts] = part.trim().split(' ')
    const what = REPAIRS.find((one) => one === name)
    if (what === undefined) continue
    const known = times.get(what) ?? new Set()
    times.set(what, known)
    for (const ms of texts.map(readTime)) if (nowMs - ms < WINDOW_MS && ms - nowMs <= SKEW_MS) known.add(ms)
  }
  return Object.fromEntries([...times].map(([what, known]) => [what, newestFirst([...known])]))
}

/** `NaN` for invalid text: it lies in no window. */
function readTime(text: string): number {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/.test(text) ? Date.parse(text) : Number.NaN
}

/** Adds an incident of each of these kinds, at this time. */
export function remember(memory: Memory, whats: readonly Repair[], nowMs: number): Memory {
  const more = whats.map((what) => [what, newestFirst([nowMs, ...(memory[what] ?? [])])] as const)
  return { ...memory, ...Object.fromEntries(more) }
}

function newestFirst(times: readonly number[]): readonly number[] {
  return [...times].sort((a, b) => b - a).slice(0, KEPT)
}

/** The text of the annotation: `claim TIME TIME; marks TIME`. */
export function noteOf(memory: Memory): string {
  return REPAIRS.flatMap((what) => {
    const times = memory[what] ?? []
    return times.length > 0 ? [[what, ...times.map((ms) => new Date(ms).toISOString())].join(' ')] : []
  }).join('; ')
}

/** The notes on a group's objects. The note on a copy of a pod belongs to another pod, and does not count. */
export function notesIn(services: readonly Service[], members: readonly Member[]): readonly (string | undefined)[] {
  return [...services.map(({ annotations }) => annotations[HEALED]), ...members.map(({ pod }) => ownMarks(pod)[HEALED])]
}
