/** What each code of a fault means. Codes are stable. docs/errors.md is generated from this; the program needs the keys. */

/** `object`: what the fault is about. `remedy`: what ends it, in instructions; the fault's own is about its case. */
interface ErrorCode {
  readonly object: string
  readonly cause: string
  readonly remedy: string
}

/** Mistakes in what users have written. The same comes back in each pass until somebody corrects it. */
const CONFIGURATION = {
  'bad-annotation': {
    object: 'a Service',
    cause: 'The value of an annotation makes no sense. Nothing of the group is touched.',
    remedy: 'Correct the value: the error says what it should be, and has the `kubectl annotate` command.',
  },
  'conflicting-annotations': {
    object: 'two Services of a group',
    cause:
      'They select the same pods, so they share their settings, and an annotation says different things on the two. Nothing of the group is touched.',
    remedy: 'Set the annotation on one of them only, or to the same value.',
  },
  'check-cannot-pass': {
    object: 'a group',
    cause:
      'A line of `health-check` asks for what no pod of the group has, such as the name of a port. The check of every pod fails, so our check can move the role to none of them. The kubelets still can: a pod that is Ready takes over from one that is not.',
    remedy:
      'Correct the line, or name the port in the pod template. During a rollout this ends when the first new pod is there.',
  },
  'port-not-found': {
    object: 'a Service',
    cause: 'No port of the Service is one of the active pod: the Service has no endpoint.',
    remedy: "Correct `targetPort` in the Service's `spec.ports`, or name the port in the pod template.",
  },
  'selector-too-wide': {
    object: 'the Services of a group',
    cause: 'The selector holds nothing but the role, so that every pod of the namespace would be in the group.',
    remedy: 'Add the labels of its pods, such as `app: my-app`.',
  },
  overlap: {
    object: 'a pod',
    cause: 'The pod is in two groups: Services whose selectors differ in more than the role select it.',
    remedy: 'Give the Services the same selector, or selectors that share no pod.',
  },
  'role-in-template': {
    object: 'the controller of the pods, or the pods',
    cause:
      'A pod was created with the role by its controller, or a controller lets go of pods that are labelled, or several pods are active and none by this program.',
    remedy: "Take the role out of the pod template and out of the controller's selector.",
  },
  'foreign-role': {
    object: 'the Services of a group',
    cause: "All pods of the group have another role (`leader`, `follower`): it is the application's own label.",
    remedy: "Choose another label by `--role-label`, and in the Service's selector.",
  },
  'all-ended': {
    object: 'the Services of a group',
    cause: 'All pods of the group have Failed or Succeeded, and no controller makes others.',
    remedy: 'Create the pods anew, best by a StatefulSet or a Deployment.',
  },
  'healed-again': {
    object: 'a Service or a pod',
    cause: 'The same was repaired a second time within an hour.',
    remedy:
      'Stop the tool that keeps writing it: the error says which one it is, and how ([more](../README.md#repairs)).',
  },
  'not-found': {
    object: 'a Service that was named',
    cause: 'It is not there, or it is not managed.',
    remedy: 'Check `--service` and the namespace. For a Service that is not managed the error says why.',
  },
  'nothing-in-scope': {
    object: 'a namespace that was named',
    cause: 'No Service is managed in it.',
    remedy: "Check the namespace, and that a Service's selector holds `role: active`.",
  },
  ambiguous: {
    object: 'a Service that was named',
    cause: 'Several namespaces have a Service of this name.',
    remedy: 'Write `NAMESPACE/NAME`.',
  },
} as const satisfies Record<string, ErrorCode>

/** Refusals and failures of the cluster, which its administrators can end. */
const CLUSTER = {
  unauthenticated: {
    object: 'a namespace, a group, a Service or a pod',
    cause:
      'The API server answered 401 twice, or there is no credential to show. The credential has expired, or was replaced.',
    remedy: 'Renew the credential. In a pod, its ServiceAccount was deleted: the pod has to be made again.',
  },
  denied: {
    object: 'a namespace, a group, a Service or a pod',
    cause:
      'The API server answered 403: the Role, its binding, or a rule in it is missing (which of them is said where it can be known), or admission refused.',
    remedy: 'Apply the manifests again, or change the policy that refused.',
  },
  'changed-by-admission': {
    object: 'a group, a Service or a pod',
    cause:
      'The API server has answered a write with a success, and something that was asked for is not there: a mutating policy or webhook changes it. The handover stops, or goes on with the next candidate, or without the latch.',
    remedy: 'Change the policy or webhook, so that it leaves alone what the error names.',
  },
  unreachable: {
    object: 'a namespace, a group, a Service or a pod',
    cause: 'The API server did not answer.',
    remedy: 'Check that it is up, and that it can be reached from where the pass runs.',
  },
  failed: {
    object: 'a namespace, a group, a Service or a pod',
    cause: 'The API server failed, or it called a pod changed that was as before.',
    remedy: 'Look at the API server, or at the object that the error names.',
  },
  blind: {
    object: 'a group',
    cause: 'No pod of any group answers at its address, or none by a command, and their kubelets find them Ready.',
    remedy:
      'Run it where pods are reached, or let the kubelets judge: `--health-check=ready` ([more](health-checks.md#when-our-own-view-is-broken)).',
  },
} as const satisfies Record<string, ErrorCode>

/** What a pass has left undone, and the next one does. */
const UNFINISHED = {
  latched: {
    object: 'the Services of a group',
    cause: 'The pass has ended, and the Service is still claimed, or may be.',
    remedy: 'The next pass releases it. The error has the command that does it by hand.',
  },
  deadline: {
    object: 'a group',
    cause: 'Time was up before the work was done.',
    remedy: 'The next pass does it. A longer `--deadline` gives one pass more time.',
  },
  interrupted: {
    object: 'a namespace or a group',
    cause: 'The pass was told to stop before the work was done.',
    remedy: 'The next pass does it.',
  },
} as const satisfies Record<string, ErrorCode>

/** Mistakes of this program. */
const PROGRAM = {
  defect: {
    object: 'a group, a Service, a pod or a namespace',
    cause:
      'This program has met an error that it does not expect, most often in what is unusual about the object. The other groups go on. A handover that was under way has ended as after an error of the API server: its Services are released, or named as still claimed.',
    remedy:
      'Report it at [the issues](https://github.com/active-passive/active-passive/issues), with the `stack` that the log and the report as JSON have. Until it is mended, nothing may move the role of the group: look for what is unusual about its pods and annotations.',
  },
} as const satisfies Record<string, ErrorCode>

/** By who can end the fault. */
export const ERROR_CODES = { configuration: CONFIGURATION, cluster: CLUSTER, unfinished: UNFINISHED, program: PROGRAM }

export type FaultCode =
  | keyof typeof CONFIGURATION
  | keyof typeof CLUSTER
  | keyof typeof UNFINISHED
  | keyof typeof PROGRAM
