/** Makes groups of a snapshot of Services and pods. Pure. Users and attackers may have written anything in them. */

import type { Verdict } from '../health/judge.js'
import { EPOCH } from '../kube/keys.js'
import { isLive } from '../kube/pods.js'
import type { Pod, Service } from '../kube/port.js'
import { closest } from '../util/closest.js'
import { compareNames } from '../util/compare-names.js'
import { defectOf, fence } from '../util/defect.js'
import type { Fault } from '../util/errors.js'
import { listsBy } from '../util/lists-by.js'
import { groupKey } from './group-key.js'
import { LabelIndex, type Places } from './label-index.js'
import { isMember, type Member, ownEpoch, readEpoch, readMember } from './members.js'
import { originOf } from './role-origin.js'
import { commonSelector, neighboursOf, whyNotManaged } from './services.js'

export { groupKey } from './group-key.js'

/** The Services with the same selector, apart from the role. */
export interface GroupServices {
  readonly namespace: string
  /** Sorted by name; never empty. */
  readonly services: readonly Service[]
  /** The selector without the role and the pin. */
  readonly selector: Readonly<Record<string, string>>
}

/** A pod of a group, with its verdict in this pass. */
export interface Judged extends Member {
  readonly verdict: Verdict
}

export interface Group extends GroupServices {
  /** Sorted by name, numbers in names compared as numbers. */
  readonly members: readonly Member[]
  /** Live pods whose role is neither active nor passive: the application uses the label itself. */
  readonly strangers: readonly Pod[]
  /** Pods that have Failed or Succeeded. They are no members: they influence no decision, and cost nothing. */
  readonly ended: readonly Pod[]
  readonly warnings: readonly string[]
  /** Faults that do not leave the group untouched. */
  readonly alarms: readonly Fault[]
  /** Why the group is left untouched. */
  readonly fault?: Fault
}

/** A group in messages: `namespace/service,service`. */
export function groupName({ namespace, services }: GroupServices): string {
  return `${namespace}/${services.map(({ name }) => name).join(',')}`
}

/**
 * Finds the managed Services and groups them. A claimed Service is managed whatever else it says.
 * @param services all Services of their namespaces
 * @param optIn see `neighboursOf`
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
    const selector = commonSelector(service, roleLabel)
    const key = groupKey(service.namespace, selector)
    const group = groups.get(key)
    if (group) group.services.push(service)
    else groups.set(key, { namespace: service.namespace, selector, services: [service] })
  }
  return [...groups.values()]
}

/**
 * Gives the groups their pods, and faults to those that must be left untouched.
 * @param groups the served groups
 * @param everyGroup all groups of these namespaces, served or not: a pod must not be in two of them
 */
export function assignPods(
  groups: readonly GroupServices[],
  everyGroup: readonly GroupServices[],
  pods: readonly Pod[],
  roleLabel: string,
): readonly Group[] {
  const found = new Map<GroupServices, Found>()
  const served = new Set(groups.map(({ selector }) => selector))
  const everyOne = [...groups, ...everyGroup.filter(({ selector }) => !served.has(selector))]
  const inOrder = listsBy(
    [...pods].sort((a, b) => compareNames(a.name, b.name)),
    ({ namespace }) => namespace,
  )
  const rivals = new Set(everyGroup.map(({ selector }) => selector))
  for (const [namespace, own] of listsBy(everyOne, (group) => group.namespace)) {
    const its = podsByGroup(own, new Set(groups), rivals, inOrder.get(namespace) ?? [])
    for (const [group, pods] of its) found.set(group, pods)
  }
  return groups.map((group) =>
    fence(
      () => withPods(group, found.get(group), roleLabel),
      (error) => ({ ...group, ...NO_PODS, fault: { ...defectOf(error), object: `group ${groupName(group)}` } }),
    ),
  )
}

const NO_PODS = { members: [], strangers: [], ended: [], warnings: [], alarms: [] }

function withPods(group: GroupServices, found: Found | undefined, roleLabel: string): Group {
  const unread = unreadIn(group, found)
  if (unread) return { ...group, ...NO_PODS, fault: unread }
  if (isTooWide(group)) return { ...group, ...NO_PODS, fault: selectorTooWide(group, roleLabel) }
  const { live, ended, overlap } = found ?? { live: [], ended: [] }
  if (overlap) return { ...group, ...NO_PODS, fault: overlap }
  const members = live.filter((pod) => isMember(pod, roleLabel)).map((pod) => readMember(pod, roleLabel))
  const strangers = live.filter((pod) => !isMember(pod, roleLabel))
  const origin = originOf(members, roleLabel)
  const warnings = [...leftOut(strangers, roleLabel), ...senselessEpochs(members), ...origin.warnings]
  const fault = origin.fault ?? noMember(group, { members, strangers, ended }, roleLabel)
  return { ...group, members, strangers, ended, warnings, alarms: origin.alarms, ...(fault ? { fault } : {}) }
}

/** The fault of the first Service or live pod that could not be read. */
function unreadIn({ services }: GroupServices, { live = [] }: Partial<Found> = {}): Fault | undefined {
  const faultOf =
    (kind: string) =>
    ({ namespace, name, unread }: Service | Pod) =>
      unread !== undefined ? [unreadable(`${kind} ${namespace}/${name}`, unread)] : []
  return [...services.flatMap(faultOf('service')), ...live.flatMap(faultOf('pod'))][0]
}

function unreadable(object: string, error: unknown): Fault {
  const defect = defectOf(error)
  return { ...defect, object, message: `it cannot be read, and no pass moves the role of its group: ${defect.message}` }
}

/** The pods that a group selects, by name. None if a live pod is in another group too. */
interface Found {
  readonly live: readonly Pod[]
  readonly ended: readonly Pod[]
  readonly overlap?: Fault
}

/**
 * @param everyGroup all groups of this namespace
 * @param wanted the groups whose pods are needed
 * @param rivals the selectors of the groups that no other group may share a pod with
 * @param pods the pods of this namespace, sorted
 */
function podsByGroup(
  everyGroup: readonly GroupServices[],
  wanted: ReadonlySet<GroupServices>,
  rivals: ReadonlySet<GroupServices['selector']>,
  pods: readonly Pod[],
): ReadonlyMap<GroupServices, Found> {
  // A group that selects the whole namespace is refused and takes no pods. The other groups go on.
  const groups = everyGroup.filter((group) => !isTooWide(group))
  const selectors = groups.map(({ selector }) => selector)
  const alive = new LabelIndex(pods.filter(isLive), labelsOf, selectors)
  const over = new LabelIndex(
    pods.filter((pod) => !isLive(pod)),
    labelsOf,
    selectors,
  )
  const places = new Map(groups.map((group) => [group, alive.select(group.selector)]))
  const isRival = ({ selector }: GroupServices) => rivals.has(selector)
  const [once, twice] = sharedOf(
    alive,
    [...places].flatMap(([group, selected]) => (isRival(group) ? [selected] : [])),
  )
  const shares = endedOf(over, selectors)
  const overlaps = new Map<number, Fault>()
  const faultAt = (place: number): Fault => {
    const known = overlaps.get(place)
    if (known) return known
    const sharing = [...places].flatMap(([group, selected]) => (selected.has(place) && isRival(group) ? [group] : []))
    const fault = overlapOf(alive.at(place), sharing)
    overlaps.set(place, fault)
    return fault
  }
  return new Map(
    [...places].flatMap(([group, selected]) => {
      if (!wanted.has(group)) return []
      const shared = selected.firstOfBoth(isRival(group) ? twice : once)
      if (shared !== undefined) return [[group, { live: [], ended: [], overlap: faultAt(shared) }]]
      const live = selected.all().map((place) => alive.at(place))
      return [[group, { live, ended: shares(group.selector) }]]
    }),
  )
}

/** The places in at least one selection, and the places in several. */
function sharedOf(index: LabelIndex<Pod>, selections: Iterable<Places>): readonly [once: Places, twice: Places] {
  const [once, twice] = [index.none(), index.none()]
  for (const selected of selections) once.collect(selected, twice)
  return [once, twice]
}

/**
 * The most ended pods that are listed for every group that selects them. Further ones are listed only if a single group
 * selects them.
 */
const ENDED_LIMIT = 100_000

/**
 * Finds the ended pods of one group after another. If many groups select the same thousands of pods, only the first
 * groups list them.
 */
function endedOf(
  index: LabelIndex<Pod>,
  selectors: readonly GroupServices['selector'][],
): (selector: GroupServices['selector']) => readonly Pod[] {
  let room = ENDED_LIMIT
  let twice: Places | undefined
  return (selector) => {
    const selected = index.select(selector)
    if (room <= 0) {
      twice ??= sharedOf(
        index,
        selectors.map((one) => index.select(one)),
      )[1]
      selected.leave(twice)
    }
    const ended = selected.all().map((place) => index.at(place))
    room -= ended.length
    return ended
  }
}

const labelsOf = ({ labels }: Pod) => labels

/** A pod that has ended and still has the role; of several, the one of the newest handover. */
export function endedActive({ ended }: Pick<Group, 'ended'>, roleLabel: string): Pod | undefined {
  const actives = ended.filter(({ labels }) => labels[roleLabel] === 'active')
  return actives.sort((a, b) => ownEpoch(b) - ownEpoch(a) || compareNames(a.name, b.name))[0]
}

/** Whether the group would be the whole namespace. */
function isTooWide({ selector }: GroupServices): boolean {
  return Object.keys(selector).length === 0
}

/** Whether the group selects the pod. */
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

function overlapOf(pod: Pod, sharing: readonly GroupServices[]): Fault {
  const services = sharing.map((group) => `service ${groupName(group)}`).sort()
  const others = services.length - OVERLAPPING
  return {
    code: 'overlap',
    object: `pod ${pod.namespace}/${pod.name}`,
    message: `it is selected by ${services.slice(0, OVERLAPPING).join(' and by ')}${others > 0 ? ` and by ${others} more` : ''}, whose selectors differ in more than the role`,
    remedy: 'Give these Services the same selector, or selectors that share no pod.',
  }
}

/** The most groups that are named for one pod. */
const OVERLAPPING = 10

/** The fault of a group that has pods but no member. A group without any pod is scaled to zero, which is no fault. */
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
  // A controller replaces pods that have ended, unless it was scaled to zero.
  const alone = ended.filter(({ owner }) => owner === undefined)
  if (alone.length === 0) return undefined
  return {
    code: 'all-ended',
    object: `service ${groupName(group)}`,
    message: `it has no active pod: all of its pods have ended, and no controller makes others (${listed(alone, ({ name, phase }) => `${name} is ${phase}`)})`,
    remedy: 'Create the pods anew, best by a StatefulSet or a Deployment, which replaces those that end.',
  }
}

function listed<T extends string | Pod>(things: readonly T[], textOf: (one: T) => string = nameOf): string {
  const names = things.slice(0, LISTED).map(textOf)
  return `${names.join(', ')}${things.length > LISTED ? `, and ${things.length - LISTED} more` : ''}`
}

function nameOf(one: string | Pod): string {
  return typeof one === 'string' ? one : one.name
}

/** The most that are named. */
const LISTED = 5

/** One warning for all pods with the same role. */
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
