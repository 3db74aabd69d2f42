/**
 * Whose label is it? A role that a pod was born with comes from a pod template, and a controller may select by it: moving
 * it makes the controller let go of the pod and create another one, pass after pass. So such a group is left untouched.
 *
 * One exception: beside an active pod that earlier swaps have made, one other comes up active by its template. It is
 * made passive, once, because two actives are worse, and reported as the same error. When that does not hold, or costs
 * the pod its owner, nothing is written any more.
 *
 * A pod whose own manifest holds the role (created by a person, or from a backup) belongs to no template. Its role is
 * taken for what it is, with a warning.
 */
import type { Fault } from './errors.js'
import { TAKEN_BACK } from './keys.js'
import { FIELD_MANAGER, type Pod } from './kube/port.js'
import { creatorOf, isCopy, type Member } from './members.js'
import { isOrphan, workloadOf } from './pods.js'

export interface Origin {
  /** Why nothing may be written. */
  readonly fault?: Fault
  /** To be reported as errors, whatever is decided. */
  readonly alarms: readonly Fault[]
  readonly warnings: readonly string[]
}

/** Where the roles of a group's pods come from, and what follows from it. */
export function originOf(members: readonly Member[], roleLabel: string): Origin {
  const born = members.filter(({ pod }) => isBornWithRole(pod, roleLabel))
  const templated = born.filter(({ pod }) => isTemplated(pod, roleLabel))
  const byHand = born.filter((member) => !templated.includes(member))
  const resisted = takingBackFailed(members, roleLabel)
  if (resisted) return { fault: resisted, alarms: [], warnings: [] }

  const isMade = ({ pod, role, epoch }: Member) => role === 'active' && epoch > 0 && !pod.terminating
  const made = members.find((member) => isMade(member) && !born.includes(member))
  const second = made ? born.find(({ role }) => role === 'active') : undefined
  const orphan = members.find(({ pod, epoch }) => epoch > 0 && isOrphan(pod))
  // Whatever is taken from two of them at once may make their controller create two others.
  const isOnlyOne = templated.filter(({ role }) => role === 'active').length === 1
  if (templated.length > 0 && (orphan || !second || !isOnlyOne)) {
    return { fault: roleInTemplate(templated, roleLabel, orphan), alarms: [], warnings: [] }
  }
  const several = severalActives(members, roleLabel)
  if (several) return { fault: several, alarms: [], warnings: [] }
  return {
    alarms: second
      ? [
          roleInTemplate(
            born.filter(({ role }) => role === 'active'),
            roleLabel,
          ),
        ]
      : [],
    warnings: second ? [] : byHand.map(({ pod }) => noteOnManifest(pod, roleLabel)),
  }
}

/** Whoever created its spec has set the role as well, and nobody has changed it since. */
export function isBornWithRole(pod: Pod, roleLabel: string): boolean {
  return roleLabel in pod.labels && (creatorOf(pod)?.labels.includes(roleLabel) ?? false)
}

/** Born with a role, and not by a manifest of its own: whoever keeps it may select by the role. */
export function isTemplated(pod: Pod, roleLabel: string): boolean {
  return isBornWithRole(pod, roleLabel) && (creatorOf(pod)?.owns === true || isOrphan(pod))
}

function roleInTemplate(pods: readonly Member[], roleLabel: string, orphan?: Member): Fault {
  const [first] = pods
  const roles = pods.map(({ pod, role }) => `pod ${pod.name} with ${roleLabel}=${role} by ${makerOf(pod)}`)
  const workloads = [...new Set(pods.flatMap(({ pod }) => workloadOf(pod)?.replace('/', ' ') ?? []))]
  const source =
    workloads.length > 0 ? `the pod template (and the selector) of ${workloads.join(', ')}` : 'their manifest'
  return {
    code: 'role-in-template',
    object: `${pods.length > 1 ? 'pods' : 'pod'} ${pods.map(({ pod }) => pod.name).join(', ')} in namespace ${first?.pod.namespace}`,
    message: `created with a role that is not ours to move: ${roles.join('; ')}${
      orphan ? `. Pod ${orphan.pod.name} has lost its owner already, so that nothing is written any more` : ''
    }`,
    remedy: `Take ${roleLabel} out of ${source} and create the pods anew, or name another label by --role-label.`,
  }
}

function makerOf(pod: Pod): string {
  return workloadOf(pod)?.replace('/', ' ') ?? `${creatorOf(pod)?.manager || 'its creator'}, and without an owner`
}

/** A pod that was born active and made passive is active again by somebody else's hand, or has lost its owner by it. */
function takingBackFailed(members: readonly Member[], roleLabel: string): Fault | undefined {
  for (const { pod, role } of members) {
    const owner = isCopy(pod) ? undefined : pod.annotations?.[TAKEN_BACK]
    if (owner === undefined || creatorOf(pod)?.annotations.includes(TAKEN_BACK)) continue
    const isLost = owner !== '' && pod.owner?.uid !== owner
    const writer = pod.writers?.find(({ labels }) => labels.includes(roleLabel))?.manager
    const isReturned = role === 'active' && writer !== undefined && writer !== FIELD_MANAGER
    if (!isLost && !isReturned) continue
    const what = isLost
      ? 'was made passive, and has lost its owner by it: its controller selects by the role'
      : `was created as active and made passive, and ${writer} has made it active again`
    return {
      code: 'role-in-template',
      object: `pod ${pod.namespace}/${pod.name}`,
      message: `it ${what}. Nothing is written any more`,
      remedy: `Take ${roleLabel} out of the template and the selector that the pod comes from, then delete it: kubectl delete pod ${pod.name} -n ${pod.namespace}`,
    }
  }
  return undefined
}

function severalActives(members: readonly Member[], roleLabel: string): Fault | undefined {
  const actives = members.filter(({ role }) => role === 'active')
  if (actives.length < 2 || actives.some(({ epoch }) => epoch > 0)) return undefined
  return {
    code: 'role-in-template',
    object: `pods ${actives.map(({ pod }) => pod.name).join(', ')} in namespace ${actives[0]?.pod.namespace}`,
    message: `all of them are labelled ${roleLabel}=active, and none by this program: the label is probably in their pod template`,
    remedy: `Take ${roleLabel} out of the pod template's labels; if it was set by hand: kubectl label pod NAME ${roleLabel}- for all but one.`,
  }
}

function noteOnManifest(pod: Pod, roleLabel: string): string {
  const role = `${roleLabel}=${pod.labels[roleLabel]}`
  if (isCopy(pod))
    return `pod ${pod.name}: created with ${role} and the marks of another pod, as a copy or from a backup: the marks do not count`
  return `pod ${pod.name}: created with ${role} by ${creatorOf(pod)?.manager || 'its creator'}: to apply its manifest again moves the role. Take ${roleLabel} out of the manifest`
}
