/** The answer to a pause or its end, and what is said of it to people. Pure. */
import type { Write } from '../kube/recording.js'
import { wholeSeconds } from '../util/duration.js'

export interface PauseResult {
  readonly namespace: string
  readonly services: readonly string[]
  /** The end of the pause in RFC 3339, or `forever`; `null`: the group is not paused now. */
  readonly pausedUntil: string | null
  /** The same before it. */
  readonly pausedBefore: string | null
  /** A pause came in the middle of a handover, which is finished first. */
  readonly isHandoverUnderWay: boolean
  /** Empty: it was so before. */
  readonly writes: readonly Write[]
  /** Such as that no pod is active, which a pause keeps so. */
  readonly warnings: readonly string[]
}

/** The state of the group, to be said after its name: `is paused until …`. */
export function pauseWords(
  { pausedUntil, pausedBefore, isHandoverUnderWay, writes, warnings }: PauseResult,
  action: 'pause' | 'resume',
  isDryRun: boolean,
): string {
  const is = isDryRun && writes.length > 0 ? 'would be' : 'is'
  const state =
    pausedUntil === null
      ? // The warning of a group that is not paused tells why no pass serves it.
        `${is === 'is' ? 'is not' : 'would not be'} paused${warnings.length > 0 ? '' : ': the next pass serves it'}`
      : `${is} paused ${untilWords(pausedUntil)}: no pass moves its role, whatever fails`
  const note = writes.length === 0 ? ' (it was so before)' : isDryRun ? ' (dry run: nothing was written)' : ''
  const before =
    action === 'pause' && pausedBefore && pausedBefore !== pausedUntil
      ? `. Before it was so ${untilWords(pausedBefore)}`
      : ''
  const underWay = isHandoverUnderWay ? '. A handover is under way, and is finished first' : ''
  const rest = action === 'resume' && pausedUntil !== null ? '. Another pause is still on' : ''
  return `${state}${note}${rest}${before}${underWay}`
}

function untilWords(end: string): string {
  return end === 'forever' ? 'until it is resumed' : `until ${wholeSeconds(end)}`
}
