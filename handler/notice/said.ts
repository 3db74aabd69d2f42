/**
 * What one process has said, so that `serve` does not ask the API server in each pass whether it was said. Pure, except
 * for its memory.
 */
import type { Milliseconds } from '../util/duration.js'

/** As long as the API server keeps an Event by default. A trouble that lasts longer is said once more. */
const SAID_MS: Milliseconds = 3_600_000
/** After a failure: a refusal costs one request a minute, and not one in each pass. */
const FAILED_MS: Milliseconds = 60_000
/** Groups come and go while the process lives. */
const MAX_GROUPS = 10_000
const MAX_NAMESPACES = 1_000

/** How an attempt to create an Event ended. Without a warning it was said. */
interface Attempt {
  readonly atMs: number
  readonly warning?: string | undefined
}

interface Known {
  readonly attempt?: Attempt
  /** When people were told, in epoch milliseconds. */
  readonly toldMs?: number
}

export class Said {
  /** By group, and by the name of the Event. */
  private readonly groups = new Map<string, Map<string, Known>>()
  /** The namespaces in which no Events may be created. */
  private readonly refused = new Map<string, Attempt>()

  /** Forgets the troubles of the group that have ended. @param names of the Events about those that there are */
  keep(group: string, names: readonly string[]): void {
    const known = this.groups.get(group)
    if (!known) return
    for (const name of known.keys()) if (!names.includes(name)) known.delete(name)
    if (known.size === 0) this.groups.delete(group)
  }

  /** The attempt after which it is not yet time for another. `undefined`: it is time. */
  last(group: string, name: string, nowMs: number): Attempt | undefined {
    return current(this.groups.get(group)?.get(name)?.attempt, nowMs)
  }

  attempted(group: string, name: string, attempt: Attempt): void {
    this.note(group, name, { attempt })
  }

  /** Whether people were not told of this lately. They are told now. */
  isNews(group: string, name: string, nowMs: number): boolean {
    const { toldMs } = this.groups.get(group)?.get(name) ?? {}
    if (toldMs !== undefined && current({ atMs: toldMs }, nowMs)) return false
    this.note(group, name, { toldMs: nowMs })
    return true
  }

  refusal(namespace: string, nowMs: number): Attempt | undefined {
    return current(this.refused.get(namespace), nowMs)
  }

  refusedIn(namespace: string, attempt: Attempt): void {
    this.refused.delete(namespace)
    this.refused.set(namespace, attempt)
    dropOldest(this.refused, MAX_NAMESPACES)
  }

  private note(group: string, name: string, known: Known): void {
    const names = this.groups.get(group) ?? new Map<string, Known>()
    this.groups.delete(group)
    this.groups.set(group, names.set(name, { ...names.get(name), ...known }))
    dropOldest(this.groups, MAX_GROUPS)
  }
}

function current(attempt: Attempt | undefined, nowMs: number): Attempt | undefined {
  if (!attempt) return undefined
  const passedMs = nowMs - attempt.atMs
  const waitMs = attempt.warning === undefined ? SAID_MS : FAILED_MS
  return passedMs >= 0 && passedMs < waitMs ? attempt : undefined // the machine's time may jump
}

function dropOldest(map: Map<string, unknown>, most: number): void {
  for (const key of map.keys()) {
    if (map.size <= most) return
    map.delete(key)
  }
}
