/** Facts about a pod: its phase, and what it belongs to. Pure. */
import type { Pod } from './port.js'

/** Whether the pod has not ended. A pod that has Failed or Succeeded never runs again. */
export function isLive({ phase }: Pick<Pod, 'phase'>): boolean {
  return phase !== 'Failed' && phase !== 'Succeeded'
}

/** Its containers run, or are being restarted. */
export function isRunning({ phase }: Pod): boolean {
  return phase === 'Running'
}

/** Running, and not being deleted. Whether it serves is then a question of its check and of its Ready condition. */
export function canServe(pod: Pod): boolean {
  return isRunning(pod) && !pod.terminating
}

/**
 * The workload of the pod, as `KIND/NAME`. It is the same for all revisions of a Deployment, though each has a
 * ReplicaSet of its own. `undefined`: no controller owns the pod.
 */
export function workloadOf({ owner, labels }: Pod): string | undefined {
  if (!owner) return undefined
  const hash = labels['pod-template-hash']
  const isOfDeployment = owner.kind === 'ReplicaSet' && hash !== undefined && owner.name.endsWith(`-${hash}`)
  return isOfDeployment ? `Deployment/${owner.name.slice(0, -hash.length - 1)}` : `${owner.kind}/${owner.name}`
}

/** Whether the kubelet probes the pod. A pod without a readinessProbe is Ready as soon as its containers run. */
export function hasReadinessProbe({ containers }: Pod): boolean {
  return containers.some(({ readinessProbe }) => readinessProbe !== undefined)
}

/** Whether the pod is a Job's, which does its work and ends, even if it shares labels with the application. */
export function isOfJob({ owner }: Pod): boolean {
  return owner?.kind === 'Job'
}

/** The field manager of Kubernetes' own controllers. */
export const CONTROLLER_MANAGER = 'kube-controller-manager'

const TEMPLATE_LABELS = ['pod-template-hash', 'controller-revision-hash', 'statefulset.kubernetes.io/pod-name']

/** Whether a controller has made the pod and none owns it: its controller has released it. */
export function isOrphan({ owner, labels, writers = [] }: Pod): boolean {
  const isMade = writers.some(({ created, manager }) => created && manager === CONTROLLER_MANAGER)
  return owner === undefined && (isMade || TEMPLATE_LABELS.some((label) => label in labels))
}
