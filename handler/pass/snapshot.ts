/** Reads the cluster: the Services (leftovers.ts), then the pods. Two LISTs, in this order. */

import { emptySelectors } from '../group/empty-selectors.js'
import { keyOf } from '../group/group-key.js'
import { assignPods, type Group, type GroupServices, groupServices } from '../group/groups.js'
import { isClaimed, withoutMerelyClaimed } from '../group/services.js'
import type { Stuck } from '../handover/claim.js'
import type { SwapContext } from '../handover/context.js'
import { KubeError, type Pod, type Service } from '../kube/port.js'
import { fence } from '../util/defect.js'
import { defectIn } from './fence.js'
import { readServices, type ServicesRead, type ServicesScope } from './leftovers.js'

interface Snapshot extends ServicesRead {
  readonly groups: readonly Group[]
  /** The pods could not be read. */
  readonly error?: KubeError
}

/** @throws KubeError when the Services could not be read */
export async function takeSnapshot(
  context: SwapContext,
  scope: ServicesScope,
  waitForLeftovers: boolean,
): Promise<Snapshot> {
  const { kube, deadline, roleLabel, optIn } = context
  const { services, stuck, healed } = await readServices(context, scope, waitForLeftovers)
  const everyGroup = groupServices(services, roleLabel, optIn)
  const groups = scope.select(everyGroup)
  const lasting = new Set(withoutMerelyClaimed(services, roleLabel, optIn))
  const rivals = everyGroup.filter((group) => group.services.some((service) => lasting.has(service)))
  const [only, ...more] = groups
  if (!only) return { groups: [], services, stuck, healed }
  const labels = more.length === 0 ? only.selector : undefined
  const namespace = scope.namespace ?? (labels && only.namespace)
  try {
    const pods = await kube.listPods({ namespace, labels }, deadline.observing)
    const populated = assignPods(groups, rivals, pods, roleLabel)
    return { groups: await withNearMisses(context, populated, pods, services), services, stuck, healed }
  } catch (error) {
    if (!(error instanceof KubeError)) throw error
    const left =
      more.length > 0 ? groups.flatMap((group) => group.services.filter((one) => isClaimed(one, roleLabel))) : []
    const stillLeft = left.map((service): Stuck => ({ kind: 'stuck', service }))
    return { groups: [], services, stuck: [...stuck, ...stillLeft], healed, error }
  }
}

/** Reads one group alone; `undefined`: it is not managed now. @throws KubeError */
export async function readGroup(
  context: SwapContext,
  group: GroupServices,
  waitForLeftovers: boolean,
): Promise<Pick<Snapshot, 'stuck' | 'healed'> & { readonly group: Group | undefined }> {
  const key = keyOf(group)
  const select = (groups: readonly GroupServices[]) => groups.filter((other) => keyOf(other) === key)
  const scope = { namespace: group.namespace, select }
  const { groups, stuck, healed, error } = await takeSnapshot(context, scope, waitForLeftovers)
  if (error) throw error
  return { group: groups[0], stuck, healed }
}

/**
 * Adds a warning to groups without any pod whose selector nearly matches pods that exist. For a single group, only its
 * own pods were read, so the others are read for this alone: it has no pods that the delay could harm.
 */
async function withNearMisses(
  { kube, deadline, roleLabel }: SwapContext,
  groups: readonly Group[],
  pods: readonly Pod[],
  services: readonly Service[],
): Promise<readonly Group[]> {
  const isEmpty = ({ members, strangers, ended, fault }: Group) =>
    !fault && members.length + strangers.length + ended.length === 0
  const empty = groups.filter(isEmpty)
  const [only] = groups
  if (!only || empty.length === 0) return groups
  const { namespace } = only
  const all = groups.length > 1 ? pods : await kube.listPods({ namespace }, deadline.observing).catch(() => [])
  return fence(
    () => {
      const found = emptySelectors(empty, all, services, roleLabel)
      return groups.map((group) => {
        const warning = found.get(keyOf(group))
        return warning ? { ...group, warnings: [...group.warnings, warning] } : group
      })
    },
    (error) =>
      groups.map((group) =>
        empty.includes(group) ? { ...group, alarms: [...group.alarms, defectIn(group, error)] } : group,
      ),
  )
}
