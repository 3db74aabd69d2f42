/**
 * What has come back of the pods that were probed, by each way to them. The ways are told apart: a command, which the API
 * server passes on to a kubelet, says nothing about whether the addresses of pods are reached from here, nor they about it.
 */
import type { ProbeResult, Way } from '../health/probe-result.js'
import type { Pod } from '../kube/port.js'
import type { Fault } from '../util/errors.js'

/** Fewer pods than this that do not answer never mean that our view is broken. */
const MIN_PODS = 2

/** A pod of which nothing has come back by some way. */
export interface Silence {
  readonly ways: readonly Way[]
  /** Nothing has come back by any other way either. */
  readonly isWhole: boolean
  readonly isReady: boolean
}

/** Of one group. */
export class Reach {
  /** The ways by which anything has come back of any pod. */
  readonly heard = new Set<Way>()
  /** By uid. */
  readonly silent = new Map<string, Silence>()

  clear(): void {
    this.heard.clear()
    this.silent.clear()
  }

  /** A probe of the pod has ended. */
  add({ uid, ready }: Pod, { reached, heard = { address: reached !== false } }: ProbeResult): void {
    const ways = WAYS.filter((way) => heard[way] === false)
    for (const way of WAYS) if (heard[way]) this.heard.add(way)
    if (ways.length > 0) this.silent.set(uid, { ways, isWhole: reached === false, isReady: ready })
  }
}

const WAYS: readonly Way[] = ['address', 'api-server']

/** Of all groups together. */
export interface Reached {
  readonly heard: ReadonlySet<Way>
  /** How many pods are Ready by their kubelets and silent, by each way. */
  readonly silent: Readonly<Record<Way, number>>
}

/** @param heardIn the groups of which what was heard counts */
export function reachedOf(all: readonly Reach[], heardIn: readonly Reach[]): Reached {
  const ready = all.flatMap(({ silent }) => [...silent.values()].filter(({ isReady }) => isReady))
  const silentBy = (way: Way) => ready.filter(({ ways }) => ways.includes(way)).length
  return {
    heard: new Set(heardIn.flatMap(({ heard }) => [...heard])),
    silent: { address: silentBy('address'), 'api-server': silentBy('api-server') },
  }
}

/** The way to a pod of which nothing has come back, where nothing comes back of any other pod by it. */
export function lostWay(silence: Silence | undefined, { heard }: Reached): Way | undefined {
  if (!silence?.isWhole || silence.ways.some((way) => heard.has(way))) return undefined
  return silence.ways[0]
}

/** Whether so many pods are silent by this way that our view is broken, and not they. */
export function isBlindBy(way: Way, { silent }: Reached): boolean {
  return silent[way] >= MIN_PODS
}

/** The words for each way. */
export const BLIND: Readonly<Record<Way, { readonly asked: string } & Pick<Fault, 'message' | 'remedy'>>> = {
  address: {
    asked: 'whatever was asked at the address of a pod',
    message: 'no pod of any group answers us, and their kubelets find them Ready: they are not reached from here',
    remedy:
      'Run it where the addresses of pods are reached, as in the cluster, and let it through where a NetworkPolicy does not; or let the kubelets judge: --health-check=ready.',
  },
  'api-server': {
    asked: 'whatever command was run in a pod',
    message:
      'no command in a pod of any group ends, and their kubelets find the pods Ready: the API server does not reach the kubelets, or the commands wait for something',
    remedy:
      'See whether kubectl exec reaches the pods, and give the commands a limit of their own, shorter than health-timeout; or let the kubelets judge: --health-check=ready.',
  },
}
