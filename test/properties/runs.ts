/**
 * How often the properties are tried, and on what: the same cases each time, unless the environment says otherwise.
 * `FC_SEED=random` explores and `FC_RUNS=100000` goes further. A failure prints its seed and path, and is replayed by
 * `FC_SEED=… FC_PATH=… npx vitest run test/properties -t NAME`.
 */
import type fc from 'fast-check'
import { expect } from 'vitest'

const { FC_SEED: seed = '20260101', FC_RUNS: asked, FC_PATH: path } = process.env

const RUNS = Number(asked ?? 1000)

/** Of a machine that is busy with other things; none where somebody asked for more. */
export const limit = { timeout: asked === undefined ? 240_000 : 0 }

/**
 * @param runs where the environment does not say how many
 * @param first the number of the case to begin with, of those that are the same each time
 */
export function parameters(runs = RUNS, first = 0): fc.Parameters<unknown> {
  const from = path ?? (process.env.FC_SEED === undefined && first > 0 ? `${first}` : undefined)
  return {
    numRuns: asked === undefined ? runs : RUNS,
    ...(seed === 'random' ? {} : { seed: Number(seed) }),
    ...(from === undefined ? {} : { path: from }),
  }
}

/** What the cases were like. A property that never sees a case says nothing of it. */
export class Tally {
  readonly #counts = new Map<string, number>()

  add(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1)
  }

  /** Whether it was met less often than once in so many runs. */
  lacks(what: string, runs: number): boolean {
    return (this.#counts.get(what) ?? 0) < Math.floor(RUNS / runs)
  }

  /** Each of these was met, and more than by chance: once in so many runs at least. */
  expectAll(kinds: readonly string[], runs = 500): void {
    if (path !== undefined) return
    const rare = kinds.filter((kind) => this.lacks(kind, runs))
    expect(rare, `hardly ever met, of ${JSON.stringify(Object.fromEntries(this.#counts))}`).toEqual([])
  }
}
