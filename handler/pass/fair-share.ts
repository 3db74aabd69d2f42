/**
 * Decides which group is next with a probe, a swap or a request to the API server. All groups share the places, and
 * neither many pods nor pods that hang may take them all. The places are divided among namespaces, not among groups: a
 * tenant with a hundred groups gets no more than a tenant with one. A namespace that has its share of the places comes after those
 * that have less, however urgent its work is, and no namespace gets more than three quarters. Otherwise the most urgent
 * work comes first, then that of the namespace and the group with the least under way, then the oldest.
 *
 * A probe that has not been answered for a moment costs a socket and no work. It gives its place to another, up to a
 * limit for each namespace, so that a pod that hangs holds up only its own namespace.
 */

import { keyOf } from '../group/group-key.js'
import type { GroupServices } from '../group/groups.js'
import type { Clock } from '../util/clock.js'
import { PriorityQueue } from '../util/priority-queue.js'

export interface Turn {
  readonly namespace: string
  /** The key of the group; groups of two namespaces never have the same key. */
  readonly group: string
  /** Lower goes first. */
  readonly urgency: number
}

interface Bounds {
  /** How many are under way at once, without those that are only waited for. */
  readonly atOnce: number
  /** How many one group, and one namespace, have under way at once, with those that are only waited for. */
  readonly ofGroup: number
  readonly ofNamespace: number
  /** Work that takes longer gives up its place, and is only waited for. Milliseconds. */
  readonly slowAfterMs: number
}

/** The bounds of probes. */
const BOUNDS: Omit<Bounds, 'atOnce'> = { ofGroup: 8, ofNamespace: 512, slowAfterMs: 250 }

/**
 * Few swaps run at once, so that each Service is latched only for a moment even if many groups fail together. A swap
 * that meets refusals and retries gives its place to another.
 */
const SWAPS: Bounds = { atOnce: 8, ofGroup: 1, ofNamespace: 64, slowAfterMs: 2_000 }

/**
 * Requests of single groups to the API server: fewer than the connections, because the lists of a pass take no turns. A
 * request that hangs keeps its connection, and so its place, for as long as a write may take.
 */
const REQUESTS: Bounds = { atOnce: 12, ofGroup: 12, ofNamespace: 12, slowAfterMs: 5_000 }

/** The share of the places that a namespace leaves free even if it is alone: others find a place when they come. */
const KEPT = 1 / 4

/** The fair shares of one process. @param atOnce the number of probes at once */
export function fairShares(
  clock: Pick<Clock, 'sleep'>,
  atOnce: number,
): { readonly probes: FairShare; readonly swaps: FairShare; readonly requests: FairShare } {
  return {
    probes: new FairShare(clock, { ...BOUNDS, atOnce }),
    swaps: new FairShare(clock, SWAPS),
    requests: new FairShare(clock, REQUESTS),
  }
}

export function turnOf(group: Pick<GroupServices, 'namespace' | 'selector'>, urgency: number): Turn {
  return { namespace: group.namespace, group: keyOf(group), urgency }
}

interface Waiting {
  readonly urgency: number
  readonly place: number
  begin(): void
}

/** A namespace. `running` counts its work under way; `working` leaves out the work that is only waited for. */
interface Share {
  running: number
  working: number
  queues: number
  /** Its queues that may begin one more piece of work. */
  readonly ready: PriorityQueue<Queue>
}

/** The waiting work of a group. */
interface Queue {
  readonly namespace: Share
  readonly waiting: Waiting[]
  running: number
}

export class FairShare {
  private readonly namespaces = new Map<string, Share>()
  private readonly queues = new Map<string, Queue>()
  /** The namespaces that may begin one more and have `working` 0. All of them have less than their share. */
  private readonly idle = new PriorityQueue<Share>((one, other) => isBefore(one.ready.first, other.ready.first, 1))
  /** The other namespaces that may begin one more. They are at most as many as the places. */
  private readonly busy = new Set<Share>()
  /** The work under way, without the work that is only waited for. */
  private running = 0
  private places = 0

  constructor(
    private readonly clock: Pick<Clock, 'sleep'>,
    private readonly bounds: Bounds,
  ) {}

  /** Does the work when its turn comes. @param work must end by itself, even if something hangs */
  async take<T>(turn: Turn, work: () => Promise<T>): Promise<T> {
    const queue = this.queueOf(turn)
    await new Promise<void>((begin) => {
      const after = queue.waiting.findLastIndex(({ urgency }) => urgency <= turn.urgency)
      queue.waiting.splice(after + 1, 0, { urgency: turn.urgency, place: this.places++, begin })
      this.rank(queue)
      this.next()
    })
    const ended = new AbortController()
    let isSlow = false
    const giveUpPlace = () => {
      this.running--
      queue.namespace.working--
      this.rank(queue)
    }
    void this.clock.sleep(this.bounds.slowAfterMs, ended.signal).then(() => {
      if (ended.signal.aborted) return
      isSlow = true
      giveUpPlace()
      this.next()
    })
    try {
      return await work()
    } finally {
      ended.abort()
      if (!isSlow) giveUpPlace()
      this.leave(turn, queue)
      this.next()
    }
  }

  private next(): void {
    while (this.running < this.bounds.atOnce) {
      const queue = this.first()
      if (!queue) return
      this.running++
      queue.running++
      queue.namespace.running++
      queue.namespace.working++
      const next = queue.waiting.shift()
      this.rank(queue)
      next?.begin()
    }
  }

  /** The queue whose first entry begins next. There may be thousands of queues, so it looks only at those it must. */
  private first(): Queue | undefined {
    const share = this.bounds.atOnce / this.namespaces.size
    let first = this.idle.first?.ready.first
    for (const { ready } of this.busy) if (isBefore(ready.first, first, share)) first = ready.first
    return first
  }

  /** Must be called after each change of a queue or of its namespace. */
  private rank(queue: Queue): void {
    const { atOnce, ofGroup, ofNamespace } = this.bounds
    const { namespace } = queue
    if (queue.waiting.length > 0 && queue.running < ofGroup) namespace.ready.put(queue)
    else namespace.ready.remove(queue)
    const most = atOnce - Math.floor(atOnce * KEPT)
    const mayBegin = namespace.ready.first && namespace.running < ofNamespace && namespace.working < most
    if (mayBegin && namespace.working === 0) this.idle.put(namespace)
    else this.idle.remove(namespace)
    if (mayBegin && namespace.working > 0) this.busy.add(namespace)
    else this.busy.delete(namespace)
  }

  private queueOf({ namespace, group }: Turn): Queue {
    const known = this.queues.get(group)
    if (known) return known
    const share = this.namespaces.get(namespace) ?? {
      ...{ running: 0, working: 0, queues: 0 },
      ready: new PriorityQueue<Queue>((one, other) => isBefore(one, other, 1)),
    }
    share.queues++
    this.namespaces.set(namespace, share)
    const queue = { running: 0, namespace: share, waiting: [] }
    this.queues.set(group, queue)
    return queue
  }

  /** Ends work, and forgets queues that are left without any: groups come and go while the process lives. */
  private leave({ namespace, group }: Turn, queue: Queue): void {
    queue.running--
    queue.namespace.running--
    this.rank(queue)
    if (queue.running > 0 || queue.waiting.length > 0) return
    this.queues.delete(group)
    if (--queue.namespace.queues === 0) this.namespaces.delete(namespace)
  }
}

/** @param share the number of places that each namespace may have */
function isBefore(one: Queue | undefined, other: Queue | undefined, share: number): boolean {
  if (!one || !other) return one !== undefined
  const [a, b] = [one.waiting[0], other.waiting[0]]
  const hasShare = ({ namespace: { working } }: Queue) => Number(working > 0 && working >= share)
  const order =
    hasShare(one) - hasShare(other) ||
    (a?.urgency ?? 0) - (b?.urgency ?? 0) ||
    one.namespace.running - other.namespace.running ||
    one.running - other.running ||
    (a?.place ?? 0) - (b?.place ?? 0)
  return order < 0
}
