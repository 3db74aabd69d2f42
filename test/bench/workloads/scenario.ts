// What a scenario is: a workload, what happens to it, and who watches over it.
import type { Stage } from './stage.js'
import type { Workload } from './workload.js'

/** Something that happens; resolves when it has. */
export type Act = (stage: Stage) => Promise<void>

/** A pod, by what it was at the start: the active one, the first of the others by name, the second of them. */
export type Who = 'active' | 'passive' | 'third'

export interface Scenario {
  /** In the table, and for `--only`. */
  readonly name: string
  /** One sentence: what happens. */
  readonly what: string
  readonly workload: Workload
  /** So many groups of the same kind, 1 unless given. Clients use the first. */
  readonly groups?: number
  /** How many pods of each group are Ready before it begins: all, unless given. */
  readonly readyAtFirst?: number
  /** So many handlers, each in a network of its own; 1 in the node's own, unless given. */
  readonly views?: number
  /** One after the other. */
  readonly acts: readonly Act[]
  /** How long it is looked at after the last of them. */
  readonly thenS: number
  /** It takes a node out of service: no two of them at once. */
  readonly alone?: boolean
}

/** Every handler of the measurement: the watch, and a tick that notices what a watch cannot see. */
export const handlerFlags = ['--watch', '--interval', '2s'] as const
