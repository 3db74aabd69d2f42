/** The first states of the searches, and the code that they run. */
import { ACTIVE_SINCE, EPOCH, PIN } from '../../handler/keys.js'
import { KubeError, type Pod, type Service } from '../../handler/kube/port.js'
import { type PassOptions, pass } from '../../handler/pass.js'
import { DEFAULT_SETTINGS } from '../../handler/policy.js'
import { aPod } from '../support/builders.js'
import { Behaviour } from './behaviour.js'
import { Objects } from './cluster.js'
import type { FaultKind, World } from './moves.js'
import type { Code, Setup } from './run.js'
import type { State } from './state.js'

const OPTIONS: PassOptions = {
  namespaces: ['default'],
  services: [],
  roleLabel: 'role',
  dryRun: false,
  deadlineMs: 20_000,
  concurrency: 8,
  settings: { ...DEFAULT_SETTINGS, failures: 1, probes: 1 },
}

export interface Bounds {
  readonly pods: number
  readonly passes: number
  readonly faults: number
  /** How often a pass may read the pods. */
  readonly reads: number
  readonly faultKinds: readonly FaultKind[]
  /** Without it, nobody may write Services: what is left is the swap of the labels. */
  readonly latch: boolean
  /** Services of the group. */
  readonly services: number
  /** Whether the pods were labelled by passes before, or nobody has been there yet. */
  readonly start: 'one active' | 'new'
  readonly code?: Code
}

export const NAMES = ['a', 'b', 'c', 'd']

/** Which pods fail, in the eyes of each pass. */
export type Views = readonly (readonly string[])[]

export async function worldOf(bounds: Bounds): Promise<World> {
  const podNames = NAMES.slice(0, bounds.pods)
  const home = ['app', 'metrics'].slice(0, bounds.services).map(homeOf)
  return {
    objects: new Objects(
      podNames,
      home.map(({ name }) => name),
    ),
    behaviour: new Behaviour(),
    podNames,
    serviceNames: home.map(({ name }) => name),
    servicesDenied: !bounds.latch,
    faults: new Set(bounds.faultKinds),
    home,
    freshPod: (name, generation) => newPod(name, `${name}${generation}`),
  }
}

export async function firstState(world: World, bounds: Bounds, views: Views): Promise<State> {
  const { objects, podNames } = world
  const pods = podNames.map((name, n) => (bounds.start === 'new' ? newPod(name, name) : oldPod(name, n === 0)))
  return {
    cluster: {
      pods: pods.map((pod) => objects.pods.idOf(pod)),
      services: world.home.map((one) => objects.services.idOf(one)),
    },
    passes: await Promise.all(
      views.map((failing, n) => world.behaviour.begin(setupOf(failing, `${n}`, bounds.reads, bounds.code))),
    ),
    views: views.map((failing) => (pod) => !failing.includes(pod)),
    stale: views.map(() => false),
    blind: views.map(() => false),
    flying: [],
    faultsLeft: bounds.faults,
    foreign: podNames.map(() => false),
    meddled: false,
  }
}

export function setupOf(
  failing: readonly string[],
  seed: string,
  maxReads: number,
  code: Code = { pass, KubeError },
): Setup {
  return { code, options: OPTIONS, isHealthy: (pod) => !failing.includes(pod), seed, maxReads }
}

/** A Service as its user wrote it. */
function homeOf(name: string): Service {
  return {
    namespace: 'default',
    name,
    uid: name,
    resourceVersion: '1',
    annotations: {},
    selector: { app: 'web', role: 'active' },
    publishNotReadyAddresses: false,
  }
}

/** As it comes from its template. */
function newPod(name: string, uid: string): Pod {
  return aPod(name, { uid, annotations: undefined })
}

/** As earlier passes have left it. */
function oldPod(name: string, isActive: boolean): Pod {
  return aPod(name, {
    uid: name,
    labels: isActive ? { role: 'active', [PIN]: name } : { role: 'passive' },
    annotations: { [EPOCH]: '1', ...(isActive ? { [ACTIVE_SINCE]: '2026-01-01T00:00:00.000Z' } : {}) },
  })
}

/** All that passes may find: for each pass any pods may fail. Passes are alike: who finds what is no matter. */
export function allViews({ pods, passes }: Pick<Bounds, 'pods' | 'passes'>): readonly Views[] {
  const names = NAMES.slice(0, pods)
  const subsets = Array.from({ length: 2 ** pods }, (_, bits) => names.filter((_, n) => bits & (1 << n)))
  const choose = (from: number, left: number): readonly (readonly number[])[] =>
    left === 0 ? [[]] : subsets.flatMap((_, n) => (n < from ? [] : choose(n, left - 1).map((rest) => [n, ...rest])))
  return choose(0, passes).map((chosen) => chosen.map((n) => subsets[n] as readonly string[]))
}
