/** What a long run of serve took, and whether it took ever more. Pure. */
import { median } from '../bench/measure.js'

/** Of a moment between these two: a busy machine takes its time to answer. */
export interface Sample {
  readonly askedAtMs: number
  readonly answeredAtMs: number
  readonly rssMb: number
  readonly heapMb: number
  readonly handles: number
  /** Open file descriptors. */
  readonly descriptors: number
  /** So far, as are those below: requests to the API server, passes, watches that were begun again. */
  readonly requests: number
  readonly passes: number
  readonly restarts: number
}

export interface Bounds {
  readonly intervalMs: number
  /** Between the quarters that are compared. */
  readonly growthMb: number
}

export interface Judgement {
  /** A line each. */
  readonly figures: readonly string[]
  /** What is not as it should be. */
  readonly faults: readonly string[]
}

/** A connection more or less may be open at any moment, and a pass or two may have another reason. */
const LOOSE = 2
/** A busy machine makes fewer passes, and never more. */
const FEWEST = 0.8

/**
 * Compares the last quarter with the second: the first one is for warming up. Medians, because a heap goes up and down.
 * Each pass is two LISTs, each watch that was begun again one request, or two if it listed first; there is no other.
 */
export function judge(samples: readonly Sample[], { intervalMs, growthMb }: Bounds): Judgement {
  const [first, last] = [samples[0], samples.at(-1)]
  if (!first || !last || samples.length < 8) return { figures: [], faults: [`${samples.length} samples are too few`] }
  const quarter = Math.floor(samples.length / 4)
  const [early, late] = [samples.slice(quarter, 2 * quarter), samples.slice(-quarter)]
  const figures: string[] = []
  const faults: string[] = []

  const flat = (name: string, of: (sample: Sample) => number, most: number, digits = 0) => {
    const [before, after] = [median(early.map(of)), median(late.map(of))]
    const all = samples.map(of)
    const range = `from ${Math.min(...all).toFixed(digits)} to ${Math.max(...all).toFixed(digits)}`
    const line = `${name}: ${before.toFixed(digits)}, then ${after.toFixed(digits)} (${range})`
    figures.push(line)
    if (after - before > most) faults.push(`${line}: at most ${most} more was expected`)
  }
  flat('resident memory in MB', ({ rssMb }) => rssMb, growthMb, 1)
  flat('heap in MB', ({ heapMb }) => heapMb, growthMb, 1)
  flat('handles', ({ handles }) => handles, LOOSE)
  flat('file descriptors', ({ descriptors }) => descriptors, LOOSE)

  const between = (name: string, value: number, least: number, most: number) => {
    const line = `${name}: ${value}, expected ${least === most ? least : `${least} to ${most}`}`
    figures.push(line)
    if (value < least || value > most) faults.push(line)
  }
  const [passes, restarts] = [last.passes - first.passes, last.restarts - first.restarts]
  const fewest = (FEWEST * (last.askedAtMs - first.answeredAtMs)) / intervalMs
  const most = (last.answeredAtMs - first.askedAtMs) / intervalMs
  // A watch wishes for one when groups come, and for one after trouble, which a busy machine may have.
  between('passes', passes, Math.floor(fewest), Math.ceil(most) + 1 + LOOSE)
  // A pass may be under way when it is looked.
  between('requests', last.requests - first.requests, 2 * passes - 2, 2 * passes + 2 * restarts + 2)
  return { figures: [...figures, `watches begun again: ${restarts}`], faults }
}
