/** A state of the world: the cluster, the progress of the passes, the writes under way, and the faults yet to come. */
import type { Pod } from '../../handler/kube/port.js'
import type { Point } from './behaviour.js'
import type { Cluster } from './model-cluster.js'

/** A write that nobody waits for any more, and that may still be carried out. */
export interface Flying {
  readonly callId: number
  /** The pass that made it. */
  readonly pass: number
  readonly stale: boolean
  readonly blind: boolean
}

export interface State {
  readonly cluster: Cluster
  /** `undefined`: ended, or died. */
  readonly passes: readonly (Point | undefined)[]
  /** What each pass finds when it probes. */
  readonly views: readonly ((pod: Pod) => boolean)[]
  /** By pass: whether a pass has moved traffic to another pod since it last read the pods. */
  readonly stale: readonly boolean[]
  /** By pass: whether a third party has written a role since it last read the pods. */
  readonly blind: readonly boolean[]
  readonly flying: readonly Flying[]
  readonly faultsLeft: number
  /** By pod: whether it is active because a third party has made it so. */
  readonly foreign: readonly boolean[]
  /** A third party has written the role of a pod, or refused a claim: nobody promises where traffic goes from then on. */
  readonly meddled: boolean
  /** How many pods a controller has let go of, and made another in its place, because a pass has changed their role. */
  readonly letGo: number
}

/** From here on nobody promises where traffic goes, so that it is no matter who is behind. */
export function meddledWith(state: State): State {
  return {
    ...state,
    meddled: true,
    stale: state.stale.map(() => false),
    flying: state.flying.map((one) => ({ ...one, stale: false })),
  }
}

/** A third party has written a role, or has come with one: no promotion that is under way knows of it. */
export function blinded(state: State): State {
  const after = meddledWith(state)
  return {
    ...after,
    blind: after.passes.map((point) => point !== undefined),
    flying: after.flying.map((one) => ({ ...one, blind: true })),
  }
}

/**
 * The same for equal states: of passes that stand at the same point it is no matter which is which. States of searches
 * that begin with other views are no equals.
 */
export function keyOf({ cluster, passes, stale, blind, flying, faultsLeft, foreign, meddled, letGo }: State): string {
  const bits = (flags: readonly (boolean | undefined)[]) => flags.map(Number).join('')
  return [
    cluster.pods.join(),
    cluster.services.join(),
    passes
      .map((point, n) => (point ? `${point.id}.${bits([stale[n], blind[n]])}` : ''))
      .sort()
      .join(),
    flying
      .map(({ callId, stale, blind }) => `${callId}.${bits([stale, blind])}`)
      .sort()
      .join(),
    faultsLeft,
    `${bits([...foreign, meddled])}${letGo || ''}`,
  ].join('|')
}
