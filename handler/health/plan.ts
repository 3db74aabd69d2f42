/** What a check means for one pod: which probes, against which address. Pure. */
import type { Milliseconds } from '../duration.js'
import type { Container, Pod, ReadinessProbe } from '../kube/port.js'
import { DEFAULT_HEALTH_TIMEOUT_MS, type Settings } from '../policy.js'
import type { PortRef } from './check.js'
import type { HttpCheck } from './http.js'

/** All targets have to pass; none: the pod's Ready condition says it all. */
export interface Plan {
  readonly kind: CheckKind
  readonly pod: Pod
  readonly targets: readonly Target[]
  /** What it would rest on that the pod passes. */
  readonly evidence: Evidence
  readonly timeoutMs: Milliseconds
  /** Why the check is less than what was asked for. */
  readonly note?: string
}

/**
 * `check`: our own. `readiness-probe`: the kubelet's, of which its Ready condition tells. `none`: a pod without a
 * readinessProbe is Ready as soon as its containers run.
 */
export type Evidence = 'check' | 'readiness-probe' | 'none'

export type CheckKind = 'http' | 'tcp' | 'ready'

export type Target =
  | ({ readonly kind: 'http' } & HttpCheck)
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** Nothing to connect to; the text says why. */
  | { readonly kind: 'unusable'; readonly text: string }

/** The statuses that the kubelet takes for success. */
const KUBELET_STATUSES = [[200, 399]] as const
const RECIPE_STATUSES = [[200, 200]] as const

/** Plans the check of one pod. */
export function planCheck(pod: Pod, settings: Settings): Plan {
  const check = settings['health-check']
  const timeoutMs = settings['health-timeout'] ?? DEFAULT_HEALTH_TIMEOUT_MS
  switch (check.kind) {
    case 'ready':
      return { kind: 'ready', pod, targets: [], evidence: evidenceOfReady(pod), timeoutMs }
    case 'tcp':
      return {
        kind: 'tcp',
        pod,
        targets: [tcpTarget(pod, pod.containers, check.port)],
        evidence: 'check',
        timeoutMs,
      }
    case 'http': {
      const request = { ...check, headers: [], statuses: RECIPE_STATUSES, redirects: 'none' } as const
      return {
        kind: 'http',
        pod,
        targets: [httpTarget(pod, pod.containers, request, settings)],
        evidence: 'check',
        timeoutMs,
      }
    }
    case 'probe':
      return planDeclared(pod, settings)
  }
}

function planDeclared(pod: Pod, settings: Settings): Plan {
  const declared = pod.containers.filter((container): container is Probed => container.readinessProbe !== undefined)
  const runnable = declared.filter(
    (container): container is Runnable => whyNotRun(container.readinessProbe) === undefined,
  )
  const targets = runnable.map((container) => {
    const { readinessProbe: probe } = container
    return probe.kind === 'http'
      ? httpTarget(pod, [container], { ...probe, statuses: KUBELET_STATUSES, redirects: 'same-host' }, settings)
      : tcpTarget(pod, [container], probe.port)
  })
  const timeoutMs =
    settings['health-timeout'] ??
    Math.max(DEFAULT_HEALTH_TIMEOUT_MS, ...runnable.map(({ readinessProbe }) => readinessProbe.timeoutMs))
  if (targets.length > 0) {
    const kind = targets.some((target) => target.kind === 'http') ? 'http' : 'tcp'
    return { kind, pod, targets, evidence: 'check', timeoutMs }
  }
  const note = declared[0]
    ? `${whyNotRun(declared[0].readinessProbe)}: its Ready condition is used instead`
    : "no readinessProbe: only the containers' state is checked"
  return { kind: 'ready', pod, targets, evidence: evidenceOfReady(pod), timeoutMs, note }
}

function evidenceOfReady({ containers }: Pod): Evidence {
  return containers.some(({ readinessProbe }) => readinessProbe !== undefined) ? 'readiness-probe' : 'none'
}

type Probed = Container & { readonly readinessProbe: ReadinessProbe }
type Runnable = Container & { readonly readinessProbe: Extract<ReadinessProbe, { kind: 'http' | 'tcp' }> }

function whyNotRun(probe: ReadinessProbe): string | undefined {
  if (probe.kind === 'grpc' || probe.kind === 'exec')
    return `the readinessProbe is of kind ${probe.kind}, which is not run from here`
  return probe.host ? `the readinessProbe goes to host ${probe.host} instead of the pod` : undefined
}

type HttpRequest = Pick<HttpCheck, 'headers' | 'statuses' | 'redirects'> & {
  readonly scheme: 'http' | 'https'
  readonly port: PortRef
  readonly path: string
}

function httpTarget(pod: Pod, containers: readonly Container[], request: HttpRequest, settings: Settings): Target {
  const address = findAddress(pod, containers, request.port)
  if ('text' in address) return address
  const body = settings['health-body']
  return {
    kind: 'http',
    url: `${request.scheme}://${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}${request.path}`,
    headers: settings['health-headers'] ?? request.headers,
    statuses: settings['health-status'] ?? request.statuses,
    redirects: request.redirects,
    ...(body === undefined ? {} : { body }),
  }
}

function tcpTarget(pod: Pod, containers: readonly Container[], port: PortRef): Target {
  const address = findAddress(pod, containers, port)
  return 'text' in address ? address : { kind: 'tcp', ...address }
}

type Address = { readonly host: string; readonly port: number } | Extract<Target, { kind: 'unusable' }>

function findAddress(pod: Pod, containers: readonly Container[], port: PortRef): Address {
  const number =
    typeof port === 'number' ? port : containers.flatMap(({ ports }) => ports).find(({ name }) => name === port)?.number
  if (number === undefined) return { kind: 'unusable', text: `no container port named ${JSON.stringify(port)}` }
  return pod.ip ? { host: pod.ip, port: number } : { kind: 'unusable', text: 'no IP address' }
}
