/** One snapshot of Services and pods -> groups. Pure. Whatever users or attackers wrote is read with care here. */
import { closest } from './closest.js'
import type { Fault } from './errors.js'
import { groupKey } from './group-key.js'
import { EPOCH, PIN } from './keys.js'
import type { Pod, Service } from './kube/port.js'
import { listsBy } from './lists-by.js'
import { isMember, type Member, ownEpoch, readEpoch, readMember } from './members.js'
import { compareNames } from './names.js'
import { originOf } from './origin.js'
import { isLive } from './pods.js'
import { neighboursOf, whyNotManaged } from './services.js'

export { groupKey } from './group-key.js'

/** The Services that share a selector once the role is taken out of it. */
export interface GroupServices {
  readonly namespace: string
  /** Sorted by name; never empty. */
  readonly services: readonly Service[]
  /** The selector without the role and the pin. */
  readonly selector: Readonly<Record<string, string>>
}

export interface Group extends GroupServices {
  /** Sorted by name, numbers in names compared as numbers. */
  readonly members: readonly Member[]
  /** Live pods whose role is neither active nor passive: the application's own business. */
  readonly strangers: readonly Pod[]
  /** Pods that have Failed or Succeeded. They are no members: they have no say, and cost nothing. */
  readonly ended: readonly Pod[]
  readonly warnings: readonly string[]
  /** What is wrong, and yet no reason to leave the group untouched. */
  readonly alarms: readonly Fault[]
  /** Why the group is left untouched. */
  readonly fault?: Fault
}

/** `namespace/service,service`. */
export function groupName({ namespace, services }: GroupServices): string {
  return `${namespace}/${services.map(({ name }) => name).join(',')}`
}

/**
 * Finds the managed Services and groups them. A claimed Service is managed whatever else it says.
 * @param services all of their namespaces @param optIn see `neighboursOf`
 */
export function groupServices(
  services: readonly Service[],
  roleLabel: string,
  optIn = false,
): readonly GroupServices[] {
  const groups = new Map<string, GroupServices & { services: Service[] }>()
  const neighbours = neighboursOf(services, roleLabel, optIn)
  for (const service of [...services].sort((a, b) => compareNames(a.name, b.name))) {
    if (whyNotManaged(service, roleLabel, neighbours)) continue
    const { [roleLabel]: _role, [PIN]: _pin, ...selector } = service.selector
    const key = groupKey(service.namespace, selector)
    const group = groups.get(key)
    if (group) group.services.push(service)
    else groups.set(key, { namespace: service.namespace, selector, services: [service] })
  }
  return [...groups.values()]
}

/**
 * Gives the groups their pods and refuses those that must be left untouched.
 * @param groups the groups to serve
 * @param everyGroup all groups of these namespaces, served or not: a pod must not be in two of them
 */
export function populate(
  groups: readonly GroupServices[],
  everyGroup: readonly GroupServices[],
  pods: readonly Pod[],
  roleLabel: string,
): readonly Group[] {
  const alive = byNamespace(pods.filter(isLive).sort((a, b) => compareNames(a.name, b.name)))
  const over = byNamespace(pods.filter((pod) => !isLive(pod)))
  return groups.map((group) => {
    const none = { members: [], strangers: [], ended: [], warnings: [], alarms: [] }
    if (isTooWide(group)) return { ...group, ...none, fault: selectorTooWide(group, roleLabel) }
    const live = (alive.get(group.namespace) ?? []).filter((pod) => selects(group, pod))
    const ended = (over.get(group.namespace) ?? []).filter((pod) => selects(group, pod))
    const members = live.filter((pod) => isMember(pod, roleLabel)).map((pod) => readMember(pod, roleLabel))
    const strangers = live.filter((pod) => !isMember(pod, roleLabel))
    const origin = originOf(members, roleLabel)
    const warnings = [...leftOut(strangers, roleLabel), ...senselessEpochs(members), ...origin.warnings]
    const overlapping = overlap(group, everyGroup, live)
    if (overlapping) return { ...group, ...none, warnings, fault: overlapping }
    const fault = origin.fault ?? noMember(group, { members, strangers, ended }, roleLabel)
    return { ...group, members, strangers, ended, warnings, alarms: origin.alarms, ...(fault ? { fault } : {}) }
  })
}

function byNamespace(pods: readonly Pod[]): ReadonlyMap<string, readonly Pod[]> {
  return listsBy(pods, ({ namespace }) => namespace)
}

/** A pod that has ended and still has the role; of several the one of the newest swap. */
export function endedActive({ ended }: Pick<Group, 'ended'>, roleLabel: string): Pod | undefined {
  const actives = ended.filter(({ labels }) => labels[roleLabel] === 'active')
  return actives.sort((a, b) => ownEpoch(b) - ownEpoch(a) || compareNames(a.name, b.name))[0]
}

/** It would be the whole namespace. */
function isTooWide({ selector }: GroupServices): boolean {
  return Object.keys(selector).length === 0
}

/** Whether it is one of the group's pods. */
export function selects({ namespace, selector }: GroupServices, pod: Pod): boolean {
  return pod.namespace === namespace && Object.entries(selector).every(([key, value]) => pod.labels[key] === value)
}

function selectorTooWide(group: GroupServices, roleLabel: string): Fault {
  return {
    code: 'selector-too-wide',
    object: `service ${groupName(group)}`,
    message: `its selector holds nothing but ${roleLabel}, so that every pod of the namespace would be in its group`,
    remedy: 'Add the labels of its pods to the selector, for instance app: NAME.',
  }
}

function overlap(group: GroupServices, everyGroup: readonly GroupServices[], pods: readonly Pod[]): Fault | undefined {
  // A group that is refused for its width takes no pod: its neighbours go on.
  const rivals = everyGroup.filter((other) => other.selector !== group.selector && !isTooWide(other))
  for (const pod of pods) {
    const others = rivals.filter((other) => selects(other, pod))
    if (others.length === 0) continue
    return {
      code: 'overlap',
      object: `pod ${pod.namespace}/${pod.name}`,
      message: `it is selected by ${[group, ...others]
        .map((g) => `service ${groupName(g)}`)
        .sort()
        .join(' and by ')}, whose selectors differ in more than the role`,
      remedy: 'Give these Services the same selector, or selectors that share no pod.',
    }
  }
  return undefined
}

/** Pods are there, and none that could be active. Without any pod, the group is scaled to zero. */
function noMember(
  group: GroupServices,
  { members, strangers, ended }: Pick<Group, 'members' | 'strangers' | 'ended'>,
  roleLabel: string,
): Fault | undefined {
  if (members.length > 0) return undefined
  const [stranger] = strangers
  if (stranger) {
    const roles = [...new Set(strangers.map(({ labels }) => `${roleLabel}=${labels[roleLabel]}`))]
    return {
      code: 'foreign-role',
      object: `service ${groupName(group)}`,
      message: `it has no active pod, and none can be made active: the label ${roleLabel} of its pods (${listed(strangers)}) says ${listed(roles)}, which is not ours to change`,
      remedy: `Name another label, in the selector of the Service too: --role-label=active-role and active-role: active. Or take ${roleLabel} off the pods.`,
    }
  }
  // What a controller leaves behind is replaced by it as long as it has not been scaled to zero.
  const alone = ended.filter(({ owner }) => owner === undefined).sort((a, b) => compareNames(a.name, b.name))
  if (alone.length === 0) return undefined
  return {
    code: 'all-ended',
    object: `service ${groupName(group)}`,
    message: `it has no active pod: all of its pods have ended, and no controller makes others (${listed(alone.map(({ name, phase }) => `${name} is ${phase}`))})`,
    remedy: 'Create the pods anew, best by a StatefulSet or a Deployment, which replaces those that end.',
  }
}

function listed(things: readonly (string | Pod)[]): string {
  const names = things.slice(0, LISTED).map((one) => (typeof one === 'string' ? one : one.name))
  return `${names.join(', ')}${things.length > LISTED ? `, and ${things.length - LISTED} more` : ''}`
}

/** Of what may be thousands. */
const LISTED = 5

/** One line for all pods that have the same role. */
function leftOut(strangers: readonly Pod[], roleLabel: string): string[] {
  const byRole = listsBy(strangers, ({ labels }) => labels[roleLabel] ?? '')
  return [...byRole].map(([role, pods]) => {
    const meant = closest(role.slice(0, 63), ['active', 'passive'])
    const hint = meant ? `; did you mean ${meant}?` : ''
    const who = `${pods.length > 1 ? 'pods' : 'pod'} ${listed(pods)}`
    return `${who}: ${roleLabel}=${JSON.stringify(role)} is neither active nor passive: left out of the group${hint}`
  })
}

function senselessEpochs(members: readonly Member[]): string[] {
  return members
    .filter(({ pod }) => pod.annotations?.[EPOCH] !== undefined && readEpoch(pod.annotations[EPOCH]) === undefined)
    .map(
      ({ pod }) =>
        `pod ${pod.name}: annotation ${EPOCH}=${JSON.stringify(pod.annotations?.[EPOCH]?.slice(0, 40))} is not a whole number that can be counted up: taken for 0`,
    )
}
