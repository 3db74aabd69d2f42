/** Every order in which things can happen, from some first states on. A state that was seen is not gone through again. */
import { seededRandom } from '../support/random.js'
import { type Move, movesFrom, type World } from './moves.js'
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
  /** The orders in which things can happen, from a first state to an end; a rounded number when they are many. */
  readonly schedules: number
  /** The longest of them. */
  readonly longest: number
  readonly found: Found | undefined
  /** Whether it has seen everything. */
  readonly isComplete: boolean
}

/** What is broken where everybody has come to an end. */
export type AtEnd = (state: State) => Promise<Found | undefined>

interface Limits {
  readonly maxStates: number
  readonly atEnd: AtEnd
}

/** On the way through a state: what can happen next, and how many schedules were counted so far. */
interface Visit {
  readonly key: string
  readonly state: State
  /** What led here. */
  readonly text: (() => string) | undefined
  readonly moves: readonly Move[]
  next: number
  schedules: number
}

/**
 * In another order in each state, so that a search which has to stop has not looked at one way to begin alone. The same
 * each time.
 */
function shuffled<T>(items: readonly T[], random: () => number): readonly T[] {
  return items
    .map((item) => ({ item, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item)
}

/** Depth first: little is held in memory but what tells states apart. */
export async function explore(world: World, first: readonly State[], { maxStates, atEnd }: Limits): Promise<Explored> {
  /** The schedules from each state on. */
  const seen = new Map<string, number>()
  let [moves, longest, schedules] = [0, 0, 0]
  const path: Visit[] = []
  const result = (found?: Found): Explored => {
    const isComplete = found === undefined && path.length === 0
    const begun = path.reduce((sum, visit) => sum + visit.schedules, 0)
    return { states: seen.size, moves, schedules: schedules + begun, longest, found, isComplete }
  }
  const storyTo = (...texts: readonly string[]) => [...path.flatMap(({ text }) => text?.() ?? []), ...texts]
  const enter = async (state: State, key: string, text: Visit['text']): Promise<void> => {
    seen.set(key, 0)
    const moves = shuffled(await movesFrom(world, state), seededRandom(key))
    path.push({ key, state, text, moves, next: 0, schedules: 0 })
    longest = Math.max(longest, path.length - 1)
  }

  for (const start of first) {
    if (!seen.has(keyOf(start))) await enter(start, keyOf(start), undefined)
    for (let visit = path.at(-1); visit; visit = path.at(-1)) {
      if (seen.size >= maxStates) return result()
      const move = visit.moves[visit.next++]
      if (!move) {
        path.pop()
        const found = isEnd(visit.state) ? await atEnd(visit.state) : undefined
        if (found) return result({ broken: found.broken, story: storyTo(visit.text?.() ?? '', ...found.story) })
        visit.schedules ||= 1
        seen.set(visit.key, visit.schedules)
        const above = path.at(-1)
        if (above) above.schedules += visit.schedules
        else schedules += visit.schedules
        continue
      }
      moves++
      const broken = brokenBy(world, visit.state, move)
      if (broken) return result({ broken, story: storyTo(move.text()) })
      const key = keyOf(move.state)
      const known = seen.get(key)
      if (known === undefined) await enter(move.state, key, move.text)
      else visit.schedules += known
    }
  }
  return result()
}

interface Step {
  readonly state: State
  readonly text: (() => string) | undefined
  readonly parent: Step | undefined
}

/** Breadth first: what is found is the shortest there is. `undefined`: nothing, within so many states. */
export async function shortestStory(
  world: World,
  first: readonly State[],
  { maxStates, atEnd }: Limits,
): Promise<Found | undefined> {
  const seen = new Set(first.map(keyOf))
  let layer: readonly Step[] = first.map((state) => ({ state, text: undefined, parent: undefined }))
  while (layer.length > 0 && seen.size <= maxStates) {
    const below: Step[] = []
    for (const step of layer) {
      const found = isEnd(step.state) ? await atEnd(step.state) : undefined
      if (found) return { broken: found.broken, story: [...storyOf(step), ...found.story] }
      for (const move of await movesFrom(world, step.state)) {
        const next: Step = { state: move.state, text: move.text, parent: step }
        const broken = brokenBy(world, step.state, move)
        if (broken) return { broken, story: storyOf(next) }
        const key = keyOf(move.state)
        if (!seen.has(key)) below.push(next)
        seen.add(key)
      }
    }
    layer = below
  }
  return undefined
}

function storyOf(step: Step): readonly string[] {
  const story: string[] = []
  for (let at: Step | undefined = step; at; at = at.parent) if (at.text) story.unshift(at.text())
  return story
}

function isEnd({ passes }: State): boolean {
  return passes.every((point) => point === undefined)
}

function brokenBy(world: World, before: State, move: Move): string | undefined {
  const broken = brokenByMove(world, before, move) ?? brokenByEnd(world, move)
  if (broken) return broken
  for (const point of move.state.passes) {
    const plan = point && brokenByPlan(point)
    if (plan) return plan
  }
  return undefined
}
