/** What is searched, and how far. */

import type { FaultKind, World } from './moves.js'
import { Recovery } from './recovery.js'
import { type Explored, explore, type Found } from './search.js'
import type { State } from './state.js'
import { allViews, type Bounds, firstState, type Views, worldOf } from './worlds.js'

export const FAULTS: readonly FaultKind[] = [
  'death',
  'no answer',
  'refused',
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
const LATCH = { ...LABELS, latch: true, faultKinds: [...FAULTS, 'selector'] } as const

/** From the smallest to the largest. */
export const explorations: readonly Exploration[] = [
  {
    name: 'labels, 2 passes, 2 new pods, 1 fault',
    bounds: { ...LABELS, passes: 2, pods: 2, faults: 1, start: 'new' },
    isSmall: true,
  },
  { name: 'labels, 2 passes, 2 pods, 1 fault', bounds: { ...LABELS, passes: 2, pods: 2, faults: 1 }, isSmall: true },
  { name: 'labels, 2 passes, 3 pods, no fault', bounds: { ...LABELS, passes: 2, pods: 3, faults: 0 }, isSmall: true },
  { name: 'latch, 2 passes, 2 pods, no fault', bounds: { ...LATCH, passes: 2, pods: 2, faults: 0 }, isSmall: true },
  {
    name: 'latch, 2 passes, 2 pods, 2 Services, no fault',
    bounds: { ...LATCH, passes: 2, pods: 2, faults: 0, services: 2 },
  },
  { name: 'labels, 3 passes, 2 pods, no fault', bounds: { ...LABELS, passes: 3, pods: 2, faults: 0 }, isSmall: true },
  { name: 'latch, 2 passes, 2 pods, 1 fault', bounds: { ...LATCH, passes: 2, pods: 2, faults: 1 } },
  { name: 'labels, 2 passes, 3 pods, 1 fault', bounds: { ...LABELS, passes: 2, pods: 3, faults: 1 } },
  { name: 'labels, 2 passes, 2 pods, 2 faults', bounds: { ...LABELS, passes: 2, pods: 2, faults: 2 } },
  { name: 'labels, 3 passes, 2 pods, 1 fault', bounds: { ...LABELS, passes: 3, pods: 2, faults: 1 } },
  { name: 'labels, 2 passes, 3 pods, 2 faults', bounds: { ...LABELS, passes: 2, pods: 3, faults: 2 } },
]

export interface Result extends Explored {
  /** Of the real code: every history of answers that a pass was taken through. */
  readonly histories: number
  readonly steps: number
}

/**
 * Goes through everything that can happen within these bounds, or through so many states: as many for each combination
 * of what passes may find, with what an earlier one has left.
 */
export async function carryOut({ bounds }: Exploration, maxStates: number): Promise<Result> {
  const { world, first, atEnd } = await begin(bounds, allViews(bounds))
  const all: Explored[] = []
  for (const [n, start] of first.entries()) {
    const left = maxStates - sum(all, ({ states }) => states)
    const one = await explore(world, [start], { maxStates: Math.floor(left / (first.length - n)), atEnd })
    all.push(one)
    if (one.found) break
  }
  const { histories, steps } = world.behaviour
  return {
    states: sum(all, ({ states }) => states),
    moves: sum(all, ({ moves }) => moves),
    schedules: sum(all, ({ schedules }) => schedules),
    longest: Math.max(...all.map(({ longest }) => longest)),
    found: all.at(-1)?.found,
    isComplete: all.every(({ isComplete }) => isComplete),
    histories,
    steps,
  }
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}

export async function begin(bounds: Bounds, views: readonly Views[]) {
  const world: World = await worldOf(bounds)
  const first: State[] = []
  for (const view of views) first.push(await firstState(world, bounds, view))
  const recovery = new Recovery(world, bounds.code)
  // Whatever fails from then on.
  const failing = [[], ...world.podNames.map((name) => [name]), world.podNames]
  const atEnd = async (state: State): Promise<Found | undefined> => {
    for (const pods of failing) {
      const found = await recovery.check(state, pods)
      if (found) return found
    }
    return undefined
  }
  return { world, first, atEnd }
}

export function describe({ name }: Exploration, result: Result): string {
  const { states, schedules, longest, histories, isComplete, found } = result
  const number = (n: number) => (n < 1e15 ? n.toLocaleString('en') : n.toExponential(1))
  const figures = `${number(states)} states, ${number(schedules)} schedules of up to ${longest} moves, ${number(histories)} histories of a pass`
  const end = found ? 'BROKEN' : isComplete ? 'all of it' : 'stopped there'
  return `${name}: ${figures}; ${end}`
}
