/**
 * Tells where a role comes from. A role that a pod was created with comes from a pod template, and a controller may
 * select by it. If such a role is moved, the controller releases the pod and creates another one, pass after pass. So
 * the group is left untouched.
 *
 * One exception: if a handover has made a pod active, and a template then creates a second active pod, that second pod is
 * made passive, once, because two active pods are worse. The error is reported all the same. If the pod becomes active
 * again, or loses its owner, nothing more is written.
 *
 * A pod whose own manifest holds the role (created by a person, or from a backup) comes from no template. Its role is
 * accepted, with a warning.
 */

import { TAKEN_BACK } from '../kube/keys.js'
import { CONTROLLER_MANAGER, isOrphan, workloadOf } from '../kube/pods.js'
import { FIELD_MANAGER, type Pod } from '../kube/port.js'
import type { Fault } from '../util/errors.js'
import { creatorOf, isCopy, type Member } from './members.js'

export interface Origin {
  /** Why nothing may be written. */
  readonly fault?: Fault
  /** Faults that are reported as errors, whatever is decided. */
  readonly alarms: readonly Fault[]
  readonly warnings: readonly string[]
}

/** Where the roles of a group's pods come from, and the consequences. */
export function originOf(members: readonly Member[], roleLabel: string): Origin {
  // A terminating pod is left out: its controller has given it up, as has anybody who has removed the role from the
  // template.
  const born = members.filter(({ pod }) => isBornWithRole(pod, roleLabel) && !pod.terminating)
  const templated = born.filter(({ pod }) => isTemplated(pod, roleLabel))
  const resisted = takingBackFailed(members, roleLabel) ?? letGo(members, roleLabel)
  if (resisted) return { fault: resisted, alarms: [], warnings: [] }

  const several = severalToTakeBack(members, templated, roleLabel)
  if (several) return { fault: several, alarms: [], warnings: [] }

  const isMade = ({ pod, role, epoch }: Member) => role === 'active' && epoch > 0 && !pod.terminating
  const made = members.find((member) => isMade(member) && !born.includes(member))
  const seconds = made ? templated.filter(({ role }) => role === 'active') : []
  const orphan = members.find(({ pod, epoch }) => epoch > 0 && isOrphan(pod))
  if (templated.length > 0 && (orphan || seconds.length === 0)) {
    return { fault: roleInTemplate(templated, roleLabel, orphan), alarms: [], warnings: [] }
  }
  const unmade = severalActives(members, roleLabel)
  if (unmade) return { fault: unmade, alarms: [], warnings: [] }
  const byHand = born.filter((member) => !templated.includes(member))
  return {
    alarms: seconds.length > 0 ? [roleInTemplate(seconds, roleLabel)] : [],
    warnings: [
      ...byHand.flatMap(({ pod }) => noteOnManifest(pod, roleLabel) ?? []),
      ...members.flatMap((member) => noteOnOwner(member) ?? []),
    ],
  }
}

/**
 * Whether the pod was created with its role: the creator of its spec still owns the label, so nobody else has changed
 * it.
 */
export function isBornWithRole(pod: Pod, roleLabel: string): boolean {
  return roleLabel in pod.labels && (creatorOf(pod)?.labels.includes(roleLabel) ?? false)
}

/**
 * Whether a controller created the pod with its role, and so may select by it. A controller sets the owner when it
 * creates a pod; one that adopts a pod does so later.
 */
export function isTemplated(pod: Pod, roleLabel: string): boolean {
  const creator = creatorOf(pod)
  return isBornWithRole(pod, roleLabel) && (creator?.owns === true || creator?.manager === CONTROLLER_MANAGER)
}

function roleInTemplate(pods: readonly Member[], roleLabel: string, orphan?: Member): Fault {
  const [first] = pods
  const roles = pods.map(({ pod, role }) => `pod ${pod.name} with ${roleLabel}=${role} by ${makerOf(pod)}`)
  const makers = [...new Set(pods.map(({ pod }) => makerOf(pod)))]
  return {
    code: 'role-in-template',
    object: `${pods.length > 1 ? 'pods' : 'pod'} ${pods.map(({ pod }) => pod.name).join(', ')} in namespace ${first?.pod.namespace}`,
    message: `created with a role that is not ours to move: ${roles.join('; ')}${
      orphan ? `. Pod ${orphan.pod.name} has lost its owner already, so that nothing is written any more` : ''
    }`,
    remedy: `Take ${roleLabel} out of the pod template (and the selector) of ${makers.join(', ')}, or out of the webhook that adds it, and create the pods anew, or name another label by --role-label.`,
  }
}

function makerOf(pod: Pod): string {
  return workloadOf(pod)?.replace('/', ' ') ?? 'a controller that has let go of it'
}

/**
 * The fault of a pod that was created active and made passive, and that is active again by another manager, or without
 * its owner.
 */
function takingBackFailed(members: readonly Member[], roleLabel: string): Fault | undefined {
  for (const { pod, role } of members) {
    const owner = ownerWhenTakenBack(pod)
    if (owner === undefined) continue
    const sibling = members.find((other) => other.pod.owner?.uid === owner)?.pod
    const isFreed = sibling !== undefined && isRelabelled(pod, sibling, roleLabel)
    const isLost = owner !== '' && pod.owner?.uid !== owner && !isFreed
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

/**
 * The fault of a pod that we have labelled and its controller has released. The controller has other pods, and would
 * adopt this one if it still selected it: its selector depends on the role, if only on its absence. It makes another
 * pod for each that is labelled.
 */
function letGo(members: readonly Member[], roleLabel: string): Fault | undefined {
  for (const { pod, pin, notedOwner } of members) {
    if (pin !== 'own' || !notedOwner || pod.owner || pod.terminating) continue
    const [uid, workload] = notedOwner
    const sibling = members.find((one) => one.pod.owner?.uid === uid || workloadOf(one.pod) === workload)?.pod
    if (!sibling || isRelabelled(pod, sibling, roleLabel)) continue
    return {
      code: 'role-in-template',
      object: `pod ${pod.namespace}/${pod.name}`,
      message: `${makerOf(sibling)} has let go of it since it is labelled ${roleLabel}=${pod.labels[roleLabel]}: its selector depends on ${roleLabel}. Nothing is written any more`,
      remedy: `Take ${roleLabel} out of the selector of ${makerOf(sibling)}, then delete the pod: kubectl delete pod ${pod.name} -n ${pod.namespace}`,
    }
  }
  return undefined
}

/** The controller may have left the pod on purpose, or may be unable to make another one under its name. */
function noteOnOwner({ pod, notedOwner }: Member): string | undefined {
  if (!notedOwner || pod.owner) return undefined
  return `pod ${pod.name}: it belonged to ${notedOwner[1].replace('/', ' ')} when it was labelled, and belongs to nobody now: if that was not on purpose, look whether a selector depends on the role`
}

/** The uid of the pod's controller when the pod was made passive; empty: it had none. `undefined`: it never was. */
function ownerWhenTakenBack(pod: Pod): string | undefined {
  const isOwn = !isCopy(pod) && !creatorOf(pod)?.annotations.includes(TAKEN_BACK)
  return isOwn ? pod.annotations?.[TAKEN_BACK] : undefined
}

/**
 * The fault of several pods that would have to be made passive. Only one is, and no other while that one exists:
 * whether the controller selects by the role shows only after its next look, and it makes one pod for each that it
 * releases.
 */
function severalToTakeBack(
  members: readonly Member[],
  templated: readonly Member[],
  roleLabel: string,
): Fault | undefined {
  const actives = templated.filter(({ role }) => role === 'active')
  const taken = members.filter(({ pod }) => Boolean(ownerWhenTakenBack(pod)))
  if (actives.length === 0 || actives.length + taken.length < 2) return undefined
  const fault = roleInTemplate(actives, roleLabel)
  const before =
    taken.length > 0 ? `. One was made passive before (${taken.map(({ pod }) => pod.name).join(', ')})` : ''
  return {
    ...fault,
    message: `${fault.message}${before}. At most one is made passive: a controller may make another for each`,
  }
}

/** Whether somebody has removed a label that the controller gave the pod, as one does to examine a pod. */
function isRelabelled(pod: Pod, sibling: Pod, roleLabel: string): boolean {
  const [given, left] = [creatorOf(sibling)?.labels ?? [], creatorOf(pod)?.labels]
  return left !== undefined && given.some((label) => label !== roleLabel && !left.includes(label))
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

/**
 * The field managers of tools that apply manifests; kubectl has one for each of its commands. For other clients it is
 * unknown which pods they created and which they labelled.
 */
const APPLIES = /^(kubectl|helm|argocd|kustomize-controller|helm-controller|Terraform|pulumi)/

function noteOnManifest(pod: Pod, roleLabel: string): string | undefined {
  const manager = creatorOf(pod)?.manager ?? ''
  const role = `${roleLabel}=${pod.labels[roleLabel]}`
  if (isCopy(pod)) {
    return `pod ${pod.name}: created with ${role} and the marks of another pod, as a copy or from a backup: the marks do not count`
  }
  if (!APPLIES.test(manager)) return undefined
  return `pod ${pod.name}: created with ${role} (by ${manager}): to apply its manifest again moves the role. Take ${roleLabel} out of the manifest`
}
