/**
 * Whether what we see is worth acting on. Where our check fails most of the active pods that their kubelets find Ready,
 * or reaches no pod at all, it is our view that is broken, and a failure of our check moves nothing.
 *
 * Nobody can make others blind: what any single other namespace's groups look like is never what decides on a group.
 */

import type { Doubt } from '../group/decide.js'
import { keyOf } from '../group/group-key.js'
import type { Judged } from '../group/groups.js'
import { type Group, type GroupServices, groupName } from '../group/groups.js'
import type { Member } from '../group/members.js'
import type { Plan } from '../health/plan.js'
import type { ProbeResult } from '../health/probe-result.js'
import type { Clock } from '../util/clock.js'
import type { Fault } from '../util/errors.js'

/** Of fewer groups nothing is concluded. */
const MIN_GROUPS = 5
/** Nor of fewer pods that do not answer. */
const MIN_PODS = 2
/** Of the groups, what may fail at once: more of them is panic. */
export const DEFAULT_PANIC = 0.5

/** Beyond that age it is not known any more how a group looks. */
const STALE_MS = 5 * 60_000
/** A group waits no longer than this to learn how others look: as long as one probe takes by default. */
const WAIT_MS = 2_000

/** The groups with an active pod that is Ready by its kubelet and probed by us, and those of them that fail. */
interface Tally {
  readonly groups: number
  readonly failed: number
}

const NONE: Tally = { groups: 0, failed: 0 }

/**
 * Whether more than that share of the groups fails, whichever single other namespace is left out. Pure.
 * @param own the namespace that it is asked for: it always counts
 * @param share at least 0, less than 1; 0: never
 */
export function isPanic(own: string, tallies: ReadonlyMap<string, Tally>, share: number): boolean {
  if (share <= 0) return false
  const all = sumOf(tallies)
  const isMost = (left: Tally) => {
    const groups = all.groups - left.groups
    return groups >= MIN_GROUPS && all.failed - left.failed > share * groups
  }
  if (!isMost(NONE)) return false
  for (const [namespace, tally] of tallies) if (namespace !== own && !isMost(tally)) return false
  return true
}

function sumOf(tallies: ReadonlyMap<string, Tally>): Tally {
  let [groups, failed] = [0, 0]
  for (const tally of tallies.values()) {
    groups += tally.groups
    failed += tally.failed
  }
  return { groups, failed }
}

/** How a group looked when it was last probed. */
interface Look {
  readonly namespace: string
  /** The first answer of its active pod in a pass: it is to be asked, or has been. Absent: nothing is awaited. */
  awaited?: 'planned' | 'sent' | undefined
  /** Absent: it has none that is Ready by its kubelet and probed by us. */
  active?: 'passes' | 'fails' | undefined
  /** Something has answered, of any pod. */
  isReached: boolean
  /** The pods, Ready by their kubelets, of which nothing has. */
  readonly silent: Set<string>
  atMs: number
}

/** What is not known yet of a group, and what it is taken for. `late`: what was sent fails, and the rest is as it was. */
type Taken = 'passes' | 'fails' | 'nothing' | 'late'

/** What follows from the looks, for as long as none of them changes: thousands of groups may ask. */
interface Summary {
  readonly isReached: boolean
  readonly isAwaited: boolean
  /** Pods that are Ready by their kubelets, of which nothing has answered. */
  readonly silent: number
  readonly looks: readonly Look[]
  readonly tallies: Map<Taken, ReadonlyMap<string, Tally>>
  readonly panics: Map<string, boolean>
}

/** What is asked of a pass: which share is panic, and how many of its namespaces it has not read yet. */
export interface PanicBounds {
  readonly clock: Clock
  readonly panic: number
  readonly unread: () => number
}

/** How all groups look to one process, or to one pass where it makes no other. */
export class Overview {
  private readonly looks = new Map<string, Look>()
  private changed: { readonly promise: Promise<void>; readonly tell: () => void } | undefined
  private summary: Summary | undefined

  constructor(private readonly clock: Pick<Clock, 'now'>) {}

  /** Others wait for the first answer of its active pod until then, if they have to. */
  async during<T>(group: Group, serve: () => Promise<T>): Promise<T> {
    const [active, ...more] = group.members.filter(({ role }) => role === 'active')
    const look = this.lookAt(group)
    if (active?.pod.ready && more.length === 0 && !group.fault) look.awaited = 'planned'
    if (this.isStale(look)) look.active = undefined
    look.isReached = false
    look.silent.clear()
    this.tell()
    try {
      return await serve()
    } finally {
      this.lookAt(group).awaited = undefined
      this.tell()
    }
  }

  /** A pod is probed now. */
  asks(group: GroupServices, { role }: Member): void {
    const look = this.lookAt(group)
    if (role === 'active' && look.awaited === 'planned') look.awaited = 'sent'
  }

  /** A probe of it has ended, and was not cut off. */
  answered(group: GroupServices, { role, pod }: Member, { healthy, reached }: ProbeResult): void {
    const look = this.lookAt(group)
    look.atMs = this.clock.now()
    if (role === 'active') {
      look.awaited = undefined
      look.active = pod.ready ? (healthy ? 'passes' : 'fails') : undefined
    }
    if (reached !== false) look.isReached = true
    else if (pod.ready) look.silent.add(pod.uid)
    this.tell()
  }

  /** Its active pod is none that could be compared: there is none, it is not Ready, or we do not probe it. */
  omit(group: GroupServices): void {
    const look = this.lookAt(group)
    look.awaited = look.active = undefined
    this.tell()
  }

  /** It has another active pod now. */
  moved(group: GroupServices, { verdict }: Judged): void {
    if (verdict.health === 'healthy' && verdict.evidence === 'check') this.lookAt(group).active = 'passes'
    else this.omit(group)
    this.tell()
  }

  /** Something has changed that who waits for an answer has to look at. */
  tell(): void {
    this.summary = undefined
    this.changed?.tell()
    this.changed = undefined
  }

  /**
   * Whether the failures of a group are to be doubted. Where our check fails its active pod that is waited for until it
   * is clear of enough other groups: not at all where most of them pass, and never for long.
   */
  async doubt(
    group: GroupServices,
    members: readonly Judged[],
    scope: PanicBounds,
    signal: AbortSignal,
  ): Promise<Doubt | undefined> {
    const failing = members.filter(failsOurCheck)
    if (failing.length === 0) return undefined
    const isSeen = this.lookAt(group).active !== undefined
    const active = isSeen ? failing.find(({ role, pod }) => role === 'active' && pod.ready) : undefined
    if (!active) return this.isBlind() === true ? this.blind(failing[0] as Judged) : undefined
    let doubt = this.judge(group, active, scope)
    if (doubt === 'open') {
      const late = new AbortController()
      const end = AbortSignal.any([signal, late.signal])
      void scope.clock.sleep(WAIT_MS, end).then(() => {
        late.abort()
        this.tell()
      })
      while (doubt === 'open' && !end.aborted) {
        await this.change()
        if (!end.aborted) doubt = this.judge(group, active, scope)
      }
      late.abort()
    }
    return doubt === 'open' ? this.judgeLate(group, active, scope) : doubt
  }

  /** Of what is known. `open`: it depends on what is not. */
  private judge(
    { namespace }: GroupServices,
    active: Judged,
    { panic, unread }: PanicBounds,
  ): Doubt | undefined | 'open' {
    const blind = this.isBlind()
    const is = (taken: Taken) => this.isPanic(namespace, taken, panic)
    const isPossible = is('fails')
    if (blind === false && !isPossible && !this.isToBeRead(panic, unread())) return undefined
    if (blind === 'open' || unread() > 0) return 'open'
    if (blind) return this.blind(active)
    return is('passes') && is('nothing') ? this.panic(active, 'passes') : 'open'
  }

  /**
   * Whether it depends on namespaces that are not read yet, of whose groups nobody knows how many fail: on one alone never,
   * as it is panic without that one too; and not where most of enough others pass.
   */
  private isToBeRead(panic: number, unread: number): boolean {
    if (unread === 0 || panic <= 0) return false
    const { groups, failed } = sumOf(this.tallies('fails'))
    const areEnough = groups >= MIN_GROUPS
    return areEnough ? failed > panic * groups : unread > 1
  }

  private judgeLate({ namespace }: GroupServices, active: Judged, { panic }: PanicBounds): Doubt | undefined {
    const { isReached, silent } = this.summarised()
    if (!isReached && silent >= MIN_PODS) return this.blind(active)
    return this.isPanic(namespace, 'late', panic) ? this.panic(active, 'late') : undefined
  }

  /** Nothing has answered, and it was asked of pods that are Ready. `open`: more are asked yet. */
  private isBlind(): boolean | 'open' {
    const { isReached, isAwaited, silent } = this.summarised()
    return isReached ? false : isAwaited ? 'open' : silent >= MIN_PODS
  }

  private isPanic(namespace: string, taken: Taken, share: number): boolean {
    const { panics } = this.summarised()
    const key = `${taken} ${share} ${namespace}`
    const known = panics.get(key)
    if (known !== undefined) return known
    const found = isPanic(namespace, this.tallies(taken), share)
    panics.set(key, found)
    return found
  }

  private tallies(taken: Taken): ReadonlyMap<string, Tally> {
    const summary = this.summarised()
    const known = summary.tallies.get(taken)
    if (known) return known
    const tallies = new Map<string, Tally>()
    for (const look of summary.looks) {
      const seen = seenOf(look, taken)
      if (seen === undefined) continue
      const { groups, failed } = tallies.get(look.namespace) ?? NONE
      tallies.set(look.namespace, { groups: groups + 1, failed: failed + Number(seen === 'fails') })
    }
    summary.tallies.set(taken, tallies)
    return tallies
  }

  /** Groups come and go for as long as the process lives: what is old is forgotten. */
  private summarised(): Summary {
    if (this.summary) return this.summary
    for (const [key, look] of this.looks) if (this.isStale(look)) this.looks.delete(key)
    const looks = [...this.looks.values()]
    this.summary = {
      isReached: looks.some(({ isReached, awaited }) => isReached && !awaited),
      isAwaited: looks.some(({ awaited }) => awaited !== undefined),
      silent: looks.reduce((sum, { silent }) => sum + silent.size, 0),
      ...{ looks, tallies: new Map(), panics: new Map() },
    }
    return this.summary
  }

  private isStale({ awaited, atMs }: Look): boolean {
    return awaited === undefined && atMs < this.clock.now() - STALE_MS
  }

  private blind({ pod, verdict }: Judged): Doubt {
    const text = `${pod.name} failed our check (${verdict.check.result}), but so did whatever was probed: nothing has answered, and ${this.summarised().silent} of these pods are Ready by their kubelets. That is our view, not they: nothing is counted`
    return { code: 'blind', text }
  }

  private panic({ pod, verdict }: Judged, taken: Taken): Doubt {
    const { groups, failed } = sumOf(this.tallies(taken))
    const text = `${pod.name} failed our check (${verdict.check.result}), as do ${failed} of the ${groups} active pods that are Ready by their kubelets: that is taken for our view, and moves nothing. Where they have failed indeed, --panic 0 lets them go`
    return { code: 'panic', text }
  }

  private lookAt(group: GroupServices): Look {
    const key = keyOf(group)
    const known = this.looks.get(key)
    if (known) return known
    const look = { namespace: group.namespace, isReached: false, silent: new Set<string>(), atMs: this.clock.now() }
    this.looks.set(key, look)
    return look
  }

  private change(): Promise<void> {
    if (!this.changed) {
      let tell = () => {}
      const promise = new Promise<void>((resolve) => {
        tell = resolve
      })
      this.changed = { promise, tell }
    }
    return this.changed.promise
  }
}

/** How a group counts. */
function seenOf({ awaited, active }: Look, taken: Taken): Look['active'] {
  if (awaited === undefined) return active
  if (taken === 'late') return awaited === 'sent' ? 'fails' : active
  return taken === 'nothing' ? undefined : taken
}

/** Whether anything goes over the network to find out how a pod is. */
export function isProbed({ targets }: Pick<Plan, 'targets'>): boolean {
  return targets.some(({ kind }) => kind !== 'unusable')
}

/** It is our word against the kubelet's, or would be counted. */
function failsOurCheck({ verdict }: Judged): boolean {
  const { health, conclusive, isUnconfirmed } = verdict
  return !conclusive && !isUnconfirmed && (health === 'failing' || health === 'failed')
}

/** What a view in doubt has found wrong leaves no mark. */
export function uncounted(member: Judged): Judged {
  return failsOurCheck(member) ? { ...member, verdict: { ...member.verdict, marks: {} } } : member
}

export function blindness(group: GroupServices): Fault {
  return {
    code: 'blind',
    object: `group ${groupName(group)}`,
    message: 'no pod of any group answers us, and their kubelets find them Ready: they are not reached from here',
    remedy:
      'Run it where the addresses of pods are reached, as in the cluster, and let it through where a NetworkPolicy does not; or let the kubelets judge: --health-check=ready.',
  }
}
