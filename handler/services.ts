/**
 * Which Services are ours. Pure. A namespace is full of other people's: whatever such a Service looks like, it neither
 * stops a group nor is it written to.
 */
import { MANAGED, PIN, SWAP } from './keys.js'
import type { Service } from './kube/port.js'

export interface NotManaged {
  /** Follows the name of the Service. */
  readonly why: string
  /** What would have it managed, a full sentence. */
  readonly remedy: string
}

/** Why a Service is none of ours, or `undefined`: it is managed. */
export function whyNotManaged(service: Service, roleLabel: string): NotManaged | undefined {
  const { annotations, selector, name, namespace } = service
  if (service.terminating) return { why: 'is being deleted', remedy: 'Create it anew when it is gone.' }
  if (service.external) {
    return { why: 'is of type ExternalName, which leads to no pods', remedy: 'Name the Service that selects the pods.' }
  }
  if (isClaimed(service, roleLabel)) return undefined
  if (selector[roleLabel] !== 'active') {
    return {
      why: `does not have ${roleLabel}: active in its selector`,
      remedy: `Add ${roleLabel}: active to spec.selector of the Service to have it managed.`,
    }
  }
  if (isCopyOfPod(service, roleLabel)) {
    return {
      why: `has ${PIN} in its selector, the label of a single pod, as a copy of that pod's labels has: it is left alone`,
      remedy: `Take ${PIN}, and what else only that pod has, out of spec.selector of the Service to have it managed.`,
    }
  }
  if (annotations[MANAGED] !== 'false') return undefined
  return {
    why: `is annotated with ${MANAGED}: "false"`,
    remedy: `Take that off to have it managed: kubectl annotate service ${name} -n ${namespace} ${MANAGED}-`,
  }
}

/**
 * A Service with our claim, or with a pin in place of its role, whoever left it there. One that has another role is a
 * Service for the standbys: nobody's role is taken away. One that selects by a pin alone never was of a group.
 */
export function isClaimed({ annotations, selector }: Service, roleLabel: string): boolean {
  const role = selector[roleLabel]
  if (role !== undefined && role !== 'active') return false
  return SWAP in annotations || (role === undefined && PIN in selector && Object.keys(selector).length > 1)
}

/** Selects by a role and by a pod's own label: made from the labels of a pod, as `kubectl expose pod` does. */
export function isCopyOfPod({ annotations, selector }: Service, roleLabel: string): boolean {
  return roleLabel in selector && PIN in selector && !(SWAP in annotations)
}
