/**
 * If several passes share a process, each group is served by one pass at a time. While a group is served, the interval
 * skips it, and the callers that wait for a report on it share one more pass over it.
 */
import type { GroupReport } from '../report/report.js'

/**
 * `next`: the group was read before the wait, and must be read again.
 * @param hurry aborts once somebody waits for the next pass over the group
 */
type Serve = (turn: 'now' | 'next', hurry: AbortSignal) => Promise<GroupReport>

/** `undefined` when the process has ended meanwhile. */
type Answer = GroupReport | undefined

interface Served {
  readonly current: Promise<Answer>
  readonly hurry: AbortController
  next?: Served
}

export class SingleFlight {
  private readonly groups = new Map<string, Served>()
  private closed = false

  /** Whether a pass serves the group at the moment. */
  isServed(key: string): boolean {
    return this.groups.has(key)
  }

  /**
   * Serves the group now. If another pass serves it, joins or begins the next pass over the group.
   * @returns `undefined` when the process ends meanwhile
   */
  async serve(key: string, serve: Serve): Promise<Answer> {
    if (this.closed) return undefined
    const served = this.groups.get(key)
    const hurry = new AbortController()
    if (!served) return this.begin(key, { current: serve('now', hurry.signal), hurry })
    served.hurry.abort()
    const next = () => (this.closed ? undefined : serve('next', hurry.signal))
    served.next ??= { current: served.current.then(next, next), hurry }
    return served.next.current
  }

  /** Begins nothing more, and resolves when nothing is under way. */
  async close(): Promise<void> {
    this.closed = true
    await Promise.allSettled([...this.groups.values()].map(({ current }) => current))
  }

  private begin(key: string, served: Served): Promise<Answer> {
    const { current } = served
    this.groups.set(key, served)
    const ended = () => {
      if (served.next) void this.begin(key, served.next).catch(() => {})
      else this.groups.delete(key)
    }
    current.then(ended, ended)
    return current
  }
}
