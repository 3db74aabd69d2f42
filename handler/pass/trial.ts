/** The first labels of a group: one pod is labelled and read again, before all pods are labelled. */
import { groupName } from '../group/groups.js'
import { faultOf } from '../kube/fault.js'
import { KubeError } from '../kube/port.js'
import type { Fault } from '../util/errors.js'
import type { GroupContext } from './context.js'
import { evaluate, type View } from './evaluate.js'
import type { Findings } from './findings.js'
import { labelPod } from './marks.js'
import { readGroup } from './snapshot.js'

/** A controller that is not overloaded reacts to changed labels of a pod within this time. */
const TRIAL_MS = 300

/**
 * Before a first swap labels all pods of a group, one pod is labelled and read again. A controller that selects by the
 * role lets go of it, and would let go of all others too. A group that was labelled before needs no trial.
 */
export async function afterTrial(context: GroupContext, view: View, findings: Findings, noted: Fault[]): Promise<View> {
  const { decision, members } = view
  const isFirst = decision.kind === 'first' || decision.kind === 'switchover'
  if (!isFirst || members.some(({ pin }) => pin === 'own')) return view
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
