/** The notifications that are to be posted: their order, how many are under way, and what becomes of them in the end. */
import type { Clock } from '../util/clock.js'
import { type Digest, digestOf, type Message } from './message.js'
import { type Addressed, Waiting } from './waiting.js'

/** Posts one message, within a limit of its own. Resolves to a warning if that fails. Never rejects. */
export type Notify = (message: Message | Digest, signal: AbortSignal) => Promise<string | undefined>

/** A message, with the reason of its notice. */
export interface Post extends Addressed {
  readonly reason: string
  readonly message: Message
}

/** Of a process that goes on when a pass has ended: its handovers are still told of. */
interface Later {
  /** Told of what fails after the pass. */
  readonly warn: (text: string) => void
  readonly clock: Pick<Clock, 'sleep'>
}

const AT_ONCE = 4
const MAX_WAITING = 1_000
/** More handovers than this that wait at once are told of in one message. */
const FEW = 3
/** The most handovers of one message. */
const MAX_IN_ONE = 100
/** The most groups that a warning names. */
const MAX_NAMED = 20
/** At the end of the process. */
const CLOSING_MS = 3_000

interface Entry extends Post {
  /** Aborts when it must be given up. */
  readonly until: AbortSignal
  /** The pass has ended: nobody waits for it. */
  isLate: boolean
  done(warning: string | undefined): void
}

export class Posts {
  private readonly waiting = new Waiting<Entry>()
  private running = 0
  private readonly closed = new AbortController()
  private readonly heard = new WeakSet<AbortSignal>()
  private onIdle = () => {}

  /** @param later absent: nothing is sent after the pass */
  constructor(
    private readonly notify: Notify,
    private readonly later?: Later,
  ) {}

  /**
   * Sends a message when its turn comes. Resolves to a warning if nobody can be told.
   * @param signal aborts when the pass must end. Resolves soon after that
   */
  send(post: Post, signal: AbortSignal): Promise<string | undefined> {
    return new Promise((done) => {
      if (!this.later || !post.isHandover) return this.enqueue({ ...post, until: signal, isLate: false, done })
      const entry: Entry = { ...post, until: this.closed.signal, isLate: signal.aborted, done }
      const passEnds = () => {
        entry.isLate = true
        done(undefined)
      }
      if (entry.isLate) done(undefined)
      else signal.addEventListener('abort', passEnds, { once: true })
      this.enqueue(entry)
    })
  }

  /** Sends what waits, for three seconds at most. To be called when no pass is under way. */
  async close(): Promise<void> {
    if (!this.later || this.isIdle) return
    const idle = new AbortController()
    this.onIdle = () => idle.abort()
    await this.later.clock.sleep(CLOSING_MS, idle.signal)
    this.closed.abort()
  }

  private get isIdle(): boolean {
    return this.running === 0 && this.waiting.size === 0
  }

  private enqueue(entry: Entry): void {
    const { until } = entry
    this.waiting.add(entry)
    if (until.aborted) {
      this.giveUp(until)
      return
    }
    if (!this.heard.has(until)) {
      this.heard.add(until)
      until.addEventListener('abort', () => this.giveUp(until), { once: true })
    }
    this.next()
    const last = this.waiting.size > MAX_WAITING ? this.waiting.dropLast() : undefined
    if (last) this.end([last], `people are not told of ${namesOf([last])}: ${MAX_WAITING} messages wait already`)
  }

  /** One warning for all. */
  private giveUp(until: AbortSignal): void {
    const all = this.waiting.takeAll((one) => one.until === until)
    if (all.length > 0) this.end(all, `there was no time to tell people of ${namesOf(all)}`)
  }

  private end(entries: readonly Entry[], warning: string | undefined): void {
    for (const one of entries) one.done(warning)
    if (warning !== undefined && entries.some(({ isLate }) => isLate)) this.later?.warn(warning)
  }

  private next(): void {
    while (this.running < AT_ONCE && this.waiting.size > 0) void this.post(this.take())
    if (this.isIdle) this.onIdle()
  }

  private take(): readonly Entry[] {
    const { handovers } = this.waiting
    const most = handovers > FEW ? Math.min(handovers, MAX_IN_ONE) : 1
    return Array.from({ length: most }, () => this.waiting.next()).filter((one) => one !== undefined)
  }

  private async post(entries: readonly Entry[]): Promise<void> {
    const [first] = entries
    if (!first) return
    this.running++
    const failure = await this.notify(entries.length > 1 ? digestOf(entries) : first.message, first.until)
    // A handover is told of once. A trouble that lasts is in the next report too.
    const about = first.isHandover ? ` (of ${namesOf(entries)})` : ''
    this.end(entries, failure === undefined ? undefined : `${failure}${about}`)
    this.running--
    this.next()
  }
}

function namesOf(posts: readonly Post[]): string {
  const names = posts.map(({ reason, message }) => `${message.namespace}/${message.service} ${reason}`)
  const more = names.length - MAX_NAMED
  return `${names.slice(0, MAX_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
