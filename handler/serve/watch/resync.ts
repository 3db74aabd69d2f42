/**
 * Whole passes beside the watches, so that what the metrics say of a group comes and goes with it, and stays true.
 *
 * The watches start passes for groups in need. Nobody would tell of the others: that a group is there and well, that it
 * is gone, that one which was not as it should be has recovered, which an application may do without any change that a
 * watch could see. A whole pass tells all of that in two LISTs, and needs to know nothing of what was told before: there
 * is one when the groups are others than before (at first, all of them are), and one some time after each pass that found
 * something wrong. A quiet cluster, in which all is well, has none.
 */
import type { Clock } from '../../util/clock.js'

/** For what comes together, as with `kubectl apply`, and for the passes of groups in need, which are in more of a hurry. */
export const OTHER_GROUPS_MS = 1_000
/** As rarely as the watches come back to a group that a pass could not help. */
export const NOT_WELL_MS = 30_000

export class Resync {
  private waitMs = Number.POSITIVE_INFINITY
  private sooner = new AbortController()

  constructor(private readonly clock: Clock) {}

  /** There is to be a round, begun after so long at most. */
  within(ms: number): void {
    if (ms >= this.waitMs) return
    this.waitMs = ms
    this.sooner.abort()
  }

  /** Makes the rounds, one after the other, until `signal` aborts. @param round never rejects */
  async make(round: () => Promise<void>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const sooner = new AbortController()
      this.sooner = sooner
      const either = AbortSignal.any([signal, sooner.signal])
      await this.clock.sleep(this.waitMs, either)
      if (either.aborted) continue
      this.waitMs = Number.POSITIVE_INFINITY
      await round()
    }
  }
}
