/** What stands behind the routes, the loop and the watches: passes that share their groups, and what is told of them. */
import { setMaxListeners } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import type { RunOptions } from '../cli/options.js'
import { probe } from '../health/probe.js'
import { defaultNamespace } from '../kube/auth/config.js'
import { connect } from '../kube/client.js'
import { connectWatches } from '../kube/watch.js'
import { Backoff } from '../pass/backoff.js'
import type { Effects } from '../pass/context.js'
import { fairShares } from '../pass/fair-share.js'
import { Overview } from '../pass/overview.js'
import { pass, type Shared } from '../pass/pass.js'
import type { Order } from '../pass/scope.js'
import { SingleFlight } from '../pass/single-flight.js'
import { exitCode, isUnserved } from '../report/exit-code.js'
import type { GroupReport, Report } from '../report/report.js'
import { systemClock } from '../util/clock.js'
import { Coalescer, type Run } from './coalesce.js'
import { type ProcessHealth, ShuttingDown } from './http/backend.js'
import type { Guard } from './http/bearer-token.js'
import { createFetch, type Fetch } from './http/routes.js'
import { loop } from './interval.js'
import { Progress } from './progress.js'
import { Reach } from './reachability.js'
import { changesIn } from './telemetry/changes.js'
import { describeDefect, type Log } from './telemetry/log.js'
import { createMetrics, type Metrics, type Trigger } from './telemetry/metrics.js'
import { rarely } from './telemetry/rarely.js'
import { trackWatches } from './telemetry/watches.js'
import { groupChanges } from './watch/group-changes.js'
import { NOT_WELL_MS, OTHER_GROUPS_MS, Resync } from './watch/resync.js'
import { watch } from './watch/watch.js'

/** Groups that the watches have found in need are read side by side. */
const WATCH_PASSES_AT_ONCE = 4

const SHUTTING_DOWN: ProcessHealth = { ready: false, alive: true, why: 'shutting down' }

export type AppOptions = Omit<RunOptions, 'kubeconfig' | 'context'>

export interface App {
  readonly fetch: Fetch
  readonly metrics: Metrics
  /** Whether the API server serves what it is asked for, and who says so in the log. */
  readonly reach: Pick<Reach, 'tryReach' | 'untilReached' | 'attend'>
  /** A pass every so often, until the end. */
  loop(intervalMs: number): Promise<void>
  /** Passes for groups that changes have brought into need, and rounds, until the end. */
  watch(): Promise<void>
  /** Begins no more passes, and resolves when those under way have finished what they must. */
  close(): Promise<void>
}

/** Sends nothing before it is asked to. @param effects for tests: everything but the cluster */
export function createApp(
  options: AppOptions,
  config: KubeConfig,
  guard: Guard,
  log: Log,
  effects: Partial<Pick<Effects, 'clock' | 'random' | 'probe'>> = {},
): App {
  const { clock = systemClock, random = Math.random } = effects
  const namespaces = options.namespaces ?? [defaultNamespace(config)]
  const isNamed = options.namespaces !== undefined
  const stopped = new AbortController()
  setMaxListeners(0, stopped.signal) // a group in need is one
  const [main, side] = [connect(config), connect(config)]
  const watches = connectWatches(config)
  const reach = new Reach({ kube: side, namespaces, clock, log, signal: stopped.signal })

  const turns = fairShares(clock, options.concurrency)
  const singleFlight = new SingleFlight()
  const overview = new Overview(clock)
  const backoff = new Backoff()
  /** @param told of each group, as soon as it was served */
  const makePass = (
    kube: Effects['kube'],
    order: Order,
    how: Partial<Pick<Shared, 'singleFlight' | 'busy' | 'onGroup'>> = {},
  ): Run => {
    // A signal of its own: what a pass hangs on it ends with the pass.
    const stop = new AbortController()
    const end = () => stop.abort()
    if (stopped.signal.aborted) end()
    stopped.signal.addEventListener('abort', end)
    let onRead = () => {}
    const read = new Promise<void>((resolve) => {
      onRead = resolve
    })
    const progress = new Progress()
    const shared: Shared = {
      turns,
      overview,
      singleFlight: how.singleFlight ?? new SingleFlight(),
      ...(how.singleFlight ? { backoff } : {}),
      busy: how.busy ?? 'awaited',
      onRead,
      onGroup: (group) => {
        how.onGroup?.(group)
        progress.add(group)
      },
    }
    const scope = {
      ...options,
      namespaces,
      isNamed,
      dryRun: how.singleFlight ? options.dryRun : true,
      quickCheck: true,
      shared,
      ...(order === 'all' ? {} : { targets: order }),
    }
    const report = pass(scope, { kube, clock, random, probe: timed }, stop.signal).finally(() =>
      stopped.signal.removeEventListener('abort', end),
    )
    return { read, report, part: (targets) => progress.part(targets) }
  }

  const rounds = new Resync(clock)
  const news = changesIn(options.output)
  const say = (text: string | undefined): void => {
    if (text !== undefined) log.print(text)
  }
  const told = new WeakSet<GroupReport>()
  /** A group is told of when it was served, however long the others of the pass take. */
  const onGroup = (report: Report): void => {
    for (const group of report.groups) told.add(group)
    metrics.served(report)
    say(news(report, false))
  }
  const tell = (trigger: Trigger, order: Order, report: Report): Report => {
    const isWhole = order === 'all' && !report.interrupted
    const isTold = (group: GroupReport) => told.has(group)
    metrics.served({ ...report, groups: report.groups.filter((group) => !isTold(group)) })
    metrics.passed(trigger, report)
    reach.passed(report, isWhole)
    if (exitCode(report) !== 0) rounds.within(NOT_WELL_MS)
    say(news(report, isWhole, isTold))
    return report
  }
  const servedBy =
    (kube: Effects['kube']) =>
    (order: Order, trigger: Trigger): Run => {
      // Nobody waits for what the clock has asked for: the next tick comes soon.
      const busy = trigger === 'interval' ? 'left' : 'awaited'
      const { report, ...rest } = makePass(kube, order, { singleFlight, busy, onGroup })
      return { ...rest, report: report.then((made) => tell(trigger, order, made)) }
    }

  const triggered = new Coalescer<Trigger>(servedBy(main))
  const seen = new Coalescer<Trigger>(servedBy(side), WATCH_PASSES_AT_ONCE)
  const looked = new Coalescer(() => makePass(side, 'all'))

  const metrics = createMetrics({
    requests: () => main.requests + side.requests + watches.requests,
    coalesced: () => triggered.coalesced + seen.coalesced,
  })
  const timed = metrics.timed(effects.probe ?? probe)

  const ticks = new Set<Promise<Report>>()
  let isServed = true
  /** Resolves once it has read what there is: a group that takes long holds up no other. */
  const tick = async (): Promise<boolean> => {
    metrics.triggers.inc({ trigger: 'interval' })
    const { read, report } = servedBy(main)('all', 'interval')
    ticks.add(report)
    const ended = report.then((made) => {
      isServed = !made.groups.some(isUnread)
    })
    void ended.catch(() => {}).then(() => ticks.delete(report))
    await Promise.race([read, ended])
    await nextTurn() // what could not be read has ended by then
    return isServed
  }

  const request = (passes: Coalescer<Trigger>, trigger: Trigger, order: Order): Promise<Report> => {
    metrics.triggers.inc({ trigger })
    return passes.request(order, trigger)
  }

  const defect = (error: unknown): void => log.warn(describeDefect(error))

  const ofWatch = async (order: Order): Promise<void> => {
    await request(seen, 'watch', order).catch((error: unknown) => {
      if (!(error instanceof ShuttingDown)) defect(error)
    })
  }

  return {
    metrics,
    fetch: createFetch({
      guard,
      order: (trigger, order) => request(triggered, trigger, order),
      status: () => looked.request('all', undefined),
      metrics: async () => ({ contentType: metrics.registry.contentType, text: await metrics.registry.metrics() }),
      health: () => (stopped.signal.aborted ? SHUTTING_DOWN : reach.health()),
      isServed: (namespace) => namespaces === 'all' || namespaces.includes(namespace),
      answered: (route, status) => metrics.answers.inc({ route, code: status }),
      failed: defect,
      warn: rarely(log.warn, clock.now),
    }),
    reach,
    loop: (intervalMs) => {
      backoff.startAt(intervalMs)
      return loop(
        clock,
        intervalMs,
        () => {
          // It reads, and sleeps.
          reach.begins(Math.max(intervalMs, options.deadlineMs))
          return tick()
        },
        stopped.signal,
      )
    },
    watch: async () => {
      const watching = watch(
        {
          ...{ clock, random, namespaces, roleLabel: options.roleLabel, only: options.services },
          optIn: options.optIn ?? false,
          defaults: options.settings,
          services: (namespace) =>
            groupChanges(
              watches.services(namespace),
              options.roleLabel,
              () => rounds.within(OTHER_GROUPS_MS),
              options.optIn,
            ),
          pods: (namespace) => watches.pods(namespace),
          pass: ({ namespace, services: [service] }) =>
            ofWatch([{ namespace, service: service?.name, otherwise: 'nothing' }]),
          ...trackWatches(metrics, (message) => log.warn(message), reach),
        },
        stopped.signal,
      )
      await Promise.all([watching, rounds.make(() => ofWatch('all'), stopped.signal)])
    },
    close: async () => {
      stopped.abort()
      await Promise.all([
        singleFlight.close(),
        triggered.close(),
        seen.close(),
        looked.close(),
        Promise.allSettled(ticks),
      ])
    },
  }
}

/** What stands for a namespace that the API server did not serve; a group alone that it refuses holds up no other. */
function isUnread({ services, faults }: GroupReport): boolean {
  return services.length === 0 && faults.some(isUnserved)
}
