/**
 * Finds the possible moves in a state: an answer, or a fault.
 *
 * Not every fault is tried at every moment. A pass sees a change of a pod only when it reads or writes the pod, so the
 * change is tried just before that. An earlier change would lead to the same state, because the writes in between are
 * of other objects. It would also break no more promises: before the change there are no fewer active pods of ours and
 * no fewer healthy pods. For the other passes, a pass that dies just falls silent, so a death is tried at the end.
 */

import { isActivation, isActive } from '../support/roles.js'
import type { Call } from '../support/stored.js'
import type { Event, Point } from './behaviour.js'
import { podFaults, reaction, serviceFaults } from './faults.js'
import { type Cluster, type Done, NONE } from './model-cluster.js'
import type { World } from './model-world.js'
import type { Kept } from './modelled-admission.js'
import { type Flying, meddledWith, type State } from './state.js'
import * as say from './story.js'

/** One pod more than there would be is the most that a pass may cause. */
export const MOST_LET_GO = 1

export interface Move {
  /** What happened, in sentences. */
  readonly text: () => readonly string[]
  /** The state in which it happened, with what went wrong just before it. */
  readonly before: State
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

/** Everything that can happen next, but that passes die: see `ends`. */
export async function movesFrom(world: World, state: State): Promise<readonly Move[]> {
  // An answer that is the same at any time changes nothing that anybody else could see: it need not be tried in every order.
  for (const [n, point] of state.passes.entries()) {
    const same = point?.pending.find(({ call }) => isAlwaysTheSame(world, call))
    if (point && same) return [await answered(world, state, n, point, same)]
  }
  const moves: Move[] = []
  for (const [n, point] of state.passes.entries()) {
    for (const pending of point?.pending ?? []) {
      for (const { state: found, texts } of asSeen(world, state, pending.call)) {
        moves.push(told(texts, await answered(world, found, n, point as Point, pending)))
      }
    }
  }
  for (const [place, { callId }] of state.flying.entries()) {
    const call = world.behaviour.calls.value(callId)
    for (const { state: found, texts } of asSeen(world, state, call)) {
      moves.push(told(texts, landed(world, found, place, call)))
    }
  }
  if (state.faultsLeft > 0) moves.push(...(await faultsIn(world, { ...state, faultsLeft: state.faultsLeft - 1 })))
  return moves
}

/** How it may stand when nobody does anything any more: who has not ended by then has died. */
export function ends(world: World, state: State): readonly FoundState[] {
  const alive = state.passes.flatMap((point, n) => (point ? [{ n, point }] : []))
  const mayDie = world.faults.has('death') ? state.faultsLeft : 0
  if (alive.length > mayDie) return []
  const deaths = alive.map(({ n, point }) =>
    say.died(
      n,
      point.pending.map(({ call }) => call),
    ),
  )
  const left = { ...state, faultsLeft: state.faultsLeft - alive.length }
  const everywhere = world.podNames.map((_, place) => place)
  return asFound(world, left, everywhere, deaths)
}

/** A state, and how it came to be. */
export interface FoundState {
  readonly state: State
  readonly texts: readonly string[]
}

/** The state as it is, and with everything that may go wrong with the pods at these places, one after the other. */
function asFound(world: World, state: State, places: readonly number[], texts: readonly string[] = []): FoundState[] {
  const found = [{ state, texts }]
  if (state.faultsLeft === 0) return found
  const left = { ...state, faultsLeft: state.faultsLeft - 1 }
  for (const [n, place] of places.entries()) {
    for (const fault of podFaults(world, left, place)) {
      found.push(...asFound(world, fault.state, places.slice(n), [...texts, fault.text]))
    }
  }
  return found
}

/** The same for the pods that a call reads or writes. A controller may have acted before a list, which would show it. */
function asSeen(world: World, state: State, call: Call): FoundState[] {
  const found = asFound(world, state, placesSeen(world, call))
  const acted = call.verb === 'listPods' ? reacted(world, state) : undefined
  return acted ? [...found, ...asFound(world, acted.state, placesSeen(world, call), acted.texts)] : found
}

/** The state once the controller has done all that it has to do, if it has anything to do. */
export function reacted(world: World, state: State): FoundState | undefined {
  let found: FoundState | undefined
  for (let next = reaction(world, state); next; next = reaction(world, next.state)) {
    found = { state: next.state, texts: [...(found?.texts ?? []), next.text] }
    if (next.state.letGo > MOST_LET_GO) break
  }
  return found
}

/** The places of the pods that a call reads or writes. */
function placesSeen({ podNames }: World, call: Call): readonly number[] {
  if (call.verb === 'listPods') return podNames.map((_, place) => place)
  return 'pod' in call ? [podNames.indexOf(call.pod.name)] : []
}

function told(texts: readonly string[], move: Move): Move {
  return texts.length === 0 ? move : { ...move, text: () => [...texts, ...move.text()] }
}

type Pending = Point['pending'][number]

function isAlwaysTheSame({ servicesDenied }: World, { verb }: Call): boolean {
  return servicesDenied && (verb === 'listServices' || verb === 'patchService' || verb === 'testService')
}

/** Pass `n` is given the answer to one of its calls. @param kept what admission makes of a write */
export async function answered(
  world: World,
  state: State,
  n: number,
  point: Point,
  pending: Pending,
  kept?: Kept,
): Promise<Move> {
  const { call, callId, place } = pending
  const done: Done =
    world.servicesDenied && call.verb === 'patchService'
      ? { key: 'denied', answer: { kind: 'denied' }, cluster: state.cluster }
      : world.objects.carryOut(state.cluster, call, callId, kept)
  const next = await after(world, point, `${place}:${done.key}`, () => ({ place, answer: done.answer }))
  const written = afterWrite(world, state, call, done.cluster)
  const seen =
    call.verb === 'listPods' ? { stale: written.stale.with(n, false), blind: written.blind.with(n, false) } : {}
  // Whose claim is not what it was asked to be goes without: to the others it was refused.
  const isChangedClaim = kept !== undefined && call.verb === 'patchService'
  return {
    text: () => [say.answered(n, call, done.answer)],
    before: state,
    ...at({ ...(isChangedClaim ? meddledWith(written) : written), ...seen }, n, next),
    ...(isWrite(call) ? { writer: writerOf(state, n) } : {}),
  }
}

function after({ behaviour }: World, point: Point, key: string, event: () => Event): Promise<Point> {
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
  const isOurs = written >= 0 && (isActivation(call) || !isActiveAt(world, cluster, written))
  const foreign = isOurs ? state.foreign.with(written, false) : state.foreign
  return withTraffic(world, { ...state, foreign }, cluster)
}

/** Admission may have let it be active. */
function isActiveAt({ objects }: World, { pods }: Cluster, place: number): boolean {
  const id = pods[place] ?? NONE
  return id !== NONE && isActive(objects.pods.value(id))
}

/**
 * Whoever has read the pods before traffic moved to another pod is behind from then on. Once somebody else has written
 * a role that is no matter any more.
 */
function withTraffic(world: World, state: State, cluster: Cluster): State {
  const moved =
    !state.meddled &&
    world.serviceNames.some((_, n) => {
      const after = world.objects.selected(cluster, n)
      return after.length > 0 && after.join() !== world.objects.selected(state.cluster, n).join()
    })
  if (!moved) return { ...state, cluster }
  const flying = state.flying.map((one) => ({ ...one, stale: true }))
  return { ...state, cluster, flying, stale: state.passes.map((point) => point !== undefined) }
}

/** The write that is the `n`th of those under way is carried out. */
function landed(world: World, state: State, n: number, call: Call): Move {
  const flying = state.flying[n] as Flying
  const done = world.objects.carryOut(state.cluster, call, flying.callId)
  const others = { ...state, flying: state.flying.toSpliced(n, 1) }
  return {
    text: () => [say.landed(flying.pass, call, done.answer)],
    before: state,
    state: afterWrite(world, others, call, done.cluster),
    writer: flying,
  }
}

async function faultsIn(world: World, state: State): Promise<readonly Move[]> {
  const { faults } = world
  const moves: Move[] = []
  for (const [n, point] of state.passes.entries()) {
    if (!point) continue
    if (faults.has('delay')) for (const ms of DELAYS_MS) moves.push(await delayed(world, state, n, point, ms))
    for (const pending of point.pending) {
      if (faults.has('no answer')) moves.push(await unanswered(world, state, n, point, pending))
      if (!isWrite(pending.call)) continue
      if (faults.has('refused')) moves.push(await turnedDown(world, state, n, point, pending, 'denied'))
      for (const kind of ['unauthenticated', 'throttled'] as const)
        if (faults.has(kind)) moves.push(await turnedDown(world, state, n, point, pending, kind))
      if (faults.has('changed')) {
        for (const kept of ['role', 'annotations'] as const)
          moves.push(await answered(world, state, n, point, pending, kept))
      }
    }
  }
  for (const { text, state: after } of serviceFaults(world, state)) {
    moves.push({ text: () => [text], before: state, state: withTraffic(world, state, after.cluster) })
  }
  return moves
}

/** Of the 20 s that a pass has: no time to begin a swap, to seal, to promote, but to release, and none. */
const DELAYS_MS = [15_200, 16_200, 16_700, 18_700, 20_000]

/** The calls that its deadline cuts off may still arrive. */
async function delayed(world: World, state: State, n: number, point: Point, delayMs: number): Promise<Move> {
  const next = await after(world, point, `delay ${delayMs}`, () => ({ delayMs }))
  const cut = point.pending.filter(({ place }) => !next.pending.some((still) => still.place === place))
  return {
    text: () => [say.delayed(n, delayMs)],
    before: state,
    ...at({ ...state, flying: inFlight(state, n, cut) }, n, next),
  }
}

async function unanswered(world: World, state: State, n: number, point: Point, pending: Pending): Promise<Move> {
  const { call, place } = pending
  const next = await after(world, point, `${place}:none`, () => ({ place, answer: { kind: 'none' } }))
  const flying = inFlight(state, n, [pending])
  return { text: () => [say.unanswered(n, call)], before: state, ...at({ ...state, flying }, n, next) }
}

/** By an admission webhook, say, or by a server that does not know who asks, or is too busy. */
async function turnedDown(
  world: World,
  state: State,
  n: number,
  point: Point,
  { call, place }: Pending,
  kind: 'denied' | 'unauthenticated' | 'throttled',
): Promise<Move> {
  const next = await after(world, point, `${place}:${kind}`, () => ({ place, answer: { kind } }))
  const isRefusedClaim = call.verb === 'patchService' && kind === 'denied'
  return {
    text: () => [say.answered(n, call, { kind })],
    before: state,
    ...at(isRefusedClaim ? meddledWith(state) : state, n, next),
  }
}

/** In an order that does not tell which came first. */
function inFlight(state: State, pass: number, calls: readonly Pending[]): readonly Flying[] {
  const writes = calls.filter(({ call }) => isWrite(call))
  return [...state.flying, ...writes.map(({ callId }) => ({ callId, pass, ...writerOf(state, pass) }))].sort(
    (a, b) => a.callId - b.callId || a.pass - b.pass,
  )
}
