/**
 * A group in need -> a pass, and another one if that did not help. The queue has one entry for each group in need.
 *
 * A swap makes its group look unserved for some milliseconds, and claims its Services meanwhile. The queue therefore
 * acts at once only on changes that no swap makes: a pod that goes, or comes. It waits after every other change, to see
 * whether a swap was the cause. A claim that outlives CLAIM_MS was left by a crashed pass.
 */

import type { GroupServices } from '../../group/groups.js'
import { doubled, type Timing } from '../../util/clock.js'
import type { GroupCache, GroupEvent } from './cache.js'

/** Within this time, a swap that is under way shows its claim, or its end. */
const GRACE_MS = 100
/** Ten times the duration of a swap. */
const CLAIM_MS = 1_000
/** After a pass, the watches show within this time what it did. The wait doubles with each pass that did not help. */
const FIRST_RETRY_MS = 250
const LONGEST_RETRY_MS = 30_000

export class GroupQueue {
  /** The entries by the keys of their groups. Abort one to end its wait: something urgent has happened to the group. */
  private readonly entries = new Map<string, AbortController>()
  private readonly underWay = new Set<Promise<void>>()

  constructor(
    private readonly groups: GroupCache,
    private readonly pass: (group: GroupServices) => Promise<void>,
    private readonly timing: Timing,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * Makes an entry for each of these groups that needs a pass. An urgent event ends the wait of an entry that is there.
   */
  add(events: readonly GroupEvent[]): void {
    for (const { key, urgent } of events) {
      const entry = this.entries.get(key)
      if (entry && urgent) entry.abort()
      if (entry || this.groups.need(key).kind === 'none') continue
      const work = this.workOn(key, urgent).finally(() => this.underWay.delete(work))
      this.underWay.add(work)
    }
  }

  /** Resolves when the entries that are there now are done. After the signal has aborted, no entry makes a pass. */
  async drained(): Promise<void> {
    await Promise.all(this.underWay)
  }

  /** Makes passes over the group until it needs none; then the entry is done. */
  private async workOn(key: string, urgent: boolean): Promise<void> {
    let claim: string | undefined
    let waitMs = urgent ? 0 : GRACE_MS
    for (let passes = 0; ; ) {
      const interrupted = await this.wait(key, waitMs)
      const need = this.groups.need(key)
      const group = this.groups.group(key)
      if (this.signal.aborted || need.kind === 'none' || group === undefined) break
      if (need.kind === 'claimed' && need.token !== claim && !interrupted) {
        claim = need.token
        waitMs = CLAIM_MS
        continue
      }
      claim = undefined
      if (interrupted) passes = 0
      await this.pass(group)
      waitMs = doubled(FIRST_RETRY_MS, passes++, LONGEST_RETRY_MS) * (0.75 + this.timing.random() / 2)
    }
    this.entries.delete(key)
  }

  /** @returns whether something urgent has happened, during this wait or during the pass before it */
  private async wait(key: string, ms: number): Promise<boolean> {
    const interrupt = this.entries.get(key) ?? new AbortController()
    this.entries.set(key, interrupt)
    const end = () => interrupt.abort()
    this.signal.addEventListener('abort', end)
    if (ms > 0) await this.timing.clock.sleep(ms, interrupt.signal)
    this.signal.removeEventListener('abort', end)
    this.entries.set(key, new AbortController())
    return interrupt.signal.aborted && !this.signal.aborted
  }
}
