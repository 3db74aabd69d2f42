/** Triggers -> passes: what comes in while a pass reads the cluster is done by one more pass, together. */

import type { Order, Target } from '../pass/scope.js'
import type { Report } from '../report/report.js'
import { ShuttingDown } from './http/backend.js'
import { SplitReport } from './split-report.js'

interface Pending {
  readonly orders: Orders
  readonly begun: Promise<Begun>
  begin(): void
  giveUp(): void
}

/** A pass: when it has read everything, so that another may begin, and what it came to. */
export interface Run {
  readonly read: Promise<unknown>
  readonly report: Promise<Report>
  /** What these groups came to, as soon as they were served; never where one of them is not. Absent: nobody can tell. */
  readonly part?: (targets: readonly Target[]) => Promise<Report>
}

interface Begun {
  readonly made: Order
  readonly shares: Promise<SplitReport>
  readonly part: Run['part']
}

/** Bounds the passes that read at once; each waits for one at most. */
export class Coalescer<T = undefined> {
  private reading = 0
  private readonly underWay = new Set<Promise<unknown>>()
  private pending: Pending | undefined
  private closed = false
  /** Orders that were joined to one that was waiting already. */
  coalesced = 0

  constructor(
    private readonly run: (order: Order, trigger: T) => Run,
    private readonly atOnce = 1,
  ) {}

  /**
   * Of the report of a pass that has begun after this call what is asked for.
   * @param trigger what the pass is told that it was started by, unless the order is joined to another
   * @throws ShuttingDown
   */
  async request(order: Order, trigger: T): Promise<Report> {
    const { made, shares, part } = await this.begun(order, trigger)
    const whole = shares.then((all) => all.of(order))
    // Who shares a pass with others does not wait for their groups.
    return order === 'all' || order === made || !part ? whole : Promise.race([whole, part(order)])
  }

  /** Gives up what waits, and refuses what comes; resolves when no pass is under way. */
  async close(): Promise<void> {
    this.closed = true
    this.pending?.giveUp()
    this.pending = undefined
    await Promise.allSettled(this.underWay)
  }

  private async begun(order: Order, trigger: T): Promise<Begun> {
    if (this.closed) throw new ShuttingDown()
    if (this.reading < this.atOnce) return this.start(order, trigger)
    if (this.pending) {
      this.coalesced++
    } else {
      this.pending = this.wait(trigger)
    }
    this.pending.orders.add(order)
    return this.pending.begun
  }

  private wait(trigger: T): Pending {
    let settle: Pick<Pending, 'begin' | 'giveUp'> | undefined
    const orders = new Orders()
    const begun = new Promise<Begun>((resolve, reject) => {
      settle = { begin: () => resolve(this.start(orders.joined(), trigger)), giveUp: () => reject(new ShuttingDown()) }
    })
    return { orders, begun, begin: () => settle?.begin(), giveUp: () => settle?.giveUp() }
  }

  private start(order: Order, trigger: T): Begun {
    this.reading++
    const { read, report, part } = this.run(order, trigger)
    this.underWay.add(report)
    const wasRead = () => {
      this.reading--
      const next = this.pending
      this.pending = undefined
      next?.begin()
    }
    void Promise.race([read, report]).then(wasRead, wasRead)
    const shares = report.then((made) => new SplitReport(made, order)).finally(() => this.underWay.delete(report))
    return { made: order, shares, part }
  }
}

/** Beyond it all groups are served: what waits takes a bounded place, however many ask for however long. */
const TARGETS_LIMIT = 1_000
/** Names nothing. */
const EVERYTHING: Target = { otherwise: 'all' }

/** Orders that are to be served together. */
class Orders {
  private readonly targets = new Map<string, Target>()
  private isAll = false

  /** Of a thousand alerts for one Service one is enough. */
  add(order: Order): void {
    if (order === 'all') this.isAll = true
    else for (const target of order) this.addTarget(target)
  }

  joined(): Order {
    const targets = [...this.targets.values()]
    if (!this.isAll) return targets
    // Who asked for a Service by name is told when there is none.
    const asked = targets.filter(({ otherwise }) => otherwise === 'not-found')
    return asked.length > 0 ? [...asked, EVERYTHING] : 'all'
  }

  private addTarget(target: Target): void {
    if (this.targets.size < TARGETS_LIMIT) this.targets.set(JSON.stringify(target), target)
    else this.isAll = true
  }
}
