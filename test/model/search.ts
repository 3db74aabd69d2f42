/**
 * Every order in which things can happen, from some first states on: depth first to see them all, breadth first for the
 * shortest story. States that were seen are not gone through again.
 */
import type { World } from './moves.js'
import { movesFrom } from './moves.js'
import { brokenByEnd, brokenByMove, brokenByPlan } from './promises.js'
import { keyOf, type State } from './state.js'

export interface Found {
  readonly broken: string
  /** What happened, in order. */
  readonly story: readonly string[]
}

export interface Explored {
  readonly states: number
  readonly moves: number
  /** The ways from a first state to an end, in each of which things happen in another order; at most 2^53. */
  readonly schedules: number
  readonly longest: number
  readonly found: Found | undefined
  /** What stopped it before it had seen everything. */
  readonly bound: string | undefined
}

interface Step {
  readonly state: State
  readonly text: (() => string) | undefined
  readonly parent: Step | undefined
  readonly depth: number
}

export interface Search {
  readonly order: 'depth first' | 'breadth first'
  readonly maxStates: number
  /** What is broken where everybody has ended. */
  readonly atEnd: (state: State) => Promise<Found | undefined>
}

export async function search(
  world: World,
  first: readonly State[],
  { order, maxStates, atEnd }: Search,
): Promise<Explored> {
  const seen = new Set(first.map(keyOf))
  const frontier: Step[] = first.map((state) => ({ state, text: undefined, parent: undefined, depth: 0 }))
  let [moves, longest, next] = [0, 0, 0]
  const result = (found?: Found, bound?: string): Explored => ({
    states: seen.size,
    moves,
    schedules: 0,
    longest,
    found,
    bound,
  })
  for (;;) {
    const step = order === 'depth first' ? frontier.pop() : frontier[next++]
    if (!step) return result()
    if (seen.size > maxStates) return result(undefined, `${maxStates} states`)
    const { state, depth } = step
    longest = Math.max(longest, depth)
    const possible = await movesFrom(world, state)
    if (state.passes.every((point) => point === undefined)) {
      const found = await atEnd(state)
      if (found) return result({ broken: found.broken, story: [...storyOf(step), ...found.story] })
    }
    for (const move of possible) {
      moves++
      const child: Step = { state: move.state, text: move.text, parent: step, depth: depth + 1 }
      const broken =
        brokenByMove(world, state, move) ??
        brokenByEnd(world, move) ??
        firstOf(move.state.passes, (point) => point && brokenByPlan(point))
      if (broken) return result({ broken, story: storyOf(child) })
      const key = keyOf(move.state)
      if (seen.has(key)) continue
      seen.add(key)
      frontier.push(child)
    }
  }
}

function storyOf(step: Step): readonly string[] {
  const story: string[] = []
  for (let at: Step | undefined = step; at; at = at.parent) if (at.text) story.unshift(at.text())
  return story
}

function firstOf<T, R>(items: readonly T[], of: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const result = of(item)
    if (result !== undefined) return result
  }
  return undefined
}
