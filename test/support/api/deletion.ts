/**
 * How objects go. A pod that a node has, and anything with finalizers, is only marked at first (`deletionTimestamp`);
 * it is gone when its grace period is zero and its finalizers are off. Zero it becomes by a DELETE that says so, which
 * is how a kubelet reports that the containers have ended.
 */
import { type JsonObject, member } from './json.js'
import { itemsAt, type KubeObject, textAt, timestamp } from './objects.js'
import type { ResourceName } from './resources.js'

/** The object marked as going, or as it is if it is going already and not later than it would now. */
export function marked(resource: ResourceName, object: KubeObject, nowMs: number, graceSeconds?: number): KubeObject {
  const grace = resource === 'pods' ? podGrace(object, graceSeconds) : 0
  const before = member(object.metadata, 'deletionGracePeriodSeconds')
  if (typeof before === 'number' && before <= grace) return object
  const generation = member(object.metadata, 'generation')
  const metadata = {
    ...object.metadata,
    ...(typeof generation === 'number' && before === undefined ? { generation: generation + 1 } : {}),
    deletionTimestamp: timestamp(nowMs + grace * 1_000),
    deletionGracePeriodSeconds: grace,
  }
  return { ...object, metadata }
}

/** Whether nothing holds a marked object any more. */
export const isDone = ({ metadata }: KubeObject): boolean =>
  metadata.deletionTimestamp !== undefined && metadata.deletionGracePeriodSeconds === 0 && !isHeld(metadata)

export const isTerminating = ({ metadata }: KubeObject): boolean => metadata.deletionTimestamp !== undefined

const isHeld = (metadata: JsonObject) => itemsAt(metadata, 'finalizers').length > 0

function podGrace(pod: KubeObject, graceSeconds: number | undefined): number {
  const hasEnded = ['Succeeded', 'Failed'].includes(textAt(pod, 'status', 'phase'))
  if (textAt(pod, 'spec', 'nodeName') === '' || hasEnded) return 0
  if (graceSeconds !== undefined) return graceSeconds
  const declared = (pod.spec as JsonObject | undefined)?.terminationGracePeriodSeconds
  return typeof declared === 'number' ? declared : 30
}
