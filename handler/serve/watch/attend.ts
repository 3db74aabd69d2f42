/**
 * A group in need -> a pass, and another if that did not help.
 *
 * Whoever swaps makes a group look unserved for some milliseconds, and claims its Services meanwhile: only an active
 * pod that was seen to go is acted on at once. A claim that stays is somebody's who is no more.
 */
import type { Effects } from '../../effects.js'
import type { GroupServices } from '../../observe.js'
import type { News, WatchedGroups } from './groups.js'

/** For a swap that is under way to show its claim, or its end. */
const GRACE_MS = 100
/** Ten times what a swap takes. */
const CLAIM_MS = 1_000
/** After a pass, for the watches to tell of it; doubled from pass to pass that did not help. */
const RETRY_MS = 250
const LONGEST_RETRY_MS = 30_000

type Waiting = Pick<Effects, 'clock' | 'random'>

export class Attendance {
  /** The groups that are attended to, and how to interrupt whatever they wait for. */
  private readonly attended = new Map<string, AbortController>()

  constructor(
    private readonly groups: WatchedGroups,
    private readonly pass: (group: GroupServices) => Promise<void>,
    private readonly waiting: Waiting,
    private readonly signal: AbortSignal,
  ) {}

  /** Looks after these groups, unless somebody does already. */
  tell(news: readonly News[]): void {
    for (const { key, urgent } of news) {
      const attended = this.attended.get(key)
      if (attended && urgent) attended.abort()
      if (!attended && this.groups.need(key).kind !== 'none') void this.attend(key, urgent)
    }
  }

  private async attend(key: string, urgent: boolean): Promise<void> {
    let claim: string | undefined
    let waitMs = urgent ? 0 : GRACE_MS
    for (let passes = 0; !this.signal.aborted; ) {
      const interrupted = await this.wait(key, waitMs)
      const need = this.groups.need(key)
      const group = this.groups.group(key)
      if (need.kind === 'none' || group === undefined) break
      if (need.kind === 'claimed' && need.token !== claim && !interrupted) {
        claim = need.token
        waitMs = CLAIM_MS
        continue
      }
      claim = undefined
      await this.pass(group)
      waitMs = Math.min(LONGEST_RETRY_MS, RETRY_MS * 2 ** Math.min(passes++, 10)) * (0.75 + this.waiting.random() / 2)
    }
    this.attended.delete(key)
  }

  /** @returns whether something urgent has come in between */
  private async wait(key: string, ms: number): Promise<boolean> {
    const controller = new AbortController()
    this.attended.set(key, controller)
    const end = () => controller.abort()
    this.signal.addEventListener('abort', end)
    if (ms > 0) await this.waiting.clock.sleep(ms, controller.signal)
    this.signal.removeEventListener('abort', end)
    return controller.signal.aborted && !this.signal.aborted
  }
}
