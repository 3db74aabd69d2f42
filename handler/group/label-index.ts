/**
 * Indexes things by their labels, to find those that a selector matches. Pure. A tenant may write thousands of
 * selectors and pods. Each entry of a selector costs at most one bit per thing, whatever they are.
 */
import { add } from '../util/lists-by.js'

export type Labels = Readonly<Record<string, string>>

/** The bits of a word of `Places`. */
const WORD_BITS = 32

/** A set of things of an index, by their places. */
export class Places {
  private readonly words: Uint32Array

  constructor(size: number) {
    this.words = new Uint32Array(Math.ceil(size / WORD_BITS))
  }

  add(place: number): void {
    this.words[place >>> 5] = this.word(place >>> 5) | (1 << (place & 31))
  }

  has(place: number): boolean {
    return (this.word(place >>> 5) & (1 << (place & 31))) !== 0
  }

  /** Adds the places of the other set. */
  join(other: Places): void {
    for (let n = 0; n < this.words.length; n++) this.words[n] = this.word(n) | other.word(n)
  }

  /** Removes the places of the other set. */
  leave(other: Places): void {
    for (let n = 0; n < this.words.length; n++) this.words[n] = this.word(n) & ~other.word(n)
  }

  /** Keeps the places that are in both sets. */
  meet(other: Places): void {
    for (let n = 0; n < this.words.length; n++) this.words[n] = this.word(n) & other.word(n)
  }

  /** The lowest place that is in both sets. */
  firstOfBoth(other: Places): number | undefined {
    for (let n = 0; n < this.words.length; n++) {
      const both = (this.word(n) & other.word(n)) >>> 0
      if (both !== 0) return n * WORD_BITS + lowestBit(both)
    }
    return undefined
  }

  /** Adds the places in both sets to `twice`, and then the places of the other set to this one. */
  collect(other: Places, twice: Places): void {
    for (let n = 0; n < this.words.length; n++) {
      twice.words[n] = twice.word(n) | (this.word(n) & other.word(n))
      this.words[n] = this.word(n) | other.word(n)
    }
  }

  /** All places, in ascending order. */
  all(): readonly number[] {
    const places: number[] = []
    for (let n = 0; n < this.words.length; n++) {
      for (let rest = this.word(n); rest !== 0; rest = (rest & (rest - 1)) >>> 0)
        places.push(n * WORD_BITS + lowestBit(rest))
    }
    return places
  }

  isEmpty(): boolean {
    return this.words.every((word) => word === 0)
  }

  private word(n: number): number {
    return this.words[n] ?? 0
  }
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word)
}

/** An index of things by their labels. */
export class LabelIndex<T> {
  /** The places of the things with an entry, in ascending order. */
  private readonly places = new Map<string, number[]>()
  /** Sets for entries that are so common that a set is smaller than a list. */
  private readonly common = new Map<string, Places>()

  /** @param asked the selectors that will be used: only their entries are indexed */
  constructor(
    readonly things: readonly T[],
    private readonly labelsOf: (thing: T) => Labels,
    asked: Iterable<Labels>,
  ) {
    const entries = new Set<string>()
    for (const selector of asked) for (const entry of Object.entries(selector)) entries.add(idOf(entry))
    things.forEach((thing, place) => {
      for (const entry of Object.entries(labelsOf(thing))) {
        const id = idOf(entry)
        if (entries.has(id)) add(this.places, id, place)
      }
    })
  }

  /** An empty set. */
  none(): Places {
    return new Places(this.things.length)
  }

  /** The things with all these labels. An empty selector matches all. @param selector one of those in `asked` */
  select(selector: Labels): Places {
    const found = this.none()
    const entries = Object.entries(selector)
    if (entries.length === 0) {
      for (let place = 0; place < this.things.length; place++) found.add(place)
      return found
    }
    const lists = entries.map((entry) => [idOf(entry), this.places.get(idOf(entry)) ?? []] as const)
    const [, rarest] = lists.reduce((fewest, one) => (one[1].length < fewest[1].length ? one : fewest))
    if (rarest.length * WORD_BITS <= this.things.length) {
      for (const place of rarest) if (this.matches(place, entries)) found.add(place)
      return found
    }
    for (const place of rarest) found.add(place)
    for (const [id, places] of lists) if (places !== rarest) found.meet(this.bitsOf(id, places))
    return found
  }

  at(place: number): T {
    return this.things[place] as T
  }

  private matches(place: number, entries: readonly (readonly [string, string])[]): boolean {
    const labels = this.labelsOf(this.at(place))
    return entries.every(([key, value]) => labels[key] === value)
  }

  private bitsOf(id: string, places: readonly number[]): Places {
    const known = this.common.get(id)
    if (known) return known
    const bits = this.none()
    for (const place of places) bits.add(place)
    this.common.set(id, bits)
    return bits
  }
}

/** The space is a safe separator: neither a key nor a value has one. */
function idOf([key, value]: readonly [string, string]): string {
  return `${key} ${value}`
}
