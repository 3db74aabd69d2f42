import { hash } from 'node:crypto'

/** The states that a search has seen, with the schedules from each on. The table grows as large as memory allows. */
export class Seen {
  private hashes = new Uint32Array(2 * FIRST_PLACES)
  private values = new Float64Array(FIRST_PLACES)
  size = 0

  /** Where the state of this fingerprint is, or where it goes. Holds until the next `add`. */
  placeOf([high, low]: Fingerprint): number {
    return this.find(high, low)
  }

  has(place: number): boolean {
    return this.hashes[2 * place] !== 0
  }

  schedules(place: number): number {
    return this.values[place] as number
  }

  /** Of a state that is not there yet. */
  add([high, low]: Fingerprint): void {
    if (2 * (this.size + 1) > this.values.length) this.grow()
    const place = this.find(high, low)
    this.hashes[2 * place] = high
    this.hashes[2 * place + 1] = low
    this.size++
  }

  set(place: number, schedules: number): void {
    this.values[place] = schedules
  }

  private find(high: number, low: number): number {
    const mask = this.values.length - 1
    let place = low & mask
    while (this.hashes[2 * place] !== 0 && !(this.hashes[2 * place] === high && this.hashes[2 * place + 1] === low)) {
      place = (place + 1) & mask
    }
    return place
  }

  private grow(): void {
    const { hashes, values } = this
    this.hashes = new Uint32Array(2 * hashes.length)
    this.values = new Float64Array(2 * values.length)
    for (let old = 0; old < values.length; old++) {
      const [high, low] = [hashes[2 * old] as number, hashes[2 * old + 1] as number]
      if (high === 0) continue
      const place = this.find(high, low)
      this.hashes[2 * place] = high
      this.hashes[2 * place + 1] = low
      this.values[place] = values[old] as number
    }
  }
}

const FIRST_PLACES = 1 << 12

/**
 * 64 bits, the first half never 0. That any two of n states share them has a chance of n²/2^65: one in 370,000 for ten
 * million.
 */
export type Fingerprint = readonly [high: number, low: number]

export function fingerprintOf(key: string): Fingerprint {
  const digest = hash('sha1', key, 'buffer')
  return [digest.readUInt32LE(0) || 1, digest.readUInt32LE(4)]
}
