/** Reconciles one group: evaluate, act, report. It begins again when another pass was faster. */
import { type Decision, isSwap, type Swap } from '../group/decide.js'
import { type Group, groupName } from '../group/groups.js'
import type { HistoryEntry } from '../group/history.js'
import type { Handover } from '../handover/handover.js'
import { isUnexplained, type LostWrites, withLost } from '../handover/lost-writes.js'
import { enabled } from '../handover/steps.js'
import type { Trouble } from '../handover/trouble.js'
import { faultOf } from '../kube/fault.js'
import { recording, type Write } from '../kube/recording.js'
import { backoff, persist } from '../kube/retry.js'
import type { GroupReport } from '../report/report.js'
import type { Fault } from '../util/errors.js'
import { bounded } from './bounded.js'
import type { GroupContext } from './context.js'
import { activeNames, evaluate, UNMANAGED, type View } from './evaluate.js'
import { turnOf } from './fair-share.js'
import { faultOfTrouble, leftovers, tooLate, unlatched, unread, unwritable } from './faults.js'
import { Findings } from './findings.js'
import { type Ending, reportOf } from './group-report.js'
import { retire, writeMarks } from './marks.js'
import { doubtFaults, unmadeFaults } from './overview.js'
import { readGroup } from './snapshot.js'
import { triedWith, trySwap } from './swap.js'
import { afterTrial } from './trial.js'
import { knownSince } from './verdicts.js'

/**
 * @param writes those that were made for this group while it was read; its own are added
 * @param stuck claims on this group that could not be taken off
 */
export async function reconcile(
  shared: GroupContext,
  group: Group,
  writes: Write[],
  stuck: readonly Fault[],
): Promise<GroupReport> {
  const over = new AbortController()
  try {
    return await reconcileWith(new Findings(over.signal), shared, group, writes, stuck)
  } finally {
    over.abort()
  }
}

async function reconcileWith(
  findings: Findings,
  shared: GroupContext,
  group: Group,
  writes: Write[],
  stuck: readonly Fault[],
): Promise<GroupReport> {
  const kube = recording(bounded(shared.kube, shared.requests, group), writes, shared.dryRun)
  let context: GroupContext = { ...shared, kube }
  /** Faults of every attempt, which are reported whatever the outcome. */
  const noted: Fault[] = []
  let view = await afterTrial(context, await evaluate(context, group, findings), findings, noted)
  noted.push(...view.group.alarms)
  const activeBefore = activeNames(view)
  let remaining = stuck
  /** An attempt of this pass may have sealed the active pod. */
  let begun = false
  let lost: LostWrites = new Map()
  const result = async (ending: Ending): Promise<GroupReport> => {
    // People ask a dry run about every pod, and it is in no hurry: it decides as soon as a pass, and then waits.
    if (shared.dryRun) await findings.ended()
    return reportOf(group, { ...view, members: knownSince(view.members, findings) }, activeBefore, writes, {
      ...ending,
      faults: [...(ending.faults ?? []), ...noted, ...remaining, ...unmadeFaults(group, view.members)],
    })
  }

  for (let attempt = 0; ; attempt++) {
    const { decision } = view
    if (!isSwap(decision)) return result(await noOp(context, view, decision))
    const handover = await context.swaps.take(turnOf(group, 0), () => trySwap(context, view, decision, findings))
    if (!handover) return result({ faults: [tooLate(shared.stop, group)] })
    const { outcome } = handover
    const told = toldOf(context, view, handover)
    begun ||= handover.begun
    noted.push(...told.noted)
    if (outcome.kind === 'done') {
      view = { ...view, decision: enabled(decision, outcome.winner) }
      return result(await onceDone(context, view, outcome, told))
    }
    const endWith = (...faults: readonly Fault[]) => result({ ...told, faults: [...faults, ...told.stuck] })
    if (outcome.kind === 'failed') return endWith(told.faultOf(outcome.trouble))
    if (outcome.lost) {
      if (isUnexplained(lost, outcome.lost, context.roleLabel))
        return endWith(unwritable(outcome.lost, context.roleLabel))
      lost = withLost(lost, outcome.lost, context.roleLabel)
    }
    if (told.stuck.length > 0 && !begun) return endWith()
    if (begun) context = { ...context, begun, deadline: context.deadline.onceBegun() }
    context = triedWith(context, decision, begun)
    await backoff(context, attempt, context.deadline.observing, outcome.delayMs)
    if (!context.deadline.allowsSwap()) return endWith(tooLate(begun ? undefined : shared.stop, group, outcome.error))
    try {
      const read = () => readGroup(context, view.group, !context.dryRun)
      const again = await (begun ? persist(context, context.deadline.swapping, read) : read())
      remaining = leftovers(again.stuck, context.roleLabel)
      view = again.group
        ? await evaluate(context, again.group, findings)
        : { ...view, decision: UNMANAGED, members: [] }
      noted.push(...view.group.alarms)
    } catch (error) {
      return endWith(unread(error, group, begun ? undefined : shared.stop))
    }
  }
}

/** A handover for the report: its troubles as faults and warnings. */
interface Told extends Required<Pick<Ending, 'latch' | 'warnings'>> {
  readonly entry: HistoryEntry | undefined
  readonly stuck: readonly Fault[]
  readonly noted: readonly Fault[]
  faultOf(trouble: Trouble): Fault
}

function toldOf({ roleLabel }: GroupContext, { group }: View, handover: Handover): Told {
  const object = `group ${groupName(group)}`
  const toFault = (trouble: Trouble) => faultOfTrouble(trouble, object, roleLabel)
  return {
    entry: handover.entry,
    latch: handover.latch,
    warnings: handover.unlatched.map(unlatched),
    stuck: leftovers(handover.stuck, roleLabel),
    noted: handover.noted.map(toFault),
    faultOf: toFault,
  }
}

/** @param view with the decision as it was carried out */
async function onceDone(
  context: GroupContext,
  { group }: View,
  { winner, refused }: Extract<Handover['outcome'], { kind: 'done' }>,
  told: Told,
): Promise<Ending> {
  if (!context.dryRun) context.overview.moved(group, winner)
  const retired = await retireEnded(context, group)
  return {
    activeAfter: winner.pod.name,
    handover: told.entry,
    latch: told.latch,
    warnings: [...told.warnings, ...retired.warnings],
    faults: [...refused.map(told.faultOf), ...told.stuck, ...retired.faults],
  }
}

/** Moves nothing. Brings counts and labels up to date. */
async function noOp(context: GroupContext, view: View, decision: Exclude<Decision, Swap>): Promise<Ending> {
  const [activeAfter] = activeNames(view)
  switch (decision.kind) {
    case 'error':
      return { faults: [decision.fault] }
    case 'paused':
    case 'unmoved':
      return { activeAfter }
    case 'empty': {
      return { activeAfter, ...(await retireEnded(context, view.group)) }
    }
    case 'keep':
    case 'count':
    case 'blocked': {
      const [refused, retired] = await Promise.all([
        writeMarks(context, view.members),
        retireEnded(context, view.group),
      ])
      const isLate = decision.kind === 'blocked' && decision.reason.code === 'not-probed'
      const { doubt } = view
      return {
        activeAfter,
        warnings: retired.warnings,
        faults: [
          ...refused.map((error) => faultOf(error, `group ${groupName(view.group)}`)),
          ...retired.faults,
          ...(isLate ? [tooLate(context.stop, view.group)] : []),
          ...(doubt && decision.reason.code === doubt.code ? doubtFaults(view.group, doubt) : []),
        ],
      }
    }
  }
}

async function retireEnded(
  context: GroupContext,
  group: Group,
): Promise<Required<Pick<Ending, 'warnings' | 'faults'>>> {
  const { warnings, changed } = await retire(context, group.ended)
  return { warnings, faults: changed.map((error) => faultOf(error, `group ${groupName(group)}`)) }
}
