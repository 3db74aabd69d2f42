/** The searches, and how far each of them goes. */

import { hasEnded } from '../support/roles.js'
import { withoutStacks } from '../support/stacks.js'
import {
  allViews,
  type Bounds,
  beginning,
  firstState,
  mayFailOf,
  subsetsOf,
  type Views,
  worldOf,
} from './beginnings.js'
import { type Exploration, LABELS, LATCH, TO_B, TWO } from './bounds.js'
import type { FaultKind } from './model-world.js'
import { Recovery } from './recovery.js'
import { type Explored, Search } from './search.js'
import type { State } from './state.js'
import { untidy } from './untidy.js'

/** What may keep a switchover from its end. */
const HARD: readonly FaultKind[] = ['death', 'no answer', 'refused', 'deleted', 'terminating']

/** Of tidy groups, from the smallest to the largest. */
export const tidy: readonly Exploration[] = [
  {
    name: 'labels, 2 passes, 2 new pods, 1 fault',
    bounds: { ...LABELS, ...TWO, faults: 1, start: 'new' },
  },
  { name: 'labels, 2 passes, 2 pods, 1 fault', bounds: { ...LABELS, ...TWO, faults: 1 }, isSmall: true },
  {
    name: 'labels, 2 passes, 2 pods that turn around, 1 fault',
    bounds: { ...LABELS, ...TWO, faults: 1, turnsAround: true },
  },
  {
    name: 'labels, 2 passes, 2 pods and one that comes, 1 fault',
    bounds: { ...LABELS, ...TWO, faults: 1, coming: 1 },
  },
  {
    name: 'labels, 2 passes, 2 pods of which one must never be active, 1 fault',
    bounds: { ...LABELS, ...TWO, faults: 1, never: ['b'] },
    isSmall: true,
  },
  {
    name: 'latch, 1 pass, 2 pods, 3 writes refused, unauthenticated, throttled or not answered',
    bounds: {
      ...LATCH,
      passes: 1,
      pods: 2,
      faults: 3,
      faultKinds: ['refused', 'unauthenticated', 'throttled', 'no answer'],
    },
    isSmall: true,
  },
  {
    name: 'labels, 1 pass, 2 new pods, 2 faults',
    bounds: { ...LABELS, passes: 1, pods: 2, faults: 2, start: 'new' },
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
  {
    name: 'labels, a switchover beside a pass, 2 pods, 1 fault',
    bounds: { ...LABELS, ...TWO, faults: 1, faultKinds: HARD, switchover: TO_B },
    isSmall: true,
  },
  {
    name: 'labels, a switchover beside a pass, 3 pods, no fault',
    bounds: { ...LABELS, passes: 2, pods: 3, faults: 0, switchover: TO_B },
  },
  {
    name: 'latch, a switchover alone, 2 pods, 2 faults',
    bounds: { ...LATCH, passes: 1, pods: 2, reads: 4, faults: 2, faultKinds: HARD, switchover: TO_B },
    isSmall: true,
  },
  {
    name: 'latch, a switchover beside a pass, 2 pods, 1 fault',
    bounds: { ...LATCH, ...TWO, faults: 1, switchover: TO_B },
  },
  { name: 'latch, 2 passes, 2 pods, 2 Services, no fault', bounds: { ...LATCH, ...TWO, faults: 0, services: 2 } },
  { name: 'labels, 2 passes, 3 pods, 1 fault', bounds: { ...LABELS, passes: 2, pods: 3, faults: 1 } },
  { name: 'labels, 3 passes, 2 pods, 1 fault', bounds: { ...LABELS, passes: 3, pods: 2, faults: 1 } },
  { name: 'latch, 2 passes, 2 pods, 1 fault', bounds: { ...LATCH, ...TWO, faults: 1 } },
  { name: 'labels, 2 passes, 2 pods, 2 faults', bounds: { ...LABELS, ...TWO, faults: 2 } },
  { name: 'labels, 2 passes, 3 pods, 2 faults', bounds: { ...LABELS, passes: 2, pods: 3, faults: 2 } },
]

export const explorations: readonly Exploration[] = [...tidy, ...untidy]

export interface Result extends Explored {
  /** Of the real code: every history of answers that a pass was taken through. */
  readonly histories: number
  /** Of the combinations of what passes may find: those that were gone through to the end, and all. */
  readonly done: number
  readonly beginnings: number
}

/** States of each beginning in the first round; in each round after it twice as many. */
const FIRST_ROUND = 1_000

/**
 * Goes through everything that can happen within these bounds, or through so many states: of each combination of what
 * passes may find as many, but for what some do not need.
 *
 * @param isEnough is asked again and again whether to stop
 */
export async function carryOut(
  { bounds }: Exploration,
  maxStates: number,
  isEnough: (states: number, done: string) => boolean = () => false,
): Promise<Result> {
  const { world, first, atEnd } = await begin(bounds, allViews(bounds))
  const searches = first.map((start) => new Search(world, start, atEnd))
  const results = () => searches.map(({ result }) => result)
  const states = () => sum(results(), ({ states }) => states)
  const isOver = () => isStopped || results().some(({ found }) => found)
  let isStopped = false
  for (let round = FIRST_ROUND; !isOver() && results().some(({ isComplete }) => !isComplete); round *= 2) {
    const open = searches.filter(({ result }) => !result.isComplete)
    const done = `${first.length - open.length} of ${first.length}`
    for (const [n, search] of open.entries()) {
      if (isOver()) break
      const others = states() - search.result.states
      const share = (maxStates - states()) / (open.length - n)
      const most = Math.min(round, search.result.states + share)
      await withoutStacks(() =>
        search.goOn((own) => {
          isStopped ||= isEnough(others + own, done)
          return isStopped || own >= most
        }),
      )
    }
    isStopped ||= states() >= maxStates - open.length
  }
  const all = results()
  const done = all.filter(({ isComplete }) => isComplete).length
  return {
    states: states(),
    schedules: sum(all, ({ schedules }) => schedules),
    longest: Math.max(...all.map(({ longest }) => longest)),
    found: all.find(({ found }) => found)?.found,
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
  const mayFail = mayFailOf(bounds)
  const first: State[] = []
  for (const view of views) first.push(await firstState(world, bounds, view))
  const recovery = new Recovery(world, (failing) => beginning(world, bounds, failing, 'later', READS_AT_LEISURE))
  const atEnd = async (state: State) => {
    const there = world.objects
      .podsOf(state.cluster)
      .filter((pod) => !hasEnded(pod) && mayFail.includes(pod.name))
      .map(({ name }) => name)
    // Whatever fails from then on.
    for (const failing of subsetsOf(there)) {
      const found = await recovery.check(state, failing)
      if (found) return found
    }
    return undefined
  }
  return { world, first, atEnd }
}

/** As a row of the table in docs/safety.md. */
export function describe({ name }: Exploration, result: Result): string {
  const { states, schedules, longest, histories, isComplete, found, done, beginnings } = result
  const number = (n: number) => (n < 1e15 ? n.toLocaleString('en') : n.toExponential(1))
  const end = found ? 'BROKEN' : isComplete ? 'all of it' : `stopped, ${done} of ${beginnings} beginnings done`
  return `| ${[name, number(states), number(schedules), longest, number(histories), end].join(' | ')} |`
}

/** What the columns are. */
export const HEADER = '| search | states | schedules | longest | histories | |\n| --- | --- | --- | --- | --- | --- |'
