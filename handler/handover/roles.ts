/**
 * Moves the role label by compare-and-swap on the pods themselves, with epochs. There are never two active pods.
 *
 * A swap acts on one consistent list of a group's live pods. Its epoch e is the highest epoch in the list + 1. The swap
 * 1. seals every pod but the winner: if uid, role and epoch are as listed, it sets role = passive and epoch = e. The
 *    active pod comes last (steps.ts), so that it stays active if another pod cannot be sealed;
 * 2. stops at the first seal that does not succeed, and writes nothing more to pods. A seal has not succeeded either if
 *    its answer does not hold the role and epoch that were asked for (admission may change a write);
 * 3. promotes the winner, if uid, role, epoch and phase are as listed and the pod is not being deleted.
 *
 * Why there are never two active pods: two swaps that both complete have each sealed or promoted every pod of their
 * list. On a pod that both lists hold, only one of two patches that test the same (role, epoch) can win, and a list
 * taken after the seals of the other swap holds another epoch. If the lists share no living pod, the pods of the
 * earlier list are gone or have ended. Pods that have Failed or Succeeded are in no list and are not sealed. They
 * never run again, and the test of the phase stops a swap that has seen its winner alive from promoting it later.
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
import { isDeniedByAdmission, type KubeError, type PatchOperation, type Pod, type Written } from '../kube/port.js'
import type { SwapContext } from './context.js'

/**
 * The result of sealing pods, or of promoting one. The swap goes on to its next write only after `done`. `lost` means
 * that another pass was faster. `changed` lists writes that set role and epoch, but not all that was asked for.
 */
export type RoleResult =
  | { readonly kind: 'done'; readonly changed: readonly KubeError[] }
  /** `pod`: the pod of a lost write, as it was seen before that write. */
  | (Exclude<Written<Pod>, { kind: 'applied' }> & { readonly changed?: readonly KubeError[]; readonly pod?: Pod })

/** The marks that a swap writes to all of its pods. */
export interface Ballot {
  readonly epoch: number
  /** The workload of the winner, if it has one. */
  readonly workload: string | undefined
  /** The last handovers that count for the cooldown, this one included if it counts. If empty, none are written. */
  readonly moves: readonly Move[]
}

export function ballotOf(members: readonly Member[], winner: Member, moves: readonly Move[]): Ballot {
  return { epoch: nextEpoch(members), workload: workloadOf(winner.pod), moves }
}

/** One more than the highest epoch that is stored on these pods, by any writer. */
export function nextEpoch(members: readonly Member[]): number {
  return members.reduce((highest, { storedEpoch }) => Math.max(highest, storedEpoch), 0) + 1
}

/** Seals these pods in parallel. A pod that is gone counts as sealed. */
export async function seal(
  { kube }: Pick<SwapContext, 'kube'>,
  members: readonly Judged[],
  ballot: Ballot,
  roleLabel: string,
  signal: AbortSignal,
): Promise<RoleResult> {
  const written = members.map(async (member) => {
    const patchOf = (isBare: boolean) => sealPatch(member, ballot, roleLabel, isBare)
    const { result, refusal } = await writeRole(kube, member.pod, patchOf, signal)
    return withRefusal(stepOf(result, member, 'passive', ballot, roleLabel), refusal)
  })
  return worstOf(await Promise.all(written))
}

/**
 * Writes a role. Admission may refuse an annotation that a handover can do without: a policy may not know it, as that of
 * an older version. Then the write is made once more without those annotations, and the refusal is reported.
 */
async function writeRole(
  kube: SwapContext['kube'],
  pod: Pod,
  patchOf: (isBare: boolean) => readonly PatchOperation[],
  signal: AbortSignal,
): Promise<{ readonly result: Written<Pod>; readonly refusal?: KubeError }> {
  const patch = patchOf(false)
  const result = await kube.patchPod(pod, patch, signal)
  if (result.kind !== 'denied' || !isDeniedByAdmission(result.error.message)) return { result }
  const bare = patchOf(true)
  if (JSON.stringify(bare) === JSON.stringify(patch)) return { result }
  const again = await kube.patchPod(pod, bare, signal)
  return again.kind === 'denied' ? { result } : { result: again, refusal: result.error }
}

function withRefusal(result: RoleResult, refusal: KubeError | undefined): RoleResult {
  return refusal ? { ...result, changed: [...(result.changed ?? []), refusal] } : result
}

/** A write that has set role and epoch counts as done, even if admission has changed other fields. */
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

/** A refusal says more than a lost race, a lost race more than a missing answer. Without any of them it is `done`. */
function worstOf(steps: readonly RoleResult[]): RoleResult {
  const changed = steps.flatMap((step) => step.changed ?? [])
  for (const kind of ['changed', 'denied', 'rejected', 'lost', 'throttled', 'unauthenticated', 'unknown'] as const) {
    const found = steps.find((step) => step.kind === kind)
    if (found) return changed.length > 0 ? { ...found, changed } : found
  }
  return { kind: 'done', changed }
}

/** Makes the winner active. Call it only after every other pod of the same list was sealed. */
export async function promote(
  { kube, clock }: Pick<SwapContext, 'kube' | 'clock'>,
  winner: Judged,
  ballot: Ballot,
  roleLabel: string,
  signal: AbortSignal,
): Promise<RoleResult> {
  const now = clock.now()
  const patchOf = (isBare: boolean) => promotionPatch(winner, ballot, roleLabel, now, isBare)
  const { result, refusal } = await writeRole(kube, winner.pod, patchOf, signal)
  return withRefusal(stepOf(result, winner, 'active', ballot, roleLabel), refusal)
}

/** A seal also writes the failures that this pass has counted, so that the next pass has nothing to write. */
export function sealPatch(
  member: Judged,
  ballot: Ballot,
  roleLabel: string,
  isBare = false,
): readonly PatchOperation[] {
  const { pod, role } = member
  const isTakenBack = role === 'active' && isTemplated(pod, roleLabel)
  return [
    ...sameAsSeen(member, roleLabel),
    ...annotate(pod, {
      ...marksOf(ballot, isBare),
      ...addedMarks(member),
      ...ownerMark(pod),
      ...(isTakenBack ? { [TAKEN_BACK]: pod.owner?.uid ?? '' } : {}),
    }),
    ...(costOf(pod) === LAST_TO_GO && !isBare ? FIRST_TO_GO : []),
    pinned(pod),
    { op: 'add', path: labelPath(roleLabel), value: 'passive' },
  ]
}

/**
 * A winner that is active already (in a repair) or has lost its label keeps the time since when it has been active. A
 * winner that has recovered starts with no failures: with its old count, the next bad probe could cause a failover.
 */
export function promotionPatch(
  winner: Judged,
  ballot: Ballot,
  roleLabel: string,
  nowMs: number,
  isBare = false,
): readonly PatchOperation[] {
  const kept = winner.role === 'active' || !winner.labelled ? winner.activeSinceMs : undefined
  const since = new Date(kept ?? nowMs).toISOString()
  const cleared = winner.verdict.health === 'healthy' && winner.failures > 0 ? { [FAILURES]: '0' } : {}
  return [
    ...sameAsSeen(winner, roleLabel),
    { op: 'test', path: '/metadata/deletionTimestamp', value: null },
    { op: 'test', path: '/status/phase', value: winner.pod.phase },
    ...annotate(winner.pod, {
      ...marksOf(ballot, isBare),
      [ACTIVE_SINCE]: since,
      ...ownerMark(winner.pod),
      ...addedMarks(winner),
      ...cleared,
      ...(isBare ? {} : costMark(winner.pod)),
    }),
    pinned(winner.pod),
    { op: 'add', path: labelPath(roleLabel), value: 'active' },
  ]
}

/** The deletion cost of a ReplicaSet's active pod: a rollout or a scale-down deletes the passive pods first. */
const LAST_TO_GO = '1000000'

/** If another writer changes the cost at the same time, the test fails and this pass begins again with that cost. */
const FIRST_TO_GO: readonly PatchOperation[] = [
  { op: 'test', path: annotationPath(DELETION_COST), value: LAST_TO_GO },
  { op: 'remove', path: annotationPath(DELETION_COST) },
]

/** The cost that the active pod has for as long as it is active, where it has none. */
export function costMark(pod: Pod): Record<string, string> {
  return pod.owner?.kind === 'ReplicaSet' && costOf(pod) === undefined ? { [DELETION_COST]: LAST_TO_GO } : {}
}

/** A passive pod that has the cost of an active one: its role was moved by hand. */
export function hasStaleCost({ pod, role }: Member): boolean {
  return role === 'passive' && costOf(pod) === LAST_TO_GO
}

/** Kubernetes takes an absent cost for 0. A cost that is not ours is left alone. */
function costOf({ annotations }: Pod): string | undefined {
  return annotations?.[DELETION_COST]
}

/** @param isBare without what a handover can do without */
function marksOf({ epoch, workload, moves }: Ballot, isBare: boolean): Record<string, string> {
  return {
    [EPOCH]: String(epoch),
    ...(workload === undefined ? {} : { [ACTIVE_OWNER]: workload }),
    ...(moves.length === 0 || isBare ? {} : { [MOVES]: writeMoves(moves) }),
  }
}

/**
 * The pin: a latched Service selects by it, and it tells a pod's own marks from copies of another pod's. It is written
 * even if the pod has it already, so that the answer shows whether it is still there.
 */
function pinned({ uid }: Pod): PatchOperation {
  return { op: 'add', path: labelPath(PIN), value: uid }
}

/** The marks of a verdict that set a value. A pass that moves nothing removes the other marks. */
function addedMarks({ verdict }: Judged): Record<string, string> {
  const entries = Object.entries(verdict.marks)
  return Object.fromEntries(entries.filter((mark): mark is [string, string] => mark[1] !== null))
}

/** Makes a pod without the role label passive, unless it was labelled meanwhile. */
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

/** The controller of the pod when it was labelled. It shows later whether the controller let go of the pod for that. */
export function ownerMark(pod: Pod): Record<string, string> {
  return pod.owner ? { [OWNER]: `${pod.owner.uid} ${workloadOf(pod)}` } : {}
}

/** Takes the role from a pod that has ended, so that no Service selects it for ever. No other pod has to replace it. */
export function retirePatch({ uid, phase }: Pod, roleLabel: string): readonly PatchOperation[] {
  return [
    { op: 'test', path: '/metadata/uid', value: uid },
    { op: 'test', path: labelPath(roleLabel), value: 'active' },
    { op: 'test', path: '/status/phase', value: phase },
    { op: 'add', path: labelPath(roleLabel), value: 'passive' },
  ]
}

/** The tests of the compare-and-swap, against the raw values of the list, valid or not. */
function sameAsSeen({ pod }: Member, roleLabel: string): PatchOperation[] {
  return [
    { op: 'test', path: '/metadata/uid', value: pod.uid },
    { op: 'test', path: labelPath(roleLabel), value: pod.labels[roleLabel] ?? null },
    // A test below a missing map fails. So without annotations, the epoch is tested by testing that there are none.
    pod.annotations
      ? { op: 'test', path: annotationPath(EPOCH), value: pod.annotations[EPOCH] ?? null }
      : { op: 'test', path: '/metadata/annotations', value: null },
  ]
}

function annotate({ annotations }: Pod, values: Readonly<Record<string, string>>): PatchOperation[] {
  if (!annotations) return [{ op: 'add', path: '/metadata/annotations', value: values }]
  return Object.entries(values).map(([key, value]) => ({ op: 'add', path: annotationPath(key), value }))
}
