/** Triggers -> passes: what comes in while a pass reads the cluster is done by one more pass, together. */
import type { Report } from '../report/report.js'
import type { Order, Target } from '../targets.js'
import { Shares } from './shares.js'

/** The pass was not made, and will not be: somebody else has to be asked. */
export class ShuttingDown extends Error {
  override readonly name = 'ShuttingDown'
}

interface Pending {
  readonly orders: Orders
  readonly shares: Promise<Shares>
  begin(): void
  giveUp(): void
}

/** A pass: when it has read everything, so that another may begin, and what it came to. */
export interface Run {
  readonly read: Promise<unknown>
  readonly report: Promise<Report>
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
    return (await this.served(order, trigger)).of(order)
  }

  /** Gives up what waits, and refuses what comes; resolves when no pass is under way. */
  async close(): Promise<void> {
    this.closed = true
    this.pending?.giveUp()
    this.pending = undefined
    await Promise.allSettled(this.underWay)
  }

  private served(order: Order, trigger: T): Promise<Shares> {
    if (this.closed) return Promise.reject(new ShuttingDown())
    if (this.reading < this.atOnce) return this.start(order, trigger)
    if (this.pending) {
      this.coalesced++
    } else {
      this.pending = this.wait(trigger)
    }
    this.pending.orders.add(order)
    return this.pending.shares
  }

  private wait(trigger: T): Pending {
    let settle: Pick<Pending, 'begin' | 'giveUp'> | undefined
    const orders = new Orders()
    const shares = new Promise<Shares>((resolve, reject) => {
      settle = { begin: () => resolve(this.start(orders.joined(), trigger)), giveUp: () => reject(new ShuttingDown()) }
    })
    return { orders, shares, begin: () => settle?.begin(), giveUp: () => settle?.giveUp() }
  }

  private async start(order: Order, trigger: T): Promise<Shares> {
    this.reading++
    const { read, report } = this.run(order, trigger)
    this.underWay.add(report)
    const wasRead = () => {
      this.reading--
      const next = this.pending
      this.pending = undefined
      next?.begin()
    }
    void Promise.race([read, report]).then(wasRead, wasRead)
    try {
      return new Shares(await report, order)
    } finally {
      this.underWay.delete(report)
    }
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
