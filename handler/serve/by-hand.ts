/** Carries out what a person asks for by HTTP: switchovers, pauses, and their ends. */

import { isSwap } from '../group/decide.js'
import { agreedOn, type SwitchoverRequest } from '../group/switchover.js'
import type { Kube } from '../kube/port.js'
import { dryRun } from '../kube/recording.js'
import { type PauseRequest, setPause } from '../pass/pause.js'
import type { Selection, ServiceRef } from '../pass/scope.js'
import { type PauseResult, pauseWords } from '../report/pause.js'
import type { Report } from '../report/report.js'
import type { Timing } from '../util/clock.js'
import type { Fault } from '../util/errors.js'
import { ShuttingDown, TooMany } from './http/backend.js'
import type { PassObserver } from './pass-observer.js'
import type { Passes, PassSettings } from './passes.js'
import { subjectOf } from './telemetry/group-lines.js'
import type { Log } from './telemetry/log.js'
import type { Metrics } from './telemetry/metrics.js'

interface ByHandOptions extends Timing {
  readonly kube: Kube
  readonly passes: Pick<Passes, 'look' | 'serve'>
  readonly observer: Pick<PassObserver, 'groupServed' | 'passEnded'>
  readonly metrics: Pick<Metrics, 'triggers'>
  readonly settings: PassSettings
  readonly log: Pick<Log, 'info' | 'warn'>
  /** Called when a pause has ended: a pass over this group. */
  readonly resumed: (selection: Selection) => void
  /** Aborts when the process ends. */
  readonly signal: AbortSignal
}

/** Each of them reads for itself, unlike the triggers of passes. */
const AT_ONCE = 4

export class ByHand {
  private readonly underWay = new Set<ServiceRef>()

  constructor(private readonly options: ByHandOptions) {}

  /**
   * Looks first, and writes nothing if the switchover is refused.
   * @returns the report of the look, or of the pass that followed it: on the groups that the Service names
   * @throws ShuttingDown @throws TooMany
   */
  switchover(service: ServiceRef, request: SwitchoverRequest): Promise<Report> {
    return this.oneAtATime(service, () => this.move(service, request))
  }

  /** @throws ShuttingDown @throws TooMany */
  pause(request: PauseRequest): Promise<PauseResult | Fault> {
    return this.oneAtATime(request.service, () => this.setPause(request))
  }

  /** A few at once, and one for a Service: whoever floods these routes waits, and takes nothing from the passes. */
  private async oneAtATime<T>(service: ServiceRef, act: () => Promise<T>): Promise<T> {
    if (this.options.signal.aborted) throw new ShuttingDown()
    if ([...this.underWay].some((other) => mayBeSame(service, other))) {
      throw new TooMany(`a switchover, pause or resume of ${service.name} is under way`)
    }
    if (this.underWay.size >= AT_ONCE) {
      throw new TooMany(`${AT_ONCE} switchovers, pauses and resumes are under way, as many as may be`)
    }
    const own = { ...service }
    this.underWay.add(own)
    try {
      return await act()
    } finally {
      this.underWay.delete(own)
    }
  }

  private async move(service: ServiceRef, request: SwitchoverRequest): Promise<Report> {
    const { kube, passes, observer, metrics, settings } = this.options
    metrics.triggers.inc({ trigger: 'switchover' })
    const selectionIn = (namespace: string | undefined): Selection => [
      { namespace, service: service.name, otherwise: 'not-found' },
    ]
    const planned = await passes.look(kube, selectionIn(service.namespace), request).report
    const [group, ...more] = planned.groups
    // The look is a dry run in any case; whether one was asked for is what the caller is told.
    if (!group || more.length > 0 || !isSwap(group.decision) || settings.dryRun) {
      return { ...planned, dryRun: settings.dryRun }
    }
    const agreed = agreedOn(group.decision, group.activeBefore[0], request.force)
    // The group that was looked at, even if another namespace has a Service of this name by now.
    const selection = selectionIn(group.namespace)
    const served = (report: Report) => observer.groupServed(report)
    const report = await passes.serve(kube, selection, 'awaited', served, agreed).report
    observer.passEnded('switchover', selection, report)
    return report
  }

  private async setPause(request: PauseRequest): Promise<PauseResult | Fault> {
    const { kube, settings, signal, resumed, clock, random } = this.options
    const isDryRun = settings.dryRun
    const context = { kube: isDryRun ? dryRun(kube) : kube, isDryRun, clock, random }
    const until = AbortSignal.any([signal, AbortSignal.timeout(settings.deadlineMs)])
    const result = await setPause(context, settings, request, until, signal)
    if ('code' in result) return result
    this.writeLog(result, request)
    if (result.pausedUntil === null && result.writes.length > 0) {
      resumed([{ namespace: result.namespace, service: request.service.name, otherwise: 'nothing' }])
    }
    return result
  }

  /** A change is one line. A pause that was there before is none. */
  private writeLog(result: PauseResult, { action }: PauseRequest): void {
    const { log, settings } = this.options
    if (result.writes.length === 0) return
    const fields = {
      ...subjectOf(result),
      pausedUntil: result.pausedUntil,
      ...(settings.dryRun && { dryRun: true as const }),
    }
    log.info(`POST /${action}: ${pauseWords(result, action, settings.dryRun)}`, fields)
    for (const warning of result.warnings) log.warn(warning, subjectOf(result))
  }
}

/** Without a namespace a name may be in any. */
function mayBeSame(one: ServiceRef, other: ServiceRef): boolean {
  return (
    one.name === other.name &&
    (one.namespace === undefined || other.namespace === undefined || one.namespace === other.namespace)
  )
}
