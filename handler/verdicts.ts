/** Verdicts on all pods of a group, side by side. */
import type { Judged } from './candidates.js'
import type { Deadline } from './deadline.js'
import { formatDuration } from './duration.js'
import { judgeByProbes, judgeByState, notProbed, type Verdict } from './health/judge.js'
import { type Plan, planCheck } from './health/plan.js'
import type { Probe } from './health/probe.js'
import type { SwapContext } from './latch.js'
import { add } from './lists-by.js'
import type { Member } from './members.js'
import type { Group } from './observe.js'
import type { Settings } from './policy.js'
import { type Turns, turnOf } from './turns.js'

/** What judging takes from outside. */
export type Judging = Pick<SwapContext, 'clock' | 'probe' | 'deadline'> & { readonly probes: Turns }

/**
 * A pod's state is judged afresh each time, its check only once in a pass.
 * @param verdicts what this pass's probes have found, by uid; added to
 * @param mayProbe otherwise a pod that is not in `verdicts` stays unknown
 */
export function judgeGroup(
  context: Judging,
  { namespace, selector, members, services }: Group,
  settings: Settings,
  verdicts: Map<string, Verdict>,
  mayProbe: boolean,
): Promise<readonly Judged[]> {
  const needsReady = !services.every(({ publishNotReadyAddresses }) => publishNotReadyAddresses)
  const verdictOf = async (member: Group['members'][number]): Promise<Verdict> => {
    const plan = fitted(planCheck(member.pod, settings), context.deadline)
    const known = judgeByState(plan, member, needsReady || plan.kind === 'ready') ?? verdicts.get(member.pod.uid)
    if (known) return known
    if (!mayProbe) return notProbed(plan, member)
    const effects = { clock: context.clock, probe: inTurn(context, { namespace, selector }, member) }
    const verdict = await judgeByProbes(plan, member, settings, effects, context.deadline.probing)
    verdicts.set(member.pod.uid, verdict)
    return verdict
  }
  return Promise.all(members.map(async (member) => ({ ...member, verdict: await verdictOf(member) })))
}

/** The probes of one pod: of all pods the first ones come first, and of these those of active pods. */
function inTurn({ probes, probe }: Judging, group: Pick<Group, 'namespace' | 'selector'>, { role }: Member): Probe {
  let count = 0
  return (...args) => {
    const urgency = 2 * count++ + (role === 'active' ? 0 : 1)
    return probes.take(turnOf(group, urgency), () => probe(...args))
  }
}

/** A limit that is longer than the pass would never be met, and the pod would never be judged. */
function fitted(plan: Plan, { longestProbeMs }: Pick<Deadline, 'longestProbeMs'>): Plan {
  return { ...plan, timeoutMs: Math.min(plan.timeoutMs, longestProbeMs) }
}

/** What the checks are less than what was asked for, one line for all pods that share it. */
export function notesOn(
  members: readonly Judged[],
  settings: Settings,
  { longestProbeMs }: Pick<Deadline, 'longestProbeMs'>,
): string[] {
  const podsByNote = new Map<string, string[]>()
  for (const { pod } of members) {
    const { note, timeoutMs, targets } = planCheck(pod, settings)
    const cut =
      targets.length > 0 && timeoutMs > longestProbeMs
        ? `its check may take ${formatDuration(timeoutMs)}, and a pass has time for ${formatDuration(longestProbeMs)}: whatever takes longer has failed. A longer --deadline gives it more, and annotation active-passive/health-timeout on the Service less`
        : undefined
    for (const said of [note, cut]) if (said) add(podsByNote, said, pod.name)
  }
  return [...podsByNote].map(([note, pods]) => `pod ${pods.join(', ')}: ${note}`)
}
