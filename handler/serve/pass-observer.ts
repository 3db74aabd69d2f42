/** Tells the metrics, the log, the readiness and the resync about passes and their groups. */
import type { Selection } from '../pass/scope.js'
import { healthCode } from '../report/exit-code.js'
import type { GroupReport, Report } from '../report/report.js'
import type { Clock } from '../util/clock.js'
import { fence } from '../util/defect.js'
import type { Reachability } from './reachability.js'
import { changesIn } from './telemetry/changes.js'
import { subjectOf } from './telemetry/group-lines.js'
import { type Entry, type Log, logDefect } from './telemetry/log.js'
import type { Metrics, Trigger } from './telemetry/metrics.js'
import { NOT_WELL_MS, type Resync } from './watch/resync.js'

interface Observers {
  readonly metrics: Pick<Metrics, 'served' | 'passed'>
  readonly reachability: Pick<Reachability, 'passed'>
  readonly resync: Pick<Resync, 'requestWithin'>
  readonly log: Log
  readonly clock: Pick<Clock, 'now'>
}

/** A timer of more than 25 days would end at once. The pass of each day asks again. */
const DAY_MS = 86_400_000

export class PassObserver {
  private readonly changes: ReturnType<typeof changesIn>
  /** The groups that were told about before their pass ended. */
  private readonly told = new WeakSet<GroupReport>()

  constructor(private readonly observers: Observers) {
    this.changes = changesIn()
  }

  /**
   * Tells about a group as soon as it was served, however long the others of its pass take.
   * @param report on it alone
   */
  groupServed(report: Report): void {
    for (const group of report.groups) this.told.add(group)
    this.ofEach(report, report.groups, (one) => {
      this.observers.metrics.served(one)
      this.write(this.changes(one, false))
    })
  }

  /** Tells about the pass, and about those of its groups that were not told about before. */
  passEnded(trigger: Trigger, selection: Selection, report: Report): void {
    const { metrics, reachability, resync, clock } = this.observers
    const isWhole = selection === 'all' && !report.interrupted
    const untold = report.groups.filter((group) => !this.told.has(group))
    this.ofEach(report, untold, (one) => metrics.served(one))
    metrics.passed(trigger, report)
    reachability.passed(report, isWhole)
    if (healthCode(report, clock.now()) !== 0) resync.requestWithin(NOT_WELL_MS)
    for (const group of report.groups) this.resumeAfter(group)
    this.ofEach(report, untold, (one) => this.write(this.changes(one, false)))
    this.write(this.changes(report, isWhole, () => true))
  }

  /** Tells of each of these groups. A defect that one meets is told in its place. */
  private ofEach(report: Report, groups: readonly GroupReport[], tell: (one: Report) => void): void {
    for (const group of groups) {
      fence(
        () => tell({ ...report, groups: [group] }),
        (error) => logDefect(this.observers.log, error, subjectOf(group)),
      )
    }
  }

  /** Nothing that could be watched happens when a pause ends by itself: there is a pass then. */
  private resumeAfter({ settings: { pause = 0 } }: GroupReport): void {
    const leftMs = pause - this.observers.clock.now()
    if (leftMs > 0 && Number.isFinite(leftMs)) this.observers.resync.requestWithin(Math.min(leftMs, DAY_MS))
  }

  private write(entries: readonly Entry[]): void {
    for (const { level, msg, fields } of entries) this.observers.log[level](msg, fields)
  }
}
