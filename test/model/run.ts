/**
 * Runs one pass of the real code step by step: it runs until it waits for answers of the API server, and goes on when
 * it gets one. It has its own clock: a sleep ends at once if the pass does nothing else, and a delay lets its limits
 * pass. The behaviour of the pass depends only on the answers that it gets, and on their order.
 */
import type { Kube, KubeError, Pod, Service } from '../../handler/kube/port.js'
import type { fairShares } from '../../handler/pass/fair-share.js'
import type { PassOptions, pass } from '../../handler/pass/pass.js'
import { exitCode } from '../../handler/report/exit-code.js'
import type { Clock } from '../../handler/util/clock.js'
import { expectNoDefect } from '../support/defects.js'
import { seededRandom } from '../support/random.js'
import type { Call } from '../support/stored.js'
import { promisesSettled, VirtualClock } from '../support/virtual-clock.js'
import { withoutHistory } from '../support/without-history.js'

/** What the pass is told of a call: what the port promises of it, or nothing. */
export type Answer =
  | { readonly kind: 'pods'; readonly pods: readonly Pod[] }
  | { readonly kind: 'services'; readonly services: readonly Service[] }
  /** @property differences what is there in place of what was asked for, as far as the model tells it apart */
  | { readonly kind: 'applied'; readonly object: Pod | Service; readonly differences?: string }
  | { readonly kind: 'lost' | 'gone' | 'denied' | 'unauthenticated' | 'throttled' | 'none' }

/** A call that waits for its answer. */
export interface Pending {
  /** How many calls this pass had made before. */
  readonly place: number
  readonly call: Call
}

/** The program, or a mutant of it. */
export interface Code {
  readonly pass: typeof pass
  readonly KubeError: typeof KubeError
  /** The program's own unless given. */
  readonly fairShares?: typeof fairShares
}

/** Which code runs, and what it finds when it probes: the same for as long as it runs. */
export interface Setup {
  readonly code: Code
  readonly options: PassOptions
  readonly isHealthy: (pod: Pod) => boolean
  /** Tokens of different seeds differ. */
  readonly seed: string
  /** How often it may read the pods: then its time is up. Two passes may otherwise get in each other's way for long. */
  readonly maxReads: number
}

interface Waiting extends Pending {
  answer(answer: Answer): void
}

/** What a pass has. */
export const DEADLINE_MS = 20_000
/** When there is only time to release. */
const TIME_IS_UP_MS = 18_700
const NOW = Date.parse('2026-01-01T12:00:00Z')

export class Run {
  private readonly waiting = new Map<number, Waiting>()
  private readonly listening = new Set<() => void>()
  private readonly time = new VirtualClock()
  private made = 0
  private readsLeft: number
  private readonly fault: (...words: ConstructorParameters<typeof KubeError>) => KubeError
  /** The uids of the pods whose health it has found out. */
  readonly probed = new Set<string>()
  private state: 'running' | 'ended' = 'running'
  private defect: unknown
  /** Whether it has ended, and says that all is well. */
  isContent = false

  private constructor({ code, options, isHealthy, seed, maxReads }: Setup) {
    this.readsLeft = maxReads
    this.fault = (...words) => new code.KubeError(...words)
    // The time of day stands still: nothing may rest on it, and states that differ in it alone are the same.
    const clock: Clock = { now: () => NOW, sleep: (ms, signal) => this.time.sleep(ms, signal) }
    const probe = async ({ pod }: { readonly pod: Pod }) => {
      this.probed.add(pod.uid)
      return isHealthy(pod) ? { healthy: true, text: '200', ms: 1 } : { healthy: false, text: '500', ms: 1 }
    }
    const effects = { kube: this.kube(), clock, probe, random: seededRandom(seed) }
    code
      .pass(options, effects, new AbortController().signal)
      .then((report) => {
        this.state = 'ended'
        this.isContent = exitCode(report) === 0
        expectNoDefect(report)
      })
      .catch((error) => {
        this.state = 'ended'
        this.defect = error
      })
  }

  static async start(setup: Setup): Promise<Run> {
    const run = new Run(setup)
    await run.rest()
    return run
  }

  /** Whether it wanted to read the pods more often than it may. */
  get isStarved(): boolean {
    return this.readsLeft < 0
  }

  /** Whether it was cut off: what it had asked for by then was not answered. */
  get isCut(): boolean {
    return this.time.now() >= DEADLINE_MS
  }

  /** In the order in which they were made. None: the pass has ended. */
  get pending(): readonly Pending[] {
    return [...this.waiting.values()].map(({ place, call }) => ({ place, call }))
  }

  async answer(place: number, answer: Answer): Promise<void> {
    const waiting = this.waiting.get(place)
    if (!waiting) throw new Error(`this pass does not wait for call ${place}`)
    waiting.answer(answer)
    await this.rest()
  }

  /** Takes so much time from the pass while it waits: calls that are cut off by it stay unanswered. */
  async delay(ms: number): Promise<void> {
    await this.time.advance(ms)
    await this.rest()
  }

  /** Lets go of it, wherever it stands. */
  abandon(): void {
    for (const forget of this.listening) forget()
    this.time.abandon()
  }

  /** Until it waits for an answer or has ended. */
  private async rest(): Promise<void> {
    await promisesSettled()
    while (this.waiting.size === 0 && this.state === 'running') {
      if (this.readsLeft < 0 && this.time.now() < TIME_IS_UP_MS)
        await this.time.advance(TIME_IS_UP_MS - this.time.now())
      else await this.time.wakeNext()
    }
    if (this.defect !== undefined) throw this.defect
  }

  private unanswered(): KubeError {
    return this.fault('unreachable', 'no answer', 'None.')
  }

  private writtenOf(answer: Answer) {
    switch (answer.kind) {
      case 'none':
        return { kind: 'unknown', error: this.unanswered() }
      case 'denied':
        return { kind: 'denied', error: this.fault('denied', 'forbidden', 'None.') }
      case 'unauthenticated':
        return { kind: 'unauthenticated', error: this.fault('unauthenticated', 'status 401', 'None.') }
      case 'throttled':
        return { kind: 'throttled', retryAfterMs: 1_000 }
      case 'applied':
        return { kind: 'applied', object: answer.object }
      default:
        return answer
    }
  }

  /** @returns ends it, as `abandon` does: Node keeps combined signals for as long as they are listened to */
  private listen(signal: AbortSignal, cut: () => void): () => void {
    const forget = () => {
      signal.removeEventListener('abort', cut)
      this.listening.delete(forget)
    }
    signal.addEventListener('abort', cut)
    this.listening.add(forget)
    return forget
  }

  private untilCut(signal: AbortSignal): Promise<Answer> {
    return new Promise((resolve) => {
      const forget = this.listen(signal, () => {
        forget()
        resolve({ kind: 'none' })
      })
    })
  }

  private kube(): Kube {
    const send = (call: Call, signal: AbortSignal): Promise<Answer> => {
      if (signal.aborted) return Promise.resolve({ kind: 'none' })
      if (call.verb === 'listPods' && --this.readsLeft < 0) return this.untilCut(signal)
      const place = this.made++
      return new Promise((resolve) => {
        const forget = this.listen(signal, () => answer({ kind: 'none' }))
        const answer = (answer: Answer) => {
          this.waiting.delete(place)
          forget()
          resolve(answer)
        }
        this.waiting.set(place, { place, call, answer })
      })
    }
    const write = (call: Call, signal: AbortSignal) =>
      send(call, signal).then((answer) => this.writtenOf(answer)) as never
    const made = () => this.made
    return {
      get requests() {
        return made()
      },
      listPods: async (options, signal) => {
        const answer = await send({ verb: 'listPods', options }, signal)
        if (answer.kind !== 'pods') throw this.unanswered()
        return answer.pods
      },
      listServices: async (options, signal) => {
        const answer = await send({ verb: 'listServices', options }, signal)
        if (answer.kind !== 'services') throw this.unanswered()
        return answer.services
      },
      patchPod: (pod, patch, signal) => write({ verb: 'patchPod', pod, patch }, signal),
      patchPodMetadata: (pod, patch, signal) => write({ verb: 'patchPodMetadata', pod, patch }, signal),
      // With the history, no two states would be equal that were reached on different ways.
      patchService: (service, { annotations, ...rest }, signal) =>
        write({ verb: 'patchService', service, patch: { ...rest, annotations: withoutHistory(annotations) } }, signal),
      testService: (service, annotation, value, signal) =>
        write({ verb: 'testService', service, annotation, value }, signal),
    }
  }
}
