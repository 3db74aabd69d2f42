/**
 * Rests between handovers, so that two passes with different views of the same pods do not move the role to and fro.
 * Pure.
 *
 * A handover counts if it rests on a view: on a failure of our own check, or on a failback. A pod that is gone,
 * terminating or not Ready is left at once, and that handover does not count. The cooldown delays only a handover back
 * to a pod that has failed in the last hour. Any other one is delayed only by the hourly limit. A switchover is followed
 * by a cooldown too, but takes nothing from the hourly limit: a person who tries things must not disarm the failover.
 */
import type { Milliseconds } from '../util/duration.js'

/** A handover that counts. */
export interface Move {
  readonly atMs: number
  /** The uid of the pod that failed our check; BY_HAND: a switchover. Absent: a failback, for which no pod has failed. */
  readonly failed?: string
}

/** Stands for the failed pod where a person has moved the role. It is no uid. */
export const BY_HAND = 'by-hand'

const HOUR_MS = 3_600_000

/** The most counted handovers in an hour, whatever the cooldown. */
const MOVES_AN_HOUR = 6

/** How many of these a failback leaves for failures. */
const LEFT_BY_FAILBACK = 2

/**
 * The most failbacks in an hour. Each may be followed by a handover that does not count, if the preferred pod goes away
 * again.
 */
const FAILBACKS_AN_HOUR = 2

/**
 * The cooldown doubles, up to MAX_FACTOR times, for each move that came within CLOSE_COOLDOWNS cooldowns of the move
 * before.
 */
const CLOSE_COOLDOWNS = 10
const MAX_FACTOR = 16

/** How far the clocks of different passes may differ. A time further in the future makes no sense. */
const CLOCKS_APART_MS = 60_000

/** The moves of the last hour, by time, each once: the same move is noted on every pod of its time. */
export function recentMoves(moves: readonly Move[], nowMs: number): readonly Move[] {
  const known = new Map(moves.map((move) => [`${move.atMs} ${move.failed ?? ''}`, move]))
  return [...known.values()]
    .filter(({ atMs }) => nowMs - atMs < HOUR_MS && atMs - nowMs < CLOCKS_APART_MS)
    .sort((a, b) => a.atMs - b.atMs || ((a.failed ?? '') < (b.failed ?? '') ? -1 : 1))
}

/**
 * How long a healthy pod must wait for the role of a pod that fails our check. Milliseconds; 0: not at all.
 * @param recent the result of `recentMoves`
 * @param cooldown milliseconds; 0: no rests
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

/** How long a switchover must wait. Parameters and result as in `restBeforeFailover`. */
export function restBeforeSwitchover(recent: readonly Move[], cooldown: Milliseconds, nowMs: number): Milliseconds {
  return cooldown === 0 ? 0 : sinceLast(recent, cooldown, nowMs)
}

/**
 * How long a preferred pod must wait for the role of a healthy one. Parameters and result as in `restBeforeFailover`.
 */
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

/** The time until fewer than `most` moves lie within an hour. */
function hourly(recent: readonly Move[], most: number, nowMs: number): Milliseconds {
  const oldest = recent.filter(({ failed }) => failed !== BY_HAND).at(-most)
  return oldest ? Math.max(0, oldest.atMs + HOUR_MS - nowMs) : 0
}

/** Older ones do not matter. The last switchover has a place of its own, as it does not count for the limit. */
const REMEMBERED = MOVES_AN_HOUR + 1

/**
 * The annotation of a handover on the pods of the group: `TIME`, `TIME=UID` or `TIME=by-hand`, separated by commas,
 * newest last. Of several switchovers the last one is enough.
 */
export function writeMoves(moves: readonly Move[]): string {
  const last = moves.findLast(({ failed }) => failed === BY_HAND)
  const counted = moves.filter(({ failed }) => failed !== BY_HAND).slice(-MOVES_AN_HOUR)
  return moves
    .filter((move) => move === last || counted.includes(move))
    .map(({ atMs, failed }) => `${new Date(atMs).toISOString()}${failed === undefined ? '' : `=${failed}`}`)
    .join(',')
}

const MAX_CHARACTERS = 1_024

/** Reads that annotation. Entries that make no sense are left out. */
export function readMoves(raw: string | undefined): readonly Move[] {
  if (raw === undefined || raw.length > MAX_CHARACTERS) return []
  return raw.split(',', REMEMBERED).flatMap((entry): readonly Move[] => {
    const [time = '', failed] = entry.split('=')
    const atMs = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(time) ? Date.parse(time) : Number.NaN
    if (Number.isNaN(atMs)) return []
    return [failed === undefined ? { atMs } : { atMs, failed }]
  })
}
