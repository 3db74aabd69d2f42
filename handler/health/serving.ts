/** Whether a pod serves, as far as the kubelet and the API server can tell. One answer, for passes and for the watches. */

import { canServe } from '../kube/pods.js'
import type { Pod, Service } from '../kube/port.js'
import { policyOf, type Settings } from '../settings/settings.js'
import { type Plan, planCheck } from './plan.js'

/**
 * Whether a pod has to be Ready to serve: to be an endpoint of one of its Services, or because its check is the Ready
 * condition, as it was asked for or for want of a probe that can be run from here.
 */
export function needsReady(services: readonly Service[], plan: Plan): boolean {
  return !areAllPublished(services) || plan.needsReady === true
}

/** Whether the pods of a group serve. Cheap, as an event of each pod asks: annotations are read once, and when needed. */
export function servingOf(services: readonly Service[], defaults: Settings): (pod: Pod) => boolean {
  const isPublished = areAllPublished(services)
  let settings: Settings | undefined
  const isNeeded = (pod: Pod): boolean => {
    if (!isPublished) return true
    settings ??= settingsOf(services, defaults)
    return needsReady(services, planCheck(pod, settings))
  }
  // What Ready is needed for is asked of a pod only that would serve without it.
  return (pod) => canServe(pod) && (pod.ready || !isNeeded(pod))
}

/** No pass touches a group whose annotations make no sense: which settings it would have is no matter. */
function settingsOf(services: readonly Service[], defaults: Settings): Settings {
  const policy = policyOf(services, defaults)
  return 'fault' in policy ? defaults : policy.settings
}

/** The pods are endpoints of all of them whether or not they are Ready. */
function areAllPublished(services: readonly Service[]): boolean {
  return services.every(({ publishNotReadyAddresses }) => publishNotReadyAddresses)
}
