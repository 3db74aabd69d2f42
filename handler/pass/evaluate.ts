/** Evaluates one group: settings, probes, verdicts, and the decision. Writes nothing. */
import { whyNever } from '../group/candidates.js'
import { type Decision, type Doubt, decide } from '../group/decide.js'
import { endedActive, type Group, type Judged } from '../group/groups.js'
import { roleAmong } from '../group/named.js'
import { strayPods, unnamedLabels, unnamedPods } from '../group/near-misses.js'
import { decideSwitchover, rehearse } from '../group/switchover.js'
import { doubtsIn } from '../settings/doubts.js'
import { withoutEffect } from '../settings/effect.js'
import { policyOf } from '../settings/policy.js'
import type { Settings } from '../settings/settings.js'
import type { Fault } from '../util/errors.js'
import type { GroupContext } from './context.js'
import type { Findings } from './findings.js'
import { uncounted } from './overview.js'
import type { Decide } from './settled.js'
import { judgeGroup, notesOn } from './verdicts.js'

/** A group as this pass sees it, with its decision. */
export interface View {
  readonly group: Group
  readonly settings: Settings
  readonly members: readonly Judged[]
  readonly decision: Decision
  readonly doubt?: Doubt | undefined
  readonly warnings: readonly string[]
}

/** The decision on a group that was managed when the pass began, and is not managed now. */
export const UNMANAGED: Decision = {
  kind: 'empty',
  reason: { code: 'no-pods', text: 'the Service is not managed any more' },
}

export async function evaluate(context: GroupContext, group: Group, findings: Findings): Promise<View> {
  const policy = policyOf(group.services, context.defaults)
  const fault =
    group.fault ?? ('fault' in policy ? policy.fault : roleAmong(group.services, policy.settings, context.roleLabel))
  if (fault || 'fault' in policy) {
    const decision: Decision = { kind: 'error', fault: fault as Fault }
    return { group, settings: context.defaults, members: [], decision, warnings: group.warnings }
  }
  const { settings, warnings } = policy
  const decided = decideOn(context, group, settings)
  const judged = await judgeGroup(context, group, settings, findings, true, decided, { hurry: context.hurry })
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
      ...withoutEffect(group.services, settings),
      ...doubtsIn(settings),
      ...misnamed(context, group, settings),
      ...neverAll(members, settings),
      ...notesOn({ members, services: group.services }, settings, context),
    ],
  }
}

/** Decides on the group by the verdicts of its members. */
export function decideOn(
  { clock, roleLabel, switchover, begun }: GroupContext,
  group: Group,
  settings: Settings,
  doubt?: Doubt,
): Decide {
  const over = endedActive(group, roleLabel)
  return (members) => {
    // A pause that came in the middle of a handover does not leave the group without an active pod.
    const isUnfinished = begun === true && members.every(({ role }) => role !== 'active')
    const inForce = isUnfinished ? { ...settings, pause: 0 } : settings
    const situation = { members, settings: inForce, nowMs: clock.now(), endedActive: over, doubt }
    if (switchover === 'rehearsal') return rehearse(situation)
    return switchover ? decideSwitchover(situation, switchover) : decide(situation)
  }
}

/** Warns of labels and names that select nothing, and says what was probably meant. */
function misnamed({ roleLabel }: GroupContext, group: Group, { prefer = [], never = [] }: Settings): readonly string[] {
  const pods = [...group.members.map(({ pod }) => pod), ...group.strangers]
  const names = pods.map(({ name }) => name)
  return [
    ...strayPods(group, pods, roleLabel),
    ...unnamedPods('prefer', prefer, names),
    ...unnamedPods('never', never, names),
    ...unnamedLabels('prefer', prefer, pods),
    ...unnamedLabels('never', never, pods),
  ]
}

/** A group in which no pod may become active has one active pod until that one fails. That may be meant. */
function neverAll(members: readonly Judged[], settings: Settings): readonly string[] {
  const isNamed = (one: Judged) => whyNever(one, settings)?.code === 'named-in-never'
  return members.length > 0 && members.every(isNamed) ? ['never names every pod of the group: none can take over'] : []
}

export function activeNames({ members }: View): string[] {
  return members.filter(({ role }) => role === 'active').map(({ pod }) => pod.name)
}
