// The demo application as the workloads of the measurement: the manifests of jobs/demo, with what a scenario changes.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { repository } from '../../support/handler.js'

/** How the application behaves before anybody tells it anything. */
export interface App {
  /** From the start of its process until it listens. 0 unless given. */
  readonly listensAfterMs?: number
  /** Once it listens, it exits after that long, with 1. Never unless given. */
  readonly exitsAfterMs?: number
}

/** What a template has beyond the demo's; each field replaces the demo's own. */
export interface Template {
  readonly app?: App
  readonly container?: object
  readonly pod?: object
}

export interface Workload extends Template {
  readonly kind: 'StatefulSet' | 'Deployment'
  /** 2 unless given. */
  readonly replicas?: number
  /** Of the workload itself: strategy, minReadySeconds. */
  readonly spec?: object
  /** Of its Service. */
  readonly service?: object
  /** On its Service, without `active-passive/`. */
  readonly annotations?: Readonly<Record<string, string>>
}

/** The collection below its namespace, by kind. */
export const collections = { StatefulSet: 'statefulsets', Deployment: 'deployments' } as const

/** The label by which all pods of a namespace are found: drains of other lanes leave them alone. */
export const laneLabel = 'lane'

interface Manifest {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly [{ readonly readinessProbe: object }] } }
  }
}

const demo = join(repository, 'jobs/demo')
const { spec: demoSpec } = load(await readFile(join(demo, 'statefulset.yaml'), 'utf8')) as Manifest
const { lifecycle: _, ...demoContainer } = demoSpec.template.spec.containers[0] as Record<string, unknown>
const { readinessProbe } = demoSpec.template.spec.containers[0]

/** The demo's readinessProbe, with what is changed in it. */
export function readiness(changes: object): { readonly readinessProbe: object } {
  return { readinessProbe: { ...readinessProbe, ...changes } }
}

/** That the kubelet notices within a second, rather than after three probes of five. */
export const quickKubelet = readiness({ periodSeconds: 1, failureThreshold: 1 })

/** A pod that is deleted goes on serving for so long. */
export function preStop(seconds: number): Template {
  return {
    container: { lifecycle: { preStop: { sleep: { seconds } } } },
    pod: { terminationGracePeriodSeconds: seconds + 3 },
  }
}

export async function configMap(): Promise<object> {
  const program = await readFile(join(demo, 'app/helloworld.js'), 'utf8')
  return { metadata: { name: 'helloworld' }, data: { 'helloworld.js': program } }
}

export function service(name: string, { service = {}, annotations = {} }: Workload): object {
  const ours = Object.entries(annotations).map(([key, value]) => [`active-passive/${key}`, value])
  return {
    metadata: { name, annotations: Object.fromEntries(ours) },
    spec: { selector: { app: name, role: 'active' }, ports: [{ port: 80, targetPort: 'http' }], ...service },
  }
}

/** @param lane the namespace */
export function workloadObject(name: string, lane: string, workload: Workload): object {
  const { kind, replicas = 2, spec } = workload
  const own = kind === 'StatefulSet' ? { serviceName: name, podManagementPolicy: 'Parallel' } : {}
  const labels = { app: name, [laneLabel]: lane }
  return {
    metadata: { name },
    spec: { replicas, selector: { matchLabels: labels }, template: podTemplate(labels, workload), ...own, ...spec },
  }
}

export function podTemplate(labels: Readonly<Record<string, string>>, { app = {}, container, pod }: Template): object {
  return {
    metadata: { labels },
    spec: {
      ...demoSpec.template.spec,
      terminationGracePeriodSeconds: 5,
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'kubernetes.io/hostname',
          whenUnsatisfiable: 'ScheduleAnyway',
          labelSelector: { matchLabels: labels },
        },
      ],
      ...pod,
      containers: [{ ...demoContainer, command: commandOf(app), ...container }],
    },
  }
}

/** As the first process of a container, it would not end at SIGTERM without a handler. */
function commandOf({ listensAfterMs = 0, exitsAfterMs }: App): readonly string[] {
  const program = [
    'const end = () => process.exit()',
    "process.on('SIGTERM', end)",
    'setTimeout(() => {',
    "  process.off('SIGTERM', end)",
    "  require('/app/helloworld.js')",
    ...(exitsAfterMs === undefined ? [] : [`  setTimeout(() => process.exit(1), ${exitsAfterMs}).unref()`]),
    `}, ${listensAfterMs})`,
  ]
  return ['node', '--input-type=commonjs', '-e', program.join('\n')]
}
