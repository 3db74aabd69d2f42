/**
 * Which Services are ours. Pure. A namespace is full of other people's: whatever such a Service looks like, it neither
 * stops a group nor is it written to.
 */

import { CLAIM, HEALED, MANAGED, PIN } from '../kube/keys.js'
import { FIELD_MANAGER, type Service } from '../kube/port.js'
import { listsBy } from '../util/lists-by.js'
import { groupKey } from './group-key.js'
import { LabelIndex } from './label-index.js'

interface NotManaged {
  /** Follows the name of the Service. */
  readonly why: string
  /** What would have it managed, a full sentence. */
  readonly remedy: string
}

/** What the Services of a namespace say about each other. */
export interface Neighbours {
  /** Those that are copies of pods. */
  readonly copies: ReadonlySet<Service>
  /** The groups of which a Service says that it is to be managed; absent: none needs to. */
  readonly optedIn?: ReadonlySet<string>
}

/** @param optIn whether a group is managed only where one of its Services is annotated with `managed: "true"` */
export function neighboursOf(services: readonly Service[], roleLabel: string, optIn = false): Neighbours {
  const copies = copiesOfPods(services, roleLabel)
  if (!optIn) return { copies }
  const saying = services.filter(
    (service) => service.annotations[MANAGED] === 'true' && !whyNotManaged(service, roleLabel, { copies }),
  )
  return { copies, optedIn: new Set(saying.map((service) => groupKeyOf(service, roleLabel))) }
}

/** What the Services of a group have in common: their selector without the role and the pin. */
export function commonSelector({ selector }: Service, roleLabel: string): Readonly<Record<string, string>> {
  const { [roleLabel]: _role, [PIN]: _pin, ...rest } = selector
  return rest
}

/** The key of the group that a Service belongs to if it is managed. */
export function groupKeyOf(service: Service, roleLabel: string): string {
  return groupKey(service.namespace, commonSelector(service, roleLabel))
}

/** Whether its selector leads to pods, and will. */
export function leadsToPods({ external, terminating }: Service): boolean {
  return !external && !terminating
}

/** Why a Service is none of ours, or `undefined`: it is managed. @param neighbours of all Services of its namespace */
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
 * A Service with our claim, or with a pin, whoever left it there. One that has another role is a Service for the
 * standbys: nobody's role is taken away. One that selects by a pin alone never was of a group.
 */
export function isClaimed({ annotations, selector }: Service, roleLabel: string): boolean {
  if ((selector[roleLabel] ?? 'active') !== 'active') return false
  return (
    CLAIM in annotations || (PIN in selector && Object.keys(selector).some((key) => key !== PIN && key !== roleLabel))
  )
}

/**
 * The Services without those that nothing but a claim makes ours, as it was copied with the annotations of another one,
 * or left on one that has not opted in: once it is off, they are other people's, and until then nobody's rivals.
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

/** As latch.ts leaves it: the role is given back for a pin. */
function asReleased(service: Service, roleLabel: string): Service {
  const { [CLAIM]: _claim, ...annotations } = service.annotations
  const { [PIN]: pin, ...selector } = service.selector
  return { ...service, annotations, selector: pin === undefined ? selector : { ...selector, [roleLabel]: 'active' } }
}

/** What controllers give their pods to tell them apart: a Service that selects by it was made from the labels of one. */
const OF_ONE_POD = [
  'pod-template-hash',
  'controller-revision-hash',
  'statefulset.kubernetes.io/pod-name',
  'apps.kubernetes.io/pod-index',
]

/**
 * The Services that select by a role and by a pod's own label because they were made from all the labels of a pod, as
 * `kubectl expose pod` does, beside the Service that the pod belongs to, which may be away for a moment. Where there is no
 * other such Service, and no label that only a controller gives, somebody has applied a manifest from the middle of a
 * handover; or there is a mark, of the first time that this was healed.
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

/** Whether somebody else has pinned it, as by a manifest from the middle of a handover: it is marked as it is healed. */
export function isPinnedByOthers({ selector, claimedBy }: Service): boolean {
  return PIN in selector && claimedBy !== undefined && claimedBy.manager !== FIELD_MANAGER
}
