/** Keeps lines out of the log that anybody could cause by the thousand. */

const MINUTE_MS = 60_000

/**
 * Writes one line of each kind in a minute, and says in it how many were left out since the last one.
 * @returns a function of a kind and a line. There may be few kinds, because each takes memory for good.
 */
export function onePerMinute(warn: (line: string) => void, now: () => number): (kind: string, line: string) => void {
  const kinds = new Map<string, { saidMs: number; leftOut: number }>()
  return (kind, line) => {
    const last = kinds.get(kind)
    const passedMs = now() - (last?.saidMs ?? Number.NEGATIVE_INFINITY)
    if (last && passedMs >= 0 && passedMs < MINUTE_MS) {
      last.leftOut++
      return
    }
    kinds.set(kind, { saidMs: now(), leftOut: 0 })
    warn(last && last.leftOut > 0 ? `${line} (and ${last.leftOut} more like it since the last such line)` : line)
  }
}
