/** Triggers -> passes. Triggers that arrive while a pass reads the cluster share the next pass. */

import type { Selection, Target } from '../pass/scope.js'
import type { Report } from '../report/report.js'
import { ShuttingDown } from './http/backend.js'
import { SplitReport } from './split-report.js'

/** A pass that has begun. */
export interface Run {
  /** Resolves when everything was read, so that another pass may begin. */
  readonly read: Promise<unknown>
  readonly report: Promise<Report>
  /**
   * Resolves with the report on the groups of these targets, as soon as they were served. It never resolves where one
   * of them is not served. Absent: this pass tells of its groups only at its end.
   */
  readonly part?: (targets: readonly Target[]) => Promise<Report>
}

/** A pass that has begun, for those who share it. */
interface Shared {
  /** The groups that the pass was made for. */
  readonly selection: Selection
  readonly split: Promise<SplitReport>
  readonly part: Run['part']
}

/** A pass that begins when another one has read the cluster. */
interface Pending {
  readonly selections: Selections
  readonly begun: Promise<Shared>
  begin(): void
  giveUp(): void
}

/** Bounds how many passes read the cluster at once. At most one more is pending, for all triggers that wait. */
export class Coalescer<T = undefined> {
  private reading = 0
  private readonly underWay = new Set<Promise<unknown>>()
  private pending: Pending | undefined
  private closed = false
  /** How many triggers were joined to a pass that was pending already. */
  coalesced = 0

  constructor(
    private readonly run: (selection: Selection, trigger: T) => Run,
    private readonly atOnce = 1,
  ) {}

  /**
   * Resolves with this caller's part of the report of a pass that began after this call.
   * @param trigger the cause that the pass is told of, unless it shares a pass that was pending already
   * @throws ShuttingDown
   */
  async request(selection: Selection, trigger: T): Promise<Report> {
    const pass = await this.begun(selection, trigger)
    const { part } = pass
    const atEnd = pass.split.then((split) => split.of(selection))
    // A caller that shares a pass with others does not wait for their groups.
    return selection === 'all' || selection === pass.selection || !part ? atEnd : Promise.race([atEnd, part(selection)])
  }

  /** Gives up the pending pass, and refuses every later trigger; resolves when no pass is under way. */
  async close(): Promise<void> {
    this.closed = true
    this.pending?.giveUp()
    this.pending = undefined
    await Promise.allSettled(this.underWay)
  }

  private async begun(selection: Selection, trigger: T): Promise<Shared> {
    if (this.closed) throw new ShuttingDown()
    if (this.reading < this.atOnce) return this.start(selection, trigger)
    if (this.pending) {
      this.coalesced++
    } else {
      this.pending = this.wait(trigger)
    }
    this.pending.selections.add(selection)
    return this.pending.begun
  }

  private wait(trigger: T): Pending {
    let settle: Pick<Pending, 'begin' | 'giveUp'> | undefined
    const selections = new Selections()
    const begun = new Promise<Shared>((resolve, reject) => {
      settle = {
        begin: () => resolve(this.start(selections.joined(), trigger)),
        giveUp: () => reject(new ShuttingDown()),
      }
    })
    return { selections, begun, begin: () => settle?.begin(), giveUp: () => settle?.giveUp() }
  }

  private start(selection: Selection, trigger: T): Shared {
    this.reading++
    const { read, report, part } = this.run(selection, trigger)
    this.underWay.add(report)
    const wasRead = () => {
      this.reading--
      const next = this.pending
      this.pending = undefined
      next?.begin()
    }
    void Promise.race([read, report]).then(wasRead, wasRead)
    const split = report.then((made) => new SplitReport(made, selection)).finally(() => this.underWay.delete(report))
    return { selection, split, part }
  }
}

/**
 * With more targets, a pass serves all groups, so that a pending pass takes a bounded place however many ask for it.
 */
const MAX_TARGETS = 1_000
/** A target that names nothing, so that all groups are served. */
const EVERYTHING: Target = { otherwise: 'all' }

/** The selections that one pass is to serve together. */
class Selections {
  private readonly targets = new Map<string, Target>()
  private isAll = false

  /** A target that is there already takes no more place: a thousand alerts for one Service are one target. */
  add(selection: Selection): void {
    if (selection === 'all') this.isAll = true
    else for (const target of selection) this.addTarget(target)
  }

  joined(): Selection {
    const targets = [...this.targets.values()]
    if (!this.isAll) return targets
    // A caller that named a Service has to learn when there is no such Service, so its target stays.
    const asked = targets.filter(({ otherwise }) => otherwise === 'not-found')
    return asked.length > 0 ? [...asked, EVERYTHING] : 'all'
  }

  private addTarget(target: Target): void {
    if (this.targets.size < MAX_TARGETS) this.targets.set(JSON.stringify(target), target)
    else this.isAll = true
  }
}
