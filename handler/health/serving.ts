/** Whether a pod serves, by its kubelet and the API server. Passes and watches ask this one module. */

import { canServe } from '../kube/pods.js'
import type { Pod, Service } from '../kube/port.js'
import { policyOf } from '../settings/policy.js'
import type { Settings } from '../settings/settings.js'
import { fence } from '../util/defect.js'
import { type Plan, planCheck } from './plan.js'

/**
 * Whether a pod must be Ready to serve: because a Service publishes only Ready pods, or because the pod's check is its
 * Ready condition (by a setting, or because it has no probe that can be run from here).
 */
export function needsReady(services: readonly Service[], plan: Plan): boolean {
  return !areAllPublished(services) || plan.needsReady === true
}

/**
 * Tells whether a pod of a group serves. Cheap, as every event of a pod asks: annotations are read once, and when
 * needed. Never throws: a defect that a pod meets here would end the watch of all others. That pod does not serve, so
 * that a pass looks at its group, and reports what it meets.
 */
export function servingOf(services: readonly Service[], defaults: Settings): (pod: Pod) => boolean {
  const isPublished = areAllPublished(services)
  let settings: Settings | undefined
  const isNeeded = (pod: Pod): boolean => {
    if (!isPublished) return true
    settings ??= settingsOf(services, defaults)
    return needsReady(services, planCheck(pod, settings, services))
  }
  // The check is planned only for a pod that is not Ready and otherwise serves.
  return (pod) =>
    fence(
      () => canServe(pod) && (pod.ready || !isNeeded(pod)),
      () => false,
    )
}

/** The settings of a group. If its annotations make no sense, any will do: no pass touches such a group. */
function settingsOf(services: readonly Service[], defaults: Settings): Settings {
  const policy = policyOf(services, defaults)
  return 'fault' in policy ? defaults : policy.settings
}

/** Whether all Services publish their pods whether or not they are Ready. */
function areAllPublished(services: readonly Service[]): boolean {
  return services.every(({ publishNotReadyAddresses }) => publishNotReadyAddresses)
}
