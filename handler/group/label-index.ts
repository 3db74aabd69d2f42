/**
 * Things by their labels, and which of them a selector takes. Pure. A tenant may write thousands of selectors and of
 * pods, and choose both: a selector costs no more than one bit for each thing and each of its entries, whatever they are.
 */
import { add } from '../util/lists-by.js'

export type Labels = Readonly<Record<string, string>>

/** Bits in a word. */
const WORD_BITS = 32

/** Some of the things of an index, by their places. */
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

  /** All of both. */
  join(other: Places): void {
    for (let n = 0; n < this.words.length; n++) this.words[n] = this.word(n) | other.word(n)
  }

  /** All but those of the other. */
  leave(other: Places): void {
    for (let n = 0; n < this.words.length; n++) this.words[n] = this.word(n) & ~other.word(n)
  }

  /** Those of both. */
  meet(other: Places): void {
    for (let n = 0; n < this.words.length; n++) this.words[n] = this.word(n) & other.word(n)
  }

  /** The lowest one that is in both. */
  firstOfBoth(other: Places): number | undefined {
    for (let n = 0; n < this.words.length; n++) {
      const both = (this.word(n) & other.word(n)) >>> 0
      if (both !== 0) return n * WORD_BITS + lowestBit(both)
    }
    return undefined
  }

  /** Adds to `twice` what is in both, and to this one what is in the other. */
  collect(other: Places, twice: Places): void {
    for (let n = 0; n < this.words.length; n++) {
      twice.words[n] = twice.word(n) | (this.word(n) & other.word(n))
      this.words[n] = this.word(n) | other.word(n)
    }
  }

  /** In ascending order. */
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

export class LabelIndex<T> {
  /** The places of the things that have an entry, in ascending order. */
  private readonly places = new Map<string, number[]>()
  /** Of entries that so many have that their bits take no more room. */
  private readonly common = new Map<string, Places>()

  /** @param asked the selectors that will be asked for: what nobody asks for takes no room */
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

  /** None: what is empty takes all. */
  none(): Places {
    return new Places(this.things.length)
  }

  /** The things that have all these labels. @param selector one that was asked for */
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

/** Neither a key nor a value has a space in it. */
function idOf([key, value]: readonly [string, string]): string {
  return `${key} ${value}`
}
