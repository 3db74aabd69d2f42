/** One group, from a snapshot to its report: judge, decide, act; and again where somebody else was faster. */

import type { Doubt } from '../group/decide.js'
import { type Decision, decide, type Swap } from '../group/decide.js'
import type { Judged } from '../group/groups.js'
import { assignPods, endedActive, type Group, groupName } from '../group/groups.js'
import { strayPods, unnamedPods } from '../group/near-misses.js'
import { stillClaimed } from '../handover/claim.js'
import type { SwapContext } from '../handover/context.js'
import { type Handover, handOver, type Redecide } from '../handover/handover.js'
import { LostWrites } from '../handover/lost-writes.js'
import { planCheck } from '../health/plan.js'
import { deadPorts, unreachable } from '../health/service-ports.js'
import { uncheckedPorts } from '../health/unchecked-ports.js'
import { faultOf, interrupted } from '../kube/fault.js'
import { KubeError } from '../kube/port.js'
import { recording, type Write } from '../kube/recording.js'
import { backoff, persist } from '../kube/retry.js'
import type { GroupReport } from '../report/report.js'
import { policyOf, type Settings } from '../settings/settings.js'
import type { Fault } from '../util/errors.js'
import { bounded } from './bounded.js'
import type { Effects } from './context.js'
import { type FairShare, turnOf } from './fair-share.js'
import { Findings } from './findings.js'
import { labelPod, retire, writeMarks } from './marks.js'
import { blindness, type Overview, type Scope, uncounted } from './overview.js'
import type { Decide } from './settled.js'
import { readGroup } from './snapshot.js'
import { judgeGroup, knownSince, notesOn } from './verdicts.js'

export interface GroupContext extends SwapContext, Effects, Scope {
  readonly defaults: Settings
  /** What one probe may take at most, whatever a Service or a pod asks for. Milliseconds. */
  readonly maxHealthTimeoutMs: number
  readonly dryRun: boolean
  /** The wish that the pass ends early. */
  readonly stop: AbortSignal
  /** Whose probe is next, whose swap, and whose request. */
  readonly probes: FairShare
  readonly swaps: FairShare
  readonly requests: FairShare
  /** How the other groups look. */
  readonly overview: Overview
}

/**
 * @param earlier writes that were made for this group while it was read
 * @param leftovers claims on this group that could not be taken off
 */
export async function reconcile(
  shared: GroupContext,
  group: Group,
  earlier: readonly Write[],
  leftovers: readonly Fault[],
): Promise<GroupReport> {
  const over = new AbortController()
  try {
    return await reconcileWith(new Findings(over.signal), shared, group, earlier, leftovers)
  } finally {
    over.abort()
  }
}

async function reconcileWith(
  findings: Findings,
  shared: GroupContext,
  group: Group,
  earlier: readonly Write[],
  leftovers: readonly Fault[],
): Promise<GroupReport> {
  const writes = [...earlier]
  const kube = recording(bounded(shared.kube, shared.requests, group), writes, shared.dryRun)
  let context: GroupContext = { ...shared, kube }
  /** What is to be reported whatever comes of it, of every attempt. */
  const noted: Fault[] = []
  let view = await afterTrial(context, await evaluate(context, group, findings), findings, noted)
  noted.push(...view.group.alarms)
  const activeBefore = activeNames(view)
  let remaining = leftovers
  /** Whether any attempt of this pass may have sealed the active pod. */
  let begun = false
  const losses = new LostWrites(context.roleLabel)
  const result = (ending: Ending): GroupReport =>
    reportOf(group, { ...view, members: knownSince(view.members, findings) }, activeBefore, writes, {
      ...ending,
      faults: [...(ending.faults ?? []), ...noted, ...remaining],
    })

  for (let attempt = 0; ; attempt++) {
    const { decision } = view
    if (!isSwap(decision)) return result(await noOp(context, view, decision))
    const handover = await context.swaps.take(turnOf(group, 0), () => trySwap(context, view, decision, findings))
    if (!handover) return result({ faults: [tooLate(shared.stop, group)] })
    const { outcome } = handover
    const latched = handover.latched ? [handover.latched] : []
    begun ||= handover.begun
    noted.push(...handover.noted)
    if (outcome.kind === 'done') {
      view = { ...view, decision: enabled(decision, outcome.winner) }
      if (!context.dryRun) context.overview.moved(group, outcome.winner)
      const retired = await retireEnded(context, view.group)
      return result({
        activeAfter: outcome.winner.pod.name,
        latch: handover.latch,
        warnings: [...handover.warnings, ...retired.warnings],
        faults: [...outcome.refused, ...latched, ...retired.faults],
      })
    }
    if (outcome.kind === 'failed') return result({ ...handover, faults: [outcome.fault, ...latched] })
    const unexplained = outcome.lost && losses.lost(outcome.lost)
    if (unexplained) return result({ ...handover, faults: [unexplained, ...latched] })
    if (latched.length > 0 && !begun) return result({ ...handover, faults: latched })
    if (begun) context = { ...context, deadline: context.deadline.onceBegun() }
    await backoff(context, attempt, context.deadline.observing, outcome.delayMs)
    if (!context.deadline.allowsSwap()) {
      const late = tooLate(begun ? undefined : shared.stop, group, outcome.error)
      return result({ ...handover, faults: [late, ...latched] })
    }
    try {
      const read = () => readGroup(context, view.group, !context.dryRun)
      const again = await (begun ? persist(context, context.deadline.swapping, read) : read())
      remaining = again.stuck.length > 0 ? [stillClaimed(again.stuck, context.roleLabel)] : []
      view = again.group
        ? await evaluate(context, again.group, findings)
        : { ...view, decision: UNMANAGED, members: [] }
      noted.push(...view.group.alarms)
    } catch (error) {
      const fault = faultOf(error, `namespace ${group.namespace}`, begun ? undefined : shared.stop)
      return result({ ...handover, faults: [fault, ...latched] })
    }
  }
}

/** Longer than a controller takes to look at a pod whose labels have changed, as long as it is not overloaded. */
const TRIAL_MS = 300

/**
 * Before a first swap labels all pods of a group, one is labelled, and looked at again: a controller that selects by the
 * role lets go of it, and would of all the others too. Of a group that has been labelled before it is known.
 */
async function afterTrial(context: GroupContext, view: View, findings: Findings, noted: Fault[]): Promise<View> {
  const { decision, members } = view
  if (context.dryRun || decision.kind !== 'first' || members.some(({ pin }) => pin === 'own')) return view
  const { uid } = decision.winner.pod
  const trial = members.find(({ pod, labelled }) => pod.owner && !labelled && pod.uid !== uid)
  if (!trial) return view
  const written = await labelPod(context, trial)
  if (written?.kind === 'changed') noted.push(faultOf(written.error, `group ${groupName(view.group)}`))
  await context.clock.sleep(TRIAL_MS, context.deadline.observing)
  const again = await readGroup(context, view.group, !context.dryRun).catch((error: unknown) => {
    if (error instanceof KubeError) return undefined // the swap meets it too, and says so
    throw error
  })
  return again?.group ? evaluate(context, again.group, findings) : view
}

/** What is said of a group in the end. @param group as it was when the pass began */
function reportOf(
  { namespace, services }: Group,
  { group, decision, settings, members, warnings }: View,
  activeBefore: readonly string[],
  writes: readonly Write[],
  ending: Ending,
): GroupReport {
  const activeAfter = ending.activeAfter ?? untouched(activeBefore, writes)
  const active = members.find(({ pod }) => pod.name === activeAfter)?.pod
  return {
    namespace,
    services: services.map(({ name }) => name),
    decision,
    settings,
    members,
    ended: group.ended.length,
    activeBefore,
    activeAfter,
    writes,
    latch: ending.latch ?? null,
    warnings: [
      ...warnings,
      ...(active ? deadPorts(services, active) : []),
      ...(active ? uncheckedPorts(services, active, planCheck(active, settings), settings) : []),
      ...(ending.warnings ?? []),
    ],
    faults: distinct([...(ending.faults ?? []), ...(active ? unreachable(services, active) : [])]),
  }
}

/** What several attempts have met is one fault. */
function distinct(faults: readonly Fault[]): readonly Fault[] {
  return faults.filter((fault, n) => faults.findIndex(({ message }) => message === fault.message) === n)
}

const UNWRITTEN: readonly Write['result'][] = ['denied', 'unauthenticated', 'rejected', 'throttled']

/** The active pod, as long as nothing may have been written to it. */
function untouched([active, ...more]: readonly string[], writes: readonly Write[]): string | undefined {
  const isWritten = ({ kind, name, result }: Write) => kind === 'pod' && name === active && !UNWRITTEN.includes(result)
  return active === undefined || more.length > 0 || writes.some(isWritten) ? undefined : active
}

/** A group as this pass sees it, and what it makes of it. */
interface View {
  readonly group: Group
  readonly settings: Settings
  readonly members: readonly Judged[]
  readonly decision: Decision
  readonly doubt?: Doubt | undefined
  readonly warnings: readonly string[]
}

interface Ending {
  readonly activeAfter?: string | undefined
  readonly latch?: Handover['latch']
  readonly warnings?: readonly string[]
  readonly faults?: readonly Fault[]
}

export const UNMANAGED: Decision = {
  kind: 'empty',
  reason: { code: 'no-pods', text: 'the Service is not managed any more' },
}

async function evaluate(context: GroupContext, group: Group, findings: Findings): Promise<View> {
  const policy = policyOf(group.services, context.defaults)
  const fault = group.fault ?? ('fault' in policy ? policy.fault : undefined)
  if (fault || 'fault' in policy) {
    const decision: Decision = { kind: 'error', fault: fault as Fault }
    return { group, settings: context.defaults, members: [], decision, warnings: group.warnings }
  }
  const { settings, warnings } = policy
  const decided = decideOn(context, group, settings)
  const judged = await judgeGroup(context, group, settings, findings, true, decided)
  const doubt = await context.overview.doubt(group, judged, context, context.deadline.probing)
  const members = doubt ? judged.map(uncounted) : judged
  return {
    group,
    settings,
    members,
    doubt,
    decision: decideOn(context, group, settings, doubt)(members),
    warnings: [
      ...group.warnings,
      ...warnings,
      ...misnamed(context, group, settings),
      ...notesOn(members, settings, context),
    ],
  }
}

function decideOn({ clock, roleLabel }: GroupContext, group: Group, settings: Settings, doubt?: Doubt): Decide {
  const over = endedActive(group, roleLabel)
  return (members) => decide({ members, settings, nowMs: clock.now(), endedActive: over, doubt })
}

/** What was probably meant by labels and names that mean nothing here. */
function misnamed({ roleLabel }: GroupContext, group: Group, { prefer = [], never = [] }: Settings): readonly string[] {
  const pods = [...group.members.map(({ pod }) => pod), ...group.strangers]
  const names = pods.map(({ name }) => name)
  return [
    ...strayPods(group, pods, roleLabel),
    ...unnamedPods('prefer', prefer, names),
    ...unnamedPods('never', never, names),
  ]
}

async function noOp(context: GroupContext, view: View, decision: Exclude<Decision, Swap>): Promise<Ending> {
  const [activeAfter] = activeNames(view)
  switch (decision.kind) {
    case 'error':
      return { faults: [decision.fault] }
    case 'paused':
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
      const isBlind = decision.kind === 'blocked' && decision.reason.code === 'blind'
      return {
        activeAfter,
        warnings: retired.warnings,
        faults: [
          ...refused.map((error) => faultOf(error, `group ${groupName(view.group)}`)),
          ...retired.faults,
          ...(isLate ? [tooLate(context.stop, view.group)] : []),
          ...(isBlind ? [blindness(view.group)] : []),
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

async function trySwap(
  context: GroupContext,
  { group, members, settings, doubt }: View,
  swap: Swap,
  findings: Findings,
): Promise<Handover | undefined> {
  if (!context.deadline.allowsSwap()) return undefined
  const redecide: Redecide = async (never, signal) => {
    const pods = await context.kube.listPods({ namespace: group.namespace, labels: group.selector }, signal)
    const [again] = assignPods([group], [group], pods, context.roleLabel)
    const careful = { ...settings, never: [...(settings.never ?? []), ...never] }
    const decided = again && decideOn(context, again, careful, doubt)
    // Nobody is active now: pods that were not waited for before are, as long as a read would be.
    const current = again ? await judgeGroup(context, again, settings, findings, false, decided, signal) : []
    const decision = decided?.(current)
    const swap = decision && isSwap(decision) ? decision : undefined
    return { members: current, swap, fault: again?.fault, alarms: again?.alarms ?? [] }
  }
  return handOver(context, group, members, settings, swap, redecide)
}

/** The decision as it was carried out, which may be for another pod than it was made for. */
function enabled(decision: Swap, winner: Judged): Swap {
  if (winner.pod.uid === decision.winner.pod.uid) return decision
  const { code, text } = decision.reason
  return { ...decision, winner, reason: { code, text: `${text}, but could not be enabled: ${winner.pod.name} was` } }
}

function isSwap(decision: Decision): decision is Swap {
  return 'winner' in decision
}

function activeNames({ members }: View): string[] {
  return members.filter(({ role }) => role === 'active').map(({ pod }) => pod.name)
}

function tooLate(stop: AbortSignal | undefined, group: Group, error?: KubeError): Fault {
  const object = `group ${groupName(group)}`
  if (stop?.aborted) return interrupted(object)
  if (error) return faultOf(error, object)
  const remedy = 'The next pass will do it. A longer --deadline gives one pass more time.'
  return { code: 'deadline', object, message: 'the deadline came before this was done', remedy }
}
