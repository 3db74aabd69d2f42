/** Every order in which things can happen, from some first states on. A state that was seen is not gone through again. */
import { seededRandom } from '../support/random.js'
import { ends, type FoundState, type Move, movesFrom, type World } from './moves.js'
import { brokenBy } from './promises.js'
import { Seen } from './seen.js'
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
  readonly atEnd: AtEnd
  /** Whether to stop after so many states. */
  readonly isEnough: (states: number) => boolean
}

/** On the way through a state: what can happen next, and how many schedules were counted so far. */
interface Visit {
  readonly key: string
  /** What led here. */
  readonly text: Move['text']
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
export async function explore(world: World, first: State, { isEnough, atEnd }: Limits): Promise<Explored> {
  const seen = new Seen()
  let [moves, longest] = [0, 0]
  const path: Visit[] = []
  const result = (schedules: number, found?: Found): Explored => {
    const isComplete = found === undefined && path.length === 0
    return { states: seen.size, moves, schedules, longest, found, isComplete }
  }
  const begun = () => path.reduce((sum, visit) => sum + visit.schedules, 0)
  const storyTo = (...texts: readonly string[]) => [...path.flatMap(({ text }) => text()), ...texts]
  const enter = async (state: State, key: string, text: Move['text']): Promise<Found | undefined> => {
    seen.add(key)
    const moves = shuffled(await movesFrom(world, state), seededRandom(key))
    const endings = ends(world, state)
    path.push({ key, text, moves, next: 0, schedules: endings.length })
    longest = Math.max(longest, path.length - 1)
    return brokenAt(endings, atEnd)
  }

  const broken = await enter(first, keyOf(first), () => [])
  if (broken) return result(0, { ...broken, story: storyTo(...broken.story) })
  for (let visit = path.at(-1); visit; visit = path.at(-1)) {
    if (isEnough(seen.size)) return result(begun())
    const move = visit.moves[visit.next++]
    if (!move) {
      path.pop()
      seen.set(seen.placeOf(visit.key), visit.schedules)
      const above = path.at(-1)
      if (!above) return result(visit.schedules)
      above.schedules += visit.schedules
      continue
    }
    moves++
    const broken = brokenBy(world, move)
    if (broken) return result(begun(), { broken, story: storyTo(...move.text()) })
    const key = keyOf(move.state)
    const place = seen.placeOf(key)
    if (seen.has(place)) {
      visit.schedules += seen.schedules(place)
      continue
    }
    const found = await enter(move.state, key, move.text)
    if (found) return result(begun(), { ...found, story: storyTo(...found.story) })
  }
  throw new Error('a search has come to no end')
}

interface Step {
  readonly state: State
  readonly text: Move['text']
  readonly parent: Step | undefined
  /** The first state that it comes from. */
  readonly start: number
}

/** Breadth first: what is found is the shortest there is. `undefined`: nothing, within so many states. */
export async function shortestStory(
  world: World,
  first: readonly State[],
  { isEnough, atEnd }: Limits,
): Promise<Found | undefined> {
  const seen = new Set<string>()
  let layer: readonly Step[] = first.map((state, start) => ({ state, text: () => [], parent: undefined, start }))
  while (layer.length > 0 && !isEnough(seen.size)) {
    const below: Step[] = []
    for (const step of layer) {
      const found = await brokenAt(ends(world, step.state), atEnd)
      if (found) return { ...found, story: [...storyOf(step), ...found.story] }
      for (const move of await movesFrom(world, step.state)) {
        const next: Step = { state: move.state, text: move.text, parent: step, start: step.start }
        const broken = brokenBy(world, move)
        if (broken) return { broken, story: storyOf(next) }
        const key = `${step.start}|${keyOf(move.state)}`
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
  for (let at: Step | undefined = step; at; at = at.parent) story.unshift(...at.text())
  return story
}

async function brokenAt(endings: readonly FoundState[], atEnd: AtEnd): Promise<Found | undefined> {
  for (const { state, texts } of endings) {
    const found = await atEnd(state)
    if (found) return { ...found, story: [...texts, ...found.story] }
  }
  return undefined
}
