/**
 * What people are told of a pass over a group: its handover, and its troubles. Pure. Events (events.ts) and
 * notifications (notification.ts) say the same.
 */
import { isSwap } from '../group/decide.js'
import type { Group } from '../group/groups.js'
import type { HandoverKind, HistoryEntry } from '../group/history.js'
import { historyOf } from '../group/history.js'
import type { ReasonCode } from '../group/reasons.js'
import type { GroupReport } from '../report/report.js'
import { pageOf } from '../util/error-page.js'
import { describeFault, type Fault, type FaultCode } from '../util/errors.js'

/** The reason of each Event. The README has a table of them. */
export const NOTICE_REASONS = [
  ...['FirstActive', 'FailedOver', 'FailedBack', 'SwitchedOver', 'Repaired'],
  ...['FailoverBlocked', 'ConfigurationError'],
] as const

export interface Notice {
  readonly reason: string
  readonly type: 'Normal' | 'Warning'
  /** What was done, or was tried, in CamelCase. */
  readonly action: string
  /** The same for the same trouble in every pass: codes and names of Services, but no pods, counts and times. */
  readonly cause: string
  /** A sentence for people. It may hold text of others. */
  readonly text: string
  /** Of the newest handover. */
  readonly epoch: number
  /** Absent: it tells of a trouble. */
  readonly handover?: HistoryEntry
}

/** The part of a group that is needed here. */
export type Noticed = Pick<Group, 'namespace' | 'services' | 'members'>

/** The handover comes first. Each trouble is named once. */
export function noticesOf(group: Noticed, report: GroupReport): readonly Notice[] {
  const epoch = newestEpoch(group, report)
  const handover = report.handover ? [noticeOfHandover(report.handover, report)] : []
  const troubles = [...blockedIn(group, report), ...mistakesIn(report)].map((trouble) => ({ ...trouble, epoch }))
  return [...handover, ...troubles].filter(
    ({ reason, cause }, n, all) => all.findIndex((one) => one.reason === reason && one.cause === cause) === n,
  )
}

function newestEpoch({ services, members }: Noticed, { handover }: GroupReport): number {
  const past = historyOf(services).map((entry) => entry.epoch)
  return Math.max(0, handover?.epoch ?? 0, ...past, ...members.map((member) => member.epoch))
}

const OF_HANDOVERS: Readonly<Record<HandoverKind, string>> = {
  first: 'FirstActive',
  failover: 'FailedOver',
  failback: 'FailedBack',
  switchover: 'SwitchedOver',
  repair: 'Repaired',
}

function noticeOfHandover(handover: HistoryEntry, { decision }: GroupReport): Notice {
  const { kind, from, to, epoch, reason } = handover
  // The history's own text is cut short.
  const why = isSwap(decision) ? decision.reason.text : handover.text
  const place =
    from === undefined || from === to ? '' : from.split(',').includes(to) ? ' alone' : ` in place of ${from}`
  return {
    ...{ epoch, handover },
    reason: OF_HANDOVERS[kind],
    type: kind === 'failover' ? 'Warning' : 'Normal',
    action: 'MakeActive',
    cause: `${reason} ${from ?? ''} ${to}`,
    text: `${to} is active${place} (epoch ${epoch}): ${why}`,
  }
}

type Trouble = Omit<Notice, 'epoch'>

/** Reasons why an active pod that fails, or that is not there, is not replaced. */
const BLOCKING: readonly ReasonCode[] = [
  'no-candidate',
  'active-terminating',
  'cooldown',
  'panic',
  'blind',
  'unchecked',
]

/** Faults that end a handover, and that no later pass mends by itself. */
const REFUSED: readonly FaultCode[] = ['denied', 'changed-by-admission', 'failed', 'defect']

/** Faults with which no handover is tried. */
const OF_GROUP: readonly FaultCode[] = ['all-ended', 'defect']

function blockedIn(group: Noticed, report: GroupReport): readonly Trouble[] {
  const { decision, faults, handover } = report
  const isNew = report.history.length === 0 && !group.members.some(({ epoch, role }) => epoch > 0 || role === 'active')
  // The pods of a new group need a moment to become healthy. That is no trouble.
  if (decision.kind === 'blocked' && BLOCKING.includes(decision.reason.code) && !isNew) {
    return [blocked(decision.reason.code, decision.reason.text)]
  }
  if (isSwap(decision) && decision.kind !== 'failback' && decision.kind !== 'switchover' && !handover) {
    return faults.filter(({ code }) => REFUSED.includes(code)).map((fault) => blocked(fault.code, withPage(fault)))
  }
  // A defect beside any other decision, as in a hint about a check, keeps no pod from taking over.
  if (decision.kind !== 'error') return []
  return faults.filter(({ code }) => OF_GROUP.includes(code)).map((fault) => blocked(fault.code, withPage(fault)))
}

function blocked(code: ReasonCode | FaultCode, text: string): Trouble {
  return { reason: 'FailoverBlocked', type: 'Warning', action: 'Failover', cause: code, text }
}

/** Faults of what users have written, and of other programs that undo what a pass writes. */
const OF_CONFIGURATION: readonly FaultCode[] = [
  ...(['bad-annotation', 'conflicting-annotations', 'selector-too-wide', 'overlap', 'role-in-template'] as const),
  ...(['foreign-role', 'port-not-found', 'check-cannot-pass', 'healed-again'] as const),
]

function mistakesIn({ faults }: GroupReport): readonly Trouble[] {
  return faults
    .filter(({ code }) => OF_CONFIGURATION.includes(code))
    .map((fault) => ({
      reason: 'ConfigurationError',
      type: 'Warning',
      action: 'ReadConfiguration',
      cause: causeOf(fault),
      text: withPage(fault),
    }))
}

/** The fault with its page, where an Event has room for both: half an address is none. */
function withPage(fault: Fault): string {
  const [said, page] = [describeFault(fault), ` | see ${pageOf(fault)}`]
  return Buffer.byteLength(said) + page.length <= ROOM_BYTES ? said + page : said
}

/** Less than an Event may have: characters that cannot be seen become escapes. */
const ROOM_BYTES = 960

/** Pods come and go while the trouble lasts. Services stay. */
function causeOf({ code, object }: Fault): string {
  return object.startsWith('service') ? `${code} ${object}` : code
}
