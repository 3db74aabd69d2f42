// The times in which the clients of a Service got no answer. Pure.
import type { Sample } from '../support/node/client-traffic.js'

/** From the first connection that was not answered to the first that was again. Milliseconds since 1970. */
export interface Outage {
  readonly from: number
  readonly to: number
}

/** In their order. One that has not ended yet ends with the last connection. */
export function outagesOf(samples: readonly Sample[]): readonly Outage[] {
  const found: Outage[] = []
  let from: number | undefined
  const sorted = byTime(samples)
  for (const { at, pod } of sorted) {
    if (pod === undefined) from ??= at
    else if (from !== undefined) {
      found.push({ from, to: at })
      from = undefined
    }
  }
  const last = sorted.at(-1)
  if (from !== undefined && last !== undefined) found.push({ from, to: last.at })
  return found
}

/** By when they were opened. */
export function byTime(samples: readonly Sample[]): readonly Sample[] {
  return [...samples].sort((a, b) => a.at - b.at)
}

export function secondsOf(outages: readonly Outage[]): number {
  return outages.reduce((sum, { from, to }) => sum + (to - from), 0) / 1000
}

export function longestOf(outages: readonly Outage[]): number {
  return Math.max(0, ...outages.map(({ from, to }) => (to - from) / 1000))
}
