/** From what a cluster holds to decisions, through the doors that a pass uses. The probes are scripted. */

import { type Decision, decide } from '../../handler/group/decide.js'
import type { Judged } from '../../handler/group/groups.js'
import { assignPods, endedActive, type Group, groupServices } from '../../handler/group/groups.js'
import type { Probe } from '../../handler/health/probe.js'
import type { Pod, Service } from '../../handler/kube/port.js'
import { fairShares } from '../../handler/pass/fair-share.js'
import { Findings } from '../../handler/pass/findings.js'
import { type Judging, judgeGroup } from '../../handler/pass/verdicts.js'
import { policyOf } from '../../handler/settings/policy.js'
import { DEFAULT_SETTINGS, type Settings } from '../../handler/settings/settings.js'
import { NOW } from '../support/builders.js'

export const ROLE = 'role'

export interface World {
  readonly services: readonly Service[]
  readonly pods: readonly SeenPod[]
  /** `--opt-in`. */
  readonly optIn: boolean
}

export interface SeenPod {
  readonly pod: Pod
  /** Whether its first, second, … probe passes; the last goes on for ever. */
  readonly passes: readonly boolean[]
  /** There was time to probe it. */
  readonly probed: boolean
}

export interface Outcome {
  readonly group: Group
  readonly decision: Decision
  readonly members: readonly Judged[]
  readonly settings: Settings
  readonly warnings: readonly string[]
}

/** The outcomes of all groups. */
export function decideAll({ services, pods, optIn }: World): Promise<readonly Outcome[]> {
  const everyGroup = groupServices(services, ROLE, optIn)
  const seen = pods.map(({ pod }) => pod)
  return Promise.all(assignPods(everyGroup, everyGroup, seen, ROLE).map((group) => decideGroup(group, pods)))
}

async function decideGroup(group: Group, pods: readonly SeenPod[]): Promise<Outcome> {
  const policy = policyOf(group.services, DEFAULT_SETTINGS)
  const fault = group.fault ?? ('fault' in policy ? policy.fault : undefined)
  if ('fault' in policy || fault) {
    const decision = { kind: 'error', fault: fault as NonNullable<typeof fault> } as const
    return { group, decision, members: [], settings: DEFAULT_SETTINGS, warnings: group.warnings }
  }
  const { settings } = policy
  const seenOf = (pod: Pod) => pods.find((seen) => seen.pod === pod) as SeenPod
  const context = contextOf(pods)
  // As in a pass that is cut short: what was probed is known, the rest stays unknown.
  const known = new Findings(new AbortController().signal)
  const probed = group.members.filter(({ pod }) => seenOf(pod).probed)
  await judgeGroup(context, { ...group, members: probed }, settings, known, true)
  const members = await judgeGroup(context, group, settings, known, false)
  const decision = decide({ members, settings, nowMs: NOW, endedActive: endedActive(group, ROLE) })
  return { group, decision, members, settings, warnings: [...group.warnings, ...policy.warnings] }
}

/** What judging asks for: a clock that stands still, and the scripts. */
function contextOf(pods: readonly SeenPod[]): Judging {
  const tried = new Map<Pod, number>()
  const probe: Probe = async ({ pod, targets }) => {
    const n = tried.get(pod) ?? 0
    tried.set(pod, n + 1)
    const unusable = targets.find(({ kind }) => kind === 'unusable')
    const { passes = [] } = pods.find((seen) => seen.pod === pod) ?? {}
    const healthy = !unusable && (targets.length === 0 || (passes[n] ?? passes.at(-1) ?? false))
    return { healthy, text: healthy ? '200' : '500', ms: 1 }
  }
  const clock = { now: () => NOW, sleep: async () => {} }
  const deadline = { probing: new AbortController().signal, longestProbeMs: Number.POSITIVE_INFINITY }
  return { probe, clock, deadline, ...fairShares(clock, 64) } as unknown as Judging
}

/** The pods that carry the role once the decision is carried out. */
export function activesAfter({ decision, group, members }: Outcome): readonly string[] {
  if ('winner' in decision) return [decision.winner.pod.name]
  const all = members.length > 0 ? members : group.members
  return all.filter(({ role }) => role === 'active').map(({ pod }) => pod.name)
}
