/**
 * If several passes share a process, each group is served by one pass at a time. While a group is served, the interval
 * skips it, and the callers that wait for a report on it share one more pass over it. A pass that somebody has asked for
 * with a wish of their own is shared by nobody.
 */
import type { GroupReport } from '../report/report.js'

/**
 * `next`: the group was read before the wait, and must be read again.
 * @param hurry aborts once somebody waits for another pass over the group
 */
type Serve = (turn: 'now' | 'next', hurry: AbortSignal) => Promise<GroupReport>

/** `undefined` when the process has ended meanwhile. */
type Answer = GroupReport | undefined

/** `shared`: all that wait for the group at once do with one serving. `alone`: this one answers its caller only. */
type Manner = 'shared' | 'alone'

/** A place in the line for a group. */
interface Place {
  readonly answer: Promise<Answer>
  readonly hurry: AbortController
  readonly manner: Manner
}

export class SingleFlight {
  /** The line for each group. The first place is being served. */
  private readonly lines = new Map<string, Place[]>()
  private closed = false

  /** Whether a pass serves the group at the moment. */
  isServed(key: string): boolean {
    return this.lines.has(key)
  }

  /**
   * Serves the group now. If another pass serves it, waits in line; callers that share have one place together.
   * @returns `undefined` when the process ends meanwhile
   */
  async serve(key: string, serve: Serve, manner: Manner): Promise<Answer> {
    if (this.closed) return undefined
    const line = this.lines.get(key) ?? []
    const [first, ...waiting] = line
    first?.hurry.abort()
    const joined = manner === 'shared' ? waiting.find((place) => place.manner === 'shared') : undefined
    if (joined) return joined.answer
    const hurry = new AbortController()
    const next = () => (this.closed ? undefined : serve('next', hurry.signal))
    const last = line.at(-1)
    const answer = last ? last.answer.then(next, next) : serve('now', hurry.signal)
    line.push({ answer, hurry, manner })
    this.lines.set(key, line)
    const ended = () => this.ended(key, line)
    answer.then(ended, ended)
    return answer
  }

  /** Begins nothing more, and resolves when nothing is under way. */
  async close(): Promise<void> {
    this.closed = true
    await Promise.allSettled([...this.lines.values()].flat().map(({ answer }) => answer))
  }

  /** The first in line was served. It runs before the next one begins, which waits for the same answer. */
  private ended(key: string, line: Place[]): void {
    line.shift()
    const [first, ...waiting] = line
    if (!first) this.lines.delete(key)
    else if (waiting.length > 0) first.hurry.abort()
  }
}
