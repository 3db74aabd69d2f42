/** What stands behind the routes, the loop and the watches: passes, one after the other, and what is told of them. */
import { setMaxListeners } from 'node:events'
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { systemClock } from '../clock.js'
import type { Effects } from '../effects.js'
import { probe } from '../health/probe.js'
import { defaultNamespace } from '../kube/auth/config.js'
import { connect } from '../kube/client.js'
import { connectWatches } from '../kube/watch.js'
import type { RunOptions } from '../options.js'
import { pass } from '../pass.js'
import { exitCode } from '../report/exit-code.js'
import type { Report } from '../report/report.js'
import type { Order } from '../targets.js'
import { counted } from './census.js'
import { Coalescer, ShuttingDown } from './coalesce.js'
import { createFetch, type Fetch } from './fetch.js'
import { describeDefect, type Log } from './log.js'
import { loop } from './loop.js'
import { createMetrics, type Metrics, type Trigger } from './metrics.js'
import { newsIn } from './news.js'
import { rarely } from './rarely.js'
import { Reach } from './reach.js'
import type { Standing } from './readiness.js'
import { NOT_WELL_MS, OTHER_GROUPS_MS, Rounds } from './rounds.js'
import type { Guard } from './token.js'
import { keepAccount } from './watch/account.js'
import { watch } from './watch/watch.js'

/** Groups that the watches have found in need are tended side by side: one whose pods hang holds up no other. */
const WATCH_PASSES_AT_ONCE = 4

const SHUTTING_DOWN: Standing = { ready: false, alive: true, why: 'shutting down' }

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

  const makePass = async (kube: Effects['kube'], order: Order, dryRun = options.dryRun): Promise<Report> => {
    // A signal of its own: what a pass hangs on it ends with the pass.
    const stop = new AbortController()
    const end = () => stop.abort()
    if (stopped.signal.aborted) end()
    stopped.signal.addEventListener('abort', end)
    const scope = {
      ...options,
      namespaces,
      isNamed,
      dryRun,
      quickCheck: true,
      ...(order === 'all' ? {} : { targets: order }),
    }
    try {
      return await pass(scope, { kube, clock, random, probe: timed }, stop.signal)
    } finally {
      stopped.signal.removeEventListener('abort', end)
    }
  }

  const rounds = new Rounds(clock)
  const news = newsIn(options.output)
  const tell = (trigger: Trigger, order: Order, report: Report): Report => {
    const isWhole = order === 'all' && !report.interrupted
    metrics.passed(trigger, report)
    reach.passed(report, isWhole)
    if (exitCode(report) !== 0) rounds.within(NOT_WELL_MS)
    const text = news(report, isWhole)
    if (text !== undefined) log.print(text)
    return report
  }

  const triggered = new Coalescer<Trigger>(async (order, trigger) => tell(trigger, order, await makePass(main, order)))
  const seen = new Coalescer<Trigger>(
    async (order, trigger) => tell(trigger, order, await makePass(side, order)),
    WATCH_PASSES_AT_ONCE,
  )
  const looked = new Coalescer(() => makePass(side, 'all', true))

  const metrics = createMetrics({
    requests: () => main.requests + side.requests + watches.requests,
    coalesced: () => triggered.coalesced + seen.coalesced,
  })
  const timed = metrics.timed(effects.probe ?? probe)

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
      standing: () => (stopped.signal.aborted ? SHUTTING_DOWN : reach.standing()),
      isServed: (namespace) => namespaces === 'all' || namespaces.includes(namespace),
      answered: (route, status) => metrics.answers.inc({ route, code: status }),
      failed: defect,
      warn: rarely(log.warn, clock.now),
    }),
    reach,
    loop: (intervalMs) =>
      loop(
        clock,
        intervalMs,
        () => {
          // It waits for the pass under way, makes its own, and sleeps.
          reach.begins(Math.max(intervalMs, 2 * options.deadlineMs))
          return request(triggered, 'interval', 'all').then(
            (report) => exitCode(report) !== 3,
            (error: unknown) => {
              if (error instanceof ShuttingDown) return true
              throw error
            },
          )
        },
        stopped.signal,
      ),
    watch: async () => {
      const watching = watch(
        {
          ...{ clock, random, namespaces, roleLabel: options.roleLabel, only: options.services },
          services: (namespace) =>
            counted(watches.services(namespace), options.roleLabel, () => rounds.within(OTHER_GROUPS_MS)),
          pods: (namespace) => watches.pods(namespace),
          pass: ({ namespace, services: [service] }) =>
            ofWatch([{ namespace, service: service?.name, otherwise: 'nothing' }]),
          ...keepAccount(metrics, (message) => log.warn(message), reach),
        },
        stopped.signal,
      )
      await Promise.all([watching, rounds.make(() => ofWatch('all'), stopped.signal)])
    },
    close: async () => {
      stopped.abort()
      await Promise.all([triggered.close(), seen.close(), looked.close()])
    },
  }
}
