/**
 * The backoff of groups whose swaps fail: the ticks of the loop skip such a group for a while, twice as long each time,
 * but not for long if the API server is in trouble. Alerts and requests ignore it. Pure, except for its memory.
 *
 * Not skipped are
 * - a group without a healthy pod: the tick that finds one starts the failover;
 * - a group that needs no swap, unless a claim on it is stuck: the tick that finds its active pod failing starts one;
 * - a group that has changed in a way that might help.
 */

import { createHash } from 'node:crypto'
import { isSwap } from '../group/decide.js'
import type { Group } from '../group/groups.js'
import { CLAIM, HEALED, PIN } from '../kube/keys.js'
import type { Pod, Service } from '../kube/port.js'
import type { GroupReport } from '../report/report.js'
import type { Milliseconds } from '../util/duration.js'
import type { FaultCode } from '../util/errors.js'

const LONGEST_MS: Milliseconds = 30_000
/** The limit if the API server failed, was busy or did not answer: once it is well, no failover waits longer. */
const LONGEST_OF_SERVER_MS: Milliseconds = 4_000

/** Faults of writes to the group's own objects. Faults that all groups share, such as a 401, do not count. */
const OF_WRITES: readonly FaultCode[] = ['failed', 'changed-by-admission', 'deadline', 'latched', 'denied', 'defect']

interface Left {
  readonly sinceMs: number
  readonly waitMs: Milliseconds
  /** A hash of what the pass had read. */
  readonly seen: string
}

/** The part of a group that may make a difference. */
export type Seen = Pick<Group, 'services' | 'members' | 'strangers' | 'ended'>

/** The part of a report that is needed here. */
type Ended = Pick<GroupReport, 'decision' | 'faults' | 'writes'>

export class Backoff {
  private readonly left = new Map<string, Left>()

  /** @param firstMs how long a group is skipped after its second fault in a row; a single fault may pass by itself */
  constructor(private firstMs: Milliseconds = 1_000) {}

  /** Starts with waits of the interval between ticks. */
  startAt(firstMs: Milliseconds): void {
    this.firstMs = Math.min(firstMs, LONGEST_MS)
  }

  /** A pass over the group has ended. @param key its `groupKey` */
  ended(key: string, group: Seen, report: Ended, nowMs: number): void {
    const before = this.left.get(key)
    this.left.delete(key)
    if (!hasFailedToWrite(report)) return
    this.forgetOld(nowMs)
    const seen = seenOf(group)
    const longestMs = isOfServer(report) ? LONGEST_OF_SERVER_MS : LONGEST_MS
    const waitMs = before?.seen === seen ? Math.min(2 * before.waitMs || this.firstMs, longestMs) : 0
    this.left.set(key, { sinceMs: nowMs, waitMs, seen })
  }

  /** Whether a tick skips the group. @param group as it is now */
  isLeft(key: string, group: Seen, nowMs: number): boolean {
    const left = this.left.get(key)
    if (!left || nowMs < left.sinceMs || nowMs >= left.sinceMs + left.waitMs) return false // the machine's time may jump
    return left.seen === seenOf(group)
  }

  /** Forgets old entries, because groups come and go while the process lives. The map is in the order of their ends. */
  private forgetOld(nowMs: number): void {
    for (const [key, { sinceMs }] of this.left) {
      if (Math.abs(nowMs - sinceMs) < 10 * LONGEST_MS) return
      this.left.delete(key)
    }
  }
}

/** Whether a swap failed, or a claim is stuck, which would be in the way of every swap. */
function hasFailedToWrite({ decision, faults }: Ended): boolean {
  return faults.some(({ code }) => (isSwap(decision) ? OF_WRITES.includes(code) : code === 'latched'))
}

/** Whether all writes that failed did so because the API server was busy or did not answer. */
function isOfServer({ writes }: Ended): boolean {
  const failed = writes.filter(({ result }) => result !== 'applied' && result !== 'lost' && result !== 'gone')
  return failed.length > 0 && failed.every(({ result }) => result === 'unknown' || result === 'throttled')
}

/** A hash of all that may make a difference, without the traces that a failed pass leaves itself. */
function seenOf({ services, members, strangers, ended }: Seen): string {
  const pods = [...members.map(({ pod }) => pod), ...strangers, ...ended]
  const text = JSON.stringify([services.map(ofService), pods.map(ofPod)])
  return createHash('sha256').update(text).digest('base64')
}

function ofService({ uid, annotations, selector, publishNotReadyAddresses }: Service) {
  const { [CLAIM]: _swap, [HEALED]: _healed, ...others } = annotations
  const { [PIN]: _pin, ...labels } = selector
  return [uid, others, labels, publishNotReadyAddresses]
}

function ofPod({ uid, labels: { [PIN]: _pin, ...labels }, phase, ready, terminating }: Pod) {
  return [uid, labels, phase, ready, terminating]
}
