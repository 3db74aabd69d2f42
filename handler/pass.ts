/** One pass over every group in scope: observe, probe, decide, act, report. */
import pLimit from 'p-limit'
import { systemClock } from './clock.js'
import { startDeadline } from './deadline.js'
import type { Effects } from './effects.js'
import { dryRun } from './kube/recording.js'
import { verified } from './kube/verified.js'
import { emptyScope, missingServices, missingTarget } from './missing.js'
import { type Reads, type Tended, tendNamespace, type Wanted } from './namespace.js'
import type { Report } from './report/report.js'
import type { Scope, Target } from './targets.js'
import type { GroupContext } from './tend.js'
import { BOUNDS, Turns } from './turns.js'

export interface PassOptions extends Scope {
  /** The user has named the namespaces, and so expects managed Services there; false unless given. */
  readonly isNamed?: boolean
  /** Of its groups, only the groups that these name; absent: all. */
  readonly targets?: readonly Target[]
  /** See `SwapContext`; false unless given. */
  readonly quickCheck?: boolean
  readonly dryRun: boolean
  readonly deadlineMs: number
  /** Probes that are under way at once; one that hangs is not counted for long. */
  readonly concurrency: number
  /** Whose probe is next, where several passes share them; absent: this pass has its own. */
  readonly turns?: Turns
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
  const turns = options.turns ?? new Turns(systemClock, { ...BOUNDS, atOnce: options.concurrency })
  const context: GroupContext = {
    ...effects,
    kube: options.dryRun ? dryRun(effects.kube) : verified(effects.kube, options.roleLabel),
    turns,
    roleLabel: options.roleLabel,
    defaults: options.settings,
    dryRun: options.dryRun,
    deadline,
    stop,
    swaps: pLimit(SWAPS_AT_ONCE),
    quickCheck: options.quickCheck ?? false,
  }
  const reads = pLimit(NAMESPACES_AT_ONCE)
  const tended = await tendScope(context, options, reads)
  deadline.close()
  return {
    ...tended,
    scope: options.namespaces,
    dryRun: options.dryRun,
    interrupted: stop.aborted,
    durationMs: Math.round(clock.now() - startedAtMs),
    requests: effects.kube.requests - requestsBefore,
  }
}

/** The namespaces that the targets name, and all the others as well where a target that names no group asks for it. */
async function tendScope(
  context: GroupContext,
  options: PassOptions,
  reads: Reads,
): Promise<Pick<Report, 'groups' | 'complete' | 'warnings'>> {
  const { targets } = options
  const scope = options.namespaces === 'all' ? [undefined] : [...new Set(options.namespaces)]
  const tend = (namespaces: readonly (string | undefined)[], wanted: Wanted) =>
    Promise.all(namespaces.map((namespace) => tendNamespace(context, options, namespace, wanted, reads)))
  const reports = (tended: readonly Tended[]) => tended.flatMap(({ groups }) => groups)
  if (targets === undefined) {
    const all = await tend(scope, {})
    const empty = emptyScope(options, all)
    return {
      groups: [...reports(all), ...missingServices(options, all), ...empty.groups],
      complete: completeOf(all),
      warnings: [...all.flatMap(({ warnings }) => warnings), ...empty.warnings],
    }
  }

  const named = targets.flatMap(({ namespace }) => namespace ?? [])
  const isInScope = (namespace: string) => options.namespaces === 'all' || options.namespaces.includes(namespace)
  const isNarrow = named.length === targets.length
  const narrow = isNarrow ? [...new Set(named)].filter(isInScope) : scope
  const tended = await tend(narrow, { targets })
  const isMatched = (target: Target) => tended.some(({ matched }) => matched.has(target))
  const isUnread = ({ namespace }: Target) =>
    tended.some((one) => one.services === undefined && (namespace === undefined || one.namespace === namespace))
  const unmatched = targets.filter((target) => !isMatched(target) && !isUnread(target))
  const services = tended.flatMap((one) => one.services ?? [])
  const missing = unmatched
    .filter(({ otherwise }) => otherwise === 'not-found')
    .flatMap((target) => missingTarget(options, target, services))
  const [groups, complete] = [[...reports(tended), ...missing], completeOf(tended)]
  if (!unmatched.some(({ otherwise }) => otherwise === 'all')) return { groups, complete, warnings: [] }
  const done = new Set(tended.flatMap(({ keys }) => keys))
  const rest = await tend(
    scope.filter((namespace) => !complete.includes(namespace)),
    { done },
  )
  return { groups: [...groups, ...reports(rest)], complete: [...complete, ...completeOf(rest)], warnings: [] }
}

function completeOf(tended: readonly Tended[]): readonly (string | undefined)[] {
  return tended.flatMap(({ namespace, isComplete }) => (isComplete ? [namespace] : []))
}
