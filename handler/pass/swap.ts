/** Carries out the decision to make a pod active. */
import { isSwap, type Swap } from '../group/decide.js'
import { assignPods, type Judged } from '../group/groups.js'
import { redecideSwitchover } from '../group/switchover.js'
import { type Handover, handOver, type Redecide } from '../handover/handover.js'
import type { GroupContext } from './context.js'
import { decideOn, type View } from './evaluate.js'
import type { Findings } from './findings.js'
import { judgeGroup } from './verdicts.js'

/** @returns the result of the handover; `undefined` when there is no time left to begin one */
export async function trySwap(
  context: GroupContext,
  { group, members, settings, doubt }: View,
  swap: Swap,
  findings: Findings,
): Promise<Handover | undefined> {
  const { switchover } = context
  if (!context.deadline.allowsSwap()) return undefined
  const redecide: Redecide = async (never, signal) => {
    const pods = await context.kube.listPods({ namespace: group.namespace, labels: group.selector }, signal)
    const [again] = assignPods([group], [group], pods, context.roleLabel)
    const careful = { ...settings, never: [...(settings.never ?? []), ...never] }
    const decided = again && decideOn({ ...context, switchover: undefined }, again, careful, doubt)
    // No pod is active at this moment. Pods without a verdict are waited for, at most as long as one attempt of a read.
    const current = again ? await judgeGroup(context, again, settings, findings, false, decided, { stop: signal }) : []
    const own = decided?.(current)
    const decision =
      own && switchover && switchover !== 'rehearsal'
        ? redecideSwitchover(swap, switchover, own, current, careful)
        : own
    return {
      members: current,
      swap: decision && isSwap(decision) ? decision : undefined,
      fault: again?.fault,
      alarms: again?.alarms ?? [],
    }
  }
  return handOver(context, { group, members, settings, swap, roleLabel: context.roleLabel }, redecide)
}

/** The decision as it was carried out, with the pod that was promoted in the end. */
export function enabled(decision: Swap, winner: Judged): Swap {
  if (winner.pod.uid === decision.winner.pod.uid) return decision
  const { code, text } = decision.reason
  return { ...decision, winner, reason: { code, text: `${text}, but could not be enabled: ${winner.pod.name} was` } }
}
