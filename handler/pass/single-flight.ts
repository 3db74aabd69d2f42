/**
 * Each group on its own clock, where several passes share a process: a group is served by one pass at a time. What is
 * under way is not begun again by whoever does not need it, and whoever does need an answer gets that of the next one,
 * together with all others who wait for it.
 */
import type { GroupReport } from '../report/report.js'

/** `next`: what was read of the group before it was waited for is old. */
type Serve = (turn: 'now' | 'next') => Promise<GroupReport>

/** None when the process has ended meanwhile. */
type Answer = GroupReport | undefined

interface Served {
  readonly current: Promise<Answer>
  next?: Promise<Answer>
}

export class SingleFlight {
  private readonly groups = new Map<string, Served>()
  private closed = false

  /** Whether a pass serves it at the moment. */
  isServed(key: string): boolean {
    return this.groups.has(key)
  }

  /**
   * Serves the group now, or, where another pass does, joins or begins the next one.
   * @returns `undefined` when the process ends meanwhile
   */
  async serve(key: string, serve: Serve): Promise<Answer> {
    if (this.closed) return undefined
    const served = this.groups.get(key)
    if (!served) return this.begin(key, serve('now'))
    const next = () => (this.closed ? undefined : serve('next'))
    served.next ??= served.current.then(next, next)
    return served.next
  }

  /** Begins nothing more; resolves when nothing is under way. */
  async close(): Promise<void> {
    this.closed = true
    await Promise.allSettled([...this.groups.values()].map(({ current }) => current))
  }

  private begin(key: string, current: Promise<Answer>): Promise<Answer> {
    const served: Served = { current }
    this.groups.set(key, served)
    const ended = () => {
      if (served.next) void this.begin(key, served.next).catch(() => {})
      else this.groups.delete(key)
    }
    current.then(ended, ended)
    return current
  }
}
