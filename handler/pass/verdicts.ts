/** Judges all pods of a group, in parallel. */
import { setMaxListeners } from 'node:events'
import type { Group, Judged } from '../group/groups.js'
import type { Member } from '../group/members.js'
import type { SwapContext } from '../handover/context.js'
import type { Deadline } from '../handover/deadline.js'
import { judgeByProbes, judgeByState, notProbed, type Verdict } from '../health/judge.js'
import { type Plan, planCheck } from '../health/plan.js'
import type { Probe } from '../health/probe.js'
import type { ProbeResult } from '../health/probe-result.js'
import { needsReady } from '../health/serving.js'
import type { Settings } from '../settings/settings.js'
import { defectOf } from '../util/defect.js'
import { formatDuration } from '../util/duration.js'
import { add } from '../util/lists-by.js'
import type { Effects } from './context.js'
import { type FairShare, turnOf } from './fair-share.js'
import { type Awaited, asKnown, enoughKnown, type Findings, type Until } from './findings.js'
import { isProbed, type Overview } from './overview.js'
import type { Decide } from './settled.js'

/** The context of judging. */
export type Judging = Pick<SwapContext & Effects, 'clock' | 'probe' | 'deadline'> &
  Limits & { readonly probes: FairShare; readonly overview?: Overview }

/** The bounds on the probes of a pod. */
interface Limits {
  readonly deadline: Pick<Deadline, 'longestProbeMs'>
  /** The longest time that one probe may take, whatever a Service or a pod asks for. Milliseconds. */
  readonly maxHealthTimeoutMs: number
}

/** At most this many probes of a pod are made in one pass. */
const MAX_PROBES = 60

/**
 * Judges the state of a pod each time, but makes its check only once in a pass.
 * @param findings the results of this pass's probes; new ones are added
 * @param mayProbe if false, a pod without a result stays unknown, unless its probes are under way
 * @param decide the decision to make: pods that cannot change it are not waited for, and stay unknown. Absent: all are
 *   waited for
 */
export async function judgeGroup(
  context: Judging,
  group: Group,
  settings: Settings,
  findings: Findings,
  mayProbe: boolean,
  decide?: Decide,
  until?: Until,
): Promise<readonly Judged[]> {
  const { members, services } = group
  const most = probesIn(settings, context)
  const probes = Math.min(settings.probes, most)
  let signal: AbortSignal | undefined
  const awaited = members.map((member): Awaited => {
    const { uid } = member.pod
    const plan = fitted(planCheck(member.pod, settings, services), context)
    const state = judgeByState(plan, member, needsReady(services, plan))
    if (member.role === 'active' && (state || !isProbed(plan))) context.overview?.omit(group)
    const known = state ?? findings.verdicts.get(uid)
    if (known) return { judged: { ...member, verdict: known } }
    if (!mayProbe && !findings.begun(uid)) return { judged: { ...member, verdict: notProbed(plan, member) } }
    const begin = async (failed: () => void) => {
      const probe = telling(failed, inTurn(context, group, member))
      // After a failure, one good probe is enough for the active pod. Another pod needs `rise` to earn the role.
      const burst = { ...settings, probes, rise: member.role === 'active' ? 1 : Math.min(settings.rise, most) }
      signal ??= eitherOf(context.deadline.probing, findings.over)
      const verdict = await judgeByProbes(plan, member, burst, { clock: context.clock, probe }, signal)
      return confirmed(verdict, plan, member, settings)
    }
    const judged = { ...member, verdict: notProbed(plan, member, 'not waited for') }
    return { judged, burst: findings.burstOf(uid, begin) }
  })
  await enoughKnown(awaited, context.clock, decide, until)
  return asKnown(awaited)
}

/** The members, with verdicts that have come since for those that were not waited for. */
export function knownSince(members: readonly Judged[], { verdicts }: Findings): readonly Judged[] {
  return members.map((one) =>
    one.verdict.health === 'unknown' ? { ...one, verdict: verdicts.get(one.pod.uid) ?? one.verdict } : one,
  )
}

function eitherOf(...signals: readonly AbortSignal[]): AbortSignal {
  const signal = AbortSignal.any([...signals])
  setMaxListeners(0, signal) // as many as there are probes of a group
  return signal
}

/** @param failed is called after each probe that has failed */
function telling(failed: () => void, probe: Probe): Probe {
  return async (...args) => {
    const result = await probe(...args)
    if (!result.healthy) failed()
    return result
  }
}

/** Queues the probes of one pod. The first probes of all pods come first, and among them those of active pods. */
function inTurn({ probes, probe, overview }: Judging, group: Group, member: Member): Probe {
  let count = 0
  return (plan, timeoutMs, signal) => {
    const urgency = 2 * count++ + (member.role === 'active' ? 0 : 1)
    return probes.take(turnOf(group, urgency), async () => {
      if (!overview || !isProbed(plan)) return made(probe, plan, timeoutMs, signal)
      overview.asks(group, member)
      const result = await made(probe, plan, timeoutMs, signal)
      if (result.unmade) overview.unmade(group, member)
      else if (result.healthy || !signal.aborted) overview.answered(group, member, result)
      return result
    })
  }
}

/** The result of a probe. A defect of ours says nothing about the pod, and others of its group may still take over. */
async function made(probe: Probe, ...args: Parameters<Probe>): Promise<ProbeResult> {
  try {
    return await probe(...args)
  } catch (error) {
    const unmade = defectOf(error)
    return { healthy: false, text: unmade.message, ms: 0, unmade }
  }
}

/**
 * With `confirm: ready`, a failure of our check does not count while the pod is Ready. A pod that cannot be probed,
 * because it has no address or no such port, still fails.
 */
function confirmed(verdict: Verdict, plan: Plan, stored: Pick<Member, 'failures'>, { confirm }: Settings): Verdict {
  const isFailing = verdict.health === 'failing' || verdict.health === 'failed'
  const isOurWord = isFailing && !verdict.conclusive && !verdict.isRecovering
  const isAsked = isProbed(plan) && plan.targets.every(({ kind }) => kind !== 'unusable')
  if (confirm !== 'ready' || !plan.pod.ready || !isOurWord || !isAsked || verdict.unmade) return verdict
  return { ...verdict, health: 'failing', failures: stored.failures, marks: {}, isUnconfirmed: true }
}

/** Shortens the timeout of a check: with a timeout longer than the pass, the pod would never be judged. */
function fitted(plan: Plan, { deadline, maxHealthTimeoutMs }: Limits): Plan {
  return { ...plan, timeoutMs: Math.min(plan.timeoutMs, deadline.longestProbeMs, maxHealthTimeoutMs) }
}

/** How many probes of a pod a pass has time for, by the period between them. */
function probesIn({ period }: Pick<Settings, 'period'>, { deadline }: Pick<Limits, 'deadline'>): number {
  return Math.min(MAX_PROBES, 1 + Math.floor(deadline.longestProbeMs / Math.max(1, period)))
}

/** Tells where checks do less than was asked for, in one line for all pods that share it. */
export function notesOn(
  { members, services }: { readonly members: readonly Judged[]; readonly services: Group['services'] },
  settings: Settings,
  limits: Limits,
): string[] {
  const podsByNote = new Map<string, string[]>()
  let isProbed = false
  for (const { pod } of members) {
    const plan = planCheck(pod, settings, services)
    isProbed ||= plan.targets.length > 0
    for (const said of [plan.note, cutNote(plan, limits)]) if (said) add(podsByNote, said, pod.name)
  }
  const notes = [...podsByNote].map(([note, pods]) => `pod ${pods.join(', ')}: ${note}`)
  return isProbed ? [...notes, ...burstNotes(settings, limits)] : notes
}

/** Tells the author of a timeout that it is cut short. */
function cutNote({ targets, timeoutMs }: Plan, { deadline, maxHealthTimeoutMs }: Limits): string | undefined {
  const { longestProbeMs } = deadline
  if (targets.length === 0 || timeoutMs <= Math.min(longestProbeMs, maxHealthTimeoutMs)) return undefined
  const isByPass = longestProbeMs < maxHealthTimeoutMs
  const most = isByPass
    ? `a pass has time for ${formatDuration(longestProbeMs)}`
    : `--max-health-timeout is ${formatDuration(maxHealthTimeoutMs)}`
  const more = isByPass ? '--deadline' : '--max-health-timeout'
  return `its check may take ${formatDuration(timeoutMs)}, and ${most}: whatever takes longer has failed. A longer ${more} gives it more, and annotation active-passive/health-timeout on the Service less`
}

/** Tells that not all probes fit into a pass. A burst ends at the failure that counts, so no more probes are needed. */
function burstNotes(settings: Settings, limits: Pick<Limits, 'deadline'>): readonly string[] {
  const [asked, made] = [Math.min(settings.probes, settings.failures), probesIn(settings, limits)]
  if (asked <= made) return []
  const period = formatDuration(settings.period)
  return [
    `${asked} probes of a failing pod with ${period} between them do not fit into a pass: ${made} ${made === 1 ? 'is' : 'are'} made in each, and failures are counted from pass to pass. Fewer probes or a shorter period fit`,
  ]
}
