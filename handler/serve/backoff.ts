/**
 * Groups whose writes are refused, or come to nothing, are left alone by the loop's ticks for a while: twice as long each
 * time. One that has no healthy pod is not: the tick that finds one again is the failover. Nor is one of which anything has
 * changed that might help. Pure, but for what it remembers; alerts and requests do not ask it.
 */
import { createHash } from 'node:crypto'
import type { Milliseconds } from '../duration.js'
import type { FaultCode } from '../errors.js'
import { HEALED, PIN, SWAP } from '../keys.js'
import type { Pod, Service } from '../kube/port.js'
import type { Group } from '../observe.js'
import type { GroupReport } from '../report/report.js'

const LONGEST_MS: Milliseconds = 30_000

/** Of a write to the group's own objects; what the API server does to all is another matter. */
const OF_WRITES: readonly FaultCode[] = [
  'failed',
  'changed-by-admission',
  'deadline',
  'latched',
  'unauthenticated',
  'denied',
]

interface Left {
  readonly sinceMs: number
  readonly waitMs: Milliseconds
  /** What the pass had read. */
  readonly seen: string
}

/** What a pass has read of a group. */
export type Seen = Pick<Group, 'services' | 'members' | 'strangers' | 'ended'>

export class Backoff {
  private readonly left = new Map<string, Left>()

  /** @param firstMs how long a group is left alone after its second fault: one alone may be a matter of the moment */
  constructor(private firstMs: Milliseconds = 1_000) {}

  /** A tick comes every so often. */
  startAt(firstMs: Milliseconds): void {
    this.firstMs = Math.min(firstMs, LONGEST_MS)
  }

  /** A pass over the group has ended. @param key its `groupKey` */
  ended(key: string, group: Seen, report: Pick<GroupReport, 'decision' | 'faults'>, nowMs: number): void {
    const before = this.left.get(key)
    this.left.delete(key)
    if (!hasFailedToWrite(report)) return
    this.forgetOld(nowMs)
    const seen = seenOf(group)
    const waitMs = before?.seen === seen ? Math.min(2 * before.waitMs || this.firstMs, LONGEST_MS) : 0
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

/** Pods that were not judged in time are no fault of a write. */
function hasFailedToWrite({ decision, faults }: Pick<GroupReport, 'decision' | 'faults'>): boolean {
  const isByHealth = decision.kind === 'blocked' && decision.reason.code === 'not-probed'
  return faults.some(({ code }) => OF_WRITES.includes(code) && !(isByHealth && code === 'deadline'))
}

/** What might make a difference; not what a pass that fails leaves behind itself. */
function seenOf({ services, members, strangers, ended }: Seen): string {
  const pods = [...members.map(({ pod }) => pod), ...strangers, ...ended]
  const text = JSON.stringify([services.map(ofService), pods.map(ofPod)])
  return createHash('sha256').update(text).digest('base64')
}

function ofService({ uid, annotations, selector, publishNotReadyAddresses }: Service) {
  const { [SWAP]: _swap, [HEALED]: _healed, ...others } = annotations
  const { [PIN]: _pin, ...labels } = selector
  return [uid, others, labels, publishNotReadyAddresses]
}

function ofPod({ uid, labels: { [PIN]: _pin, ...labels }, phase, ready, terminating }: Pod) {
  return [uid, labels, phase, ready, terminating]
}
