/** Everything that asks for a pass: alerts and requests, watches, the loop; and requests for the status. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Kube } from '../kube/port.js'
import type { Selection } from '../pass/scope.js'
import { isUnserved } from '../report/exit-code.js'
import type { GroupReport, Report } from '../report/report.js'
import { Coalescer, type Run } from './coalesce.js'
import { ShuttingDown } from './http/backend.js'
import type { PassObserver } from './pass-observer.js'
import type { Metrics, Trigger } from './telemetry/metrics.js'

/** Passes of the watches, each over one group in need, that read the cluster at the same time. */
const WATCH_PASSES_AT_ONCE = 4

interface TriggersOptions {
  /** For alerts, requests and the loop. */
  readonly main: Kube
  /** For watches and the status, so that they wait for none of the others' connections. */
  readonly side: Kube
  readonly passes: {
    /** See `Passes`. */
    serve(kube: Kube, selection: Selection, busy: 'left' | 'awaited', onGroup: (report: Report) => void): Run
    look(kube: Kube): Run
  }
  readonly observer: PassObserver
  readonly metrics: Pick<Metrics, 'triggers'>
  /** Called for each defect of the program. */
  defect(error: unknown): void
}

export class Triggers {
  private readonly requested: Coalescer<Trigger>
  private readonly watched: Coalescer<Trigger>
  private readonly statuses: Coalescer
  /** The passes of the loop that are under way. */
  private readonly ticks = new Set<Promise<Report>>()
  private wasServed = true

  constructor(private readonly options: TriggersOptions) {
    const { main, side, passes } = options
    this.requested = new Coalescer<Trigger>((selection, trigger) => this.pass(main, selection, trigger))
    this.watched = new Coalescer<Trigger>(
      (selection, trigger) => this.pass(side, selection, trigger),
      WATCH_PASSES_AT_ONCE,
    )
    this.statuses = new Coalescer(() => passes.look(side))
  }

  /** Triggers that were joined to a pass that was waiting already. */
  get coalesced(): number {
    return this.requested.coalesced + this.watched.coalesced
  }

  /** An alert or a request asks for a pass. @throws ShuttingDown */
  request(trigger: 'alertmanager' | 'run', selection: Selection): Promise<Report> {
    return this.ask(this.requested, trigger, selection)
  }

  /** A change that was watched, or a resync, asks for a pass. Never rejects. */
  async change(selection: Selection): Promise<void> {
    try {
      await this.ask(this.watched, 'watch', selection)
    } catch (error) {
      if (!(error instanceof ShuttingDown)) this.options.defect(error)
    }
  }

  /** Somebody asks for the status: a dry run over all groups. @throws ShuttingDown */
  status(): Promise<Report> {
    return this.statuses.request('all', undefined)
  }

  /**
   * The loop asks for a pass. Resolves as soon as that pass has read the cluster, so that a group that takes long
   * delays no later tick.
   * @returns whether the API server served the last pass that has ended
   */
  async tick(): Promise<boolean> {
    this.options.metrics.triggers.inc({ trigger: 'interval' })
    const { read, report } = this.pass(this.options.main, 'all', 'interval')
    this.ticks.add(report)
    const ended = report.then((made) => {
      this.wasServed = !made.groups.some(isUnread)
    })
    void ended.catch(() => {}).then(() => this.ticks.delete(report))
    await Promise.race([read, ended])
    await nextTurn() // where the cluster could not be read, the pass has ended by then
    return this.wasServed
  }

  /** Begins no more passes; resolves when none is under way. */
  async close(): Promise<void> {
    await Promise.all([
      this.requested.close(),
      this.watched.close(),
      this.statuses.close(),
      Promise.allSettled(this.ticks),
    ])
  }

  private ask(passes: Coalescer<Trigger>, trigger: Trigger, selection: Selection): Promise<Report> {
    this.options.metrics.triggers.inc({ trigger })
    return passes.request(selection, trigger)
  }

  private pass(kube: Kube, selection: Selection, trigger: Trigger): Run {
    const { passes, observer } = this.options
    // Nobody waits for the pass of a tick, and the next tick comes soon: it leaves busy groups to the passes that have
    // them.
    const busy = trigger === 'interval' ? 'left' : 'awaited'
    const { report, ...rest } = passes.serve(kube, selection, busy, (group) => observer.groupServed(group))
    const observed = report.then((made) => {
      observer.passEnded(trigger, selection, made)
      return made
    })
    return { ...rest, report: observed }
  }
}

/**
 * Whether it stands for a namespace that the API server did not serve. One refused group does not slow down the loop.
 */
function isUnread({ services, faults }: GroupReport): boolean {
  return services.length === 0 && faults.some(isUnserved)
}
