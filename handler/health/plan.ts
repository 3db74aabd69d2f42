/** Turns a check into probes for one pod, with their addresses. Pure. */

import { hasReadinessProbe } from '../kube/pods.js'
import type { Container, Pod, ReadinessProbe } from '../kube/port.js'
import type { Check } from '../settings/check.js'
import { DEFAULT_HEALTH_TIMEOUT_MS, type Settings } from '../settings/settings.js'
import type { Milliseconds } from '../util/duration.js'
import { type Address, addressOf, probePort, servicePort, type Unusable, whyNoAddress } from './address.js'
import { formatUrl, parseUrl, rawPath } from './go-url.js'
import type { HttpCheck } from './http.js'

/** All targets must pass. Without any, the pod's Ready condition alone decides. */
export interface Plan {
  readonly kind: CheckKind
  readonly pod: Pod
  readonly targets: readonly ProbeTarget[]
  /** The evidence for the pod's health, if it passes. */
  readonly evidence: Evidence
  readonly timeoutMs: Milliseconds
  /** The pod must also be Ready, whatever its Services publish. */
  readonly needsReady?: true
  /** How the check differs from the one that was asked for. */
  readonly note?: string
}

/**
 * `check`: our own check. `readiness-probe`: the kubelet's probe, seen in the Ready condition. `none`: a pod without a
 * readinessProbe is Ready as soon as its containers run.
 */
export type Evidence = (typeof EVIDENCE)[number]

/** The kinds of evidence, best first. */
export const EVIDENCE = ['check', 'readiness-probe', 'none'] as const

/** `several`: more than one check, each of which must pass. */
export type CheckKind = 'http' | 'tcp' | 'ready' | 'several'

export type ProbeTarget =
  | ({ readonly kind: 'http' } & HttpCheck)
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | Unusable

/** The statuses that the kubelet counts as success. */
const KUBELET_STATUSES = [[200, 399]] as const
const RECIPE_STATUSES = [[200, 200]] as const

/** Kubernetes' default failureThreshold. */
const KUBELET_FAILURES = 3

/** Plans the checks of one pod. */
export function planCheck(pod: Pod, settings: Settings): Plan {
  const plans = settings['health-check'].map((check) => planOne(pod, check, settings))
  const [first, ...more] = plans
  return first && more.length === 0 ? first : planAll(pod, plans)
}

/** Joins several plans. The evidence is the best of theirs, and the timeout the longest. */
function planAll(pod: Pod, plans: readonly Plan[]): Plan {
  const evidence = EVIDENCE.find((one) => plans.some((plan) => plan.evidence === one)) ?? 'none'
  const notes = new Set(plans.flatMap(({ note }) => (note ? `check probe: ${note}` : [])))
  return {
    kind: plans.every(({ kind }) => kind === 'ready') ? 'ready' : 'several',
    pod,
    targets: plans.flatMap(({ targets }) => targets),
    evidence,
    timeoutMs: Math.max(...plans.map(({ timeoutMs }) => timeoutMs)),
    ...(plans.some(({ needsReady }) => needsReady) ? { needsReady: true } : {}),
    ...(notes.size > 0 ? { note: [...notes].join('; ') } : {}),
  }
}

function planOne(pod: Pod, check: Check, settings: Settings): Plan {
  const timeoutMs = settings['health-timeout'] ?? DEFAULT_HEALTH_TIMEOUT_MS
  switch (check.kind) {
    case 'ready':
      return planReady(pod, timeoutMs)
    case 'tcp': {
      const targets = [tcpTarget(addressOf(pod, servicePort(pod, check.port)))]
      return { kind: 'tcp', pod, targets, evidence: 'check', timeoutMs }
    }
    case 'http': {
      const request = { ...check, urlOf: checkUrl, headers: [], statuses: RECIPE_STATUSES, redirects: 'none' } as const
      const targets = [httpTarget(addressOf(pod, servicePort(pod, check.port)), request, settings)]
      return { kind: 'http', pod, targets, evidence: 'check', timeoutMs }
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
    const address = addressOf(pod, probePort(container, probe.port))
    return probe.kind === 'http'
      ? httpTarget(address, { ...probe, urlOf: probeUrl, statuses: KUBELET_STATUSES, redirects: 'same-host' }, settings)
      : tcpTarget(address)
  })
  const timeoutMs =
    settings['health-timeout'] ??
    Math.max(DEFAULT_HEALTH_TIMEOUT_MS, ...runnable.map(({ readinessProbe }) => readinessProbe.timeoutMs))
  if (targets.length > 0) {
    const kind = targets.some((target) => target.kind === 'http') ? 'http' : 'tcp'
    return { kind, pod, targets, evidence: 'check', timeoutMs, ...patienceNote(runnable, settings) }
  }
  const note = declared[0]
    ? `${whyNotRun(declared[0].readinessProbe)}: its Ready condition is used instead`
    : "no readinessProbe: only the containers' state is checked"
  return { ...planReady(pod, timeoutMs), note }
}

function planReady(pod: Pod, timeoutMs: Milliseconds): Plan {
  const evidence = evidenceOfReady(pod)
  return { kind: 'ready', pod, targets: readyTargets(pod), evidence, timeoutMs, needsReady: true }
}

function evidenceOfReady(pod: Pod): Evidence {
  return hasReadinessProbe(pod) ? 'readiness-probe' : 'none'
}

type Probed = Container & { readonly readinessProbe: ReadinessProbe }
type Runnable = Container & { readonly readinessProbe: Extract<ReadinessProbe, { kind: 'http' | 'tcp' }> }

function whyNotRun(probe: ReadinessProbe): string | undefined {
  if (probe.kind === 'grpc' || probe.kind === 'exec')
    return `the readinessProbe is of kind ${probe.kind}, which is not run from here`
  return probe.host ? `the readinessProbe goes to host ${probe.host} instead of the pod` : undefined
}

/** A pod without an address is no endpoint of its Service, whatever its Ready condition is. */
function readyTargets(pod: Pod): readonly ProbeTarget[] {
  const why = whyNoAddress(pod)
  return why ? [why] : []
}

/** A note to the author of a patient readinessProbe: its failureThreshold is not used. */
function patienceNote(runnable: readonly Runnable[], { failures }: Settings): Pick<Plan, 'note'> {
  const most = Math.max(...runnable.map(({ readinessProbe }) => readinessProbe.failureThreshold ?? KUBELET_FAILURES))
  if (most <= KUBELET_FAILURES || most <= failures) return {}
  const note =
    `the readinessProbe has failureThreshold ${most}, which is not taken: failures (${failures}) decides; ` +
    'annotation active-passive/failures on the Service makes it more patient'
  return { note }
}

type RequestForm = Pick<HttpCheck, 'headers' | 'statuses' | 'redirects'> & {
  readonly scheme: 'http' | 'https'
  readonly path: string
  readonly urlOf: typeof checkUrl
}

/** The URL of an explicit check: its text after the port is not changed. */
function checkUrl(scheme: string, host: string, path: string): string {
  return `${scheme}://${host}${path}`
}

/**
 * The URL of a readinessProbe, as the kubelet makes it (formatURL in k8s.io/kubernetes/pkg/probe/http): the path is
 * parsed as a URL, whose scheme and host are then replaced. A path that is no URL is used as it is.
 */
function probeUrl(scheme: string, host: string, path: string): string {
  const bytes = Buffer.from(path).toString('latin1')
  const url = formatUrl({ ...(parseUrl(bytes) ?? rawPath(bytes)), scheme, host })
  return Buffer.from(url, 'latin1').toString()
}

function httpTarget(address: Address | Unusable, request: RequestForm, settings: Settings): ProbeTarget {
  if ('text' in address) return address
  const body = settings['health-body']
  return {
    kind: 'http',
    url: request.urlOf(
      request.scheme,
      `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`,
      request.path,
    ),
    headers: settings['health-headers'] ?? request.headers,
    statuses: settings['health-status'] ?? request.statuses,
    redirects: request.redirects,
    ...(body === undefined ? {} : { body }),
  }
}

function tcpTarget(address: Address | Unusable): ProbeTarget {
  return 'text' in address ? address : { kind: 'tcp', ...address }
}
