/**
 * Whether serve can do its work, as the kubelet and whoever reads the log are told. No I/O, no timers.
 *
 * A replica whose account is gone answers requests as if nothing were wrong, and moves nothing. So what counts is what the
 * API server made of the last tries: passes, watches, and lists that are made for this where nothing else was asked of it.
 */

import { printable } from '../util/printable.js'
import type { ProcessHealth } from './http/backend.js'

const MINUTE_MS = 60_000

/** A restart of the API server, or a lease that moves, takes less; somebody who waits for a rollout waits that long. */
export const NOT_READY_MS = 2 * MINUTE_MS
/** Longer than the kubelet remembers restarts, so that its back-off does not grow: each restart costs seconds. */
export const NOT_ALIVE_MS = 10 * MINUTE_MS
/** A watch that stands, and a webhook that nobody calls, tell nothing: after that long without a try, one is made. */
export const UNTRIED_MS = MINUTE_MS
/** While the API server serves nothing. */
export const TRY_AGAIN_MS = 15_000
/** For those who look at the end of a log. */
export const SAY_AGAIN_MS = 5 * MINUTE_MS
/** Within that time. A text that holds a number or a time may differ from try to try. */
const MOST_TEXTS = 5
/** Beyond the time at which a pass must have ended. */
const LATE_MS = 2 * MINUTE_MS

interface Failing {
  /** Epoch milliseconds of the first try that failed since one was served. */
  sinceMs: number
  why: string
}

/** All times are epoch milliseconds. The machine's time may jump back: what would be in the future is as of now. */
export class Readiness {
  private reached = false
  private failing: Failing | undefined
  private triedMs: number
  /** When the next pass of the loop has to have begun. */
  private dueMs = Number.POSITIVE_INFINITY
  private readonly said = new Map<string, number>()
  private saidNotReady = false
  private saidNotAlive = false

  constructor(startedMs: number) {
    this.triedMs = startedMs
  }

  /** The API server has served something of what it was asked. */
  served(nowMs: number): void {
    this.reached = true
    this.failing = undefined
    this.triedMs = nowMs
  }

  /** It has served nothing of what it was asked. @param why in whoever's words */
  refused(nowMs: number, why: string): void {
    this.triedMs = nowMs
    this.failing = { sinceMs: this.failing?.sinceMs ?? nowMs, why: printable(why.replace(/\s+/g, ' ').trim()) }
  }

  /** A pass of the loop begins, or the loop itself. @param withinMs until the next one has to begin */
  begins(nowMs: number, withinMs: number): void {
    this.dueMs = nowMs + withinMs + LATE_MS
  }

  /** Whether it is time to ask the API server for something, only to know whether it answers. */
  wantsTry(nowMs: number): boolean {
    this.triedMs = Math.min(this.triedMs, nowMs)
    return !this.reached || nowMs - this.triedMs >= (this.failing ? TRY_AGAIN_MS : UNTRIED_MS)
  }

  health(nowMs: number): ProcessHealth {
    const { failing } = this
    if (failing) failing.sinceMs = Math.min(failing.sinceMs, nowMs)
    const failingMs = failing ? nowMs - failing.sinceMs : 0
    const isLate = nowMs > this.dueMs
    const why = failing?.why ?? 'the API server was not reached yet'
    return {
      ready: this.reached && failingMs < NOT_READY_MS,
      alive: !isLate && failingMs < NOT_ALIVE_MS,
      why: isLate ? 'the loop has begun no pass for minutes: something hangs' : why,
    }
  }

  /** What the log is to say, if anything: why not, again and again, and that it is over. */
  news(nowMs: number): readonly string[] {
    const { ready, alive, why } = this.health(nowMs)
    const lines: string[] = []
    if (ready && this.saidNotReady) {
      lines.push('ready: the API server serves what it is asked for')
      this.saidNotReady = false
      this.said.clear()
    }
    if (!ready && this.failing && this.isNews(nowMs, why)) {
      lines.push(`not ready: ${why}`)
      this.saidNotReady = true
    }
    if (!alive && !this.saidNotAlive) lines.push(`not alive: ${why}. ${NOT_ALIVE_REMEDY}`)
    this.saidNotAlive = !alive
    return lines
  }

  private isNews(nowMs: number, text: string): boolean {
    for (const [old, atMs] of this.said) if (nowMs - atMs >= SAY_AGAIN_MS || nowMs < atMs) this.said.delete(old)
    if (this.said.has(text) || this.said.size === MOST_TEXTS) return false
    this.said.set(text, nowMs)
    return true
  }
}

const NOT_ALIVE_REMEDY =
  'The livenessProbe of jobs/serve has this container restarted. Its token stays that of the pod: after a ServiceAccount ' +
  'was deleted and made again, kubectl rollout restart deployment/active-passive gives the pods another at once.'
