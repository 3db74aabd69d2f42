/** One pass over every group in scope: observe, probe, decide, act, report. */
import pLimit from 'p-limit'
import { startDeadline } from './deadline.js'
import type { Effects } from './effects.js'
import type { Fault } from './errors.js'
import { faultOf } from './kube/fault.js'
import type { Service } from './kube/port.js'
import { dryRun, recording, type Write } from './kube/recording.js'
import { stillClaimed } from './latch.js'
import type { GroupServices } from './observe.js'
import type { Settings } from './policy.js'
import type { GroupReport, Report } from './report/report.js'
import { takeSnapshot } from './snapshot.js'
import { type GroupContext, tend } from './tend.js'

export interface PassOptions {
  readonly namespaces: readonly string[] | 'all'
  /** Only the groups of these Services; empty: all. */
  readonly services: readonly ServiceRef[]
  readonly roleLabel: string
  readonly dryRun: boolean
  readonly deadlineMs: number
  /** Probes in flight. */
  readonly concurrency: number
  /** For Services without annotations. */
  readonly settings: Settings
}

export interface ServiceRef {
  /** Absent: in any namespace of the scope. */
  readonly namespace?: string | undefined
  readonly name: string
}

/** Namespaces that are read at once: a steady pass opens no more connections than this. */
const NAMESPACES_AT_ONCE = 2
/** Few, so that each Service is latched for a moment only however many fail at once. */
const SWAPS_AT_ONCE = 8

/**
 * Makes a pass. Ends by the deadline whatever hangs, or early when `stop` aborts (a swap that has begun is finished).
 * Never throws for what a cluster does: that is in the report.
 */
export async function pass(options: PassOptions, effects: Effects, stop: AbortSignal): Promise<Report> {
  const { clock } = effects
  const startedAtMs = clock.now()
  const requestsBefore = effects.kube.requests
  const deadline = startDeadline(clock, options.deadlineMs, stop)
  const probes = pLimit(options.concurrency)
  const context: GroupContext = {
    ...effects,
    kube: options.dryRun ? dryRun(effects.kube) : effects.kube,
    probe: (...args) => probes(() => effects.probe(...args)),
    roleLabel: options.roleLabel,
    defaults: options.settings,
    dryRun: options.dryRun,
    deadline,
    stop,
    swaps: pLimit(SWAPS_AT_ONCE),
  }
  const namespaces = options.namespaces === 'all' ? [undefined] : [...new Set(options.namespaces)]
  const reads = pLimit(NAMESPACES_AT_ONCE)
  const tended = await Promise.all(namespaces.map((namespace) => tendNamespace(context, options, namespace, reads)))
  deadline.close()
  const groups = tended.flatMap(({ groups }) => groups)
  return {
    groups: [...groups, ...missingServices(options, tended)],
    scope: options.namespaces,
    dryRun: options.dryRun,
    interrupted: stop.aborted,
    durationMs: Math.round(clock.now() - startedAtMs),
    requests: effects.kube.requests - requestsBefore,
  }
}

interface Tended {
  readonly groups: readonly GroupReport[]
  /** Every Service there; `undefined` when they could not be read. */
  readonly services: readonly Service[] | undefined
}

async function tendNamespace(
  context: GroupContext,
  { services: refs, dryRun: isDryRun }: PassOptions,
  namespace: string | undefined,
  reads: <T>(read: () => Promise<T>) => Promise<T>,
): Promise<Tended> {
  const writes: Write[] = []
  const serves = (group: GroupServices) =>
    refs.length === 0 || group.services.some((one) => refs.some((ref) => names(ref, one)))
  const object = namespace === undefined ? 'all namespaces' : `namespace ${namespace}`
  try {
    const recorded = { ...context, kube: recording(context.kube, writes, isDryRun) }
    const { groups, services, stuck, error } = await reads(() =>
      takeSnapshot(recorded, { namespace, serves }, !isDryRun),
    )
    if (error) {
      const leftovers = stuck.length > 0 ? [stillClaimed(stuck, context.roleLabel)] : []
      const report = faultReport(context, namespace, [], [faultOf(error, object), ...leftovers])
      return { groups: [{ ...report, writes }], services: undefined }
    }
    const tended = groups.map((group) => {
      const own = stuck.filter(({ service }) => group.services.some(({ uid }) => uid === service.uid))
      const earlier = writes.filter((write) => group.services.some(({ name }) => write.object === `service/${name}`))
      return tend(context, group, earlier, own.length > 0 ? [stillClaimed(own, context.roleLabel)] : [])
    })
    return { groups: await Promise.all(tended), services }
  } catch (error) {
    return { groups: [faultReport(context, namespace, [], [faultOf(error, object)])], services: undefined }
  }
}

function names(ref: ServiceRef, service: Service): boolean {
  return ref.name === service.name && (ref.namespace === undefined || ref.namespace === service.namespace)
}

/** One report for each `--service` that is nowhere among the managed ones. */
function missingServices(options: PassOptions, tended: readonly Tended[]): readonly GroupReport[] {
  if (tended.some(({ services }) => services === undefined)) return [] // it may well be where we could not look
  const groups = tended.flatMap((one) => one.groups)
  const all = tended.flatMap((one) => one.services ?? [])
  return options.services.flatMap((ref) => {
    const isServed = groups.some(
      (group) =>
        group.services.includes(ref.name) &&
        (ref.namespace === undefined ||
          all.some((service) => names(ref, service) && service.namespace === ref.namespace)),
    )
    return isServed
      ? []
      : [
          notFound(
            options,
            ref,
            all.find((service) => names(ref, service)),
          ),
        ]
  })
}

function notFound(options: PassOptions, ref: ServiceRef, service: Service | undefined): GroupReport {
  const [first, ...others] = options.namespaces === 'all' ? [] : options.namespaces
  const namespace = ref.namespace ?? service?.namespace ?? (others.length === 0 ? first : undefined)
  const scope = options.namespaces === 'all' ? 'all namespaces' : `namespace ${options.namespaces.join(', ')}`
  const fault: Fault = {
    code: 'not-found',
    object: `service ${namespace === undefined ? '' : `${namespace}/`}${ref.name}`,
    message: service
      ? `its selector does not hold ${options.roleLabel}: active, or it is annotated as not managed`
      : `there is no such Service in ${scope}`,
    remedy: service
      ? `Add ${options.roleLabel}: active to spec.selector of the Service to have it managed.`
      : 'Check --service and the namespace (-n, -A).',
  }
  return faultReport({ defaults: options.settings }, namespace, [ref.name], [fault])
}

function faultReport(
  { defaults }: Pick<GroupContext, 'defaults'>,
  namespace: string | undefined,
  services: readonly string[],
  faults: readonly [Fault, ...Fault[]],
): GroupReport {
  return {
    namespace,
    services,
    decision: { kind: 'error', fault: faults[0] },
    settings: defaults,
    members: [],
    activeBefore: [],
    activeAfter: undefined,
    writes: [],
    latch: null,
    warnings: [],
    faults,
  }
}
