/**
 * Moving the role label: compare-and-swap on the pods themselves, with epochs. Never two actives.
 *
 * A swap acts on one consistent list of a group's pods. With e = the highest epoch in it + 1, it
 * 1. seals every pod but the winner: if uid, role and epoch are what the list said, then role = passive, epoch = e. The
 *    active one comes last (handover.ts), so that a pod which cannot be sealed leaves it in place;
 * 2. stops at the first seal that does not succeed, and writes nothing more to pods;
 * 3. promotes the winner, if uid, role and epoch are what the list said and it is not being deleted.
 *
 * Why there are never two actives. Of two swaps that both complete, each has sealed or promoted every pod of its list.
 * On a pod that both lists hold, only one of two patches that test the same (role, epoch) can win, and a list taken
 * after the other's seals holds another epoch. If the lists share no living pod, the pods of the earlier one are gone.
 *
 * Not promised: anything when a third party writes the role label or the epochs; that established connections to the
 * old pod end; agreement on health between passes that see the pods from different places.
 */

import type { Judged } from './candidates.js'
import type { Effects } from './effects.js'
import { ACTIVE_SINCE, EPOCH, FAILURES, PIN } from './keys.js'
import { annotationPath, labelPath } from './kube/pointer.js'
import type { PatchOperation, Pod, Written } from './kube/port.js'
import type { Member } from './observe.js'

/** What became of a step of a swap. Everything but `done` ends it; `lost` means that somebody else was faster. */
export type Step = { readonly kind: 'done' } | Exclude<Written<Pod>, { kind: 'applied' }>

/** The epoch that a swap of these pods writes. */
export function nextEpoch(members: readonly Member[]): number {
  return Math.max(0, ...members.map(({ epoch }) => epoch)) + 1
}

/** Seals these pods, all at once. A pod that is gone is as good as sealed. */
export async function seal(
  { kube }: Pick<Effects, 'kube'>,
  members: readonly Judged[],
  epoch: number,
  roleLabel: string,
  signal: AbortSignal,
): Promise<Step> {
  return worstOf(
    await Promise.all(members.map((member) => kube.patchPod(member.pod, sealPatch(member, epoch, roleLabel), signal))),
  )
}

/** A refusal says more than a lost race, and a lost race more than a missing answer. */
function worstOf(written: readonly Written<Pod>[]): Step {
  for (const kind of ['denied', 'rejected', 'lost', 'throttled', 'unknown'] as const) {
    const found = written.find((result) => result.kind === kind)
    if (found && found.kind !== 'applied') return found
  }
  return { kind: 'done' }
}

/** Makes the winner active. To be called only after every other pod of the same list was sealed. */
export async function promote(
  { kube, clock }: Pick<Effects, 'kube' | 'clock'>,
  winner: Judged,
  epoch: number,
  roleLabel: string,
  signal: AbortSignal,
): Promise<Step> {
  const written = await kube.patchPod(winner.pod, promotionPatch(winner, epoch, roleLabel, clock.now()), signal)
  return written.kind === 'applied' ? { kind: 'done' } : written
}

/** A seal carries the failures that this pass has counted: the next one then has nothing to write. */
export function sealPatch(member: Judged, epoch: number, roleLabel: string): readonly PatchOperation[] {
  return [
    ...sameAsSeen(member, roleLabel),
    ...annotate(member.pod, { [EPOCH]: String(epoch), ...addedMarks(member) }),
    { op: 'add', path: labelPath(roleLabel), value: 'passive' },
  ]
}

/**
 * A winner that is active already, of a repair, keeps the time since when it is. One that has recovered starts with no
 * failures: a count that stayed would have the next bad probe fail it over again.
 */
export function promotionPatch(
  winner: Judged,
  epoch: number,
  roleLabel: string,
  nowMs: number,
): readonly PatchOperation[] {
  const kept = winner.role === 'active' ? winner.activeSinceMs : undefined
  const since = new Date(kept ?? nowMs).toISOString()
  const cleared = winner.verdict.health === 'healthy' && winner.failures > 0 ? { [FAILURES]: '0' } : {}
  return [
    ...sameAsSeen(winner, roleLabel),
    { op: 'test', path: '/metadata/deletionTimestamp', value: null },
    ...annotate(winner.pod, { [EPOCH]: String(epoch), [ACTIVE_SINCE]: since, ...addedMarks(winner), ...cleared }),
    { op: 'add', path: labelPath(PIN), value: winner.pod.uid },
    { op: 'add', path: labelPath(roleLabel), value: 'active' },
  ]
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
