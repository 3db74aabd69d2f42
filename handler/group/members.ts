/**
 * The pods of a group, with our marks on them interpreted. Pure. A mark counts only on the pod that it was written on:
 * copies, backups that were restored and templates carry labels and annotations of other pods.
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
  /** Whether the pod carries the role label at all. */
  readonly labelled: boolean
  /** 0 when absent, no safe integer, or not the pod's own. */
  readonly epoch: number
  /** As it stands there, whoever wrote it. The next swap writes a higher one, so that no pod ever shows one twice. */
  readonly storedEpoch: number
  readonly healthySinceMs: number | undefined
  readonly activeSinceMs: number | undefined
  /** The workload of the pod that was active after the swap that wrote the epoch, as `KIND/NAME`. */
  readonly activeOwner: string | undefined
  /** The last handovers of the group that count for its cooldown, as the newest swap that wrote on this pod knew them. */
  readonly moves: readonly Move[]
  /** The controller that it belonged to when it was labelled: its uid, and the workload. */
  readonly notedOwner: readonly [uid: string, workload: string] | undefined
  /** Whose uid the pin label holds. */
  readonly pin: 'own' | 'foreign' | 'none'
}

/** A live pod whose role label is absent, `active` or `passive`. Any other value is the application's own. */
export function isMember(pod: Pod, roleLabel: string): boolean {
  const role = pod.labels[roleLabel]
  return isLive(pod) && (role === undefined || role === 'active' || role === 'passive')
}

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

/** The epoch that a swap has written on this very pod; 0: none. */
export function ownEpoch(pod: Pod): number {
  return readEpoch(ownMarks(pod)[EPOCH]) ?? 0
}

/** Whoever created the pod, and what it was given then. `undefined`: unknown. */
export function creatorOf({ writers = [] }: Pod): Writer | undefined {
  return writers.find(({ created }) => created)
}

/** Whether a copy of another pod's marks is on it: then none of them counts. */
export function isCopy(pod: Pod): boolean {
  return pinOf(pod) === 'foreign'
}

/** The annotations that were written on this very pod, after it was created. */
export function ownMarks(pod: Pod): Readonly<Record<string, string | undefined>> {
  if (isCopy(pod)) return {}
  const born = creatorOf(pod)?.annotations ?? []
  if (born.length === 0) return pod.annotations ?? {}
  // A count is written with its time: where that is ours the count is, though it be the same as the one at birth.
  const isVoid = (key: string) => born.includes(key) && !(key === FAILURES && !born.includes(FAILED_AT))
  return Object.fromEntries(Object.entries(pod.annotations ?? {}).filter(([key]) => !isVoid(key)))
}

/** Of an epoch that somebody else wrote: one that leaves room for swaps. It is never met again once it is written over. */
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

/** A whole number whose successor is a safe integer too: the next swap writes that one. */
export function readEpoch(raw: string | undefined): number | undefined {
  const epoch = /^\d{1,16}$/.test(raw ?? '') ? Number(raw) : Number.NaN
  return Number.isSafeInteger(epoch + 1) ? epoch : undefined
}

function readTime(raw: string | undefined): number | undefined {
  const ms = Date.parse(raw ?? '')
  return Number.isNaN(ms) ? undefined : ms
}
