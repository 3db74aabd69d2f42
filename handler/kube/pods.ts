/** What a pod is to Kubernetes: whether it can still serve, and what it belongs to. Pure. */
import type { Pod } from './port.js'

/** Not in a terminal phase. A pod that has Failed or Succeeded never runs again, and no phase follows. */
export function isLive({ phase }: Pick<Pod, 'phase'>): boolean {
  return phase !== 'Failed' && phase !== 'Succeeded'
}

/** Its containers run, or are being started again. */
export function isRunning({ phase }: Pod): boolean {
  return phase === 'Running'
}

/** Running, and not being deleted. Whether it serves is then a question of its check and of its Ready condition. */
export function canServe(pod: Pod): boolean {
  return isRunning(pod) && !pod.terminating
}

/**
 * The workload that the pod is one of, as `KIND/NAME`: the same for all revisions of a Deployment, whose pods belong to
 * a ReplicaSet each. `undefined`: it belongs to no controller.
 */
export function workloadOf({ owner, labels }: Pod): string | undefined {
  if (!owner) return undefined
  const hash = labels['pod-template-hash']
  const isOfDeployment = owner.kind === 'ReplicaSet' && hash !== undefined && owner.name.endsWith(`-${hash}`)
  return isOfDeployment ? `Deployment/${owner.name.slice(0, -hash.length - 1)}` : `${owner.kind}/${owner.name}`
}

/** Whether the kubelet asks the pod itself. Without a readinessProbe it is Ready as soon as its containers run. */
export function hasReadinessProbe({ containers }: Pod): boolean {
  return containers.some(({ readinessProbe }) => readinessProbe !== undefined)
}

/** A pod that does its work and ends, whatever labels it shares with the application. */
export function isOfJob({ owner }: Pod): boolean {
  return owner?.kind === 'Job'
}

/** The field manager of Kubernetes' own controllers. */
export const CONTROLLER_MANAGER = 'kube-controller-manager'

const TEMPLATE_LABELS = ['pod-template-hash', 'controller-revision-hash', 'statefulset.kubernetes.io/pod-name']

/** A pod that a controller has made, and that belongs to none: its controller has let go of it. */
export function isOrphan({ owner, labels, writers = [] }: Pod): boolean {
  const isMade = writers.some(({ created, manager }) => created && manager === CONTROLLER_MANAGER)
  return owner === undefined && (isMade || TEMPLATE_LABELS.some((label) => label in labels))
}
