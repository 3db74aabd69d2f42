/**
 * Rests between handovers, so that two opinions on the same pods do not move the role to and fro. Pure.
 *
 * Counted is what rests on an opinion: a failure of our own check, and a failback. A pod that is gone, terminating or
 * not Ready is left at once, and that counts for nothing. A handover to a pod that has not failed in the last hour is no
 * return: only the limit of an hour holds it back.
 */
import type { Milliseconds } from '../util/duration.js'

/** A handover that counts. */
export interface Move {
  readonly atMs: number
  /** The uid of the pod that had failed our check; absent: a failback, which no pod has to fail for. */
  readonly failed?: string
}

const HOUR_MS = 3_600_000

/** So many in an hour at most, whatever the cooldown. */
const MOVES_AN_HOUR = 6

/** A failback leaves so many of them for failures. */
const LEFT_BY_FAILBACK = 2

/** So many in an hour: each may be followed by one that counts for nothing, when the preferred pod is gone once more. */
const FAILBACKS_AN_HOUR = 2

/** The cooldown doubles for each move that came within so many cooldowns of the one before, and so far at most. */
const CLOSE_COOLDOWNS = 10
const MAX_FACTOR = 16

/** Clocks of those who disagree may differ by so much. What lies further in the future makes no sense. */
const CLOCKS_APART_MS = 60_000

/** Those of the last hour, by time, each once: the same move stands on each pod that was there. */
export function recentMoves(moves: readonly Move[], nowMs: number): readonly Move[] {
  const known = new Map(moves.map((move) => [`${move.atMs} ${move.failed ?? ''}`, move]))
  return [...known.values()]
    .filter(({ atMs }) => nowMs - atMs < HOUR_MS && atMs - nowMs < CLOCKS_APART_MS)
    .sort((a, b) => a.atMs - b.atMs || ((a.failed ?? '') < (b.failed ?? '') ? -1 : 1))
}

/**
 * How long a pod that is healthy has to wait for the role of one that fails our check. Milliseconds; 0: not at all.
 * @param recent as `recentMoves` gives them @param cooldown 0: no rests
 */
export function restBeforeFailover(
  recent: readonly Move[],
  cooldown: Milliseconds,
  nowMs: number,
  { uid }: { readonly uid: string },
): Milliseconds {
  if (cooldown === 0) return 0
  const isReturn = recent.some(({ failed }) => failed === uid)
  return Math.max(isReturn ? sinceLast(recent, cooldown, nowMs) : 0, hourly(recent, MOVES_AN_HOUR, nowMs))
}

/** How long a preferred pod has to wait for the role of a healthy one. As `restBeforeFailover`. */
export function restBeforeFailback(recent: readonly Move[], cooldown: Milliseconds, nowMs: number): Milliseconds {
  if (cooldown === 0) return 0
  const failbacks = recent.filter(({ failed }) => failed === undefined)
  return Math.max(
    sinceLast(recent, cooldown, nowMs),
    hourly(recent, MOVES_AN_HOUR - LEFT_BY_FAILBACK, nowMs),
    hourly(failbacks, FAILBACKS_AN_HOUR, nowMs),
  )
}

function sinceLast(recent: readonly Move[], cooldown: Milliseconds, nowMs: number): Milliseconds {
  const last = recent.at(-1)
  if (!last) return 0
  let factor = 1
  for (let n = recent.length - 1; n > 0 && factor < MAX_FACTOR; n--) {
    const [before, after] = [recent[n - 1] as Move, recent[n] as Move]
    if (after.atMs - before.atMs >= CLOSE_COOLDOWNS * cooldown) break
    factor *= 2
  }
  return Math.max(0, last.atMs + cooldown * factor - nowMs)
}

/** Until fewer than `most` lie within an hour. */
function hourly(recent: readonly Move[], most: number, nowMs: number): Milliseconds {
  const oldest = recent.at(-most)
  return oldest ? Math.max(0, oldest.atMs + HOUR_MS - nowMs) : 0
}

/** Only so many matter. */
const REMEMBERED = MOVES_AN_HOUR

/** What a handover leaves on the pods of the group, newest last: `TIME` or `TIME=UID`, separated by commas. */
export function writeMoves(moves: readonly Move[]): string {
  return moves
    .slice(-REMEMBERED)
    .map(({ atMs, failed }) => `${new Date(atMs).toISOString()}${failed === undefined ? '' : `=${failed}`}`)
    .join(',')
}

const MAX_CHARACTERS = 1_024

/** What somebody else has written there, and makes no sense, is left out. */
export function readMoves(raw: string | undefined): readonly Move[] {
  if (raw === undefined || raw.length > MAX_CHARACTERS) return []
  return raw.split(',', REMEMBERED).flatMap((entry): readonly Move[] => {
    const [time = '', failed] = entry.split('=')
    const atMs = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(time) ? Date.parse(time) : Number.NaN
    if (Number.isNaN(atMs)) return []
    return [failed === undefined ? { atMs } : { atMs, failed }]
  })
}
