/** Searches every order of moves from some first states on. A state that was seen before is not searched again. */
import { seededRandom } from '../support/random.js'
import type { World } from './model-world.js'
import { ends, type FoundState, type Move, movesFrom } from './moves.js'
import { brokenBy } from './promises.js'
import { type Fingerprint, fingerprintOf, Seen } from './seen.js'
import { keyOf, type State } from './state.js'

export interface Found {
  readonly broken: string
  /** What happened, in order. */
  readonly story: readonly string[]
}

export interface Explored {
  readonly states: number
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

/** On the way through a state: what can happen next, and how many schedules were counted so far. */
interface Visit {
  readonly fingerprint: Fingerprint
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
export class Search {
  private readonly seen = new Seen()
  private readonly path: Visit[] = []
  private schedules = 0
  private longest = 0
  private found: Found | undefined
  private isBegun = false

  constructor(
    private readonly world: World,
    private readonly first: State,
    private readonly atEnd: AtEnd,
  ) {}

  get result(): Explored {
    const { seen, path, schedules, longest, found } = this
    return {
      states: seen.size,
      schedules: path.reduce((sum, visit) => sum + visit.schedules, schedules),
      longest,
      found,
      isComplete: this.isBegun && found === undefined && path.length === 0,
    }
  }

  /** Goes on from where it is, until it has seen everything or found something, or `isEnough` says so of its states. */
  async goOn(isEnough: (states: number) => boolean): Promise<void> {
    if (!this.isBegun) {
      this.isBegun = true
      const key = keyOf(this.first)
      await this.enter(this.first, key, fingerprintOf(key), () => [])
    }
    for (let visit = this.path.at(-1); visit && !this.found; visit = this.path.at(-1)) {
      if (isEnough(this.seen.size)) return
      const move = visit.moves[visit.next++]
      if (move) await this.make(move, visit)
      else this.leave(visit)
    }
  }

  private async make(move: Move, visit: Visit): Promise<void> {
    const broken = brokenBy(this.world, move)
    if (broken) {
      this.found = { broken, story: this.storyTo(move.text()) }
      return
    }
    const key = keyOf(move.state)
    const fingerprint = fingerprintOf(key)
    const place = this.seen.placeOf(fingerprint)
    if (this.seen.has(place)) visit.schedules += this.seen.schedules(place)
    else await this.enter(move.state, key, fingerprint, move.text)
  }

  private async enter(state: State, key: string, fingerprint: Fingerprint, text: Move['text']): Promise<void> {
    this.seen.add(fingerprint)
    const moves = shuffled(await movesFrom(this.world, state), seededRandom(key))
    const endings = ends(this.world, state)
    this.path.push({ fingerprint, text, moves, next: 0, schedules: endings.length })
    this.longest = Math.max(this.longest, this.path.length - 1)
    const found = await brokenAt(endings, this.atEnd)
    if (found) this.found = { ...found, story: this.storyTo(found.story) }
  }

  private leave({ fingerprint, schedules }: Visit): void {
    this.path.pop()
    this.seen.set(this.seen.placeOf(fingerprint), schedules)
    const above = this.path.at(-1)
    if (above) above.schedules += schedules
    else this.schedules = schedules
  }

  private storyTo(texts: readonly string[]): readonly string[] {
    return [...this.path.flatMap(({ text }) => text()), ...texts]
  }
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
  atEnd: AtEnd,
  maxStates: number,
): Promise<Found | undefined> {
  const seen = new Set<string>()
  let layer: readonly Step[] = first.map((state, start) => ({ state, text: () => [], parent: undefined, start }))
  while (layer.length > 0 && seen.size <= maxStates) {
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
