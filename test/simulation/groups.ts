/** The groups of a simulation as their users made them. */
import type { Pod, Service } from '../../handler/kube/port.js'
import { aPod, aService } from '../support/builders.js'
import { chanceOf, oneOf, type Plan } from './plan.js'

export interface SimulatedGroup {
  readonly app: string
  readonly namespace: string
  readonly podNames: readonly string[]
  readonly services: readonly Service[]
  readonly never: readonly string[]
  /** Where no pod is active and none is healthy, one is made active all the same. */
  readonly promotesUnhealthy: boolean
  readonly hasFailback: boolean
  readonly hasCooldown: boolean
  /** Nobody may patch its Services. */
  readonly isDenied: boolean
  /** A third party writes roles, too. */
  readonly isMeddledWith: boolean
}

export const NAMESPACES = ['one', 'two', 'three']

/** What users ask for, most of them nothing. */
const WISHES = (pods: readonly string[]): readonly Record<string, string>[] => [
  {},
  {},
  {},
  { latch: 'false' },
  { prefer: `${pods.at(-1)}` },
  { prefer: `${pods[1]},${pods[0]}`, failback: '20s' },
  { cooldown: '2m' },
  { never: `${pods[0]}` },
  { 'promote-unhealthy': 'false' },
  { 'health-check': 'ready' },
]

export function groupOf(plan: Plan, n: number): SimulatedGroup {
  const random = chanceOf(plan, 'group', n)
  const app = `g${n}`
  const namespace = NAMESPACES[n % NAMESPACES.length] as string
  const podNames = Array.from({ length: 2 + Math.floor(random() * 3) }, (_, place) => `${app}-${place}`)
  const wish = oneOf(random, WISHES(podNames))
  const names = random() < 0.3 ? [app, `${app}-metrics`] : [app]
  const annotations = Object.fromEntries(Object.entries(wish).map(([key, text]) => [`active-passive/${key}`, text]))
  const services = names.map((name, place) =>
    aService(name, {
      namespace,
      uid: `${namespace}/${name}`,
      annotations: place === 0 ? annotations : {},
      selector: { app, role: 'active' },
    }),
  )
  return {
    app,
    namespace,
    podNames,
    services,
    never: wish.never?.split(',') ?? [],
    promotesUnhealthy: wish['promote-unhealthy'] !== 'false',
    hasFailback: 'failback' in wish,
    hasCooldown: 'cooldown' in wish,
    isDenied: random() < 0.5,
    isMeddledWith: random() < 0.25,
  }
}

/** As it comes from its template, with a probe of its own. */
export function podOf({ app, namespace }: SimulatedGroup, name: string, generation: number, bornAtMs: number): Pod {
  return aPod(name, {
    namespace,
    uid: `${name}.${generation}`,
    labels: { app },
    annotations: generation % 2 === 0 ? undefined : {},
    createdAtMs: bornAtMs,
    readySinceMs: bornAtMs,
    containers: [
      {
        name: 'app',
        ports: [],
        readinessProbe: { kind: 'http', scheme: 'http', port: 80, path: '/', headers: [], timeoutMs: 1_000 },
      },
    ],
  })
}
