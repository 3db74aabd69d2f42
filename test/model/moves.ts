/** What can happen next in a state: an answer, a fault, something that a third party does. */

import type { Pod, Service } from '../../handler/kube/port.js'
import { isClaimed } from '../../handler/latch.js'
import { type Call, changed } from '../support/stored.js'
import type { Behaviour, Event, Point } from './behaviour.js'
import { type Cluster, type Done, NONE, type Objects } from './cluster.js'
import type { Flying, State } from './state.js'
import * as say from './story.js'

export interface Move {
  /** What happened, as a sentence. */
  readonly text: () => string
  readonly state: State
  /** The pass that wrote something, if one did. */
  readonly writer?: Writer
  /** The pass that has come to its end with this. */
  readonly ended?: Point
}

/** A pass as the promises look at it when something of it is written. */
export interface Writer {
  readonly stale: boolean
  readonly blind: boolean
}

export interface World {
  readonly objects: Objects
  readonly behaviour: Behaviour
  readonly podNames: readonly string[]
  readonly serviceNames: readonly string[]
  /** No pass may write Services. */
  readonly servicesDenied: boolean
  readonly faults: ReadonlySet<FaultKind>
  /** The Services as their users wrote them. */
  readonly home: readonly Service[]
  readonly freshPod: (name: string, generation: number) => Pod
}

export type FaultKind =
  | 'death'
  | 'no answer'
  | 'refused'
  | 'delay'
  | 'deleted'
  | 'terminating'
  | 'recreated'
  | 'label'
  | 'selector'

/** Everything that can happen next. */
export async function movesFrom(world: World, state: State): Promise<readonly Move[]> {
  // An answer that is the same at any time changes nothing that anybody else could see: it need not be tried in every order.
  for (const [n, point] of state.passes.entries()) {
    const same = point?.pending.find(({ call }) => isAlwaysTheSame(world, call))
    if (point && same) return [await answered(world, state, n, point, same)]
  }
  const moves: Move[] = []
  for (const [n, point] of state.passes.entries()) {
    for (const pending of point?.pending ?? []) moves.push(await answered(world, state, n, point as Point, pending))
  }
  for (const flying of state.flying) moves.push(landed(world, state, flying))
  if (state.faultsLeft > 0) moves.push(...(await faultsIn(world, { ...state, faultsLeft: state.faultsLeft - 1 })))
  return moves
}

type Pending = Point['pending'][number]

function isAlwaysTheSame({ servicesDenied }: World, { verb }: Call): boolean {
  return servicesDenied && (verb === 'listServices' || verb === 'patchService' || verb === 'testService')
}

async function answered(world: World, state: State, n: number, point: Point, pending: Pending): Promise<Move> {
  const { call, callId, place } = pending
  const done: Done =
    world.servicesDenied && call.verb === 'patchService'
      ? { key: 'denied', answer: { kind: 'denied' }, cluster: state.cluster }
      : world.objects.carryOut(state.cluster, call, callId)
  const next = await told(world, point, `${place}:${done.key}`, () => ({ place, answer: done.answer }))
  const before = afterWrite(world, state, call, done.cluster)
  const seen =
    call.verb === 'listPods' ? { stale: before.stale.with(n, false), blind: before.blind.with(n, false) } : {}
  return {
    text: () => say.answered(n, call, done.answer),
    ...at({ ...before, ...seen }, n, next),
    ...(isWrite(call) ? { writer: writerOf(state, n) } : {}),
  }
}

function told({ behaviour }: World, point: Point, key: string, event: () => Event): Promise<Point> {
  return behaviour.after(point, key, event)
}

/** The state in which pass `n` has come to this point, its last if nothing is pending there. */
function at(state: State, n: number, point: Point): Pick<Move, 'state' | 'ended'> {
  return point.pending.length > 0
    ? { state: { ...state, passes: state.passes.with(n, point) } }
    : { state: { ...state, passes: state.passes.with(n, undefined) }, ended: point }
}

/** What a write of pass `n` is made without knowing of. */
function writerOf({ stale, blind }: State, n: number): Writer {
  return { stale: stale[n] ?? false, blind: blind[n] ?? false }
}

function isWrite({ verb }: Call): boolean {
  return verb !== 'listPods' && verb !== 'listServices' && verb !== 'testService'
}

/** The state after a write that was carried out: a pod that a pass has written is no third party's any more. */
function afterWrite(world: World, state: State, call: Call, cluster: Cluster): State {
  if (cluster === state.cluster) return state
  const written = 'pod' in call && call.verb === 'patchPod' ? world.podNames.indexOf(call.pod.name) : -1
  const foreign = written >= 0 && state.foreign[written] ? state.foreign.with(written, false) : state.foreign
  return withTraffic(world, { ...state, foreign }, cluster)
}

/** Whoever has read the pods before a pass moved traffic to another pod is behind from then on. */
function withTraffic(world: World, state: State, cluster: Cluster): State {
  const moved = world.serviceNames.some((_, n) => {
    const after = world.objects.selected(cluster, n)
    return after.length > 0 && after.join() !== world.objects.selected(state.cluster, n).join()
  })
  if (!moved) return { ...state, cluster }
  const flying = state.flying.map((one) => ({ ...one, stale: true }))
  return { ...state, cluster, flying, stale: state.passes.map((point) => point !== undefined) }
}

function landed(world: World, state: State, flying: Flying): Move {
  const call = world.behaviour.calls.value(flying.callId)
  const done = world.objects.carryOut(state.cluster, call, flying.callId)
  const after = afterWrite(
    world,
    { ...state, flying: state.flying.filter((one) => one !== flying) },
    call,
    done.cluster,
  )
  return { text: () => say.landed(flying.pass, call, done.answer), state: after, writer: flying }
}

async function faultsIn(world: World, state: State): Promise<readonly Move[]> {
  const { faults } = world
  const moves: Move[] = []
  for (const [n, point] of state.passes.entries()) {
    if (!point) continue
    if (faults.has('death')) moves.push(died(state, n, point))
    if (faults.has('delay')) for (const ms of DELAYS_MS) moves.push(await delayed(world, state, n, point, ms))
    for (const pending of point.pending) {
      if (faults.has('no answer')) moves.push(await unanswered(world, state, n, point, pending))
      if (faults.has('refused') && pending.call.verb === 'patchPod') {
        moves.push(await refused(world, state, n, point, pending))
      }
    }
  }
  for (const [n, name] of world.podNames.entries()) moves.push(...podFaults(world, state, n, name))
  if (faults.has('selector')) moves.push(...selectorFaults(world, state))
  return moves
}

function died(state: State, n: number, point: Point): Move {
  const flying = inFlight(state, n, point.pending)
  return {
    text: () =>
      say.died(
        n,
        point.pending.map(({ call }) => call),
      ),
    state: { ...state, passes: state.passes.with(n, undefined), flying },
  }
}

/** Of the 20 s that a pass has: no time to promote, no time but to release. */
const DELAYS_MS = [16_700, 18_700]

/** The calls that its deadline cuts off may still arrive. */
async function delayed(world: World, state: State, n: number, point: Point, delayMs: number): Promise<Move> {
  const next = await told(world, point, `delay ${delayMs}`, () => ({ delayMs }))
  const cut = point.pending.filter(({ place }) => !next.pending.some((still) => still.place === place))
  return { text: () => say.delayed(n, delayMs), ...at({ ...state, flying: inFlight(state, n, cut) }, n, next) }
}

async function unanswered(world: World, state: State, n: number, point: Point, pending: Pending): Promise<Move> {
  const { call, place } = pending
  const next = await told(world, point, `${place}:none`, () => ({ place, answer: { kind: 'none' } }))
  const flying = inFlight(state, n, [pending])
  return { text: () => say.unanswered(n, call), ...at({ ...state, flying }, n, next) }
}

/** By an admission webhook, say. */
async function refused(world: World, state: State, n: number, point: Point, { call, place }: Pending): Promise<Move> {
  const answer = { kind: 'denied' } as const
  const next = await told(world, point, `${place}:denied`, () => ({ place, answer }))
  return { text: () => say.answered(n, call, answer), ...at(state, n, next) }
}

/** In an order that does not tell which came first. */
function inFlight(state: State, pass: number, calls: readonly Pending[]): readonly Flying[] {
  const writes = calls.filter(({ call }) => isWrite(call))
  return [...state.flying, ...writes.map(({ callId }) => ({ callId, pass, ...writerOf(state, pass) }))].sort(
    (a, b) => a.callId - b.callId || a.pass - b.pass,
  )
}

function podFaults(world: World, state: State, n: number, name: string): readonly Move[] {
  const { faults, objects } = world
  const id = state.cluster.pods[n] ?? NONE
  const pod = id === NONE ? undefined : objects.pods.value(id)
  const become = (next: Pod | undefined, text: string, isForeign: boolean): Move => ({
    text: () => text,
    state: {
      ...state,
      foreign: state.foreign.with(n, isForeign),
      cluster: { ...state.cluster, pods: state.cluster.pods.with(n, next ? objects.pods.idOf(next) : NONE) },
    },
  })
  const moves: Move[] = []
  if (faults.has('recreated')) {
    moves.push(become(world.freshPod(name, state.faultsLeft), `pod ${name} is made again, with another uid`, false))
  }
  if (!pod) return moves
  const meddle = (role: string, isForeign: boolean): Move => {
    const move = become({ ...pod, labels: { ...pod.labels, role } }, `a third party labels ${name} ${role}`, isForeign)
    const flying = state.flying.map((one) => ({ ...one, blind: true }))
    return { ...move, state: { ...move.state, meddled: true, blind: state.blind.map(() => true), flying } }
  }
  if (faults.has('deleted')) moves.push(become(undefined, `pod ${name} is gone`, false))
  if (faults.has('terminating') && !pod.terminating) {
    moves.push(become({ ...pod, terminating: true }, `pod ${name} is being deleted`, state.foreign[n] ?? false))
  }
  if (faults.has('label')) {
    const isActive = pod.labels.role === 'active'
    moves.push(meddle(isActive ? 'passive' : 'active', !isActive))
  }
  return moves
}

function selectorFaults(world: World, state: State): readonly Move[] {
  const { objects, home } = world
  return state.cluster.services.flatMap((id, n) => {
    const service = objects.services.value(id)
    const written = home[n] as Service
    const become = (text: string, next: Partial<Service>): Move => ({
      text: () => text,
      state: {
        ...state,
        cluster: {
          ...state.cluster,
          services: state.cluster.services.with(n, objects.services.idOf(changed({ ...service, ...next }))),
        },
      },
    })
    const moves = [become(`a third party writes Service ${service.name}, and changes nothing of ours`, {})]
    if (!isClaimed(service)) return moves
    return [
      ...moves,
      become(`a third party puts the selector of ${service.name} back`, { selector: written.selector }),
      become(`a third party applies Service ${service.name}: role and pin are both in its selector`, {
        selector: { ...service.selector, ...written.selector },
      }),
      become(`a third party replaces Service ${service.name}`, {
        selector: written.selector,
        annotations: written.annotations,
      }),
    ]
  })
}
