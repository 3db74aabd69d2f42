/**
 * Reads our marks on the pods of a group. Pure. A mark counts only on the pod that it was written on: copies, restored
 * backups and templates carry labels and annotations of other pods.
 */

import type { Count } from '../health/count.js'
import {
  ACTIVE_OWNER,
  ACTIVE_SINCE,
  EPOCH,
  FAILED_AT,
  FAILURES,
  HEALTHY_SINCE,
  MOVES,
  OWNER,
  PIN,
} from '../kube/keys.js'
import { isLive } from '../kube/pods.js'
import type { Pod, Writer } from '../kube/port.js'
import { type Move, readMoves } from './cooldown.js'

export interface Member extends Count {
  readonly pod: Pod
  readonly role: 'active' | 'passive'
  /** Whether the pod has the role label at all. */
  readonly labelled: boolean
  /** The epoch. 0 if it is absent, no safe integer, or not the pod's own. */
  readonly epoch: number
  /**
   * The epoch on the pod, whoever wrote it. The next handover writes a higher one, so that no pod ever has the same
   * epoch twice.
   */
  readonly storedEpoch: number
  readonly healthySinceMs: number | undefined
  readonly activeSinceMs: number | undefined
  /** The workload, as `KIND/NAME`, of the pod that was active after the handover that wrote the epoch. */
  readonly activeOwner: string | undefined
  /** The last handovers of the group that count for its cooldown, as the newest handover wrote them on this pod. */
  readonly moves: readonly Move[]
  /** The pod's controller when it was labelled: the uid, and the workload. */
  readonly notedOwner: readonly [uid: string, workload: string] | undefined
  /** Whether the pin label holds the pod's own uid. */
  readonly pin: 'own' | 'foreign' | 'none'
}

/**
 * Whether the pod is live and its role label is absent, `active` or `passive`. Any other value is the application's
 * own.
 */
export function isMember(pod: Pod, roleLabel: string): boolean {
  const role = pod.labels[roleLabel]
  return isLive(pod) && (role === undefined || role === 'active' || role === 'passive')
}

/** Reads a pod of a group, with the marks that count on it. */
export function readMember(pod: Pod, roleLabel: string): Member {
  const annotations = ownMarks(pod)
  return {
    pod,
    role: pod.labels[roleLabel] === 'active' ? 'active' : 'passive',
    labelled: roleLabel in pod.labels,
    epoch: readEpoch(annotations[EPOCH]) ?? 0,
    storedEpoch: storedEpoch(pod, annotations[EPOCH]),
    failures: /^\d{1,9}$/.test(annotations[FAILURES] ?? '') ? Number(annotations[FAILURES]) : 0,
    failedAtMs: readTime(annotations[FAILED_AT]),
    healthySinceMs: readTime(annotations[HEALTHY_SINCE]),
    activeSinceMs: readTime(annotations[ACTIVE_SINCE]),
    activeOwner: annotations[ACTIVE_OWNER],
    moves: readMoves(annotations[MOVES]),
    notedOwner: readOwner(annotations[OWNER]),
    pin: pinOf(pod),
  }
}

/** The epoch that a handover wrote on this very pod; 0: none. */
export function ownEpoch(pod: Pod): number {
  return readEpoch(ownMarks(pod)[EPOCH]) ?? 0
}

/** The field manager that created the pod, with the fields that it set then. `undefined`: unknown. */
export function creatorOf({ writers = [] }: Pod): Writer | undefined {
  return writers.find(({ created }) => created)
}

/** Whether the pod carries a copy of another pod's marks. None of its marks counts then. */
export function isCopy(pod: Pod): boolean {
  return pinOf(pod) === 'foreign'
}

/** The annotations that were written on this very pod after its creation. */
export function ownMarks(pod: Pod): Readonly<Record<string, string | undefined>> {
  if (isCopy(pod)) return {}
  const born = creatorOf(pod)?.annotations ?? []
  if (born.length === 0) return pod.annotations ?? {}
  // A count is written together with its time. If the time is ours, so is the count, even if it equals the one at
  // creation.
  const isVoid = (key: string) => born.includes(key) && !(key === FAILURES && !born.includes(FAILED_AT))
  return Object.fromEntries(Object.entries(pod.annotations ?? {}).filter(([key]) => !isVoid(key)))
}

/**
 * The highest epoch that is accepted from somebody else: it leaves room for handovers. Once it is overwritten, it never
 * returns.
 */
const HIGHEST_FOREIGN_EPOCH = 2 ** 52

function storedEpoch({ annotations }: Pod, own: string | undefined): number {
  const epoch = readEpoch(annotations?.[EPOCH]) ?? 0
  return own === undefined && epoch > HIGHEST_FOREIGN_EPOCH ? 0 : epoch
}

function readOwner(raw = ''): Member['notedOwner'] {
  const [uid, workload, ...more] = raw.split(' ')
  return uid && workload && more.length === 0 ? [uid, workload] : undefined
}

function pinOf({ labels, uid }: Pod): Member['pin'] {
  const pin = labels[PIN]
  return pin === undefined ? 'none' : pin === uid ? 'own' : 'foreign'
}

/** Reads an epoch: a whole number whose successor, which the next handover writes, is a safe integer too. */
export function readEpoch(raw: string | undefined): number | undefined {
  const epoch = /^\d{1,16}$/.test(raw ?? '') ? Number(raw) : Number.NaN
  return Number.isSafeInteger(epoch + 1) ? epoch : undefined
}

function readTime(raw: string | undefined): number | undefined {
  const ms = Date.parse(raw ?? '')
  return Number.isNaN(ms) ? undefined : ms
}
