/** What is sent to people about the groups of a pass, while the pass goes on, and the wait for it at the pass's end. */
import { setMaxListeners } from 'node:events'
import type { Group } from '../group/groups.js'
import type { GroupReport } from '../report/report.js'
import type { Clock } from '../util/clock.js'
import type { Announce } from './context.js'

/** From the end of the work on a group. Nothing that is sent may hold up a pass for longer. */
const LIMIT_MS = 3_000
/** What has to be given up is told of by itself, most of the time. */
const GRACE_MS = 200
/** The most warnings of one pass. */
const MAX_WARNINGS = 10

export class Announcements {
  private readonly sent: Promise<readonly string[]>[] = []

  /**
   * @param announce absent: nobody is told
   * @param over aborts when the pass must end
   */
  constructor(
    private readonly announce: Announce | undefined,
    private readonly clock: Pick<Clock, 'sleep'>,
    private readonly over?: AbortSignal,
  ) {}

  /** Begins to tell of a group. Returns at once, and never throws. */
  begin(group: Group, report: GroupReport): void {
    const { announce } = this
    if (!announce) return
    this.sent.push(this.limited((signal) => announce(group, report, signal)))
  }

  /** Resolves when everything was sent, or the time for it is over. @returns warnings, each once */
  async ended(): Promise<readonly string[]> {
    const warnings = [...new Set((await Promise.all(this.sent)).flat())]
    const rest = warnings.length - MAX_WARNINGS
    return rest > 0
      ? [...warnings.slice(0, MAX_WARNINGS), `${rest} more warnings of Events and notifications`]
      : warnings
  }

  private async limited(send: (signal: AbortSignal) => Promise<readonly string[]>): Promise<readonly string[]> {
    const done = new AbortController()
    const late = new AbortController()
    const signal = this.over ? AbortSignal.any([late.signal, this.over]) : late.signal
    setMaxListeners(0, signal) // as many as there are Events and messages
    const unsent = aborted(signal)
      .then(() => this.clock.sleep(GRACE_MS, done.signal))
      .then(() => ['there was no time to tell people of a handover or a trouble'])
    void this.clock.sleep(LIMIT_MS, done.signal).then(() => late.abort())
    try {
      return await Promise.race([send(signal), unsent])
    } catch (error) {
      return [`people could not be told: ${error instanceof Error ? error.message : error}`] // a defect; the report counts
    } finally {
      done.abort()
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
