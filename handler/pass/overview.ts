/**
 * Decides whether our checks can be trusted. If they fail most of the active pods that their kubelets find Ready, or
 * reach no pod at all, then our view is broken, and a failure of our check moves nothing.
 *
 * A tenant cannot cause a panic for others: failures that all come from one other namespace stop no handover in yours.
 */

import type { Doubt } from '../group/decide.js'
import { keyOf } from '../group/group-key.js'
import type { Judged } from '../group/groups.js'
import { type Group, type GroupServices, groupName } from '../group/groups.js'
import type { Member } from '../group/members.js'
import type { Plan } from '../health/plan.js'
import type { ProbeResult, Way } from '../health/probe-result.js'
import type { Clock } from '../util/clock.js'
import type { Fault } from '../util/errors.js'
import { BLIND, isBlindBy, lostWay, Reach, type Reached, reachedOf, type Silence } from './reach.js'

/** Fewer groups than this never cause a panic. */
const MIN_GROUPS = 5
/** The share of the groups that may fail at once. If more of them fail, it is a panic. */
export const DEFAULT_PANIC = 0.5

/** A look at a group that is older than this does not count. */
const STALE_MS = 5 * 60_000
/** A group waits at most this long to learn how other groups look: the default timeout of one probe. */
const WAIT_MS = 2_000

/** How many groups have an active pod that is Ready by its kubelet and probed by us, and how many of them fail. */
interface Tally {
  readonly groups: number
  readonly failed: number
}

const NONE: Tally = { groups: 0, failed: 0 }

/**
 * Whether more than this share of the groups fails, with any single other namespace left out. Pure.
 * @param own the namespace of the group in question, which is never left out
 * @param share at least 0, less than 1; 0: never a panic
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
  /** The pass waits for the first answer of the active pod: its probe is planned, or sent. Absent: it does not wait. */
  awaited?: 'planned' | 'sent' | undefined
  /** Absent: the group has no active pod that is Ready by its kubelet and probed by us. */
  active?: 'passes' | 'fails' | undefined
  /** Of that pod, when it was last probed. */
  silence?: Silence | undefined
  readonly reach: Reach
  atMs: number
}

/** How an awaited answer counts. `nothing`: not at all. `late`: as failed if its probe was sent, else as before. */
type Taken = 'passes' | 'fails' | 'nothing' | 'late'

/** Conclusions from the looks, kept until a look changes, because thousands of groups may ask for them. */
interface Summary {
  readonly reached: Reached
  readonly isAwaited: boolean
  readonly looks: readonly Look[]
  readonly tallies: Map<Taken, ReadonlyMap<string, Tally>>
  readonly panics: Map<string, boolean>
}

/** The input from a pass: the share for a panic, and how many of its namespaces it has not read yet. */
export interface PanicBounds {
  readonly clock: Clock
  readonly panic: number
  readonly unread: () => number
}

/** How all groups look to one process, or to one pass if the process makes only one. */
export class Overview {
  private readonly looks = new Map<string, Look>()
  private changed: { readonly promise: Promise<void>; readonly tell: () => void } | undefined
  private summary: Summary | undefined

  constructor(private readonly clock: Pick<Clock, 'now'>) {}

  /** Serves a group. Until that ends, other groups may wait for the first answer of its active pod. */
  async during<T>(group: Group, serve: () => Promise<T>): Promise<T> {
    const [active, ...more] = group.members.filter(({ role }) => role === 'active')
    const look = this.lookAt(group)
    if (active?.pod.ready && more.length === 0 && !group.fault) look.awaited = 'planned'
    if (this.isStale(look)) look.active = undefined
    look.reach.clear()
    this.tell()
    try {
      return await serve()
    } finally {
      this.lookAt(group).awaited = undefined
      this.tell()
    }
  }

  /** A probe of the pod begins. */
  asks(group: GroupServices, { role }: Member): void {
    const look = this.lookAt(group)
    if (role === 'active' && look.awaited === 'planned') look.awaited = 'sent'
  }

  /** A probe of the pod has ended, and was not cut off. */
  answered(group: GroupServices, { role, pod }: Member, result: ProbeResult): void {
    const look = this.lookAt(group)
    look.atMs = this.clock.now()
    look.reach.add(pod, result)
    if (role === 'active') {
      look.awaited = undefined
      look.active = pod.ready ? (result.healthy ? 'passes' : 'fails') : undefined
      look.silence = look.reach.silent.get(pod.uid)
    }
    this.tell()
  }

  /** The check of a pod could not be made. */
  unmade(group: GroupServices, { role }: Member): void {
    if (role === 'active') this.omit(group)
  }

  /** The group has no active pod to compare: there is none, it is not Ready, or we do not probe it. */
  omit(group: GroupServices): void {
    const look = this.lookAt(group)
    look.awaited = look.active = undefined
    this.tell()
  }

  /** The group has another active pod now. */
  moved(group: GroupServices, { verdict }: Judged): void {
    if (verdict.health === 'healthy' && verdict.evidence === 'check') this.lookAt(group).active = 'passes'
    else this.omit(group)
    this.tell()
  }

  /** Wakes the groups that wait for an answer, after a change that may matter to them. */
  tell(): void {
    this.summary = undefined
    this.changed?.tell()
    this.changed = undefined
  }

  /**
   * Whether the failures of a group are to be doubted. If our check fails the active pod, it waits until this is clear
   * from enough other groups: not at all if most of them pass, and for WAIT_MS at most.
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
    if (!active) {
      const lost = failing.find((one) => this.isBlind(group, one) === true)
      return lost && this.blind(group, lost)
    }
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
  private judge(group: GroupServices, active: Judged, { panic, unread }: PanicBounds): Doubt | undefined | 'open' {
    const blind = this.isBlind(group, active)
    const is = (taken: Taken) => this.isPanic(group.namespace, taken, panic)
    const isPossible = is('fails')
    if (blind === false && !isPossible && !this.isToBeRead(panic, unread())) return undefined
    if (blind === 'open' || unread() > 0) return 'open'
    if (blind) return this.blind(group, active)
    return is('passes') && is('nothing') ? this.panic(active, 'passes') : 'open'
  }

  /**
   * Whether a panic may depend on namespaces that are not read yet. If enough groups are known, it does not when most
   * of them pass. If not, one such namespace cannot decide alone, because a panic must hold without it too.
   */
  private isToBeRead(panic: number, unread: number): boolean {
    if (unread === 0 || panic <= 0) return false
    const { groups, failed } = sumOf(this.tallies('fails'))
    const areEnough = groups >= MIN_GROUPS
    return areEnough ? failed > panic * groups : unread > 1
  }

  private judgeLate(group: GroupServices, active: Judged, { panic }: PanicBounds): Doubt | undefined {
    const way = this.lostWay(group, active)
    if (way && isBlindBy(way, this.summarised().reached)) return this.blind(group, active)
    return this.isPanic(group.namespace, 'late', panic) ? this.panic(active, 'late') : undefined
  }

  /** Whether we are blind by whatever way there is to this pod. `open`: some answers are still awaited. */
  private isBlind(group: GroupServices, one: Judged): boolean | 'open' {
    const { reached, isAwaited } = this.summarised()
    const way = this.lostWay(group, one)
    return way === undefined ? false : isAwaited ? 'open' : isBlindBy(way, reached)
  }

  private lostWay(group: GroupServices, { pod }: Judged): Way | undefined {
    return lostWay(this.lookAt(group).reach.silent.get(pod.uid), this.summarised().reached)
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
      if (seen === undefined || (seen === 'fails' && isLost(look, taken, summary))) continue
      const { groups, failed } = tallies.get(look.namespace) ?? NONE
      tallies.set(look.namespace, { groups: groups + 1, failed: failed + Number(seen === 'fails') })
    }
    summary.tallies.set(taken, tallies)
    return tallies
  }

  /** Also forgets old looks, because groups come and go while the process lives. */
  private summarised(): Summary {
    if (this.summary) return this.summary
    for (const [key, look] of this.looks) if (this.isStale(look)) this.looks.delete(key)
    const looks = [...this.looks.values()]
    this.summary = {
      reached: reachedOf(
        looks.map(({ reach }) => reach),
        looks.flatMap(({ reach, awaited }) => (awaited ? [] : reach)),
      ),
      isAwaited: looks.some(({ awaited }) => awaited !== undefined),
      ...{ looks, tallies: new Map(), panics: new Map() },
    }
    return this.summary
  }

  private isStale({ awaited, atMs }: Look): boolean {
    return awaited === undefined && atMs < this.clock.now() - STALE_MS
  }

  private blind(group: GroupServices, one: Judged): Doubt {
    const way = this.lostWay(group, one) ?? 'address'
    const { asked, ...fault } = BLIND[way]
    const text = `${one.pod.name} failed our check (${one.verdict.check.result}), but so did ${asked}: nothing has answered, and ${this.summarised().reached.silent[way]} of these pods are Ready by their kubelets. That is our view, not they: nothing is counted`
    return { code: 'blind', text, fault }
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
    const look = { namespace: group.namespace, reach: new Reach(), atMs: this.clock.now() }
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

/** How a group counts if an awaited answer is taken like this. */
function seenOf({ awaited, active }: Look, taken: Taken): Look['active'] {
  if (awaited === undefined) return active
  if (taken === 'late') return awaited === 'sent' ? 'fails' : active
  return taken === 'nothing' ? undefined : taken
}

/**
 * Whether the group fails because we are blind by the way to its active pod. A group that is reached in another way is not
 * judged by such groups. While answers are awaited that is not certain, so they count where the most failures are taken.
 */
function isLost({ silence }: Look, taken: Taken, { reached, isAwaited }: Summary): boolean {
  if (taken === 'fails' && isAwaited) return false
  const way = lostWay(silence, reached)
  return way !== undefined && isBlindBy(way, reached)
}

/** Whether the check of a pod uses the network. */
export function isProbed({ targets }: Pick<Plan, 'targets'>): boolean {
  return targets.some(({ kind }) => kind !== 'unusable')
}

/** The faults of checks that could not be made. Most are the same for all pods of a group. */
export function unmadeFaults(group: GroupServices, members: readonly Judged[]): readonly Fault[] {
  const object = `group ${groupName(group)}`
  return members.flatMap(({ verdict: { unmade } }) => (unmade ? [{ ...unmade, object }] : []))
}

/** Whether our check alone fails the pod, and the failure would count. */
function failsOurCheck({ verdict }: Judged): boolean {
  const { health, conclusive, isUnconfirmed, unmade } = verdict
  return !conclusive && !isUnconfirmed && !unmade && (health === 'failing' || health === 'failed')
}

/** Removes the marks of a failure that is in doubt. */
export function uncounted(member: Judged): Judged {
  return failsOurCheck(member) ? { ...member, verdict: { ...member.verdict, marks: {} } } : member
}

/** The fault beside a decision that rests on a doubt. None: there is nothing to mend but what the decision says. */
export function doubtFaults(group: GroupServices, { code, fault }: Doubt): readonly Fault[] {
  return code === 'blind' && fault ? [{ code, object: `group ${groupName(group)}`, ...fault }] : []
}
