/**
 * Passes over all groups beside the watches, so that the metrics of a group come and go with it, and stay true.
 *
 * The watches start passes only for groups in need. They show nothing of the others: that a group is there and well,
 * that it is gone, or that it has recovered, which an application may do without any change that a watch could see. A
 * pass over all groups shows all of that in two LISTs, and does not depend on anything that was shown before. There is
 * such a pass when groups have come or gone (at the start, all of them come), and some time after each pass that found
 * something wrong. A quiet cluster in which all is well has none.
 */
import type { Clock } from '../../util/clock.js'

/**
 * The wait after groups have changed. Changes that come together, as with `kubectl apply`, share a resync, and the
 * passes for groups in need, which are more urgent, go first.
 */
export const GROUPS_CHANGED_MS = 1_000
/**
 * The wait after a pass that found something wrong. The queue comes back as rarely to a group that a pass did not help.
 */
export const NOT_WELL_MS = 30_000

export class Resync {
  private waitMs = Number.POSITIVE_INFINITY
  private sooner = new AbortController()

  constructor(private readonly clock: Clock) {}

  /** Asks for a resync that begins after `ms` at the latest. */
  requestWithin(ms: number): void {
    if (ms >= this.waitMs) return
    this.waitMs = ms
    this.sooner.abort()
  }

  /** Makes the passes that are asked for, one after the other, until `signal` aborts. @param pass never rejects */
  async run(pass: () => Promise<void>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const sooner = new AbortController()
      this.sooner = sooner
      const either = AbortSignal.any([signal, sooner.signal])
      await this.clock.sleep(this.waitMs, either)
      if (either.aborted) continue
      this.waitMs = Number.POSITIVE_INFINITY
      await pass()
    }
  }
}
