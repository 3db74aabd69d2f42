/** What the watches know of the groups, and which of them need a pass. No I/O, no time. */
import { PREFIX, SWAP } from '../../keys.js'
import type { Pod, Service } from '../../kube/port.js'
import { isMember } from '../../members.js'
import { type GroupServices, groupKey, groupServices, selects } from '../../observe.js'
import { isOfJob } from '../../pods.js'
import { isClaimed } from '../../services.js'
import { isInScope, type ServiceRef } from '../../targets.js'

/**
 * `unserved`: there is no active pod, or more than one, or it cannot be seen to serve; a swap that is under way looks like
 * that as well. `claimed`: a Service is, by somebody.
 */
export type Need = { readonly kind: 'none' | 'unserved' } | { readonly kind: 'claimed'; readonly token: string }

const NONE: Need = { kind: 'none' }

/**
 * A group in which something has changed. `urgent`: its active pod was seen to go, or another one to become able to take
 * its place. A label that moves is neither: that is how a swap looks.
 */
export interface News {
  readonly key: string
  readonly urgent: boolean
}

interface Watched extends GroupServices {
  readonly pods: Map<string, Pod>
}

export class WatchedGroups {
  private readonly services = new Map<string, Service>()
  private readonly pods = new Map<string, Pod>()
  private groups = new Map<string, Watched>()

  /** @param only the groups of these Services; none: all @param optIn see `neighboursOf` */
  constructor(
    private readonly roleLabel: string,
    private readonly only: readonly ServiceRef[] = [],
    private readonly optIn = false,
  ) {}

  /** What a list of a scope says: what was known there and is not listed is gone. @param namespace `undefined`: all */
  servicesListed(namespace: string | undefined, services: readonly Service[]): readonly News[] {
    replace(this.services, namespace, services)
    return this.regroup()
  }

  serviceChanged(service: Service): readonly News[] {
    const before = this.services.get(service.uid)
    this.services.set(service.uid, service)
    return before && isSame(before, service) ? [] : this.regroup(service)
  }

  serviceDeleted({ uid }: Service): readonly News[] {
    return this.services.delete(uid) ? this.regroup() : []
  }

  podsListed(namespace: string | undefined, pods: readonly Pod[]): readonly News[] {
    const listed = new Set(pods.map(({ uid }) => uid))
    const gone = [...this.pods.values()].filter((pod) => isIn(namespace, pod) && !listed.has(pod.uid))
    return [...gone.flatMap((pod) => this.podDeleted(pod)), ...pods.flatMap((pod) => this.podChanged(pod))]
  }

  podChanged(pod: Pod): readonly News[] {
    const before = this.pods.get(pod.uid)
    this.pods.set(pod.uid, pod)
    const news = new Map<string, News>()
    for (const [key, group] of this.groups) {
      const was = group.pods.has(pod.uid)
      const is = selects(group, pod)
      if (is) group.pods.set(pod.uid, pod)
      else group.pods.delete(pod.uid)
      if (!was && !is) continue
      const served = was && before !== undefined && serves(group, before)
      const gone = served && this.isActive(before) && !(is && serves(group, pod))
      const able = was && !served && is && serves(group, pod) && isMember(pod, this.roleLabel) && !isOfJob(pod)
      const urgent = gone || able
      if (urgent || before === undefined || this.differs(before, pod) || was !== is) news.set(key, { key, urgent })
    }
    return [...news.values()]
  }

  podDeleted({ uid }: Pod): readonly News[] {
    const before = this.pods.get(uid)
    this.pods.delete(uid)
    if (!before) return []
    return [...this.groups].flatMap(([key, group]) =>
      group.pods.delete(uid) ? [{ key, urgent: this.isServing(group, before) }] : [],
    )
  }

  /** The group's namespace and the names of its Services; `undefined` when there is none any more. */
  group(key: string): GroupServices | undefined {
    return this.groups.get(key)
  }

  need(key: string): Need {
    const group = this.groups.get(key)
    if (!group) return NONE
    const claim = group.services.find((service) => isClaimed(service, this.roleLabel))
    if (claim) return { kind: 'claimed', token: `${claim.uid} ${claim.annotations[SWAP]}` }
    if (group.services.some(({ annotations }) => annotations[PAUSE] === 'true')) return NONE
    const pods = [...group.pods.values()].filter((pod) => isMember(pod, this.roleLabel))
    const actives = pods.filter((pod) => this.isActive(pod))
    const [active] = actives
    if (active && actives.length === 1 && this.isServing(group, active)) return NONE
    // A pass can do something about it only if there is a pod that may take over.
    const canTakeOver = (pod: Pod) =>
      pod !== active && isRunning(pod) && !isOfJob(pod) && (pod.ready || !active || !isRunning(active))
    return actives.length > 1 || pods.some(canTakeOver) ? { kind: 'unserved' } : NONE
  }

  private regroup(changed?: Service): readonly News[] {
    const before = this.groups
    this.groups = new Map(
      groupServices([...this.services.values()], this.roleLabel, this.optIn)
        .filter(({ selector }) => Object.keys(selector).length > 0) // the whole namespace: refused by every pass
        .filter((group) => isInScope(this.only, group))
        .map((group) => {
          const key = groupKey(group.namespace, group.selector)
          const pods = before.get(key)?.pods ?? this.podsOf(group)
          return [key, { ...group, pods }]
        }),
    )
    return [...this.groups].flatMap(([key, { services }]) => {
      const isNews = changed === undefined || services.includes(changed) || !before.has(key)
      return isNews ? [{ key, urgent: false }] : []
    })
  }

  private podsOf(group: GroupServices): Map<string, Pod> {
    return new Map([...this.pods].filter(([, pod]) => selects(group, pod)))
  }

  private isActive({ labels }: Pod): boolean {
    return labels[this.roleLabel] === 'active'
  }

  private isServing(group: GroupServices, pod: Pod): boolean {
    return this.isActive(pod) && serves(group, pod)
  }

  /** Counts of failures, which passes write, and conditions that are none of ours are no news. */
  private differs(before: Pod, after: Pod): boolean {
    return (
      before.ready !== after.ready ||
      before.terminating !== after.terminating ||
      before.phase !== after.phase ||
      before.labels[this.roleLabel] !== after.labels[this.roleLabel]
    )
  }
}

const PAUSE = `${PREFIX}pause`

function isRunning({ phase, terminating }: Pod): boolean {
  return phase === 'Running' && !terminating
}

/** As far as the kubelet and the API server can tell. */
function serves({ services }: GroupServices, pod: Pod): boolean {
  const needsReady = !services.every(({ publishNotReadyAddresses }) => publishNotReadyAddresses)
  return isRunning(pod) && (pod.ready || !needsReady)
}

function isIn(namespace: string | undefined, object: { readonly namespace: string }): boolean {
  return namespace === undefined || object.namespace === namespace
}

function isSame(one: Service, other: Service): boolean {
  return JSON.stringify({ ...one, resourceVersion: '' }) === JSON.stringify({ ...other, resourceVersion: '' })
}

function replace<T extends { readonly uid: string; readonly namespace: string }>(
  known: Map<string, T>,
  namespace: string | undefined,
  listed: readonly T[],
): void {
  for (const [uid, object] of known) if (isIn(namespace, object)) known.delete(uid)
  for (const object of listed) known.set(object.uid, object)
}
