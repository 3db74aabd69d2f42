/** The Services and pods that the watches have shown, by group, and whether a group needs a pass. No I/O, no time. */

import { type GroupServices, groupKey, groupServices, selects } from '../../group/groups.js'
import { LabelIndex } from '../../group/label-index.js'
import { isMember } from '../../group/members.js'
import { isClaimed } from '../../group/services.js'
import { servingOf } from '../../health/serving.js'
import { CLAIM, PAUSE } from '../../kube/keys.js'
import { canServe, isLive, isOfJob } from '../../kube/pods.js'
import type { Pod, Service } from '../../kube/port.js'
import { type Filter, isInScope } from '../../pass/scope.js'
import { DEFAULT_SETTINGS, type Settings } from '../../settings/settings.js'
import { add, listsBy } from '../../util/lists-by.js'

/**
 * `unserved`: there is no active pod, or more than one, or it does not look as if it served. A swap that is under way
 * looks like that too. `claimed`: a pass has claimed a Service of the group.
 */
type Need = { readonly kind: 'none' | 'unserved' } | { readonly kind: 'claimed'; readonly token: string }

const NONE: Need = { kind: 'none' }

/**
 * Something has changed in a group, and the queue is told. `urgent`: its active pod stopped serving; or another pod
 * became able to take its place; or a pod is no more because of which no pass moved the role, as it could not be read. A
 * label that moves is not urgent, because a swap moves labels.
 */
export interface GroupEvent {
  readonly key: string
  readonly urgent: boolean
}

interface Watched extends GroupServices {
  readonly pods: Map<string, Pod>
  readonly serves: (pod: Pod) => boolean
}

/** Each namespace has an index of its own, so that a change in one costs the others nothing. */
interface NamespaceIndex {
  readonly services: Map<string, Service>
  readonly pods: Map<string, Pod>
  groups: Map<string, Watched>
  /** Groups by one entry of their selectors: the entry that the fewest groups have. It finds the groups of a pod. */
  byEntry: ReadonlyMap<string, readonly string[]>
  /** The groups of each pod, by its uid. */
  readonly keysOf: Map<string, Set<string>>
}

export class GroupCache {
  private readonly namespaces = new Map<string, NamespaceIndex>()
  private readonly namespaceOf = new Map<string, NamespaceIndex>()

  /**
   * @param only the groups that are served
   * @param optIn see `neighboursOf`
   * @param defaults the settings that the flags give
   */
  constructor(
    private readonly roleLabel: string,
    private readonly only: Filter = { services: [] },
    private readonly optIn = false,
    private readonly defaults: Settings = DEFAULT_SETTINGS,
  ) {}

  /** A list: a known Service that is not in it is gone. @param namespace the one that was listed; `undefined`: all */
  servicesListed(namespace: string | undefined, services: readonly Service[]): readonly GroupEvent[] {
    const listed = listsBy(services, (service) => service.namespace)
    return [...this.known(namespace, listed.keys())].flatMap(([name, index]) => {
      index.services.clear()
      for (const service of listed.get(name) ?? []) index.services.set(service.uid, service)
      return this.regroup(name, index)
    })
  }

  serviceChanged(service: Service): readonly GroupEvent[] {
    const index = this.at(service.namespace)
    const before = index.services.get(service.uid)
    index.services.set(service.uid, service)
    return before && isSame(before, service) ? [] : this.regroup(service.namespace, index, service)
  }

  serviceDeleted({ namespace, uid }: Service): readonly GroupEvent[] {
    const index = this.at(namespace)
    return index.services.delete(uid) ? this.regroup(namespace, index) : []
  }

  podsListed(namespace: string | undefined, pods: readonly Pod[]): readonly GroupEvent[] {
    const listed = new Set(pods.map(({ uid }) => uid))
    const before = [...this.known(namespace, [])].flatMap(([, index]) => [...index.pods.values()])
    const gone = before.filter(({ uid }) => !listed.has(uid))
    const here = [...listsBy(pods, (pod) => pod.namespace)].flatMap(([name, own]) => {
      const keys = keysOfAll(this.at(name), own)
      return own.flatMap((pod) => this.podIsIn(pod, keys.get(pod.uid) ?? new Set()))
    })
    return [...gone.flatMap((pod) => this.podDeleted(pod)), ...here]
  }

  podChanged(pod: Pod): readonly GroupEvent[] {
    return this.podIsIn(pod, keysNow(this.at(pod.namespace), pod))
  }

  private podIsIn(pod: Pod, keys: Set<string>): readonly GroupEvent[] {
    const index = this.at(pod.namespace)
    const before = index.pods.get(pod.uid)
    index.pods.set(pod.uid, pod)
    const keysBefore = index.keysOf.get(pod.uid) ?? NO_KEYS
    setKeys(index, pod, keys)
    const events: GroupEvent[] = []
    for (const key of new Set([...keysBefore, ...keys])) {
      const group = index.groups.get(key)
      if (!group) continue
      const [was, is] = [keysBefore.has(key), keys.has(key)]
      if (is) group.pods.set(pod.uid, pod)
      else group.pods.delete(pod.uid)
      const served = was && before !== undefined && group.serves(before)
      const gone = served && this.isActive(before) && !(is && group.serves(pod))
      const able = was && !served && is && group.serves(pod) && isMember(pod, this.roleLabel) && !isOfJob(pod)
      const freed = was && before !== undefined && isUnread(before) && !(is && isUnread(pod))
      const urgent = gone || able || freed
      if (urgent || before === undefined || this.differs(before, pod) || was !== is) events.push({ key, urgent })
    }
    return events
  }

  podDeleted({ namespace, uid }: Pod): readonly GroupEvent[] {
    const index = this.at(namespace)
    const before = index.pods.get(uid)
    const keys = index.keysOf.get(uid) ?? NO_KEYS
    index.pods.delete(uid)
    index.keysOf.delete(uid)
    this.forgetEmpty(namespace, index)
    if (!before) return []
    return [...keys].flatMap((key) => {
      const group = index.groups.get(key)
      return group?.pods.delete(uid) ? [{ key, urgent: isUnread(before) || this.isServing(group, before) }] : []
    })
  }

  /** `undefined` when the group is gone. */
  group(key: string): GroupServices | undefined {
    return this.namespaceOf.get(key)?.groups.get(key)
  }

  need(key: string): Need {
    const group = this.namespaceOf.get(key)?.groups.get(key)
    if (!group) return NONE
    const claim = group.services.find((service) => isClaimed(service, this.roleLabel))
    if (claim) return { kind: 'claimed', token: `${claim.uid} ${claim.annotations[CLAIM]}` }
    if (group.services.some(({ annotations }) => annotations[PAUSE] === 'true')) return NONE
    const pods = [...group.pods.values()].filter((pod) => isMember(pod, this.roleLabel))
    const actives = pods.filter((pod) => this.isActive(pod))
    const [active] = actives
    if (active && actives.length === 1 && this.isServing(group, active)) return NONE
    // A pass helps only if there is a pod that may take over.
    const canTakeOver = (pod: Pod) =>
      pod !== active && canServe(pod) && !isOfJob(pod) && (pod.ready || !active || !canServe(active))
    return actives.length > 1 || pods.some(canTakeOver) ? { kind: 'unserved' } : NONE
  }

  private regroup(namespace: string, index: NamespaceIndex, changed?: Service): readonly GroupEvent[] {
    const before = index.groups
    const groups = groupServices([...index.services.values()], this.roleLabel, this.optIn)
      .filter(({ selector }) => Object.keys(selector).length > 0) // every pass refuses a whole namespace
      .filter((group) => isInScope(this.only, group))
    const known = groups.map((group) => {
      const key = groupKey(namespace, group.selector)
      const pods = before.get(key)?.pods ?? new Map<string, Pod>()
      return [key, { ...group, pods, serves: servingOf(group.services, this.defaults) }] as const
    })
    index.groups = new Map(known)
    index.byEntry = keysByEntry(index.groups)
    this.assignPods(index, before)
    for (const key of before.keys()) this.namespaceOf.delete(key)
    for (const key of index.groups.keys()) this.namespaceOf.set(key, index)
    this.forgetEmpty(namespace, index)
    return [...index.groups].flatMap(([key, { services }]) => {
      const isChanged = changed === undefined || services.includes(changed) || !before.has(key)
      return isChanged ? [{ key, urgent: false }] : []
    })
  }

  /** Assigns pods to the groups that are new, and takes them from the groups that are gone. */
  private assignPods(index: NamespaceIndex, before: ReadonlyMap<string, Watched>): void {
    for (const [key, group] of before) {
      if (index.groups.has(key)) continue
      for (const uid of group.pods.keys()) index.keysOf.get(uid)?.delete(key)
    }
    const fresh = [...index.groups].filter(([key]) => !before.has(key))
    if (fresh.length === 0) return
    const pods = [...index.pods.values()]
    for (const [uid, keys] of keysOfAll({ ...index, groups: new Map(fresh) }, pods)) {
      const pod = index.pods.get(uid)
      if (!pod) continue
      const all = new Set([...(index.keysOf.get(uid) ?? []), ...keys].slice(0, MAX_GROUPS))
      for (const key of all) index.groups.get(key)?.pods.set(uid, pod)
      setKeys(index, pod, all)
    }
  }

  private at(namespace: string): NamespaceIndex {
    const known = this.namespaces.get(namespace)
    if (known) return known
    const index: NamespaceIndex = {
      ...{ services: new Map(), pods: new Map(), groups: new Map(), byEntry: new Map(), keysOf: new Map() },
    }
    this.namespaces.set(namespace, index)
    return index
  }

  /** Namespaces come and go for as long as the process lives, so an empty one is forgotten. */
  private forgetEmpty(namespace: string, { services, pods, groups }: NamespaceIndex): void {
    if (services.size + pods.size + groups.size === 0) this.namespaces.delete(namespace)
  }

  /** The namespaces that a list is about, those that it names included. */
  private known(namespace: string | undefined, named: Iterable<string>): ReadonlyMap<string, NamespaceIndex> {
    const names = namespace === undefined ? [...this.namespaces.keys(), ...named] : [namespace]
    return new Map([...new Set(names)].map((name) => [name, this.at(name)]))
  }

  private isActive({ labels }: Pod): boolean {
    return labels[this.roleLabel] === 'active'
  }

  private isServing({ serves }: Watched, pod: Pod): boolean {
    return this.isActive(pod) && serves(pod)
  }

  /** Whether a change of a pod may matter. Counts of failures, which passes write, and other conditions do not. */
  private differs(before: Pod, after: Pod): boolean {
    return (
      before.ready !== after.ready ||
      before.terminating !== after.terminating ||
      before.phase !== after.phase ||
      before.labels[this.roleLabel] !== after.labels[this.roleLabel]
    )
  }
}

/** Whether no pass moves the role of its group as long as the pod is as it is. */
function isUnread(pod: Pod): boolean {
  return pod.unread !== undefined && isLive(pod)
}

function isSame(one: Service, other: Service): boolean {
  return JSON.stringify({ ...one, resourceVersion: '' }) === JSON.stringify({ ...other, resourceVersion: '' })
}

const NO_KEYS: ReadonlySet<string> = new Set()

function setKeys({ keysOf }: NamespaceIndex, { uid }: Pod, keys: Set<string>): void {
  if (keys.size > 0) keysOf.set(uid, keys)
  else keysOf.delete(uid)
}

/**
 * The most groups that are noted for one pod. Every pass refuses all groups of a pod that is in several, so more need
 * not be known. Without the limit, a tenant could write thousands of selectors for each of thousands of pods.
 */
const MAX_GROUPS = 8

function keysNow({ groups, byEntry }: NamespaceIndex, pod: Pod): Set<string> {
  const keys = new Set<string>()
  for (const entry of Object.entries(pod.labels)) {
    for (const key of byEntry.get(entry.join(' ')) ?? []) {
      const group = groups.get(key)
      if (group && selects(group, pod)) keys.add(key)
      if (keys.size >= MAX_GROUPS) return keys
    }
  }
  return keys
}

/** The groups of many pods at once, by the uids of the pods. */
function keysOfAll({ groups }: Pick<NamespaceIndex, 'groups'>, pods: readonly Pod[]): ReadonlyMap<string, Set<string>> {
  const selectors = [...groups.values()].map(({ selector }) => selector)
  const index = new LabelIndex(pods, ({ labels }) => labels, selectors)
  const crowded = index.none()
  const found = new Map<string, Set<string>>()
  for (const [key, { selector }] of groups) {
    const selected = index.select(selector)
    selected.leave(crowded)
    for (const place of selected.all()) {
      const { uid } = index.at(place)
      const keys = (found.get(uid) ?? new Set()).add(key)
      found.set(uid, keys)
      if (keys.size >= MAX_GROUPS) crowded.add(place)
    }
  }
  return found
}

function keysByEntry(groups: ReadonlyMap<string, Watched>): ReadonlyMap<string, readonly string[]> {
  const idsOf = ({ selector }: Watched) => Object.entries(selector).map((entry) => entry.join(' '))
  const uses = new Map<string, number>()
  for (const group of groups.values()) for (const id of idsOf(group)) uses.set(id, (uses.get(id) ?? 0) + 1)
  const keys = new Map<string, string[]>()
  for (const [key, group] of groups) {
    const [first, ...more] = idsOf(group)
    if (first === undefined) continue
    const rarest = more.reduce((fewest, id) => ((uses.get(id) ?? 0) < (uses.get(fewest) ?? 0) ? id : fewest), first)
    add(keys, rarest, key)
  }
  return keys
}
