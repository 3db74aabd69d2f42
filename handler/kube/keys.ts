/** Every name that this program writes into, or reads from, a cluster's labels and annotations. */

export const PREFIX = 'active-passive/'

/** On pods, written by us. */
export const EPOCH = `${PREFIX}epoch`
export const FAILURES = `${PREFIX}failures`
export const FAILED_AT = `${PREFIX}failed-at`
export const HEALTHY_SINCE = `${PREFIX}healthy-since`
export const ACTIVE_SINCE = `${PREFIX}since`

/** Of a pod that was active by its template, and was made passive: the uid of its controller then; empty where it had none. */
export const TAKEN_BACK = `${PREFIX}taken-back`
/** The controller that a pod belonged to when it was labelled: its uid, and the workload as `KIND/NAME`. */
export const OWNER = `${PREFIX}owner`
/** Of the pods of a group: the workload of the pod that was last made active, as `KIND/NAME`. */
export const ACTIVE_OWNER = `${PREFIX}active-owner`

/** On the pods of a group: its last handovers for a failed check or a failback (cooldown.ts). */
export const MOVES = `${PREFIX}moves`

/**
 * Kubernetes' own: of a ReplicaSet's pods that are alike in all else, those that cost less are the first to go.
 * https://kubernetes.io/docs/reference/labels-annotations-taints/#pod-deletion-cost
 */
export const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost'

/** What makes a copy of a pod's marks worthless: a label with the pod's own uid. A latched Service selects by it. */
export const PIN = `${PREFIX}pod`

/** On a Service, for the time of a swap: `<random token> <pod>`. */
export const CLAIM = `${PREFIX}swap`

/** On pods and Services: when a pass has last repaired what somebody else had changed (healing.ts). */
export const HEALED = `${PREFIX}healed`

/** On a Service, written by users: `"false"` takes it out of our hands, `"true"` puts it into them where `--opt-in` asks for it. */
export const MANAGED = `${PREFIX}managed`
