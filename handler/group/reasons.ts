/** The reasons for a decision, and for a pod not to be a candidate. Their codes are stable. */

/** The meaning of each code. docs/decisions.md is generated from this. */
export const REASONS = {
  healthy: 'The active pod passes its check and keeps the role.',
  'failback-waits':
    'The active pod passes its check. A pod that comes earlier in `prefer` takes over, but not yet: see `failback`, `stable` and `cooldown`.',
  'no-pods': 'The group has no pods: it is scaled to zero.',
  paused: 'A Service of the group is annotated with `active-passive/pause`: nothing is written until the pause ends.',
  'under-threshold': 'The active pod has failed its check, and not yet `failures` times in a row.',
  'several-actives': 'Several pods are active: the one of the highest epoch stays, the others become passive.',
  'no-active': 'No pod is active, and no mark tells that one has been: a new group.',
  'label-lost':
    'The active pod has lost its role label. It is healthy, or its check could not be made and nothing else speaks against it: it gets the label back.',
  'active-gone': 'The active pod is gone, has ended, or is terminating.',
  'active-terminating':
    'The active pod is terminating and still Ready, and no other pod is healthy: it keeps the role until one is, or until it is Ready no more.',
  'active-not-ready':
    'The kubelet or the API server says that the active pod is not Ready or not Running. That needs no count.',
  'active-failed': 'The active pod has failed our check `failures` times in a row.',
  'ready-by-kubelet':
    'The active pod is not Ready and no other pod passes our check: the role goes to one that its kubelet finds Ready.',
  preferred: 'A pod that comes earlier in `prefer` has been healthy for as long as `failback` says.',
  cooldown:
    'The active pod has failed our check, and so had the pods that could take over, lately: the role rests (see `cooldown`).',
  'no-candidate': 'No other pod can take over. An active pod keeps the role.',
  'not-probed': 'The pass had no time left to check the active pod.',
  unchecked:
    'Our check of the active pod could not be made: the API server refused to run its command, or did not answer, or a defect of this program ended it. That says nothing about the pod, and moves nothing.',
  unconfirmed:
    'The active pod fails our check, and its kubelet finds it Ready: with `confirm: ready` nothing is counted until both agree.',
  panic:
    'Our check fails more of the active pods that are Ready by their kubelets than `--panic` allows: that is our view, and moves nothing.',
  blind:
    'No pod has answered at its address, or none by a command, and at least two of those are Ready by their kubelets: they are not reached from here.',
} as const

const UNCHECKED_REMEDY =
  'Give the program the right to run commands (`jobs/components/exec`), or the group another check: the report says what the API server answered.'

/** The remedies of the reasons that may be a sign of trouble. docs/errors.md is generated from this. */
export const REMEDIES: Partial<Readonly<Record<keyof typeof REASONS, string>>> = {
  'no-pods': 'Scale it up. If pods are there, compare their labels with the selector.',
  paused: '`active-passive resume NAME`, or `kubectl annotate service NAME active-passive/pause-`.',
  'under-threshold': 'Wait for the next probes, or set a smaller `failures`.',
  unconfirmed: 'Find out which of the two is wrong.',
  'several-actives': 'Find out who labels pods: `kubectl get pod NAME -o yaml --show-managed-fields`.',
  'label-lost': 'Find out who labels pods: `kubectl get pod NAME -o yaml --show-managed-fields`.',
  'active-terminating': 'Make another pod healthy; the next table says why they are not.',
  'ready-by-kubelet': 'Find out why our check fails: its port, its path, a NetworkPolicy.',
  cooldown: 'Mend the pods. A shorter `cooldown` lets the role move sooner.',
  'no-candidate': 'The next table says why; add a replica where there is none.',
  unchecked: UNCHECKED_REMEDY,
  'not-probed': 'A longer `--deadline`, a shorter `health-timeout`, fewer `probes`.',
  panic:
    'Mend the network between the pass and the pods ([more](health-checks.md#when-our-own-view-is-broken)). If the pods have failed indeed, `--panic 0`.',
  blind: 'As for the [error of this name](#blind).',
}

/** The same for switchovers, beside `no-pods`, `paused`, `several-actives` and `no-candidate`. */
export const SWITCHOVER_REASONS = {
  'by-hand': 'Somebody has asked for a switchover.',
  'already-active': 'The pod that a switchover names is active already: nothing is written.',
  'not-from': 'A switchover was to start from a pod that is not the active one.',
  'unknown-pod': 'A switchover names a pod that is not in the group.',
  never: 'A switchover names a pod that never takes over: it is named in `never`, or it is a pod that ends.',
  unhealthy:
    'A switchover names a pod that does not pass its check. `--force` makes it active all the same, if it runs.',
  resting: 'A switchover came within the cooldown of the last move. `--force` does not wait.',
  'failback-undoes':
    'A switchover would be undone, as `failback` moves the role to a pod that comes earlier in `prefer`. `--force` moves it all the same.',
} as const

export type ReasonCode = keyof typeof REASONS | keyof typeof SWITCHOVER_REASONS

/** The reason for a decision: `code` for programs, `text` for people. */
export interface Reason {
  readonly code: ReasonCode
  readonly text: string
}

/** The meaning of each code. docs/decisions.md is generated from this. */
export const WHY_NOT = {
  'named-in-never': 'The pod is named in `never`, by its name or by a label.',
  'pod-of-job': 'The pod belongs to a Job, which ends.',
  'runs-once': 'The pod ends by its restartPolicy, and nothing but that it runs speaks for it.',
  terminating: 'The pod is being deleted.',
  'not-running': 'The phase of the pod is not Running.',
  'not-ready': 'The kubelet says that the pod is not Ready.',
  'check-failed': 'The pod has failed our check in this pass.',
  unchecked:
    'Our check of the pod could not be made: the API server refused to run its command, or did not answer, or a defect of this program ended it. That says nothing about the pod.',
  recovering: 'The pod has failed lately, and has not passed its check `rise` times in a row since.',
  'not-probed': 'The pass had no time to check the pod.',
  'not-waited-for': 'The pod was still being checked when the decision could not depend on it any more.',
} as const

/** The remedy of each. docs/errors.md is generated from this. */
export const WHY_NOT_REMEDIES: Readonly<Record<WhyNotCode, string>> = {
  'named-in-never': 'Take it out of `never`.',
  'pod-of-job': 'Let the selector match no pods of Jobs.',
  'runs-once': 'Run it by a Deployment or a StatefulSet.',
  terminating: 'Wait for the pod that replaces it.',
  'not-running': '`kubectl describe pod NAME`.',
  'not-ready': '`kubectl describe pod NAME`.',
  'check-failed': 'The report says how it answered.',
  unchecked: UNCHECKED_REMEDY,
  recovering: 'Wait, or set a smaller `rise`.',
  'not-probed': 'A longer `--deadline`, a shorter `health-timeout`, fewer `probes`.',
  'not-waited-for': 'None is needed.',
}

type WhyNotCode = keyof typeof WHY_NOT

/** Why a pod is not a candidate. */
export interface WhyNot {
  readonly code: WhyNotCode
  readonly text: string
}
