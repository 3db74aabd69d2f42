/**
 * What a pass has repaired that somebody else had changed, and whether that goes on. Pure. The first time it is a
 * warning; again within an hour it is an error, for whoever writes it will not stop by itself.
 *
 * What is remembered is a note in an annotation. Nothing rests on it: a note that is lost makes the next time a first one.
 *
 * Not healing: what this program does in its own time. New pods, pods that were labelled by hand before any pass, copies
 * of pods, failovers, and a claim that the pass which made it takes off itself.
 */

import { type Member, ownMarks } from '../group/members.js'
import { isBornWithRole } from '../group/role-origin.js'
import { HEALED, PREFIX } from '../kube/keys.js'
import { workloadOf } from '../kube/pods.js'
import { FIELD_MANAGER, type Service } from '../kube/port.js'
import { type GroupReport, REPAIRS, type Repair } from '../report/report.js'

/** What was healed in one pass, all of one kind. */
export interface Incident {
  readonly what: Repair
  /** The Services before they were released. */
  readonly services: readonly Service[]
  /** The pods that had been changed, as they were found. */
  readonly pods: readonly Member[]
}

type Healed = Pick<GroupReport, 'decision' | 'activeAfter' | 'writes' | 'members'>

/** What this pass has healed. @param released Services that it has released, as they were before */
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

/** The pods whose role somebody else has given or taken, where this pass has put it right. */
function rolesRepaired({ decision, activeAfter, members }: Healed, roleLabel: string): readonly Member[] {
  if (!('winner' in decision) || activeAfter !== decision.winner.pod.name) return []
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
 * Active, and not by us. The role that a pod was born with is its manifest's own; but where a swap has made that pod
 * passive since, its creator has written the role again.
 */
function isGivenByOthers({ pod, role, pin, epoch, activeSinceMs }: Member, winner: string, roleLabel: string): boolean {
  if (role !== 'active' || pin === 'foreign' || writerOf({ pod }, roleLabel) === FIELD_MANAGER) return false
  const wasSealed = epoch > 0 && (pod.uid !== winner || activeSinceMs === undefined)
  return wasSealed || !isBornWithRole(pod, roleLabel)
}

/** What the newest swap has made active, and somebody else has labelled passive. */
function deposed(members: readonly Member[], roleLabel: string): readonly Member[] {
  const newest = Math.max(...members.map(({ epoch }) => epoch))
  return members.filter(({ pod, role, labelled, pin, epoch, activeSinceMs }) => {
    const owners = (pod.writers ?? []).filter(({ labels }) => labels.includes(roleLabel))
    const isOthers = owners.length > 0 && owners.every(({ manager }) => manager !== FIELD_MANAGER)
    const wasActive = epoch > 0 && epoch === newest && activeSinceMs !== undefined && pin === 'own'
    return wasActive && labelled && role === 'passive' && isOthers && !pod.terminating
  })
}

/** The field manager of a label; `undefined`: nobody is known. */
export function writerOf({ pod: { writers = [] } }: Pick<Member, 'pod'>, label: string): string | undefined {
  return writers.find(({ labels }) => labels.includes(label))?.manager
}

/**
 * A pass lists the pods, probes them, and writes those of its list: a pod that is made meanwhile has no marks, though it
 * is older than the swap. So much older, and it was there. Clocks differ, too.
 */
const LONGEST_PASS_MS = 60_000

/** The pods from which somebody has taken labels that this program had written. */
function wipedPods(members: readonly Member[]): readonly Member[] {
  return members.filter((member) => {
    const { labelled, role, epoch, pin } = member
    if (pin === 'foreign') return false
    if (!labelled) return epoch > 0 || pin === 'own' || isOlderThanSwap(member, members)
    return epoch > 0 && pin === 'none' && role === 'active'
  })
}

/** It bears no mark at all, and was there when the newest swap has sealed every pod of its workload. */
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
/** Clocks of passes may differ by so much. A time that lies further in the future makes no sense, and is forgotten. */
const SKEW_MS = 300_000
/** So many times of a kind are kept. */
export const KEPT = 10
/** No note of ours is longer. */
const LONGEST_NOTE = 4_096

/** What is remembered of the last hour. Whatever makes no sense in a note is passed over. @param notes the annotations */
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

/** Not a number: no time. `NaN` is in no window. */
function readTime(text: string): number {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/.test(text) ? Date.parse(text) : Number.NaN
}

/** The same, and that this has happened now. */
export function remember(memory: Memory, whats: readonly Repair[], nowMs: number): Memory {
  const more = whats.map((what) => [what, newestFirst([nowMs, ...(memory[what] ?? [])])] as const)
  return { ...memory, ...Object.fromEntries(more) }
}

function newestFirst(times: readonly number[]): readonly number[] {
  return [...times].sort((a, b) => b - a).slice(0, KEPT)
}

/** The annotation: `claim TIME TIME; marks TIME`. */
export function noteOf(memory: Memory): string {
  return REPAIRS.flatMap((what) => {
    const times = memory[what] ?? []
    return times.length > 0 ? [[what, ...times.map((ms) => new Date(ms).toISOString())].join(' ')] : []
  }).join('; ')
}

/** The notes on a group's objects. On a pod only its own counts: a copy carries that of another. */
export function notesIn(services: readonly Service[], members: readonly Member[]): readonly (string | undefined)[] {
  return [...services.map(({ annotations }) => annotations[HEALED]), ...members.map(({ pod }) => ownMarks(pod)[HEALED])]
}
