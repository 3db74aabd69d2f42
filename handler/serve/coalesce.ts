/** Triggers -> passes: what comes in while a pass is under way is done by one more pass, together. */
import type { Report } from '../report/report.js'
import type { Target } from '../targets.js'

/** What a trigger asks for: the groups that are named, or all. */
export type Order = readonly Target[] | 'all'

/** The pass was not made, and will not be: somebody else has to be asked. */
export class ShuttingDown extends Error {
  override readonly name = 'ShuttingDown'
}

interface Pending {
  order: Order
  readonly report: Promise<Report>
  begin(): void
  giveUp(): void
}

/** Bounds the passes that are under way at once; each waits for one at most. */
export class Coalescer<T = undefined> {
  private running = 0
  private pending: Pending | undefined
  private closed = false
  private idle: (() => void)[] = []
  /** Orders that were joined to one that was waiting already. */
  coalesced = 0

  constructor(
    private readonly run: (order: Order, trigger: T) => Promise<Report>,
    private readonly atOnce = 1,
  ) {}

  /**
   * The report of a pass that has begun after this call and serves what is asked for.
   * @param trigger what the pass is told that it was started by, unless the order is joined to another
   * @throws ShuttingDown
   */
  request(order: Order, trigger: T): Promise<Report> {
    if (this.closed) return Promise.reject(new ShuttingDown())
    if (this.running < this.atOnce) return this.start(order, trigger)
    if (this.pending) {
      this.coalesced++
      this.pending.order = join(this.pending.order, order)
    } else {
      this.pending = this.wait(order, trigger)
    }
    return this.pending.report
  }

  /** Gives up what waits, and refuses what comes; resolves when no pass is under way. */
  async close(): Promise<void> {
    this.closed = true
    this.pending?.giveUp()
    this.pending = undefined
    if (this.running > 0) await new Promise<void>((resolve) => this.idle.push(resolve))
  }

  private wait(order: Order, trigger: T): Pending {
    let settle: Pick<Pending, 'begin' | 'giveUp'> | undefined
    const report = new Promise<Report>((resolve, reject) => {
      settle = { begin: () => resolve(this.start(pending.order, trigger)), giveUp: () => reject(new ShuttingDown()) }
    })
    const pending: Pending = {
      ...{ order, report },
      begin: () => settle?.begin(),
      giveUp: () => settle?.giveUp(),
    }
    return pending
  }

  private async start(order: Order, trigger: T): Promise<Report> {
    this.running++
    try {
      return await this.run(order, trigger)
    } finally {
      this.running--
      const next = this.pending
      this.pending = undefined
      next?.begin()
      if (this.running === 0) for (const resolve of this.idle.splice(0)) resolve()
    }
  }
}

/** Both. Of a thousand alerts for one Service one is enough. */
function join(one: Order, other: Order): Order {
  if (one === 'all' || other === 'all') return 'all'
  const known = new Set(one.map((target) => JSON.stringify(target)))
  return [...one, ...other.filter((target) => !known.has(JSON.stringify(target)))]
}
