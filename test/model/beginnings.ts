/** The first states of the searches, and the code that they run. */

import type { SwitchoverRequest } from '../../handler/group/switchover.js'
import { ACTIVE_SINCE, EPOCH, PIN } from '../../handler/kube/keys.js'
import { KubeError, type Pod, type Service } from '../../handler/kube/port.js'
import { type PassOptions, pass } from '../../handler/pass/pass.js'
import { DEFAULT_SETTINGS } from '../../handler/settings/settings.js'
import { aPod } from '../support/builders.js'
import { Behaviour, type Point } from './behaviour.js'
import { bornPod, COMERS, type ComerKind, copiedPod } from './comers.js'
import { NONE, Objects } from './model-cluster.js'
import type { Admission, FaultKind, World } from './model-world.js'
import { type Code, DEADLINE_MS, type Setup } from './run.js'
import type { State } from './state.js'

const OPTIONS = {
  namespaces: ['default'],
  services: [],
  roleLabel: 'role',
  dryRun: false,
  deadlineMs: DEADLINE_MS,
  concurrency: 8,
} satisfies Partial<PassOptions>

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
  /**
   * Whether the pods were labelled by passes before, or nobody has been there yet; or they were born with these roles;
   * or they are copies, out of a backup of a group that had an active pod.
   */
  readonly start: 'one active' | 'new' | 'born with roles' | 'copies'
  /** Pods that are not there at the start, and may come, with names of their own. */
  readonly coming?: number
  /** What they are, if they are no ordinary pods: fault `comes`. */
  readonly comers?: readonly ComerKind[]
  /** They pass whatever check there is, so that there are fewer combinations of what passes find. */
  readonly comersAreWell?: true
  /** The controller of the pods that are born with a role selects by this role. */
  readonly selectsRole?: string
  readonly admission?: Admission
  /** Pods that must never be active. */
  readonly never?: readonly string[]
  /** A pod that is made again is healthy where the one before it fails, and the other way round. */
  readonly turnsAround?: true
  /** A claim is checked by a write that changes nothing, as `serve` does. */
  readonly quickCheck?: true
  /** The first pass is asked to move the role. */
  readonly switchover?: SwitchoverRequest
  readonly code?: Code
}

const NAMES = ['a', 'b', 'c', 'd', 'e']

/** Which pods fail, in the eyes of each pass. */
export type Views = readonly (readonly string[])[]

export async function worldOf(bounds: Bounds): Promise<World> {
  const podNames = namesOf(bounds)
  const ofServices = bounds.faultKinds.filter((kind) => kind === 'selector' || kind === 'Service deleted')
  // What is read and written of them is then taken to be always the same.
  if (!bounds.latch && ofServices.length > 0)
    throw new Error(`without the latch nothing happens to Services: ${ofServices}`)
  const home = ['app', 'metrics'].slice(0, bounds.services).map(homeOf)
  return {
    objects: new Objects(
      podNames,
      home.map(({ name }) => name),
      bounds.admission ?? {},
    ),
    behaviour: new Behaviour(),
    podNames,
    serviceNames: home.map(({ name }) => name),
    servicesDenied: !bounds.latch,
    faults: new Set(bounds.faultKinds),
    home,
    never: bounds.never ?? [],
    leaving: bounds.switchover?.from ?? undefined,
    freshPod: (name, generation) => newPod(name, `${name}${generation}`),
    comers: (bounds.comers ?? []).map((kind) => COMERS[kind]),
    selectsRole: bounds.selectsRole,
    admission: bounds.admission ?? {},
  }
}

export async function firstState(world: World, bounds: Bounds, views: Views): Promise<State> {
  const { objects, podNames } = world
  const pods = podNames.slice(0, bounds.pods).map((name, n) => startingPod(bounds.start, name, n === 0))
  const passes: Point[] = []
  for (const [n, failing] of views.entries()) {
    // Passes are told apart by what they write to Services, and by nothing else.
    const asked = n === 0 ? bounds.switchover : undefined
    passes.push(await beginning(world, bounds, failing, bounds.latch ? `${n}` : '', bounds.reads, asked))
  }
  return {
    cluster: {
      pods: podNames.map((_, n) => (pods[n] ? objects.pods.idOf(pods[n]) : NONE)),
      services: world.home.map((one) => objects.services.idOf(one)),
    },
    passes,
    views: passes.map(({ setup }) => setup.isHealthy),
    stale: views.map(() => false),
    blind: views.map(() => false),
    flying: [],
    faultsLeft: bounds.faults,
    // Who has made it active is of matter for those that are.
    foreign: podNames.map((_, n) => n === 0 && bounds.start === 'born with roles'),
    meddled: false,
    letGo: 0,
  }
}

/** A pass that finds these pods failing, before its first answer. @param seed of its tokens */
export function beginning(
  { behaviour }: World,
  { code = { pass, KubeError }, never = [], turnsAround, quickCheck }: Bounds,
  failing: readonly string[],
  seed: string,
  maxReads: number,
  switchover?: SwitchoverRequest,
): Promise<Point> {
  const settings = {
    ...DEFAULT_SETTINGS,
    failures: 1,
    probes: 1,
    rise: 1,
    cooldown: 0,
    ...(never.length > 0 ? { never } : {}),
  }
  const isTurned = ({ name, uid }: Pod) => turnsAround === true && uid !== name
  return behaviour.begin(
    `${failing}|${seed}|${maxReads}|${JSON.stringify(switchover)}`,
    (): Setup => ({
      code,
      options: { ...OPTIONS, settings, quickCheck: quickCheck ?? false, ...(switchover ? { switchover } : {}) },
      isHealthy: (pod) => failing.includes(pod.name) === isTurned(pod),
      seed,
      maxReads,
    }),
  )
}

/** Of all pods that there can be. */
function namesOf({ pods, coming = 0 }: Pick<Bounds, 'pods' | 'coming'>): readonly string[] {
  return NAMES.slice(0, pods + coming)
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

function startingPod(start: Bounds['start'], name: string, isActive: boolean): Pod {
  const role = isActive ? 'active' : 'passive'
  switch (start) {
    case 'new':
      return newPod(name, name)
    case 'one active':
      return oldPod(name, isActive)
    case 'born with roles':
      return bornPod(name, role)
    case 'copies':
      return copiedPod(name, { role, of: `old-${name}`, epoch: 1 })
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

/** The pods that passes may find failing. */
export function mayFailOf(bounds: Bounds): readonly string[] {
  const { comersAreWell, pods } = bounds
  return namesOf(comersAreWell ? { pods } : bounds)
}

/** All that passes may find: for each pass any pods may fail. Passes are alike: who finds what is no matter. */
export function allViews(bounds: Bounds): readonly Views[] {
  const subsets = subsetsOf(mayFailOf(bounds))
  const choose = (from: number, left: number): readonly (readonly number[])[] =>
    left === 0 ? [[]] : subsets.flatMap((_, n) => (n < from ? [] : choose(n, left - 1).map((rest) => [n, ...rest])))
  // The pass that makes a switchover is not like the others.
  const all = (passes: number) => choose(0, passes).map((chosen) => chosen.map((n) => subsets[n] as readonly string[]))
  return bounds.switchover
    ? subsets.flatMap((first) => all(bounds.passes - 1).map((rest) => [first, ...rest]))
    : all(bounds.passes)
}

/** All of them, from none to all. */
export function subsetsOf<T>(items: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: 2 ** items.length }, (_, bits) => items.filter((_, n) => bits & (1 << n)))
}
