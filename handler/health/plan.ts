/** Turns a check into probes for one pod, with their addresses. Pure. */

import { hasReadinessProbe } from '../kube/pods.js'
import type { Pod, Service } from '../kube/port.js'
import type { Check } from '../settings/check.js'
import { DEFAULT_HEALTH_TIMEOUT_MS, type Settings } from '../settings/settings.js'
import type { Milliseconds } from '../util/duration.js'
import { addressOf, servicePort, whyNoAddress } from './address.js'
import { declaredProbes } from './declared.js'
import { servingContainer } from './service-ports.js'
import { checkUrl, dialogueTarget, execTarget, grpcTarget, httpTarget, type ProbeTarget } from './targets.js'

/** All targets must pass. Without any, the pod's Ready condition alone decides. */
export interface Plan {
  readonly kind: CheckKind
  readonly pod: Pod
  readonly targets: readonly ProbeTarget[]
  /** The evidence for the pod's health, if it passes. */
  readonly evidence: Evidence
  readonly timeoutMs: Milliseconds
  /** A probe that passes and takes longer has failed. Absent: it may take as long as `timeoutMs`. */
  readonly slowMs?: Milliseconds
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
export type CheckKind = Exclude<ProbeTarget['kind'], 'unusable'> | 'ready' | 'several'

/** The kind of a plan of several targets is the first of these that is among them. */
const KINDS = ['http', 'grpc', 'tcp', 'exec'] as const

const RECIPE_STATUSES = [[200, 200]] as const

/** What a check needs to know of the Services of its group. */
type Served = readonly Pick<Service, 'ports'>[]

/** Plans the checks of one pod. */
export function planCheck(pod: Pod, settings: Settings, services: Served): Plan {
  const plans = settings['health-check'].map((check) => planOne(pod, check, settings, services))
  const [first, ...more] = plans
  const plan = first && more.length === 0 ? first : planAll(pod, plans)
  const slowMs = settings['health-slow']
  return slowMs === undefined ? plan : { ...plan, slowMs }
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

function planOne(pod: Pod, check: Check, settings: Settings, services: Served): Plan {
  const timeoutMs = settings['health-timeout'] ?? DEFAULT_HEALTH_TIMEOUT_MS
  if (check.kind === 'ready') return planReady(pod, timeoutMs)
  if (check.kind === 'probe') return planDeclared(pod, settings, services)
  const targets = [askedTarget(pod, check, settings, services)]
  return { kind: check.kind, pod, targets, evidence: 'check', timeoutMs }
}

/** The target of a check that a user has written out. */
function askedTarget(
  pod: Pod,
  check: Exclude<Check, { readonly kind: 'ready' | 'probe' }>,
  settings: Settings,
  services: Served,
): ProbeTarget {
  if (check.kind === 'exec') return execTarget(pod, servingContainer(services, pod), check.command)
  const address = addressOf(pod, servicePort(pod, check.port))
  switch (check.kind) {
    case 'tcp':
      return dialogueTarget(address, settings)
    case 'grpc':
      return grpcTarget(address, { service: check.service, isTls: check.scheme === 'grpcs' })
    case 'http':
      return httpTarget(
        address,
        { ...check, urlOf: checkUrl, headers: [], statuses: RECIPE_STATUSES, redirects: 'none' },
        settings,
      )
  }
}

function planDeclared(pod: Pod, settings: Settings, services: Served): Plan {
  const { targets, timeoutMs, note, needsReady } = declaredProbes(pod, settings, services)
  const plan: Plan =
    targets.length > 0
      ? { kind: kindOf(targets), pod, targets, evidence: 'check', timeoutMs, ...(needsReady ? { needsReady } : {}) }
      : planReady(pod, timeoutMs)
  return note === undefined ? plan : { ...plan, note }
}

function kindOf(targets: readonly ProbeTarget[]): CheckKind {
  return KINDS.find((one) => targets.some(({ kind }) => kind === one)) ?? 'tcp'
}

function planReady(pod: Pod, timeoutMs: Milliseconds): Plan {
  const evidence = evidenceOfReady(pod)
  return { kind: 'ready', pod, targets: readyTargets(pod), evidence, timeoutMs, needsReady: true }
}

function evidenceOfReady(pod: Pod): Evidence {
  return hasReadinessProbe(pod) ? 'readiness-probe' : 'none'
}

/** A pod without an address is no endpoint of its Service, whatever its Ready condition is. */
function readyTargets(pod: Pod): readonly ProbeTarget[] {
  const why = whyNoAddress(pod)
  return why ? [why] : []
}
