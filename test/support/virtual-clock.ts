/** A clock for tests: its time moves when it is told to, and no real time passes. */
import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../../handler/util/clock.js'

interface Sleeper {
  readonly wakesAtMs: number
  wake(): void
  /** Listens to its signal no longer. */
  forget(): void
}

let rests = 0
/** The event loop has its turn now and then: for a test's own limit, and for what is collected when it turns. */
const RESTS_PER_TURN = 500

/** When nobody goes on who waits for promises alone: much sooner than a turn of the event loop. */
export async function promisesSettled(): Promise<void> {
  if (++rests % RESTS_PER_TURN === 0) await setImmediate()
  else await new Promise<void>((resolve) => process.nextTick(resolve))
}

export class VirtualClock implements Clock {
  private readonly sleepers = new Set<Sleeper>()

  constructor(private nowMs = 0) {}

  now(): number {
    return this.nowMs
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const forget = () => signal?.removeEventListener('abort', wake)
      const wake = () => {
        this.sleepers.delete(sleeper)
        forget()
        resolve()
      }
      const sleeper = { wakesAtMs: this.nowMs + Math.max(0, ms), wake, forget }
      this.sleepers.add(sleeper)
      signal?.addEventListener('abort', wake)
    })
  }

  /** Lets everybody wake who would within `ms`, in order, and do what they have to before the next one wakes. */
  async advance(ms: number): Promise<void> {
    const end = this.nowMs + ms
    await setImmediate()
    for (let next = this.next(); next && next.wakesAtMs <= end; next = this.next()) {
      this.nowMs = next.wakesAtMs
      next.wake()
      await setImmediate()
    }
    this.nowMs = end
  }

  /**
   * Waits for work that does nothing but compute and sleep on this clock: whenever it sleeps, time moves on to the
   * moment that wakes it. Work that waits for anything else is an error.
   */
  async run<T>(work: Promise<T>): Promise<T> {
    let ended = false
    const end = () => {
      ended = true
    }
    work.then(end, end)
    await setImmediate()
    while (!ended) await this.wakeNext()
    return work
  }

  /** Time moves on to the moment that wakes the next who sleeps. That nobody does is an error. */
  async wakeNext(): Promise<void> {
    const next = this.next()
    if (!next) throw new Error('the work waits for something, and nobody sleeps')
    this.nowMs = next.wakesAtMs
    next.wake()
    await promisesSettled()
  }

  /** Lets go of everybody who sleeps: they will never wake. Node keeps combined signals for as long as they are listened to. */
  abandon(): void {
    for (const sleeper of this.sleepers) sleeper.forget()
    this.sleepers.clear()
  }

  private next(): Sleeper | undefined {
    let first: Sleeper | undefined
    for (const sleeper of this.sleepers) if (!first || sleeper.wakesAtMs < first.wakesAtMs) first = sleeper
    return first
  }
}
