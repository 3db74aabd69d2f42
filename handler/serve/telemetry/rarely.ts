/** Lines that anybody could cause by the thousand: one a minute of a kind, with how many were left out. */

const EVERY_MS = 60_000

export type Rarely = (kind: string, line: string) => void

/** @param kind one of a few: each takes memory for good */
export function rarely(warn: (line: string) => void, now: () => number): Rarely {
  const kinds = new Map<string, { saidMs: number; leftOut: number }>()
  return (kind, line) => {
    const last = kinds.get(kind)
    const passedMs = now() - (last?.saidMs ?? Number.NEGATIVE_INFINITY)
    if (last && passedMs >= 0 && passedMs < EVERY_MS) {
      last.leftOut++
      return
    }
    kinds.set(kind, { saidMs: now(), leftOut: 0 })
    warn(last && last.leftOut > 0 ? `${line} (and ${last.leftOut} more like it since the last such line)` : line)
  }
}
