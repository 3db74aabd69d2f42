/** One snapshot of Services and pods -> groups. Pure. Whatever users or attackers wrote is read with care here. */
import type { Fault } from './errors.js'
import type { Count } from './health/count.js'
import { ACTIVE_SINCE, EPOCH, FAILED_AT, FAILURES, HEALTHY_SINCE, MANAGED, PIN } from './keys.js'
import type { Pod, Service } from './kube/port.js'
import { isClaimed } from './latch.js'
import { compareNames } from './names.js'

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
  readonly warnings: readonly string[]
  readonly fault?: Fault
}

/** A pod of a group, with our marks on it interpreted. */
export interface Member extends Count {
  readonly pod: Pod
  readonly role: 'active' | 'passive'
  /** Whether the pod carries the role label at all. */
  readonly labelled: boolean
  /** 0 when absent or no safe integer. */
  readonly epoch: number
  readonly healthySinceMs: number | undefined
  readonly activeSinceMs: number | undefined
  /** Whether the pod carries the label that a latch selects it by. */
  readonly pinned: boolean
}

/** `namespace/service,service`. */
export function groupName({ namespace, services }: GroupServices): string {
  return `${namespace}/${services.map(({ name }) => name).join(',')}`
}

/** Finds the managed Services and groups them. A claimed Service is managed whatever else it says. */
export function groupServices(services: readonly Service[], roleLabel: string): readonly GroupServices[] {
  const groups = new Map<string, GroupServices & { services: Service[] }>()
  for (const service of [...services].sort((a, b) => compareNames(a.name, b.name))) {
    const ours = service.selector[roleLabel] === 'active' && service.annotations[MANAGED] !== 'false'
    if (!ours && !isClaimed(service)) continue
    const { [roleLabel]: _role, [PIN]: _pin, ...selector } = service.selector
    const key = groupKey(service.namespace, selector)
    const group = groups.get(key)
    if (group) group.services.push(service)
    else groups.set(key, { namespace: service.namespace, selector, services: [service] })
  }
  return [...groups.values()]
}

/** Tells two groups apart, and finds the same one again in a later snapshot. */
export function groupKey(namespace: string, selector: Readonly<Record<string, string>>): string {
  return JSON.stringify([namespace, Object.entries(selector).sort(([a], [b]) => (a < b ? -1 : 1))])
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
  const sorted = [...pods].sort((a, b) => compareNames(a.name, b.name))
  return groups.map((group) => {
    if (isTooWide(group)) return { ...group, members: [], warnings: [], fault: selectorTooWide(group, roleLabel) }
    const selected = sorted.filter((pod) => selects(group, pod))
    const members = selected.filter((pod) => isMember(pod, roleLabel)).map((pod) => readMember(pod, roleLabel))
    const warnings = [...strangers(selected, roleLabel), ...senselessEpochs(members)]
    const fault = overlap(group, everyGroup, selected) ?? roleInTemplate(selected, roleLabel)
    return fault ? { ...group, members: [], warnings, fault } : { ...group, members, warnings }
  })
}

/** It would be the whole namespace. */
function isTooWide({ selector }: GroupServices): boolean {
  return Object.keys(selector).length === 0
}

/** Whether it is one of the group's pods. */
export function selects({ namespace, selector }: GroupServices, pod: Pod): boolean {
  return pod.namespace === namespace && Object.entries(selector).every(([key, value]) => pod.labels[key] === value)
}

function isMember(pod: Pod, roleLabel: string): boolean {
  const role = pod.labels[roleLabel]
  return role === undefined || role === 'active' || role === 'passive'
}

function readMember(pod: Pod, roleLabel: string): Member {
  const { annotations = {} } = pod
  return {
    pod,
    role: pod.labels[roleLabel] === 'active' ? 'active' : 'passive',
    labelled: roleLabel in pod.labels,
    epoch: readEpoch(annotations[EPOCH]) ?? 0,
    failures: /^\d{1,9}$/.test(annotations[FAILURES] ?? '') ? Number(annotations[FAILURES]) : 0,
    failedAtMs: readTime(annotations[FAILED_AT]),
    healthySinceMs: readTime(annotations[HEALTHY_SINCE]),
    activeSinceMs: readTime(annotations[ACTIVE_SINCE]),
    pinned: pod.labels[PIN] === pod.uid,
  }
}

/** A whole number whose successor is a safe integer too: the next swap writes that one. */
function readEpoch(raw: string | undefined): number | undefined {
  const epoch = /^\d{1,16}$/.test(raw ?? '') ? Number(raw) : Number.NaN
  return Number.isSafeInteger(epoch + 1) ? epoch : undefined
}

function readTime(raw: string | undefined): number | undefined {
  const ms = Date.parse(raw ?? '')
  return Number.isNaN(ms) ? undefined : ms
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

function roleInTemplate(pods: readonly Pod[], roleLabel: string): Fault | undefined {
  const actives = pods.filter((pod) => pod.labels[roleLabel] === 'active')
  if (actives.length < 2 || actives.some((pod) => (readEpoch(pod.annotations?.[EPOCH]) ?? 0) > 0)) return undefined
  return {
    code: 'role-in-template',
    object: `pods ${actives.map(({ name }) => name).join(', ')} in namespace ${actives[0]?.namespace}`,
    message: `all of them are labelled ${roleLabel}=active, and none by this program: the label is probably in their pod template`,
    remedy: `Take ${roleLabel} out of the pod template's labels; if it was set by hand: kubectl label pod NAME ${roleLabel}- for all but one.`,
  }
}

function strangers(pods: readonly Pod[], roleLabel: string): string[] {
  return pods
    .filter((pod) => !isMember(pod, roleLabel))
    .map(
      (pod) =>
        `pod ${pod.name}: ${roleLabel}=${JSON.stringify(pod.labels[roleLabel])} is neither active nor passive: left out of the group`,
    )
}

function senselessEpochs(members: readonly Member[]): string[] {
  return members
    .filter(({ pod }) => pod.annotations?.[EPOCH] !== undefined && readEpoch(pod.annotations[EPOCH]) === undefined)
    .map(
      ({ pod }) =>
        `pod ${pod.name}: annotation ${EPOCH}=${JSON.stringify(pod.annotations?.[EPOCH]?.slice(0, 40))} is not a whole number that can be counted up: taken for 0`,
    )
}
