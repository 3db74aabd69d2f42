/** The fate of a request on its way to the API server and back. */
import { oneOf } from './plan.js'

export const FATES = ['throttled', 'lost on the way', 'answer lost', 'late', 'hung', 'slow'] as const

export interface Fate {
  readonly kind: 'well' | 'unauthenticated' | (typeof FATES)[number]
  /** After so long it is carried out; `undefined`: never. */
  readonly arrivesMs: number | undefined
  /** After so long the pass is told; `undefined`: when it waits no longer. */
  readonly answersMs: number | undefined
}

/** The longest that a request is on its way: whatever was sent before has arrived, or never will. */
export const LATEST_MS = 90_000

/** What becomes of every request for as long as its credential is not accepted. */
export function refusedFate(random: () => number): Fate {
  return { kind: 'unauthenticated', arrivesMs: undefined, answersMs: 1 + Math.floor(20 * random()) }
}

/** @param trouble of a hundred requests, so many have a fate of their own */
export function fateOf(random: () => number, trouble: number): Fate {
  const quickMs = () => 1 + Math.floor(20 * random())
  const arrivesMs = quickMs()
  const answersMs = arrivesMs + quickMs()
  if (random() * 100 >= trouble) return { kind: 'well', arrivesMs, answersMs }
  const lateMs = oneOf(random, [50, 500, 5_000, 30_000, LATEST_MS]) * random()
  const kind = random() < 0.4 ? 'slow' : oneOf(random, FATES)
  switch (kind) {
    case 'throttled':
    case 'lost on the way':
      return { kind, arrivesMs: undefined, answersMs }
    case 'answer lost':
      return { kind, arrivesMs, answersMs }
    case 'late':
      return { kind, arrivesMs: answersMs + lateMs, answersMs }
    case 'hung':
      return { kind, arrivesMs: random() < 0.5 ? lateMs : undefined, answersMs: undefined }
    case 'slow':
      return { kind, arrivesMs: arrivesMs + lateMs / 6, answersMs: answersMs + lateMs / 3 }
  }
}
