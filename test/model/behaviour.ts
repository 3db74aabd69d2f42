/**
 * The behaviour of the real code as a tree: its state after each history of answers. A pass depends on nothing else, so
 * each history runs only once, however many states of the world it belongs to. A search then walks the tree.
 */
import { CLAIM } from '../../handler/kube/keys.js'
import type { Pod, Service } from '../../handler/kube/port.js'
import { hasEnded, isActivation, isActive, isSeal } from '../support/roles.js'
import type { Call } from '../support/stored.js'
import { Interned } from './interned.js'
import { type Answer, type Pending, Run, type Setup } from './run.js'

/** What happens to a pass: one of its calls is answered, or time is taken from it. */
export type Event = { readonly place: number; readonly answer: Answer } | { readonly delayMs: number }

/** A pass after a history. */
export interface Point {
  readonly id: number
  readonly pending: readonly (Pending & { readonly callId: number })[]
  /** Pods and Services as it last read them. */
  readonly pods: readonly Pod[]
  readonly services: readonly Service[]
  /** The uids of those whose health it knows. */
  readonly probed: ReadonlySet<string>
  readonly setup: Setup
  /** The annotations by which it has claimed Services. */
  readonly claims: readonly string[]
  /** The writes that came too late, by what they rested on. */
  readonly lost: readonly string[]
  /** The names of the pods that it was not allowed to make active. */
  readonly refused: readonly string[]
  /** How often it was not allowed to write a Service. */
  readonly refusals: number
  /** The pod that it has sealed, or may have sealed, while it was active, as long as it has made no other active and has seen none. */
  readonly bereft: string | undefined
  /** What admission has made of its writes of pods that are alive. */
  readonly changed: readonly string[]
  /** Whether it was cut off before it was done. */
  readonly isCut: boolean
  /** Whether its bound of reads has ended it. */
  readonly isStarved: boolean
  /** Whether it has ended, and says that all is well. */
  readonly isContent: boolean
}

interface Node extends Point {
  readonly parent: Node | undefined
  readonly event: Event | undefined
  readonly batch: Batch
}

/**
 * Calls that are made at once. As long as the pass does nothing on an answer but to wait for the others, it is no matter
 * which came first.
 */
interface Batch {
  /** What was answered so far. */
  readonly answered: readonly string[]
  /** By what was answered, in order. */
  readonly nodes: Map<string, Node>
}

export class Behaviour {
  readonly calls = new Interned<Call>()
  private readonly beginnings = new Map<string, Node>()
  private readonly nodes: Node[] = []
  /** The runs that can go on where they are, by the node where they stand. Few: each holds promises and timers. */
  private readonly live = new Map<Node, Run>()

  /** A pass that has just begun. @param key tells setups apart */
  async begin(key: string, setup: () => Setup): Promise<Point> {
    const known = this.beginnings.get(key)
    if (known) return known
    const made = setup()
    const node = this.add(undefined, undefined, await Run.start(made), made)
    this.beginnings.set(key, node)
    return node
  }

  /** The same pass after one more event. @param key tells events apart */
  async after(point: Point, key: string, event: () => Event): Promise<Point> {
    const node = this.nodes[point.id] as Node
    const answered = [...node.batch.answered, key].sort()
    const known = node.batch.nodes.get(answered.join())
    if (known) return known
    const happened = event()
    const run = this.live.get(node) ?? (await this.replay(node))
    this.live.delete(node)
    await this.apply(run, happened)
    const isWaiting = 'place' in happened && waitsForTheRest(node, happened.place, run)
    const child = this.add(
      node,
      happened,
      run,
      node.setup,
      isWaiting ? { answered, nodes: node.batch.nodes } : undefined,
    )
    node.batch.nodes.set(answered.join(), child)
    return child
  }

  get histories(): number {
    return this.nodes.length
  }

  private async replay(node: Node): Promise<Run> {
    const events: Event[] = []
    for (let at: Node | undefined = node; at?.event; at = at.parent) events.unshift(at.event)
    const run = await Run.start(node.setup)
    for (const event of events) await this.apply(run, event)
    return run
  }

  private async apply(run: Run, event: Event): Promise<void> {
    if ('delayMs' in event) await run.delay(event.delayMs)
    else await run.answer(event.place, event.answer)
  }

  private add(parent: Node | undefined, event: Event | undefined, run: Run, setup: Setup, batch?: Batch): Node {
    const answer = event && 'answer' in event ? event.answer : undefined
    const pending = run.pending.map(({ place, call }) => this.pendingOf(place, call))
    const node: Node = {
      id: this.nodes.length,
      parent,
      event,
      setup,
      probed: parent?.probed.size === run.probed.size ? parent.probed : new Set(run.probed),
      pods: answer?.kind === 'pods' ? answer.pods : (parent?.pods ?? []),
      services: answer?.kind === 'services' ? answer.services : (parent?.services ?? []),
      pending,
      claims: pending.reduce(withClaim, parent?.claims ?? []),
      lost: lostBy(parent, event),
      ...refusedBy(parent, event),
      bereft: bereftBy(parent, event),
      isCut: run.isCut,
      isStarved: run.isStarved,
      isContent: run.isContent,
      batch: batch ?? { answered: [], nodes: new Map() },
    }
    this.nodes.push(node)
    this.keep(node, run)
    return node
  }

  /** Equal calls are one object: there are many nodes. */
  private pendingOf(place: number, call: Call): Point['pending'][number] {
    const callId = this.calls.idOf(call)
    return { place, callId, call: this.calls.value(callId) }
  }

  private keep(node: Node, run: Run): void {
    this.live.set(node, run)
    for (const [oldest, abandoned] of this.live) {
      if (this.live.size <= LIVE) return
      abandoned.abandon()
      this.live.delete(oldest)
    }
  }
}

const LIVE = 64

/** Whether the run has done nothing since but to wait for the other calls of its batch. */
function waitsForTheRest({ pending }: Node, answered: number, run: Run): boolean {
  const rest = pending.filter(({ place }) => place !== answered)
  const now = run.pending
  return rest.length > 0 && now.length === rest.length && rest.every(({ place }, n) => now[n]?.place === place)
}

function withClaim(claims: readonly string[], { call }: Pending): readonly string[] {
  const claim = call.verb === 'patchService' && call.patch.annotations[CLAIM]
  return claim && !claims.includes(claim) ? [...claims, claim] : claims
}

function lostBy(parent: Node | undefined, event: Event | undefined): readonly string[] {
  if (!parent || !event || !('place' in event) || event.answer.kind !== 'lost') return parent?.lost ?? []
  const call = parent.pending.find(({ place }) => place === event.place)?.call
  const basis = call && basisOf(call)
  return basis ? [...parent.lost, basis] : parent.lost
}

function bereftBy(parent: Node | undefined, event: Event | undefined): string | undefined {
  // One that was held may have no time to go on.
  if (!parent || !event || !('place' in event)) return undefined
  const { answer } = event
  if (answer.kind === 'pods') return answer.pods.some(isActive) ? undefined : parent.bereft
  const call = parent.pending.find(({ place }) => place === event.place)?.call
  // Whoever was faster with a pod sees to it that one is active. What is refused or changed is reported.
  const isReported = answer.kind === 'denied' || (answer.kind === 'applied' && answer.differences !== undefined)
  if (call?.verb === 'patchPod' && (answer.kind === 'lost' || isReported)) return undefined
  // A promotion without an answer may be made later.
  if (answer.kind === 'none' && call && isActivation(call)) return undefined
  if (call?.verb !== 'patchPod' || !(answer.kind === 'applied' || answer.kind === 'none')) return parent.bereft
  if (isActivation(call as Call)) return undefined
  return isSeal(call as Call) && isActive(call.pod) ? call.pod.name : parent.bereft
}

type Refused = Pick<Point, 'refused' | 'refusals' | 'changed'>

/** What was refused to it, or changed. */
function refusedBy(parent: Node | undefined, event: Event | undefined): Refused {
  const { refused, refusals, changed } = parent ?? { refused: [], refusals: 0, changed: [] }
  const known = { refused, refusals, changed }
  if (!parent || !event || !('place' in event)) return known
  const { answer } = event
  const differences = answer.kind === 'applied' ? answer.differences : undefined
  if (answer.kind !== 'denied' && differences === undefined) return known
  const call = parent.pending.find(({ place }) => place === event.place)?.call
  if (call?.verb === 'patchService') return { ...known, refusals: refusals + 1 }
  if (!call || !('pod' in call)) return known
  return {
    refused: isActivation(call) ? [...refused, call.pod.name] : refused,
    refusals,
    changed:
      differences === undefined || hasEnded(call.pod) ? changed : [...changed, `${call.pod.name}: ${differences}`],
  }
}

/**
 * What a write is and rests on: the same comes too late again. (A claim may follow a release that came too late, where no
 * time was left to release what is there now: it comes too late as well, and has everything read again.)
 */
export function basisOf(call: Call): string | undefined {
  if (call.verb === 'patchService') {
    const kind = call.patch.annotations[CLAIM] ? 'claim' : 'release'
    return `${kind} ${call.service.name} ${call.patch.resourceVersion}`
  }
  if (call.verb !== 'patchPod') return undefined
  return JSON.stringify([call.pod.name, call.patch.filter(({ op }) => op === 'test')])
}
