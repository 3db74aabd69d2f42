/** Makes one pass over every group in scope: read, probe, decide, act, report. */
import pLimit from 'p-limit'
import { keyOf } from '../group/group-key.js'
import { type Group, type GroupServices, groupName } from '../group/groups.js'
import type { SwitchoverRequest } from '../group/switchover.js'
import { type Deadline, startDeadline } from '../handover/deadline.js'
import { interrupted } from '../kube/fault.js'
import { dryRun } from '../kube/recording.js'
import { verified } from '../kube/verified.js'
import type { GroupReport, Report } from '../report/report.js'
import { faultReport } from '../report/report.js'
import { DEFAULT_MAX_HEALTH_TIMEOUT_MS } from '../settings/settings.js'
import { systemClock } from '../util/clock.js'
import { fence } from '../util/defect.js'
import { Announcements } from './announcements.js'
import type { Backoff } from './backoff.js'
import type { Effects, GroupContext } from './context.js'
import { fairShares } from './fair-share.js'
import { withDefect } from './fence.js'
import { type GroupsToServe, type Host, type NamespaceResult, type Reconcile, reconcileNamespace } from './namespace.js'
import { emptyScope, missingServices, missingTarget } from './not-found.js'
import { DEFAULT_PANIC, Overview } from './overview.js'
import type { Scope, Target } from './scope.js'
import type { SingleFlight } from './single-flight.js'

export interface PassOptions extends Scope {
  /** The user has named the namespaces, and so expects managed Services there; the default is false. */
  readonly isNamed?: boolean
  /** Serve only the groups that these targets name; absent: all groups. */
  readonly targets?: readonly Target[]
  /** A planned move of the role of the one group in scope; or, in a dry run, of the role of each group somewhere. */
  readonly switchover?: SwitchoverRequest | 'rehearsal'
  /** See `SwapContext`; the default is false. */
  readonly quickCheck?: boolean
  readonly dryRun: boolean
  /** A dry run whose writes the API server tries, without keeping them; the default is false. */
  readonly serverDryRun?: boolean
  /** The time for each group. */
  readonly deadlineMs: number
  /** The longest time that one probe may take, whatever a Service or a pod asks for. Milliseconds; default: 30 s. */
  readonly maxHealthTimeoutMs?: number
  /** The share of the active pods, Ready by their kubelets, that our check may fail; 0: any; the default is half. */
  readonly panic?: number
  /** Probes that are under way at once; one that hangs is not counted for long. */
  readonly concurrency: number
  /** Called whenever a group was found or served, by a pass that shares nothing. */
  readonly onProgress?: ((progress: PassProgress) => void) | undefined
  /** The state that the passes of one process share. Absent: the process makes one pass. */
  readonly shared?: Shared
}

/** The groups that a pass has found and served so far. It may find more as long as it reads. */
export interface PassProgress {
  readonly found: number
  readonly served: number
}

export interface Shared {
  /** These decide which group is next with a probe, a swap or a request. */
  readonly turns: Pick<GroupContext, 'probes' | 'swaps' | 'requests'>
  readonly singleFlight: SingleFlight
  /** How all groups look to the process. Absent: each pass knows only what it sees itself. */
  readonly overview?: Overview
  /** With `left` below, groups that cannot be written for the moment are left alone too. Absent: none. */
  readonly backoff?: Backoff
  /** A group that another pass is serving is left to that pass, or served once more after it. */
  readonly busy: 'left' | 'awaited'
  /** Called once everything is read: another pass may begin, however long the groups of this one take. */
  readonly onRead: () => void
  /** Called with the report on each group as soon as it was served, by the pass that served it. */
  readonly onGroup: (report: Report) => void
}

/** The number of namespaces that are read at once: a steady pass opens no more connections than this. */
const NAMESPACES_AT_ONCE = 2

/**
 * Makes a pass. It ends by the deadline even if something hangs, or early when `stop` aborts (a swap that has begun is
 * finished). Errors of the cluster are not thrown: they are in the report.
 */
export async function pass(options: PassOptions, effects: Effects, stop: AbortSignal): Promise<Report> {
  const { clock } = effects
  const { shared } = options
  const startedAtMs = clock.now()
  const requestsSoFar = () => effects.kube.requests + (effects.dryRunKube?.requests ?? 0)
  const requestsBefore = requestsSoFar()
  const begin = () => startDeadline(clock, options.deadlineMs, stop)
  const reportOn = (groups: readonly GroupReport[], rest: Partial<Report> = {}): Report => ({
    ...{ groups, warnings: [], complete: [], busy: [] },
    scope: options.namespaces,
    dryRun: options.dryRun,
    interrupted: stop.aborted,
    durationMs: Math.round(clock.now() - startedAtMs),
    requests: requestsSoFar() - requestsBefore,
    ...rest,
  })
  const reading = { left: 0 }
  const overview = shared?.overview ?? new Overview(clock)
  const context: GroupContext = {
    ...effects,
    kube: options.dryRun
      ? verified(dryRun(effects.kube, effects.dryRunKube), options.roleLabel)
      : verified(effects.kube, options.roleLabel),
    ...(shared?.turns ?? fairShares(systemClock, options.concurrency)),
    roleLabel: options.roleLabel,
    optIn: options.optIn ?? false,
    defaults: options.settings,
    maxHealthTimeoutMs: options.maxHealthTimeoutMs ?? DEFAULT_MAX_HEALTH_TIMEOUT_MS,
    panic: options.panic ?? DEFAULT_PANIC,
    ...{ overview, unread: () => reading.left },
    switchover: options.switchover,
    dryRun: options.dryRun,
    deadline: begin(),
    stop,
    quickCheck: options.quickCheck ?? false,
  }
  // Several passes share a process that goes on: each waits for as long as it takes. A single one ends by its deadline.
  const over = shared ? undefined : context.deadline.releasing
  const told = new Announcements(options.dryRun ? undefined : effects.announce, clock, over)
  const served: Served = (group, report) =>
    fence(
      () => {
        shared?.onGroup(reportOn([report]))
        told.begin(group, report)
        return report
      },
      (error) => withDefect(report, group, error),
    )
  const host = shared ? hostOf(context, begin, shared, served) : ownHost(context, served, options.onProgress)
  const { reports, ...read } = await readScope(context, options, host, reading)
  shared?.onRead()
  const groups = (await Promise.all(reports)).flat()
  const warnings = [...read.warnings, ...(await told.ended())]
  context.deadline.close()
  return reportOn(groups, { ...read, warnings })
}

/** Called with the report on each group as soon as all work on it is done. @returns the report, with what came of that */
type Served = (group: Group, report: GroupReport) => GroupReport

/** A single pass serves its groups at once. */
function ownHost(context: GroupContext, served: Served, onProgress: PassOptions['onProgress']): Host {
  let [found, done] = [0, 0]
  return {
    isBusy: () => false,
    serve: async (group, reconcile) => {
      onProgress?.({ found: ++found, served: done })
      const report = await reconcile(context, false)
      onProgress?.({ found, served: ++done })
      return served(group, report)
    },
  }
}

/** Passes that share their groups serve each group one after the other. */
function hostOf(
  context: GroupContext,
  begin: () => Deadline,
  { singleFlight, busy, backoff }: Shared,
  served: Served,
): Host {
  const { clock } = context
  const told = async (group: Group, reconcile: Reconcile, own: GroupContext, mustRead: boolean) => {
    const report = await reconcile(own, mustRead)
    if (!context.stop.aborted) backoff?.ended(keyOf(group), group, report, clock.now())
    return served(group, report)
  }
  return {
    isBusy: (group) =>
      busy === 'left' &&
      (singleFlight.isServed(keyOf(group)) || backoff?.isLeft(keyOf(group), group, clock.now()) === true),
    serve: async (group, reconcile) => {
      const serve: Parameters<SingleFlight['serve']>[1] = async (turn, hurry) => {
        if (turn === 'now') return told(group, reconcile, { ...context, hurry }, false)
        const deadline = begin() // its own: the other pass may have taken all of this one's
        return told(group, reconcile, { ...context, hurry, deadline }, true).finally(() => deadline.close())
      }
      // A wish is answered by its own pass, and answers nobody else: it may be refused where a failover is due.
      const report = await singleFlight.serve(keyOf(group), serve, context.switchover ? 'alone' : 'shared')
      const { namespace, services } = group
      const names = services.map(({ name }) => name)
      return report ?? faultReport(context, namespace, names, [interrupted(`group ${groupName(group)}`)])
    },
  }
}

interface Read extends Pick<Report, 'complete' | 'warnings' | 'busy'> {
  readonly reports: readonly (Promise<readonly GroupReport[]> | readonly GroupReport[])[]
}

/** Reads the namespaces that the targets name, and all others too if a target that names no group asks for it. */
async function readScope(
  context: GroupContext,
  options: PassOptions,
  host: Host,
  reading: { left: number },
): Promise<Read> {
  const { targets } = options
  const reads = pLimit(NAMESPACES_AT_ONCE)
  const scope = options.namespaces === 'all' ? [undefined] : [...new Set(options.namespaces)]
  const reconcileAll = (namespaces: readonly (string | undefined)[], wanted: GroupsToServe) => {
    reading.left += namespaces.length
    const read = () => {
      reading.left--
      context.overview.tell()
    }
    return Promise.all(
      namespaces.map((namespace) =>
        reconcileNamespace({ ...context, host }, options, namespace, wanted, reads).finally(read),
      ),
    )
  }
  const reports = (results: readonly NamespaceResult[]) => results.map((one) => one.reports)
  const restOf = (results: readonly NamespaceResult[]) => ({
    complete: results.flatMap(({ namespace, isComplete }) => (isComplete ? [namespace] : [])),
    busy: results.flatMap(({ busy }) => busy.map(namesOf)),
  })
  if (targets === undefined) {
    const all = await reconcileAll(scope, {})
    const empty = emptyScope(options, all)
    return {
      ...restOf(all),
      reports: [...reports(all), missingServices(options, all), empty.groups],
      warnings: [...all.flatMap(({ warnings }) => warnings), ...empty.warnings],
    }
  }

  const named = targets.flatMap(({ namespace }) => namespace ?? [])
  const isInScope = (namespace: string) => options.namespaces === 'all' || options.namespaces.includes(namespace)
  const isNarrow = named.length === targets.length
  const narrow = isNarrow ? [...new Set(named)].filter(isInScope) : scope
  const results = await reconcileAll(narrow, { targets })
  const isMatched = (target: Target) => results.some(({ matched }) => matched.has(target))
  const isUnread = ({ namespace }: Target) =>
    results.some((one) => one.services === undefined && (namespace === undefined || one.namespace === namespace))
  const unmatched = targets.filter((target) => !isMatched(target) && !isUnread(target))
  const services = results.flatMap((one) => one.services ?? [])
  const missing = unmatched
    .filter(({ otherwise }) => otherwise === 'not-found')
    .flatMap((target) => missingTarget(options, target, services))
  if (!unmatched.some(({ otherwise }) => otherwise === 'all')) {
    return { ...restOf(results), reports: [...reports(results), missing], warnings: [] }
  }
  const done = new Set(results.flatMap(({ keys }) => keys))
  const { complete } = restOf(results)
  const rest = await reconcileAll(
    scope.filter((namespace) => !complete.includes(namespace)),
    { done },
  )
  return { ...restOf([...results, ...rest]), reports: [...reports(results), missing, ...reports(rest)], warnings: [] }
}

function namesOf({ namespace, services }: GroupServices): Report['busy'][number] {
  return { namespace, services: services.map(({ name }) => name) }
}
