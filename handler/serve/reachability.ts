/** Tries whether the API server serves this account, and writes to the log when that changes. */

import { PREFIX } from '../kube/keys.js'
import { type Kube, KubeError } from '../kube/port.js'
import { exitCode, isUnserved } from '../report/exit-code.js'
import type { GroupReport, Report } from '../report/report.js'
import { type Clock, doubled } from '../util/clock.js'
import { describeFault } from '../util/errors.js'
import type { Heartbeats } from './heartbeats.js'
import type { ProcessHealth } from './http/backend.js'
import { Readiness, TRY_AGAIN_MS } from './readiness.js'
import type { Log } from './telemetry/log.js'

const FIRST_BACKOFF_MS = 1_000
const LONGEST_BACKOFF_MS = 10_000
/** A label that no object has. A list by it is as short as can be, and still shows whether lists are allowed. */
const NO_OBJECT = { [`${PREFIX}nothing`]: 'nothing' }

interface ReachabilityOptions {
  readonly kube: Kube
  readonly namespaces: readonly string[] | 'all'
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  readonly heartbeats: Pick<Heartbeats, 'late'>
}

export class Reachability {
  private readonly readiness: Readiness
  private trying: Promise<void> | undefined

  constructor(private readonly options: ReachabilityOptions) {
    this.readiness = new Readiness(options.clock.now())
  }

  health(): ProcessHealth {
    const { clock, heartbeats } = this.options
    return this.readiness.health(clock.now(), heartbeats.late())
  }

  /** A pass has ended, and shows whether the API server serves. @param isWhole it was for all groups of the scope */
  passed(report: Report, isWhole: boolean): void {
    if (report.interrupted) return
    const why = refusalOf(report, isWhole)
    if (why !== undefined) this.refused(why)
    else if (isWhole || exitCode(report) !== 3) this.served()
  }

  /** The API server has served something. */
  served(): void {
    this.readiness.served(this.options.clock.now())
    this.writeLog()
  }

  /** The API server has refused everything that it was asked for, or did not answer. */
  refused(why: string): void {
    this.readiness.refused(this.options.clock.now(), why)
    this.writeLog()
  }

  /** Asks the API server for a list, unless it has answered lately. Callers at the same time share one try. */
  tryToReach(): Promise<void> {
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

  /** Tries until the API server serves, or until the end. */
  async untilReached(): Promise<void> {
    const { clock, signal } = this.options
    for (let attempt = 0; !this.health().ready && !signal.aborted; attempt++) {
      if (attempt > 0) await clock.sleep(doubled(FIRST_BACKOFF_MS, attempt - 1, LONGEST_BACKOFF_MS), signal)
      await this.tryToReach()
    }
  }

  /** Tries until the end, whenever the API server was asked for nothing else for long. */
  async keepTrying(): Promise<void> {
    const { clock, signal } = this.options
    await this.untilReached()
    while (!signal.aborted) {
      await clock.sleep(TRY_AGAIN_MS, signal)
      if (signal.aborted) return
      await this.tryToReach()
      this.writeLog()
    }
  }

  private writeLog(): void {
    const { clock, heartbeats, log } = this.options
    for (const { level, msg } of this.readiness.logLines(clock.now(), heartbeats.late())) log[level](msg)
  }
}

/**
 * The reason why the API server served nothing of a pass: it let nothing be read in the whole scope. `undefined` where
 * it let something be read. A refusal in one namespace, or of one group, does not count, even where every write was
 * refused: the users of that namespace may have caused it, with an admission policy or a Role that they deleted. The
 * reports tell of it, and it delays nobody else's failover.
 */
export function refusalOf(report: Report, isWhole: boolean): string | undefined {
  const { groups, complete, scope } = report
  const isOfNamespace = ({ services }: GroupReport) => services.length === 0
  // A namespace that was read and has no groups is in `complete`, and not in `groups`.
  if (complete.length > 0 || !groups.every(isOfNamespace)) return undefined
  const isOfAll = ({ namespace }: GroupReport) => namespace === undefined || (scope !== 'all' && scope.length === 1)
  if (!isWhole && !groups.every(isOfAll)) return undefined
  const refusals = groups.map(({ faults }) => faults.find(isUnserved))
  const [first] = refusals
  return first && !refusals.includes(undefined) ? describeFault(first) : undefined
}

/** Lists Services and pods. @returns `undefined` where one namespace lets both be listed; otherwise why none does */
async function whyUnreachable({ kube, namespaces, signal }: ReachabilityOptions): Promise<string | undefined> {
  let why: string | undefined
  for (const namespace of namespaces === 'all' ? [undefined] : namespaces) {
    const options = { namespace, labels: NO_OBJECT }
    try {
      await kube.listServices(options, signal)
      await kube.listPods(options, signal)
      return undefined
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      why ??= `${error.message}. ${error.remedy}`
      if (error.code === 'unreachable') return why // the other namespaces are at the same server
    }
  }
  return why
}
