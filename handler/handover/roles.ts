/**
 * Moving the role label: compare-and-swap on the pods themselves, with epochs. Never two actives.
 *
 * A swap acts on one consistent list of a group's live pods. With e = the highest epoch in it + 1, it
 * 1. seals every pod but the winner: if uid, role and epoch are what the list said, then role = passive, epoch = e. The
 *    active one comes last (handover.ts), so that a pod which cannot be sealed leaves it in place;
 * 2. stops at the first seal that does not succeed, and writes nothing more to pods. A seal whose answer does not hold
 *    role and epoch as they were asked for (admission may change a write) has not succeeded;
 * 3. promotes the winner, if uid, role, epoch and phase are what the list said and it is not being deleted.
 *
 * Why there are never two actives. Of two swaps that both complete, each has sealed or promoted every pod of its list.
 * On a pod that both lists hold, only one of two patches that test the same (role, epoch) can win, and a list taken
 * after the other's seals holds another epoch. If the lists share no living pod, the pods of the earlier one are gone,
 * or have ended: pods that have Failed or Succeeded are in no list, and nobody seals them. They never run again, and the
 * test of the phase keeps a swap which has seen its winner alive from promoting it after that.
 *
 * Not promised: anything when a third party writes the role label or the epochs; that established connections to the
 * old pod end; agreement on health between passes that see the pods from different places.
 */

import { type Move, writeMoves } from '../group/cooldown.js'
import type { Judged } from '../group/groups.js'
import type { Member } from '../group/members.js'
import { isTemplated } from '../group/role-origin.js'
import {
  ACTIVE_OWNER,
  ACTIVE_SINCE,
  DELETION_COST,
  EPOCH,
  FAILURES,
  MOVES,
  OWNER,
  PIN,
  TAKEN_BACK,
} from '../kube/keys.js'
import { workloadOf } from '../kube/pods.js'
import { annotationPath, labelPath } from '../kube/pointer.js'
import type { KubeError, PatchOperation, Pod, Written } from '../kube/port.js'
import type { SwapContext } from './context.js'

/**
 * The result of sealing pods, or of promoting one. Anything but `done` ends the swap; `lost` means that another pass was
 * faster. `changed` lists writes that set role and epoch, but not all that was asked for.
 */
export type RoleResult =
  | { readonly kind: 'done'; readonly changed: readonly KubeError[] }
  /** `pod` is the one that somebody else was faster with, as it was seen. */
  | (Exclude<Written<Pod>, { kind: 'applied' }> & { readonly changed?: readonly KubeError[]; readonly pod?: Pod })

/** What a swap writes to all of its pods. */
export interface Ballot {
  readonly epoch: number
  /** The winner's, if it has one. */
  readonly workload: string | undefined
  /** The last handovers that count for the cooldown, this one included where it does. None: nothing is written of them. */
  readonly moves: readonly Move[]
}

/** What a swap of these pods writes. */
export function ballotOf(members: readonly Member[], winner: Member, moves: readonly Move[]): Ballot {
  return { epoch: nextEpoch(members), workload: workloadOf(winner.pod), moves }
}

/** Above every epoch that stands on one of these pods, whoever wrote it. */
export function nextEpoch(members: readonly Member[]): number {
  return members.reduce((highest, { storedEpoch }) => Math.max(highest, storedEpoch), 0) + 1
}

/** Seals these pods, all at once. A pod that is gone is as good as sealed. */
export async function seal(
  { kube }: Pick<SwapContext, 'kube'>,
  members: readonly Judged[],
  ballot: Ballot,
  roleLabel: string,
  signal: AbortSignal,
): Promise<RoleResult> {
  const written = members.map(async (member) =>
    stepOf(
      await kube.patchPod(member.pod, sealPatch(member, ballot, roleLabel), signal),
      member,
      'passive',
      ballot,
      roleLabel,
    ),
  )
  return worstOf(await Promise.all(written))
}

/** A write that has set role and epoch has done its work, whatever admission has made of the rest. */
function stepOf(
  written: Written<Pod>,
  { pod }: Member,
  role: string,
  { epoch }: Ballot,
  roleLabel: string,
): RoleResult {
  if (written.kind === 'applied') return { kind: 'done', changed: [] }
  if (written.kind === 'lost') return { kind: 'lost', pod }
  if (written.kind !== 'changed') return written
  const { labels, annotations } = written.object
  const took = labels[roleLabel] === role && annotations?.[EPOCH] === String(epoch)
  return took ? { kind: 'done', changed: [written.error] } : written
}

/** A refusal says more than a lost race, and a lost race more than a missing answer; `done` only where none is left. */
function worstOf(steps: readonly RoleResult[]): RoleResult {
  const changed = steps.flatMap((step) => step.changed ?? [])
  for (const kind of ['changed', 'denied', 'rejected', 'lost', 'throttled', 'unauthenticated', 'unknown'] as const) {
    const found = steps.find((step) => step.kind === kind)
    if (found) return changed.length > 0 ? { ...found, changed } : found
  }
  return { kind: 'done', changed }
}

/** Makes the winner active. To be called only after every other pod of the same list was sealed. */
export async function promote(
  { kube, clock }: Pick<SwapContext, 'kube' | 'clock'>,
  winner: Judged,
  ballot: Ballot,
  roleLabel: string,
  signal: AbortSignal,
): Promise<RoleResult> {
  const patch = promotionPatch(winner, ballot, roleLabel, clock.now())
  return stepOf(await kube.patchPod(winner.pod, patch, signal), winner, 'active', ballot, roleLabel)
}

/** A seal carries the failures that this pass has counted: the next one then has nothing to write. */
export function sealPatch(member: Judged, ballot: Ballot, roleLabel: string): readonly PatchOperation[] {
  const { pod, role } = member
  const isTakenBack = role === 'active' && isTemplated(pod, roleLabel)
  return [
    ...sameAsSeen(member, roleLabel),
    ...annotate(pod, {
      ...marksOf(ballot),
      ...addedMarks(member),
      ...ownerMark(pod),
      ...(isTakenBack ? { [TAKEN_BACK]: pod.owner?.uid ?? '' } : {}),
    }),
    ...(costOf(pod) === LAST_TO_GO ? firstToGo : []),
    pinned(pod),
    { op: 'add', path: labelPath(roleLabel), value: 'passive' },
  ]
}

/**
 * A winner that is active already, of a repair, or that has lost its label, keeps the time since when it is. One that
 * has recovered starts with no failures: a count that stayed would have the next bad probe fail it over again.
 */
export function promotionPatch(
  winner: Judged,
  ballot: Ballot,
  roleLabel: string,
  nowMs: number,
): readonly PatchOperation[] {
  const kept = winner.role === 'active' || !winner.labelled ? winner.activeSinceMs : undefined
  const since = new Date(kept ?? nowMs).toISOString()
  const cleared = winner.verdict.health === 'healthy' && winner.failures > 0 ? { [FAILURES]: '0' } : {}
  return [
    ...sameAsSeen(winner, roleLabel),
    { op: 'test', path: '/metadata/deletionTimestamp', value: null },
    { op: 'test', path: '/status/phase', value: winner.pod.phase },
    ...annotate(winner.pod, {
      ...marksOf(ballot),
      [ACTIVE_SINCE]: since,
      ...ownerMark(winner.pod),
      ...addedMarks(winner),
      ...cleared,
      ...(winner.pod.owner?.kind === 'ReplicaSet' && costOf(winner.pod) === undefined
        ? { [DELETION_COST]: LAST_TO_GO }
        : {}),
    }),
    pinned(winner.pod),
    { op: 'add', path: labelPath(roleLabel), value: 'active' },
  ]
}

/** What the active pod of a ReplicaSet costs: a rollout, or a smaller number of replicas, takes the passive ones first. */
const LAST_TO_GO = '1000000'

/** Who changes the cost at the same time wins: the test fails, and this pass begins again with what stands there then. */
const firstToGo: readonly PatchOperation[] = [
  { op: 'test', path: annotationPath(DELETION_COST), value: LAST_TO_GO },
  { op: 'remove', path: annotationPath(DELETION_COST) },
]

/** Absent: 0 for Kubernetes. One that is not ours is left alone. */
function costOf({ annotations }: Pod): string | undefined {
  return annotations?.[DELETION_COST]
}

function marksOf({ epoch, workload, moves }: Ballot): Record<string, string> {
  return {
    [EPOCH]: String(epoch),
    ...(workload === undefined ? {} : { [ACTIVE_OWNER]: workload }),
    ...(moves.length === 0 ? {} : { [MOVES]: writeMoves(moves) }),
  }
}

/**
 * What a latched Service selects by, and what tells a pod's own marks from a copy of another's. Asked for where it is
 * already, so that the answer tells when it is not there any more.
 */
function pinned({ uid }: Pod): PatchOperation {
  return { op: 'add', path: labelPath(PIN), value: uid }
}

/** The marks of a verdict that set something. What they remove is left to a pass that moves nothing. */
function addedMarks({ verdict }: Judged): Record<string, string> {
  const entries = Object.entries(verdict.marks)
  return Object.fromEntries(entries.filter((mark): mark is [string, string] => mark[1] !== null))
}

/** Makes a pod without the role label passive, unless somebody has labelled it meanwhile. */
export function labelPatch(pod: Pod, roleLabel: string): readonly PatchOperation[] {
  return [
    { op: 'test', path: '/metadata/uid', value: pod.uid },
    { op: 'test', path: labelPath(roleLabel), value: null },
    ...(pod.owner ? noted(pod) : []),
    pinned(pod),
    { op: 'add', path: labelPath(roleLabel), value: 'passive' },
  ]
}

function noted(pod: Pod): PatchOperation[] {
  const isFirst: PatchOperation = { op: 'test', path: '/metadata/annotations', value: null }
  return [...(pod.annotations ? [] : [isFirst]), ...annotate(pod, ownerMark(pod))]
}

/** To whom it belonged when it was labelled: whether its controller lets go of it for that is seen by this. */
export function ownerMark(pod: Pod): Record<string, string> {
  return pod.owner ? { [OWNER]: `${pod.owner.uid} ${workloadOf(pod)}` } : {}
}

/** Takes the role from a pod that has ended. No pod needs its place, and a Service must not select it for ever. */
export function retirePatch({ uid, phase }: Pod, roleLabel: string): readonly PatchOperation[] {
  return [
    { op: 'test', path: '/metadata/uid', value: uid },
    { op: 'test', path: labelPath(roleLabel), value: 'active' },
    { op: 'test', path: '/status/phase', value: phase },
    { op: 'add', path: labelPath(roleLabel), value: 'passive' },
  ]
}

/** The tests of the compare-and-swap, on what the list said as it stood there, sense or nonsense. */
function sameAsSeen({ pod }: Member, roleLabel: string): PatchOperation[] {
  return [
    { op: 'test', path: '/metadata/uid', value: pod.uid },
    { op: 'test', path: labelPath(roleLabel), value: pod.labels[roleLabel] ?? null },
    // A test below a map that does not exist fails: without a map, that there is none is the test of the epoch.
    pod.annotations
      ? { op: 'test', path: annotationPath(EPOCH), value: pod.annotations[EPOCH] ?? null }
      : { op: 'test', path: '/metadata/annotations', value: null },
  ]
}

function annotate({ annotations }: Pod, values: Readonly<Record<string, string>>): PatchOperation[] {
  if (!annotations) return [{ op: 'add', path: '/metadata/annotations', value: values }]
  return Object.entries(values).map(([key, value]) => ({ op: 'add', path: annotationPath(key), value }))
}
