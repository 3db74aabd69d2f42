/** What of a pod's readinessProbes can be run from here, and how. Pure. */
import type { Container, Pod, ReadinessProbe, Service } from '../kube/port.js'
import { bytesOf, MAX_COMMAND_BYTES } from '../settings/check.js'
import { DEFAULT_HEALTH_TIMEOUT_MS, type Settings } from '../settings/settings.js'
import type { Milliseconds } from '../util/duration.js'
import { addressOf, probePort } from './address.js'
import { servingContainer } from './service-ports.js'
import { execTarget, grpcTarget, httpTarget, type ProbeTarget, probeUrl, tcpTarget } from './targets.js'

interface Declared {
  /** None: the Ready condition is all there is. */
  readonly targets: readonly ProbeTarget[]
  readonly timeoutMs: Milliseconds
  /** How this differs from what the kubelet does. */
  readonly note?: string
  /** The Ready condition is needed beside the targets, as it has the result of those that are not run. */
  readonly needsReady?: true
}

/** The statuses that the kubelet counts as success. */
const KUBELET_STATUSES = [[200, 399]] as const

/** Kubernetes' default failureThreshold. */
const KUBELET_FAILURES = 3

/** The readinessProbes of a pod that can be run; that of the container which serves the Service's port comes first. */
export function declaredProbes(pod: Pod, settings: Settings, services: readonly Pick<Service, 'ports'>[]): Declared {
  const mayExec = settings['allow-exec']
  const first = servingContainer(services, pod)
  const declared = pod.containers
    .filter((container): container is Probed => container.readinessProbe !== undefined)
    .sort((a, b) => Number(b === first) - Number(a === first))
  const runnable = declared.filter(({ readinessProbe }) => whyNotRun(readinessProbe, mayExec) === undefined)
  const timeoutMs =
    settings['health-timeout'] ??
    Math.max(DEFAULT_HEALTH_TIMEOUT_MS, ...runnable.map(({ readinessProbe }) => readinessProbe.timeoutMs))
  if (runnable.length > 0) {
    const targets = runnable.map((container) => targetOf(pod, container, settings))
    const unrun = declared.filter((one) => !runnable.includes(one))
    const notes = [...unrunNote(unrun, mayExec), ...patienceNote(runnable, settings)]
    return {
      ...{ targets, timeoutMs },
      ...(notes.length > 0 ? { note: notes.join('; ') } : {}),
      ...(unrun.length > 0 ? { needsReady: true } : {}),
    }
  }
  const note = declared[0]
    ? `${whyNotRun(declared[0].readinessProbe, mayExec)}: its Ready condition is used instead`
    : "no readinessProbe: only the containers' state is checked"
  return { targets: [], timeoutMs, note }
}

type Probed = Container & { readonly readinessProbe: ReadinessProbe }

function whyNotRun(probe: ReadinessProbe, mayExec: boolean): string | undefined {
  if (probe.kind === 'exec' && !mayExec)
    return 'the readinessProbe is of kind exec, which is not run without --allow-exec'
  if (probe.kind === 'exec' && probe.isExpanded)
    return 'the readinessProbe has a command in which the kubelet replaces $$ or $(NAME)'
  if (probe.kind === 'exec' && bytesOf(probe.command) > MAX_COMMAND_BYTES)
    return `the readinessProbe has a command of ${bytesOf(probe.command)} bytes, and at most ${MAX_COMMAND_BYTES / 1_024} KiB are sent from here`
  return 'host' in probe && probe.host ? `the readinessProbe goes to host ${probe.host} instead of the pod` : undefined
}

function targetOf(pod: Pod, container: Probed, settings: Settings): ProbeTarget {
  const { readinessProbe: probe } = container
  if (probe.kind === 'exec') return execTarget(pod, container, probe.command)
  const address = addressOf(pod, probePort(container, probe.port))
  switch (probe.kind) {
    case 'http':
      return httpTarget(
        address,
        { ...probe, urlOf: probeUrl, statuses: KUBELET_STATUSES, redirects: 'same-host' },
        settings,
      )
    case 'tcp':
      return tcpTarget(address)
    case 'grpc':
      return grpcTarget(address, { service: probe.service, isTls: false })
  }
}

/** Says which of several readinessProbes are left to the kubelet. */
function unrunNote([first, ...more]: readonly Probed[], mayExec: boolean): readonly string[] {
  if (!first) return []
  const others = more.length > 0 ? `, and ${more.length} more ${more.length === 1 ? 'is' : 'are'} not run either` : ''
  return [
    `of container ${first.name} ${whyNotRun(first.readinessProbe, mayExec)}${others}: the pod's Ready condition is used beside what is run`,
  ]
}

/** A note to the author of a patient readinessProbe: its failureThreshold is not used. */
function patienceNote(runnable: readonly Probed[], { failures }: Settings): readonly string[] {
  const most = Math.max(...runnable.map(({ readinessProbe }) => readinessProbe.failureThreshold ?? KUBELET_FAILURES))
  if (most <= KUBELET_FAILURES || most <= failures) return []
  return [
    `the readinessProbe has failureThreshold ${most}, which is not taken: failures (${failures}) decides; annotation active-passive/failures on the Service makes it more patient`,
  ]
}
