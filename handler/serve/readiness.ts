/**
 * Decides whether serve can do its work, for the kubelet's probes and for the log. No I/O, no timers.
 *
 * A replica whose ServiceAccount was deleted still answers requests, and moves nothing. Readiness therefore depends on
 * how the API server answered the last tries: passes, watches, and lists that are made only to try, where nothing else
 * was asked for.
 *
 * Whether the process is alive does not depend on the API server. A restart would help nothing: the token, the
 * certificates and the authorities are read from their files for each request, and a restarted container finds the same
 * files. In an outage it would only begin all watches anew, in every replica.
 */

import { printable } from '../util/printable.js'
import type { ProcessHealth } from './http/backend.js'
import type { Entry } from './telemetry/log.js'

const MINUTE_MS = 60_000

/** A restart of the API server, or a move of its lease, takes less. A rollout shows a failure only after this time. */
export const NOT_READY_MS = 2 * MINUTE_MS
/** A quiet watch, and a webhook that nobody calls, show nothing. After that long without a try, one is made. */
export const UNTRIED_MS = MINUTE_MS
/** The time between two tries while the API server serves nothing. */
export const TRY_AGAIN_MS = 15_000
/** The log says again why the process is not ready, so that the reason stands near the end of the log. */
export const SAY_AGAIN_MS = 5 * MINUTE_MS
/** Different reasons in the log within SAY_AGAIN_MS. A reason that holds a number or a time may differ at each try. */
const MAX_REASONS = 5

interface Failing {
  /** The time of the first failed try since one was served. */
  sinceMs: number
  why: string
}

/**
 * All times are epoch milliseconds. The machine's time may jump back: a time in the future is taken for the present.
 */
export class Readiness {
  private reached = false
  private failing: Failing | undefined
  private triedMs: number
  /** The reasons that were written to the log lately, with the times. */
  private readonly said = new Map<string, number>()
  private saidNotReady = false
  private saidNotAlive = false

  constructor(startedMs: number) {
    this.triedMs = startedMs
  }

  /** The API server has served something that it was asked for. */
  served(nowMs: number): void {
    this.reached = true
    this.failing = undefined
    this.triedMs = nowMs
  }

  /** The API server has served nothing that it was asked for. @param why any text, also one of the API server's own */
  refused(nowMs: number, why: string): void {
    this.triedMs = nowMs
    this.failing = { sinceMs: this.failing?.sinceMs ?? nowMs, why: printable(why.replace(/\s+/g, ' ').trim()) }
  }

  /** Whether it is time to ask the API server for something, only to see whether it answers. */
  wantsTry(nowMs: number): boolean {
    this.triedMs = Math.min(this.triedMs, nowMs)
    return !this.reached || nowMs - this.triedMs >= (this.failing ? TRY_AGAIN_MS : UNTRIED_MS)
  }

  /** @param late why a part of this process seems to hang; `undefined` where none does */
  health(nowMs: number, late?: string): ProcessHealth {
    const { failing } = this
    if (failing) failing.sinceMs = Math.min(failing.sinceMs, nowMs)
    const failingMs = failing ? nowMs - failing.sinceMs : 0
    const why = failing?.why ?? 'the API server was not reached yet'
    return {
      ready: this.reached && failingMs < NOT_READY_MS,
      alive: late === undefined,
      why: late ?? why,
    }
  }

  /** The lines that the log needs now: why the process is not ready, from time to time, and that it is ready again. */
  logLines(nowMs: number, late?: string): readonly Entry[] {
    const { ready, alive, why } = this.health(nowMs, late)
    const lines: Entry[] = []
    if (ready && this.saidNotReady) {
      lines.push({ level: 'info', msg: 'ready: the API server serves what it is asked for' })
      this.saidNotReady = false
      this.said.clear()
    }
    if (!ready && this.failing && this.isToBeSaid(nowMs, why)) {
      lines.push({ level: 'warn', msg: `not ready: ${why}` })
      this.saidNotReady = true
    }
    if (!alive && !this.saidNotAlive) {
      lines.push({ level: 'error', msg: `not alive: ${why}. ${RESTARTED}` })
    }
    this.saidNotAlive = !alive
    return lines
  }

  private isToBeSaid(nowMs: number, text: string): boolean {
    for (const [old, atMs] of this.said) if (nowMs - atMs >= SAY_AGAIN_MS || nowMs < atMs) this.said.delete(old)
    if (this.said.has(text) || this.said.size === MAX_REASONS) return false
    this.said.set(text, nowMs)
    return true
  }
}

const RESTARTED = 'The livenessProbe of jobs/serve has this container restarted.'
