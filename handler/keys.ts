/** Every name that this program writes into, or reads from, a cluster's labels and annotations. */

export const PREFIX = 'active-passive/'

/** On pods, written by us. */
export const EPOCH = `${PREFIX}epoch`
export const FAILURES = `${PREFIX}failures`
export const FAILED_AT = `${PREFIX}failed-at`
export const HEALTHY_SINCE = `${PREFIX}healthy-since`
export const ACTIVE_SINCE = `${PREFIX}since`

/** A label on every pod that is or was active, its own uid: what a latched Service selects by. */
export const PIN = `${PREFIX}pod`

/** On a Service, for the time of a swap: `<random token> <pod>`. */
export const SWAP = `${PREFIX}swap`

/** On a Service, written by users: `"false"` takes it out of our hands. */
export const MANAGED = `${PREFIX}managed`
