/** What is sent to people about the groups of a pass, while the pass goes on, and the wait for it at the pass's end. */
import { setMaxListeners } from 'node:events'
import type { Group } from '../group/groups.js'
import type { GroupReport } from '../report/report.js'
import type { Clock } from '../util/clock.js'
import type { Announce } from './context.js'

/** From the end of the work on the last group. Nothing that is sent may hold up a pass for longer. */
const LIMIT_MS = 3_000
/** What has to be given up is told of by itself, most of the time. */
const GRACE_MS = 200
/** The most warnings of one pass. */
const MAX_WARNINGS = 10

export class Announcements {
  private readonly sent: Promise<readonly string[]>[] = []
  private readonly late = new AbortController()
  private readonly signal: AbortSignal

  /**
   * @param announce absent: nobody is told
   * @param over aborts when the pass must end
   */
  constructor(
    private readonly announce: Announce | undefined,
    private readonly clock: Pick<Clock, 'sleep'>,
    over?: AbortSignal,
  ) {
    this.signal = over ? AbortSignal.any([this.late.signal, over]) : this.late.signal
    setMaxListeners(0, this.signal) // as many as there are Events and messages
  }

  /** Begins to tell of a group. Returns at once, and never throws. */
  begin(group: Group, report: GroupReport): void {
    const { announce, signal } = this
    if (!announce) return
    const isDefect = (error: unknown) => [
      `people could not be told: ${error instanceof Error ? error.message : error}`, // the report counts
    ]
    this.sent.push(announce(group, report, signal).catch(isDefect))
  }

  /**
   * Resolves when everything was sent, or the time for it is over. To be called when all work on the groups is done.
   * @returns warnings, each once
   */
  async ended(): Promise<readonly string[]> {
    const done = new AbortController()
    void this.clock.sleep(LIMIT_MS, done.signal).then(() => this.late.abort())
    const unsent = aborted(this.signal)
      .then(() => this.clock.sleep(GRACE_MS, done.signal))
      .then(() => ['there was no time to tell people of a handover or a trouble'])
    const said = await Promise.all(this.sent.map((one) => Promise.race([one, unsent])))
    done.abort()
    const warnings = [...new Set(said.flat())]
    const rest = warnings.length - MAX_WARNINGS
    return rest > 0
      ? [...warnings.slice(0, MAX_WARNINGS), `${rest} more warnings of Events and notifications`]
      : warnings
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
