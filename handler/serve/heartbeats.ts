/**
 * Whether the workers of serve are at work: the loop, and each watch. A worker gives a sign whenever it begins something,
 * and says how long that may take. One that gives no sign for minutes after that hangs, and a restart helps. An API server
 * that does not answer is no reason: a worker that tries in vain gives signs too. No I/O, no timers.
 */

/** Not so soon that a machine under load, or one that was stopped for a while, is taken for a defect. */
export const LATE_MS = 2 * 60_000

export class Heartbeats {
  /** By worker: the time until which it has to give its next sign. */
  private readonly due = new Map<string, number>()

  /** @param now milliseconds of a clock that never jumps: if the machine's time did, all workers would seem late */
  constructor(private readonly now: () => number) {}

  /**
   * A worker begins something.
   * @param worker its name, as it is written to the log
   * @param withinMs how long that takes at most, where nothing hangs
   */
  beat(worker: string, withinMs: number): void {
    this.due.set(worker, this.now() + withinMs + LATE_MS)
  }

  /** @returns one line on the workers that are late; `undefined` where none is */
  late(): string | undefined {
    const now = this.now()
    const late = [...this.due].filter(([, dueMs]) => now > dueMs).map(([worker]) => worker)
    return late.length === 0 ? undefined : `no sign for minutes of ${late.join(', ')}: something hangs`
  }
}
