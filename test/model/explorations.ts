/** What is searched, and how far. */

import type { FaultKind } from './moves.js'
import { Recovery } from './recovery.js'
import { type Explored, explore } from './search.js'
import type { State } from './state.js'
import { allViews, type Bounds, beginning, firstState, subsetsOf, type Views, worldOf } from './worlds.js'

const FAULTS: readonly FaultKind[] = [
  'death',
  'no answer',
  'refused',
  'throttled',
  'delay',
  'deleted',
  'terminating',
  'recreated',
  'label',
]

export interface Exploration {
  readonly name: string
  readonly bounds: Bounds
  /** It comes to its end in seconds. */
  readonly isSmall?: true
}

const LABELS = { latch: false, services: 1, reads: 2, faultKinds: FAULTS, start: 'one active' } as const
const LATCH = { ...LABELS, latch: true, faultKinds: [...FAULTS, 'selector', 'Service deleted'] } as const
const TWO = { passes: 2, pods: 2 } as const

/** From the smallest to the largest. */
export const explorations: readonly Exploration[] = [
  {
    name: 'labels, 2 passes, 2 new pods, 1 fault',
    bounds: { ...LABELS, ...TWO, faults: 1, start: 'new' },
    isSmall: true,
  },
  { name: 'labels, 2 passes, 2 pods, 1 fault', bounds: { ...LABELS, ...TWO, faults: 1 }, isSmall: true },
  {
    name: 'labels, 2 passes, 2 pods that turn around, 1 fault',
    bounds: { ...LABELS, ...TWO, faults: 1, turnsAround: true },
    isSmall: true,
  },
  {
    name: 'labels, 2 passes, 2 pods and one that comes, 1 fault',
    bounds: { ...LABELS, ...TWO, faults: 1, coming: 1 },
    isSmall: true,
  },
  {
    name: 'labels, 2 passes, 2 pods of which one must never be active, 1 fault',
    bounds: { ...LABELS, ...TWO, faults: 1, never: ['b'] },
    isSmall: true,
  },
  { name: 'labels, 2 passes, 3 pods, no fault', bounds: { ...LABELS, passes: 2, pods: 3, faults: 0 }, isSmall: true },
  { name: 'latch, 2 passes, 2 pods, no fault', bounds: { ...LATCH, ...TWO, faults: 0 }, isSmall: true },
  {
    name: 'latch, 2 passes that check as serve does, 2 pods, no fault',
    bounds: { ...LATCH, ...TWO, faults: 0, quickCheck: true },
    isSmall: true,
  },
  { name: 'labels, 3 passes, 2 pods, no fault', bounds: { ...LABELS, passes: 3, pods: 2, faults: 0 }, isSmall: true },
  { name: 'latch, 2 passes, 2 pods, 2 Services, no fault', bounds: { ...LATCH, ...TWO, faults: 0, services: 2 } },
  { name: 'labels, 2 passes, 3 pods, 1 fault', bounds: { ...LABELS, passes: 2, pods: 3, faults: 1 } },
  { name: 'labels, 3 passes, 2 pods, 1 fault', bounds: { ...LABELS, passes: 3, pods: 2, faults: 1 } },
  { name: 'latch, 2 passes, 2 pods, 1 fault', bounds: { ...LATCH, ...TWO, faults: 1 } },
  { name: 'labels, 2 passes, 2 pods, 2 faults', bounds: { ...LABELS, ...TWO, faults: 2 } },
  { name: 'labels, 2 passes, 3 pods, 2 faults', bounds: { ...LABELS, passes: 2, pods: 3, faults: 2 } },
]

export interface Result extends Explored {
  /** Of the real code: every history of answers that a pass was taken through. */
  readonly histories: number
  /** Of the combinations of what passes may find: those that were gone through to the end, and all. */
  readonly done: number
  readonly beginnings: number
}

/**
 * Goes through everything that can happen within these bounds, or through so many states: as many for each combination
 * of what passes may find, with what an earlier one has left.
 */
export async function carryOut(
  { bounds }: Exploration,
  maxStates: number,
  isEnough: (states: number, beginning: string) => boolean = () => false,
): Promise<Result> {
  const { world, first, atEnd } = await begin(bounds, allViews(bounds))
  const all: Explored[] = []
  for (const [n, start] of first.entries()) {
    const before = sum(all, ({ states }) => states)
    const most = Math.floor((maxStates - before) / (first.length - n))
    const one = await explore(world, start, {
      isEnough: (states) => states >= most || isEnough(before + states, `${n + 1} of ${first.length}`),
      atEnd,
    })
    all.push(one)
    if (one.found) break
  }
  const done = all.filter(({ isComplete }) => isComplete).length
  return {
    states: sum(all, ({ states }) => states),
    moves: sum(all, ({ moves }) => moves),
    schedules: sum(all, ({ schedules }) => schedules),
    longest: Math.max(...all.map(({ longest }) => longest)),
    found: all.at(-1)?.found,
    isComplete: done === first.length,
    histories: world.behaviour.histories,
    done,
    beginnings: first.length,
  }
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}

/** Of a pass when nothing goes wrong any more: as often as it likes. */
const READS_AT_LEISURE = 100

export async function begin(bounds: Bounds, views: readonly Views[]) {
  const world = await worldOf(bounds)
  const first: State[] = []
  for (const view of views) first.push(await firstState(world, bounds, view))
  const recovery = new Recovery(world, (failing) => beginning(world, bounds, failing, 'later', READS_AT_LEISURE))
  const atEnd = async (state: State) => {
    const there = world.objects.podsOf(state.cluster).map(({ name }) => name)
    // Whatever fails from then on.
    for (const failing of subsetsOf(there)) {
      const found = await recovery.check(state, failing)
      if (found) return found
    }
    return undefined
  }
  return { world, first, atEnd }
}

export function describe({ name }: Exploration, result: Result): string {
  const { states, schedules, longest, histories, isComplete, found, done, beginnings } = result
  const number = (n: number) => (n < 1e15 ? n.toLocaleString('en') : n.toExponential(1))
  const figures = `${number(states)} states, ${number(schedules)} schedules of up to ${longest} moves, ${number(histories)} histories of a pass`
  const stopped = `stopped there, ${done} of ${beginnings} beginnings gone through`
  return `${name}: ${figures}; ${found ? 'BROKEN' : isComplete ? 'all of it' : stopped}`
}
