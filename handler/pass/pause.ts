/** Pauses the group of a Service, and ends its pauses: the annotation `pause` on its Services, written with a version. */
import { isClaimed } from '../group/services.js'
import { faultOf } from '../kube/fault.js'
import { PAUSE } from '../kube/keys.js'
import { isRefusal, type Kube, KubeError, type Service } from '../kube/port.js'
import { recording, type Write } from '../kube/recording.js'
import { backoff } from '../kube/retry.js'
import { verified } from '../kube/verified.js'
import type { PauseResult } from '../report/pause.js'
import { policyOf } from '../settings/policy.js'
import { pausedUntil, type Settings } from '../settings/settings.js'
import type { Timing } from '../util/clock.js'
import { describeFault, type Fault } from '../util/errors.js'
import { warningsOfPause } from './active-at-pause.js'
import { findNamed, isFault, type NamedScope } from './named-service.js'
import { names, type ServiceRef } from './scope.js'

export interface PauseRequest {
  readonly service: ServiceRef
  /** `resume` ends the pauses of all Services of the group. */
  readonly action: 'pause' | 'resume'
  /** For `pause`: how long, in milliseconds. Absent: until `resume`. */
  readonly forMs?: number | undefined
}

interface PauseContext extends Timing {
  /** For a dry run: one that sends no writes. */
  readonly kube: Kube
  readonly isDryRun: boolean
}

/**
 * Reads and writes until it is done, refused, or `signal` aborts.
 * @param signal aborts when the time is over, and with `stop` @param stop aborts when the process is told to stop
 * @returns the fault if it is not done
 */
export async function setPause(
  context: PauseContext,
  scope: NamedScope,
  request: PauseRequest,
  signal: AbortSignal,
  stop: AbortSignal,
): Promise<PauseResult | Fault> {
  const writes: Write[] = []
  const kube = recording(verified(context.kube, scope.roleLabel), writes, context.isDryRun)
  const value = request.action === 'pause' ? annotationOf(request.forMs, context.clock.now()) : null
  let object = `service ${request.service.name}`
  let losses = 0
  try {
    for (;;) {
      const found = await findNamed(kube, scope, request.service, signal)
      if (isFault(found)) return found
      const { group } = found
      const onto = (name: string) => {
        object = `service ${group.namespace}/${name}`
      }
      onto(request.service.name)
      const isDone = await annotate(kube, targets(group.services, request), value, onto, signal)
      if (isDone) {
        const result = resultOf(group.services, request, value, writes, scope, context.clock.now())
        if (result.pausedUntil === null || result.isHandoverUnderWay) return result
        const others = await warningsOfPause(kube, group, scope.roleLabel, signal)
        return { ...result, warnings: [...result.warnings, ...others] }
      }
      await backoff(context, losses++, signal)
      signal.throwIfAborted()
    }
  } catch (error) {
    // A request that ends with our own time tells nothing about the API server.
    const isOver = signal.aborted && (!(error instanceof KubeError) || error.code === 'unreachable')
    if (!isOver && !(error instanceof KubeError)) throw error // a defect, and there is nothing else to go on with
    if (!isOver || (!stop.aborted && losses === 0)) return alsoWritten(faultOf(error, object), writes)
    return unfinished(object, stop.aborted ? 'interrupted' : 'deadline')
  }
}

/** Of several Services, some may have been written before one was refused. */
function alsoWritten(fault: Fault, writes: readonly Write[]): Fault {
  const names = writes.filter(({ result }) => result === 'applied').map(({ name }) => name)
  return names.length === 0
    ? fault
    : { ...fault, message: `${fault.message} (service ${names.join(', ')} was written)` }
}

/** No pass makes up for it, unlike for what a pass has left undone. */
function unfinished(object: string, code: 'interrupted' | 'deadline'): Fault {
  const why = code === 'interrupted' ? 'it was told to stop' : 'the time was over, while others kept changing it,'
  const message = `${why} before this was done, or known to be done`
  return { code, object, message, remedy: 'Look with the command status, and ask again.' }
}

function annotationOf(forMs: number | undefined, nowMs: number): string {
  // Rounded up to whole seconds, for people to read.
  return forMs === undefined
    ? 'true'
    : new Date(Math.ceil((nowMs + forMs) / 1_000) * 1_000).toISOString().replace('.000', '')
}

/** The Services to write: for a pause the one that was named, as one is enough; to resume, all that say something. */
function targets(services: readonly Service[], { service: ref, action }: PauseRequest): readonly Service[] {
  return services.filter((one) => (action === 'pause' ? names(ref, one) : PAUSE in one.annotations))
}

/** @returns whether all have it; if not, they have to be read again @throws KubeError for a write that was refused */
async function annotate(
  kube: Kube,
  services: readonly Service[],
  value: string | null,
  onto: (name: string) => void,
  signal: AbortSignal,
): Promise<boolean> {
  let isDone = true
  for (const service of services) {
    if ((service.annotations[PAUSE] ?? null) === value) continue
    const { resourceVersion } = service
    onto(service.name)
    const written = await kube.patchService(
      service,
      { resourceVersion, annotations: { [PAUSE]: value }, selector: {} },
      signal,
    )
    if (isRefusal(written) || written.kind === 'unauthenticated') throw written.error
    if ('error' in written && signal.aborted) throw written.error
    // Whether a write without an answer was made, the next look tells.
    if (written.kind !== 'applied') isDone = false
  }
  return isDone
}

function resultOf(
  services: readonly Service[],
  request: PauseRequest,
  value: string | null,
  writes: readonly Write[],
  { settings, roleLabel }: Pick<NamedScope, 'settings' | 'roleLabel'>,
  nowMs: number,
): PauseResult {
  const changed = new Set(targets(services, request))
  const now = services.map((one) => (changed.has(one) ? { ...one, annotations: withPause(one, value) } : one))
  return {
    namespace: services[0]?.namespace ?? '',
    services: services.map(({ name }) => name),
    pausedUntil: endOf(now, settings, nowMs),
    pausedBefore: endOf(services, settings, nowMs),
    isHandoverUnderWay: request.action === 'pause' && services.some((one) => isClaimed(one, roleLabel)),
    writes,
    warnings: mistakesIn(now, settings),
  }
}

function endOf(services: readonly Service[], defaults: Settings, nowMs: number): string | null {
  // A mistake in another annotation ends no pause.
  const pauses = services.map((one) => ({ ...one, annotations: onlyPause(one) }))
  const policy = policyOf(pauses, defaults)
  return pausedUntil('fault' in policy ? defaults : policy.settings, nowMs)
}

function onlyPause({ annotations: { [PAUSE]: pause } }: Service): Service['annotations'] {
  return pause === undefined ? {} : { [PAUSE]: pause }
}

/** Why no pass serves the group, paused or not. */
function mistakesIn(services: readonly Service[], defaults: Settings): readonly string[] {
  const policy = policyOf(services, defaults)
  return 'fault' in policy ? [`no pass serves it before this is put right: ${describeFault(policy.fault)}`] : []
}

function withPause(
  { annotations: { [PAUSE]: _old, ...others } }: Service,
  value: string | null,
): Service['annotations'] {
  return value === null ? others : { ...others, [PAUSE]: value }
}
