/** A pause leaves a group as it is. Whoever pauses one without an active pod is told that it stays without. */
import type { GroupServices } from '../group/groups.js'
import { faultOf } from '../kube/fault.js'
import { isLive } from '../kube/pods.js'
import type { Kube } from '../kube/port.js'

/**
 * LISTs the active pods. Never rejects.
 * @returns the warnings; a LIST that fails, or a defect, is one, for the pause was made all the same
 */
export async function warningsOfPause(
  kube: Pick<Kube, 'listPods'>,
  { namespace, selector }: GroupServices,
  roleLabel: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  try {
    const labels = { ...selector, [roleLabel]: 'active' }
    const actives = (await kube.listPods({ namespace, labels }, signal)).filter(isLive)
    const [active] = actives
    if (!active) return [`no pod is active, and ${STAYS}`]
    return actives.every(({ terminating }) => terminating)
      ? [`the active pod ${active.name} is terminating, and ${STAYS}`]
      : []
  } catch (error) {
    return [`whether a pod is active is not known: ${faultOf(error, 'pods').message}`]
  }
}

const STAYS = 'no pass makes another one active before the pause ends: end it with the command resume'
