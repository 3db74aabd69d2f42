/** Verdicts on all pods of a group, side by side. */
import type { Judged } from './candidates.js'
import { judgeByProbes, judgeByState, notProbed, type Verdict } from './health/judge.js'
import { planCheck } from './health/plan.js'
import type { SwapContext } from './latch.js'
import type { Group } from './observe.js'
import type { Settings } from './policy.js'

/**
 * A pod's state is judged afresh each time, its check only once in a pass.
 * @param verdicts what this pass's probes have found, by uid; added to
 * @param mayProbe otherwise a pod that is not in `verdicts` stays unknown
 */
export function judgeGroup(
  context: SwapContext,
  { members, services }: Group,
  settings: Settings,
  verdicts: Map<string, Verdict>,
  mayProbe: boolean,
): Promise<readonly Judged[]> {
  const needsReady = !services.every(({ publishNotReadyAddresses }) => publishNotReadyAddresses)
  const verdictOf = async (member: Group['members'][number]): Promise<Verdict> => {
    const plan = planCheck(member.pod, settings)
    const known = judgeByState(plan, member, needsReady || plan.kind === 'ready') ?? verdicts.get(member.pod.uid)
    if (known) return known
    if (!mayProbe) return notProbed(plan, member)
    const verdict = await judgeByProbes(plan, member, settings, context, context.deadline.observing)
    verdicts.set(member.pod.uid, verdict)
    return verdict
  }
  return Promise.all(members.map(async (member) => ({ ...member, verdict: await verdictOf(member) })))
}

/** What the checks are less than what was asked for, one line for all pods that share it. */
export function notesOn(members: readonly Judged[], settings: Settings): string[] {
  const podsByNote = new Map<string, string[]>()
  for (const { pod } of members) {
    const { note } = planCheck(pod, settings)
    if (note) podsByNote.set(note, [...(podsByNote.get(note) ?? []), pod.name])
  }
  return [...podsByNote].map(([note, pods]) => `pod ${pods.join(', ')}: ${note}`)
}
