/** Carries out the decision to make a pod active. */
import { isSwap, type Swap } from '../group/decide.js'
import { assignPods } from '../group/groups.js'
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
  if (!context.deadline.allowsSwap()) return undefined
  const redecide: Redecide = async (never, signal) => {
    const pods = await context.kube.listPods({ namespace: group.namespace, labels: group.selector }, signal)
    const [again] = assignPods([group], [group], pods, context.roleLabel)
    const careful = { ...settings, never: [...(settings.never ?? []), ...never] }
    const decided = again && decideOn(triedWith(context, swap, true), again, careful, doubt)
    // No pod is active at this moment. Pods without a verdict are waited for, at most as long as one attempt of a read.
    const current = again ? await judgeGroup(context, again, settings, findings, false, decided, { stop: signal }) : []
    const decision = decided?.(current)
    return {
      members: current,
      swap: decision && isSwap(decision) ? decision : undefined,
      fault: again?.fault,
      alarms: again?.alarms ?? [],
    }
  }
  return handOver(context, { group, members, settings, swap, roleLabel: context.roleLabel }, redecide)
}

/** The context once this swap was tried. @param begun it may have sealed the active pod */
export function triedWith(context: GroupContext, swap: Swap, begun: boolean): GroupContext {
  const { switchover } = context
  const isRequest = switchover && switchover !== 'rehearsal'
  return isRequest ? { ...context, switchover: { tried: swap, ...switchover, begun } } : context
}
