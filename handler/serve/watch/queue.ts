/**
 * A group in need -> a pass, and another if that did not help.
 *
 * Whoever swaps makes a group look unserved for some milliseconds, and claims its Services meanwhile: only what no swap
 * does, a pod that goes or comes, is acted on at once. A claim that stays is somebody's who is no more.
 */

import type { GroupServices } from '../../group/groups.js'
import type { Timing } from '../../util/clock.js'
import type { GroupCache, News } from './cache.js'

/** For a swap that is under way to show its claim, or its end. */
const GRACE_MS = 100
/** Ten times what a swap takes. */
const CLAIM_MS = 1_000
/** After a pass, for the watches to tell of it; doubled from pass to pass that did not help. */
const RETRY_MS = 250
const LONGEST_RETRY_MS = 30_000

export class GroupQueue {
  /** The groups that are attended to, and how to tell whoever does of something urgent. */
  private readonly attended = new Map<string, AbortController>()
  private readonly underWay = new Set<Promise<void>>()

  constructor(
    private readonly groups: GroupCache,
    private readonly pass: (group: GroupServices) => Promise<void>,
    private readonly waiting: Timing,
    private readonly signal: AbortSignal,
  ) {}

  /** Looks after these groups, unless somebody does already. */
  tell(news: readonly News[]): void {
    for (const { key, urgent } of news) {
      const attended = this.attended.get(key)
      if (attended && urgent) attended.abort()
      if (attended || this.groups.need(key).kind === 'none') continue
      const attending = this.attend(key, urgent).finally(() => this.underWay.delete(attending))
      this.underWay.add(attending)
    }
  }

  /** Resolves when no pass is under way: after the signal, for good. */
  async ended(): Promise<void> {
    await Promise.all(this.underWay)
  }

  private async attend(key: string, urgent: boolean): Promise<void> {
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
      waitMs = Math.min(LONGEST_RETRY_MS, RETRY_MS * 2 ** Math.min(passes++, 10)) * (0.75 + this.waiting.random() / 2)
    }
    this.attended.delete(key)
  }

  /** @returns whether something urgent has come in, in between or during the pass before */
  private async wait(key: string, ms: number): Promise<boolean> {
    const interrupt = this.attended.get(key) ?? new AbortController()
    this.attended.set(key, interrupt)
    const end = () => interrupt.abort()
    this.signal.addEventListener('abort', end)
    if (ms > 0) await this.waiting.clock.sleep(ms, interrupt.signal)
    this.signal.removeEventListener('abort', end)
    this.attended.set(key, new AbortController())
    return interrupt.signal.aborted && !this.signal.aborted
  }
}
