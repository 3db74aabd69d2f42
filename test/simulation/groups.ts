/** The groups of a simulation as their users made them. */
import { ACTIVE_SINCE, EPOCH } from '../../handler/kube/keys.js'
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
  /** A third party writes roles, too, and takes them away. */
  readonly isMeddledWith: boolean
  /** Its pods are copied, with all that they carry. */
  readonly isCopied: boolean
  /** Nobody may patch what has ended. */
  readonly keepsTheDead: boolean
  /** Now and then admission changes what is written. */
  readonly hasAdmission: boolean
  /** Now and then a pod is created with this role; its controller may select by it. */
  readonly template: { readonly role: 'active' | 'passive'; readonly isSelector: boolean } | undefined
  /** Its pods are created with marks of ours in their annotations. */
  readonly hasOldMarks: boolean
  /** The pods of these names never answer a probe. */
  readonly hanging: readonly string[]
  /** The last of its pods has no readinessProbe. */
  readonly hasUnprobed: boolean
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
  const isMess = (share: number) => random() * 100 < share * plan.mess
  const names = random() < 0.3 ? [app, `${app}-metrics`] : [app]
  const { hanging, limit } = hangingOf(plan, app, podNames)
  const annotations = Object.fromEntries(
    Object.entries({ ...wish, ...limit }).map(([key, text]) => [`active-passive/${key}`, text]),
  )
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
    isCopied: random() < 0.2,
    keepsTheDead: random() < 0.5,
    hasAdmission: random() < 0.2,
    template: templateOf(plan, random),
    hasOldMarks: isMess(0.3),
    hanging,
    hasUnprobed: isMess(0.5),
  }
}

/** Which pods hang, and how long a probe may take: as long as it does, or longer than a pass lasts. */
function hangingOf(
  plan: Plan,
  app: string,
  podNames: readonly string[],
): { readonly hanging: readonly string[]; readonly limit: Readonly<Record<string, string>> } {
  const random = chanceOf(plan, 'hanging', app)
  if (random() * 100 >= (plan.hanging ?? 0)) return { hanging: [], limit: {} }
  const limit: Record<string, string> = oneOf(random, [{}, { 'health-timeout': '30s' }, { 'health-timeout': '1h' }])
  return { hanging: random() < 0.3 ? podNames.slice(0, 1) : podNames, limit }
}

function templateOf({ selectsByRole, mess }: Plan, random: () => number): SimulatedGroup['template'] {
  if (selectsByRole) return { role: 'active', isSelector: true }
  if (random() * 100 >= 0.4 * mess) return undefined
  return { role: oneOf(random, ['active', 'active', 'passive']), isSelector: random() < 0.5 }
}

/** As it comes from its template, with a probe of its own. @param role that it is created with */
export function podOf(
  { app, namespace, hasOldMarks, hasUnprobed, podNames }: SimulatedGroup,
  name: string,
  generation: number,
  bornAtMs: number,
  role?: 'active' | 'passive',
): Pod {
  const marks = hasOldMarks ? { [EPOCH]: '7', [ACTIVE_SINCE]: new Date(bornAtMs).toISOString() } : {}
  const isProbed = !(hasUnprobed && name.startsWith(podNames.at(-1) ?? ''))
  return aPod(name, {
    namespace,
    uid: `${name}.${generation}`,
    labels: { app, ...(role === undefined ? {} : { role }) },
    annotations: generation % 2 === 0 && !hasOldMarks ? undefined : marks,
    createdAtMs: bornAtMs,
    readySinceMs: bornAtMs,
    owner: { kind: 'StatefulSet', name: app, uid: `uid-of-${app}` },
    writers: [
      {
        manager: 'kube-controller-manager',
        created: true,
        owns: true,
        labels: ['app', ...(role === undefined ? [] : ['role'])],
        annotations: Object.keys(marks),
      },
    ],
    containers: [{ name: 'app', ports: [], ...(isProbed ? { readinessProbe: PROBE } : {}) }],
  })
}

const PROBE = { kind: 'http', scheme: 'http', port: 80, path: '/', headers: [], timeoutMs: 1_000 } as const

/** One of a Job, with the labels of the application. */
export function jobPodOf({ app, namespace }: SimulatedGroup, generation: number, bornAtMs: number): Pod {
  const name = `${app}-job-${generation}`
  return aPod(name, {
    namespace,
    uid: `${name}.${generation}`,
    labels: { app },
    createdAtMs: bornAtMs,
    readySinceMs: bornAtMs,
    owner: { kind: 'Job', name: `${app}-job`, uid: `uid-of-${app}-job` },
    writers: [{ manager: 'kube-controller-manager', created: true, owns: true, labels: ['app'], annotations: [] }],
    containers: [{ name: 'job', ports: [] }],
  })
}

/** `kubectl get pod -o yaml | kubectl apply`: all that another pod carries, on a pod that belongs to nobody. */
export function copyOf({ owner: _, ...pod }: Pod, generation: number, bornAtMs: number): Pod {
  const name = `${pod.labels.app}-copy-${generation}`
  const writer = {
    manager: 'kubectl-client-side-apply',
    created: true,
    owns: false,
    labels: Object.keys(pod.labels),
    annotations: Object.keys(pod.annotations ?? {}),
  }
  const born = { createdAtMs: bornAtMs, readySinceMs: bornAtMs, ready: true, terminating: false }
  return { ...pod, ...born, name, uid: `${name}.${generation}`, writers: [writer] }
}
