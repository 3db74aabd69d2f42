/** Tries whether the API server serves this account, and keeps the log informed of it. */

import { PREFIX } from '../kube/keys.js'
import { type Kube, KubeError } from '../kube/port.js'
import { exitCode, isUnserved } from '../report/exit-code.js'
import type { GroupReport, Report } from '../report/report.js'
import type { Clock } from '../util/clock.js'
import { describeFault } from '../util/errors.js'
import type { ProcessHealth } from './http/backend.js'
import { Readiness, TRY_AGAIN_MS } from './readiness.js'
import type { Log } from './telemetry/log.js'

const LONGEST_BACKOFF_MS = 10_000
/** What no object has: the answer is as short as can be, and whether it is allowed is seen all the same. */
const NOTHING = { [`${PREFIX}nothing`]: 'nothing' }

export interface ReachOptions {
  readonly kube: Kube
  readonly namespaces: readonly string[] | 'all'
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

export class Reach {
  private readonly readiness: Readiness
  private trying: Promise<void> | undefined

  constructor(private readonly options: ReachOptions) {
    this.readiness = new Readiness(options.clock.now())
  }

  health(): ProcessHealth {
    return this.readiness.health(this.options.clock.now())
  }

  /** What a pass tells of it. @param isWhole it was for all groups of the scope */
  passed(report: Report, isWhole: boolean): void {
    if (report.interrupted) return
    const why = refusalOf(report, isWhole)
    if (why !== undefined) this.refused(why)
    else if (isWhole || exitCode(report) !== 3) this.served()
  }

  served(): void {
    this.readiness.served(this.options.clock.now())
    this.say()
  }

  refused(why: string): void {
    this.readiness.refused(this.options.clock.now(), why)
    this.say()
  }

  /** A pass of a loop begins, or the loop itself. @param withinMs until the next one does, at the latest */
  begins(withinMs: number): void {
    this.readiness.begins(this.options.clock.now(), withinMs)
  }

  /** Asks the API server for an answer, unless it has given one lately. However many ask at once. */
  tryReach(): Promise<void> {
    const { clock, signal } = this.options
    if (!this.readiness.wantsTry(clock.now())) return Promise.resolve()
    this.trying ??= whyUnreachable(this.options)
      .then((why) => {
        if (signal.aborted) return
        if (why === undefined) this.served()
        else this.refused(why)
      })
      .finally(() => {
        this.trying = undefined
      })
    return this.trying
  }

  /** Resolves once the API server has answered; tries until then, or until the end. */
  async untilReached(): Promise<void> {
    const { clock, signal } = this.options
    for (let attempt = 0; !this.health().ready && !signal.aborted; attempt++) {
      if (attempt > 0) await clock.sleep(Math.min(500 * 2 ** attempt, LONGEST_BACKOFF_MS), signal)
      await this.tryReach()
    }
  }

  /** Keeps to it: where nothing else is asked of the API server for long, a list is. Until the end. */
  async attend(): Promise<void> {
    const { clock, signal } = this.options
    await this.untilReached()
    while (!signal.aborted) {
      await clock.sleep(TRY_AGAIN_MS, signal)
      if (signal.aborted) return
      await this.tryReach()
      this.say()
    }
  }

  private say(): void {
    for (const line of this.readiness.news(this.options.clock.now())) this.options.log.warn(line)
  }
}

/**
 * Why the API server served nothing of a pass, if that is how it was: it let nothing be read of all that we serve. What it
 * refuses in a namespace, or of a group, be it every one that there was to write, may be its users' doing: an admission
 * policy, a Role that is gone. That is told of elsewhere, and holds up nobody else's failover.
 */
export function refusalOf(report: Report, isWhole: boolean): string | undefined {
  const { groups, complete, scope } = report
  const isOfNamespace = ({ services }: GroupReport) => services.length === 0
  // One that was read, and has no groups, is not among them.
  if (complete.length > 0 || !groups.every(isOfNamespace)) return undefined
  const isOfAll = ({ namespace }: GroupReport) => namespace === undefined || (scope !== 'all' && scope.length === 1)
  if (!isWhole && !groups.every(isOfAll)) return undefined
  const refusals = groups.map(({ faults }) => faults.find(isUnserved))
  const [first] = refusals
  return first && !refusals.includes(undefined) ? describeFault(first) : undefined
}

/** Why neither Services nor pods can be read in any namespace, if so. */
async function whyUnreachable({ kube, namespaces, signal }: ReachOptions): Promise<string | undefined> {
  let why: string | undefined
  for (const namespace of namespaces === 'all' ? [undefined] : namespaces) {
    const options = { namespace, labels: NOTHING }
    try {
      await kube.listServices(options, signal)
      await kube.listPods(options, signal)
      return undefined
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      why ??= `${error.message}. ${error.remedy}`
      if (error.code === 'unreachable') return why // so are the others
    }
  }
  return why
}
