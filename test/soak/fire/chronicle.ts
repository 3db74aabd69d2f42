/** What happened under fire, in order: what was done to whom, and what handlers said. */
import { requestsOf } from '../../support/cluster/audit.js'
import type { Span } from './gap.js'

export interface Entry {
  readonly atMs: number
  /** A handler, a pod, or a part of the control plane. */
  readonly who: string
  readonly what: string
  /** Of a handler: whether it runs from then on, or is frozen or dead. */
  readonly runs?: boolean
}

export class Chronicle {
  readonly entries: Entry[] = []

  note(who: string, what: string, runs?: boolean): void {
    this.entries.push({ atMs: performance.now(), who, what, ...(runs !== undefined && { runs }) })
  }

  /** What these ServiceAccounts, of the names of handlers, asked of the API server. */
  async addRequests(auditLog: string, usernames: readonly string[]): Promise<void> {
    for (const username of usernames) {
      const who = username.slice(username.lastIndexOf(':') + 1)
      for (const { verb, resource, name, code, receivedAt } of await requestsOf(auditLog, username)) {
        const atMs = Date.parse(receivedAt) - performance.timeOrigin
        this.entries.push({ atMs, who, what: `${verb} ${resource}${name && `/${name}`}: ${code}` })
      }
    }
    this.entries.sort((a, b) => a.atMs - b.atMs)
  }
}

/** When no handler ran; none does at first. Pure. */
export function standstills(entries: readonly Entry[], endMs: number): readonly Span[] {
  const running = new Set<string>()
  const spans: Span[] = []
  let fromMs: number | undefined = entries[0]?.atMs
  for (const { atMs, who, runs } of entries) {
    if (atMs > endMs) break
    if (runs === true) running.add(who)
    else if (runs === false) running.delete(who)
    else continue
    if (running.size === 0) fromMs ??= atMs
    else if (fromMs !== undefined) {
      spans.push({ fromMs, toMs: atMs })
      fromMs = undefined
    }
  }
  return fromMs === undefined ? spans : [...spans, { fromMs, toMs: endMs }]
}
