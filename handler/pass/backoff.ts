/**
 * Groups whose swaps are refused, or come to nothing, are left alone by the loop's ticks for a while: twice as long each
 * time, and not for long where it is the API server that is in trouble. One that has no healthy pod is not: the tick that
 * finds one again is the failover; nor is one that needs no swap, whatever else of it cannot be written: the tick that
 * finds its active pod failing is. Nor is one of which anything has changed that might help. Pure, but for what it
 * remembers; alerts and requests do not ask it.
 */
import { createHash } from 'node:crypto'
import type { Group } from '../group/groups.js'
import { CLAIM, HEALED, PIN } from '../kube/keys.js'
import type { Pod, Service } from '../kube/port.js'
import type { GroupReport } from '../report/report.js'
import type { Milliseconds } from '../util/duration.js'
import type { FaultCode } from '../util/errors.js'

const LONGEST_MS: Milliseconds = 30_000
/** Where the API server failed, was busy or did not answer: once it is well, no failover waits for longer. */
const LONGEST_OF_SERVER_MS: Milliseconds = 4_000

/** Of a write to the group's own objects; what the API server does to all, such as a 401, is another matter. */
const OF_WRITES: readonly FaultCode[] = ['failed', 'changed-by-admission', 'deadline', 'latched', 'denied']

interface Left {
  readonly sinceMs: number
  readonly waitMs: Milliseconds
  /** What the pass had read. */
  readonly seen: string
}

/** What a pass has read of a group. */
export type Seen = Pick<Group, 'services' | 'members' | 'strangers' | 'ended'>

/** What is asked of a report. */
type Ended = Pick<GroupReport, 'decision' | 'faults' | 'writes'>

export class Backoff {
  private readonly left = new Map<string, Left>()

  /** @param firstMs how long a group is left alone after its second fault: one alone may be a matter of the moment */
  constructor(private firstMs: Milliseconds = 1_000) {}

  /** A tick comes every so often. */
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

  /** Whether a tick leaves the group alone. @param group as it is now */
  isLeft(key: string, group: Seen, nowMs: number): boolean {
    const left = this.left.get(key)
    if (!left || nowMs < left.sinceMs || nowMs >= left.sinceMs + left.waitMs) return false // the machine's time may jump
    return left.seen === seenOf(group)
  }

  /** Groups come and go for as long as the process lives. The map is in the order of the ends of passes. */
  private forgetOld(nowMs: number): void {
    for (const [key, { sinceMs }] of this.left) {
      if (Math.abs(nowMs - sinceMs) < 10 * LONGEST_MS) return
      this.left.delete(key)
    }
  }
}

/** A swap that failed; or a claim that stays, in whose way every swap would be. */
function hasFailedToWrite({ decision, faults }: Ended): boolean {
  const isSwap = 'winner' in decision
  return faults.some(({ code }) => (isSwap ? OF_WRITES.includes(code) : code === 'latched'))
}

/** What was written came to nothing, and not for what it was. */
function isOfServer({ writes }: Ended): boolean {
  const failed = writes.filter(({ result }) => result !== 'applied' && result !== 'lost' && result !== 'gone')
  return failed.length > 0 && failed.every(({ result }) => result === 'unknown' || result === 'throttled')
}

/** What might make a difference; not what a pass that fails leaves behind itself. */
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
