/**
 * Whose probe is next, whose swap, or whose request to the API server. All groups share the probes, and nobody's pods may take them all: neither those
 * that are many nor those that hang. A namespace is what its users share: a tenant who has a hundred groups gets no more
 * by that than one who has one. So a namespace that has its share of the places goes after those that have less, however
 * urgent its work is, and a quarter of the places is never one namespace's. Otherwise what is most urgent goes first;
 * then what is of the namespace, and of the group, that has least under way; then what came first.
 *
 * A probe that has not been answered for a moment costs a socket and no work. It gives its place to another, up to a
 * bound for each namespace: a pod that hangs holds up its own namespace at most.
 */

import { keyOf } from '../group/group-key.js'
import type { GroupServices } from '../group/groups.js'
import type { Clock } from '../util/clock.js'
import { PriorityQueue } from '../util/priority-queue.js'

export interface Turn {
  readonly namespace: string
  /** Of its group; groups of two namespaces never have the same. */
  readonly group: string
  /** Lower goes first. */
  readonly urgency: number
}

interface Bounds {
  /** Probes that work is done for. */
  readonly atOnce: number
  /** Of one group, and of one namespace, answered or not. */
  readonly ofGroup: number
  readonly ofNamespace: number
  /** After that long without an answer a probe is only waited for. Milliseconds. */
  readonly slowAfterMs: number
}

/** Of probes. */
const BOUNDS: Omit<Bounds, 'atOnce'> = { ofGroup: 8, ofNamespace: 512, slowAfterMs: 250 }

/**
 * Few swaps at once, so that each Service is latched for a moment only however many fail together; one that meets
 * refusals and retries gives its place to another.
 */
const SWAPS: Bounds = { atOnce: 8, ofGroup: 1, ofNamespace: 64, slowAfterMs: 2_000 }

/**
 * To the API server, of single groups: fewer than there are connections, for the lists of a pass take no turns. One that
 * hangs keeps its connection, and so its place, for as long as a write may take.
 */
const REQUESTS: Bounds = { atOnce: 12, ofGroup: 12, ofNamespace: 12, slowAfterMs: 5_000 }

/** Of the places, what a namespace leaves to others even if nobody else is there: they find a place when they come. */
const KEPT = 1 / 4

/** Those of one process. @param atOnce probes */
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

/** What is under way of a namespace, of that without what is only waited for, and how many queues it has. */
interface Share {
  running: number
  working: number
  queues: number
  /** Its queues that may begin one more. */
  readonly ready: PriorityQueue<Queue>
}

/** Of a group. */
interface Queue {
  readonly namespace: Share
  readonly waiting: Waiting[]
  running: number
}

export class FairShare {
  private readonly namespaces = new Map<string, Share>()
  private readonly queues = new Map<string, Queue>()
  /** Of the namespaces that may begin one more, those that no work is done for; they all have less than their share. */
  private readonly idle = new PriorityQueue<Share>((one, other) => isBefore(one.ready.first, other.ready.first, 1))
  /** And the others: no more than there are places. */
  private readonly busy = new Set<Share>()
  /** Without those that are only waited for. */
  private running = 0
  private places = 0

  constructor(
    private readonly clock: Pick<Clock, 'sleep'>,
    private readonly bounds: Bounds,
  ) {}

  /** Does the work when it is its turn. @param work ends by itself, whatever hangs */
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

  /** The queue whose first one is to begin. There may be thousands: none is looked at that need not be. */
  private first(): Queue | undefined {
    const share = this.bounds.atOnce / this.namespaces.size
    let first = this.idle.first?.ready.first
    for (const { ready } of this.busy) if (isBefore(ready.first, first, share)) first = ready.first
    return first
  }

  /** After each change of a queue or of its namespace. */
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

  /** Forgets what has nothing under way and nothing waiting: groups come and go for as long as the process lives. */
  private leave({ namespace, group }: Turn, queue: Queue): void {
    queue.running--
    queue.namespace.running--
    this.rank(queue)
    if (queue.running > 0 || queue.waiting.length > 0) return
    this.queues.delete(group)
    if (--queue.namespace.queues === 0) this.namespaces.delete(namespace)
  }
}

/** @param share of the places, what each namespace may have */
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
