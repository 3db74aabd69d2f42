/** Carries out what a person asks for by HTTP: switchovers, pauses, and their ends. */

import { isSwap } from '../group/decide.js'
import type { SwitchoverRequest } from '../group/switchover.js'
import type { Kube } from '../kube/port.js'
import { dryRun } from '../kube/recording.js'
import { type PauseRequest, type PauseResult, setPause } from '../pass/pause.js'
import type { Selection, ServiceRef } from '../pass/scope.js'
import type { Report } from '../report/report.js'
import type { Timing } from '../util/clock.js'
import type { Fault } from '../util/errors.js'
import { ShuttingDown } from './http/backend.js'
import type { PassObserver } from './pass-observer.js'
import type { Passes, PassSettings } from './passes.js'
import type { Metrics } from './telemetry/metrics.js'

interface ByHandOptions extends Timing {
  readonly kube: Kube
  readonly passes: Pick<Passes, 'look' | 'serve'>
  readonly observer: Pick<PassObserver, 'groupServed' | 'passEnded'>
  readonly metrics: Pick<Metrics, 'triggers'>
  readonly settings: PassSettings
  /** Called when a pause has ended: a pass over this group. */
  readonly resumed: (selection: Selection) => void
  /** Aborts when the process ends. */
  readonly signal: AbortSignal
}

export class ByHand {
  constructor(private readonly options: ByHandOptions) {}

  /**
   * Looks first, and writes nothing if the switchover is refused.
   * @returns the report of the look, or of the pass that followed it: on the groups that the Service names @throws ShuttingDown
   */
  async switchover(service: ServiceRef, request: SwitchoverRequest): Promise<Report> {
    const { kube, passes, observer, metrics, signal, settings } = this.options
    if (signal.aborted) throw new ShuttingDown()
    metrics.triggers.inc({ trigger: 'switchover' })
    const { namespace, name } = service
    const selection: Selection = [{ namespace, service: name, otherwise: 'not-found' }]
    const planned = await passes.look(kube, selection, request).report
    const [group, ...more] = planned.groups
    // The look is a dry run in any case; whether one was asked for is what the caller is told.
    if (!group || more.length > 0 || !isSwap(group.decision) || settings.dryRun) {
      return { ...planned, dryRun: settings.dryRun }
    }
    const [from] = group.activeBefore
    const agreed = { to: group.decision.winner.pod.name, from, force: request.force }
    const served = (report: Report) => observer.groupServed(report)
    const report = await passes.serve(kube, selection, 'awaited', served, agreed).report
    observer.passEnded('switchover', selection, report)
    return report
  }

  /** @throws ShuttingDown */
  async pause(request: PauseRequest): Promise<PauseResult | Fault> {
    const { kube, settings, signal, resumed, clock, random } = this.options
    if (signal.aborted) throw new ShuttingDown()
    const isDryRun = settings.dryRun
    const context = { kube: isDryRun ? dryRun(kube) : kube, isDryRun, clock, random }
    const until = AbortSignal.any([signal, AbortSignal.timeout(settings.deadlineMs)])
    const result = await setPause(context, settings, request, until, signal)
    if ('code' in result) return result
    if (result.pausedUntil === null && result.writes.length > 0) {
      resumed([{ namespace: result.namespace, service: request.service.name, otherwise: 'nothing' }])
    }
    return result
  }
}
