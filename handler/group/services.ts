/**
 * Finds the Services that are managed. Pure. Other people's Services in the namespace neither stop a group nor are
 * written to, whatever they look like.
 */

import { CLAIM, HEALED, MANAGED, PIN } from '../kube/keys.js'
import { FIELD_MANAGER, type Service } from '../kube/port.js'
import { listsBy } from '../util/lists-by.js'
import { groupKey } from './group-key.js'
import { LabelIndex } from './label-index.js'

interface NotManaged {
  /** A phrase that follows the name of the Service. */
  readonly why: string
  /** How to have it managed, a full sentence. */
  readonly remedy: string
}

/** Facts about a Service that need the other Services of its namespace. */
export interface Neighbours {
  /** The Services that are copies of pods. */
  readonly copies: ReadonlySet<Service>
  /** The groups with a Service that has opted in. Absent: none needs to. */
  readonly optedIn?: ReadonlySet<string>
}

/** @param optIn whether a group is managed only if one of its Services is annotated with `managed: "true"` */
export function neighboursOf(services: readonly Service[], roleLabel: string, optIn = false): Neighbours {
  const copies = copiesOfPods(services, roleLabel)
  if (!optIn) return { copies }
  const saying = services.filter(
    (service) => service.annotations[MANAGED] === 'true' && !whyNotManaged(service, roleLabel, { copies }),
  )
  return { copies, optedIn: new Set(saying.map((service) => groupKeyOf(service, roleLabel))) }
}

/** The selector without the role and the pin. The Services of a group share it. */
export function commonSelector({ selector }: Service, roleLabel: string): Readonly<Record<string, string>> {
  const { [roleLabel]: _role, [PIN]: _pin, ...rest } = selector
  return rest
}

/** The key of the group that a Service belongs to if it is managed. */
export function groupKeyOf(service: Service, roleLabel: string): string {
  return groupKey(service.namespace, commonSelector(service, roleLabel))
}

/** Whether the Service's selector leads to pods, and will go on doing so. */
export function leadsToPods({ external, terminating }: Service): boolean {
  return !external && !terminating
}

/** Why a Service is not managed. `undefined`: it is managed. @param neighbours of all Services of its namespace */
export function whyNotManaged(
  service: Service,
  roleLabel: string,
  { copies, optedIn }: Neighbours,
): NotManaged | undefined {
  const { annotations, selector, name, namespace } = service
  if (service.terminating) return { why: 'is being deleted', remedy: 'Create it anew when it is gone.' }
  if (service.external) {
    return { why: 'is of type ExternalName, which leads to no pods', remedy: 'Name the Service that selects the pods.' }
  }
  if (copies.has(service)) {
    return {
      why: `has ${PIN} in its selector, the label of a single pod, as a copy of that pod's labels has: it is left alone`,
      remedy: `Take ${PIN}, and what else only that pod has, out of spec.selector of the Service to have it managed.`,
    }
  }
  if (isClaimed(service, roleLabel)) return undefined
  if (selector[roleLabel] !== 'active') {
    return {
      why: `does not have ${roleLabel}: active in its selector`,
      remedy: `Add ${roleLabel}: active to spec.selector of the Service to have it managed.`,
    }
  }
  if (annotations[MANAGED] === 'false') {
    const change = optedIn ? `--overwrite ${MANAGED}=true` : `${MANAGED}-`
    return {
      why: `is annotated with ${MANAGED}: "false"`,
      remedy: `${optedIn ? 'Change' : 'Take'} that ${optedIn ? '' : 'off '}to have it managed: kubectl annotate service ${name} -n ${namespace} ${change}`,
    }
  }
  if (!optedIn || optedIn.has(groupKeyOf(service, roleLabel))) return undefined
  const said = annotations[MANAGED]
  return {
    why:
      said === undefined
        ? `is not annotated with ${MANAGED}: "true", nor is another Service of its selector (--opt-in)`
        : `is annotated with ${MANAGED}: ${JSON.stringify(said.slice(0, 40))}, which is not "true" (--opt-in)`,
    remedy: `To have it managed: kubectl annotate service ${name} -n ${namespace} --overwrite ${MANAGED}=true`,
  }
}

/**
 * Whether the Service has our claim or a pin, whoever left it there. A Service with another role is for the standbys
 * and does not count: nobody's role is taken away. A Service that selects by a pin alone never was in a group.
 */
export function isClaimed({ annotations, selector }: Service, roleLabel: string): boolean {
  if ((selector[roleLabel] ?? 'active') !== 'active') return false
  return (
    CLAIM in annotations || (PIN in selector && Object.keys(selector).some((key) => key !== PIN && key !== roleLabel))
  )
}

/**
 * The Services without those that are managed only because of a claim: it was copied with another Service's
 * annotations, or left on a Service that has not opted in. Without the claim they are other people's, and until then
 * they rival no group.
 */
export function withoutMerelyClaimed(
  services: readonly Service[],
  roleLabel: string,
  optIn = false,
): readonly Service[] {
  if (!services.some((service) => isClaimed(service, roleLabel))) return services
  const neighbours = neighboursOf(services, roleLabel, optIn)
  return services.filter(
    (service) =>
      !isClaimed(service, roleLabel) ||
      whyNotManaged(asReleased(service, roleLabel), roleLabel, neighbours) === undefined,
  )
}

/** The Service as a release leaves it: a role in place of the pin. */
function asReleased(service: Service, roleLabel: string): Service {
  const { [CLAIM]: _claim, ...annotations } = service.annotations
  const { [PIN]: pin, ...selector } = service.selector
  return { ...service, annotations, selector: pin === undefined ? selector : { ...selector, [roleLabel]: 'active' } }
}

/**
 * Labels that controllers give their pods to tell them apart. A Service that selects by one was made from a pod's
 * labels.
 */
const OF_ONE_POD = [
  'pod-template-hash',
  'controller-revision-hash',
  'statefulset.kubernetes.io/pod-name',
  'apps.kubernetes.io/pod-index',
]

/**
 * The Services that select by a role and by the label of a single pod because they were made from all labels of a pod,
 * as `kubectl expose pod` does. They stand beside the Service that the pod belongs to. A pinned Service is no copy if
 * there is no such other Service and no label that only a controller gives: somebody has applied a manifest from the
 * middle of a handover. Nor is it a copy once it has the mark of having been repaired.
 */
function copiesOfPods(services: readonly Service[], roleLabel: string): ReadonlySet<Service> {
  const routing = services.filter(leadsToPods)
  const isLikeCopy = ({ annotations, selector }: Service) =>
    roleLabel in selector && PIN in selector && !(CLAIM in annotations || HEALED in annotations)
  const alike = routing.filter(isLikeCopy)
  if (alike.length === 0) return new Set()
  const others = routing.filter(
    (service) => !isLikeCopy(service) && (service.selector[roleLabel] === 'active' || isClaimed(service, roleLabel)),
  )
  const othersOf = listsBy(others, ({ namespace }) => namespace)
  const isSurely = ({ selector }: Service) =>
    selector[roleLabel] !== 'active' || OF_ONE_POD.some((label) => label in selector)
  const copies = new Set(alike.filter(isSurely))
  for (const [namespace, own] of listsBy(alike, (service) => service.namespace)) {
    const selectors = (othersOf.get(namespace) ?? []).map((service) => commonSelector(service, roleLabel))
    const index = new LabelIndex(own, ({ selector }) => selector, selectors)
    const found = index.none()
    for (const selector of selectors) found.join(index.select(selector))
    for (const place of found.all()) copies.add(index.at(place))
  }
  return copies
}

/** Whether somebody else has pinned it, as a manifest from the middle of a handover does. Its repair is marked. */
export function isPinnedByOthers({ selector, claimedBy }: Service): boolean {
  return PIN in selector && claimedBy !== undefined && claimedBy.manager !== FIELD_MANAGER
}
