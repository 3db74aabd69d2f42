/** A clock for tests: its time moves when it is told to, and no real time passes. */
import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../../handler/util/clock.js'

interface Sleeper {
  readonly wakesAtMs: number
  wake(): void
  /** Listens to its signal no longer. */
  forget(): void
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
    await setImmediate()
  }

  /** Lets go of everybody who sleeps: they will never wake. Node keeps combined signals for as long as they are listened to. */
  abandon(): void {
    for (const sleeper of this.sleepers) sleeper.forget()
    this.sleepers.clear()
  }

  private next(): Sleeper | undefined {
    return [...this.sleepers].sort((a, b) => a.wakesAtMs - b.wakesAtMs)[0]
  }
}
