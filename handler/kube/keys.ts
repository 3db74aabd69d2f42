/** Every label and annotation that this program writes or reads. */

export const PREFIX = 'active-passive/'

/** Written by this program on pods. */
export const EPOCH = `${PREFIX}epoch`
export const FAILURES = `${PREFIX}failures`
export const FAILED_AT = `${PREFIX}failed-at`
export const HEALTHY_SINCE = `${PREFIX}healthy-since`
export const ACTIVE_SINCE = `${PREFIX}since`

/**
 * On a pod that was active by its template and was made passive: the uid of its controller at that moment, or empty if
 * it had none.
 */
export const TAKEN_BACK = `${PREFIX}taken-back`
/** The pod's controller when the pod was labelled: its uid, and the workload as `KIND/NAME`. */
export const OWNER = `${PREFIX}owner`
/** On all pods of a group: the workload of the pod that was last made active, as `KIND/NAME`. */
export const ACTIVE_OWNER = `${PREFIX}active-owner`

/** On all pods of a group: its last handovers for a failed check or a failback (cooldown.ts). */
export const MOVES = `${PREFIX}moves`

/**
 * Kubernetes' own. A ReplicaSet that scales down deletes the pods with the lower cost first, if they are alike in all
 * else. https://kubernetes.io/docs/reference/labels-annotations-taints/#pod-deletion-cost
 */
export const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost'

/**
 * A label with the pod's own uid. A copy of the pod has another pod's, and its marks do not count. A latched Service
 * selects by it.
 */
export const PIN = `${PREFIX}pod`

/** On a Service during a handover: `<random token> <pod>`. */
export const CLAIM = `${PREFIX}swap`

/** On a Service: its last handovers (history.ts). */
export const HISTORY = `${PREFIX}history`

/** On pods and Services: when a pass last repaired a change by somebody else (healing.ts). */
export const HEALED = `${PREFIX}healed`

/** On a Service, written by users and by `pause`: `true`, or the time at which the pause ends. */
export const PAUSE = `${PREFIX}pause`

/**
 * On a Service, written by users: `"false"` takes it out of management, and `"true"` puts it in where `--opt-in`
 * requires that.
 */
export const MANAGED = `${PREFIX}managed`
