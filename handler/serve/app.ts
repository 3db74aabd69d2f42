/** Puts serve together: the passes, their triggers and their observer, the watches, and the routes. */
import { setMaxListeners } from 'node:events'
import type { CommandOptions, Connection } from '../cli/options.js'
import { probeFor } from '../health/exec.js'
import { defaultNamespace } from '../kube/auth/config.js'
import type { KubeConfig } from '../kube/auth/kubeconfig.js'
import { connect } from '../kube/client.js'
import type { Commands } from '../kube/commands.js'
import { connectCommands } from '../kube/exec.js'
import { requestLimits } from '../kube/transport.js'
import { connectWatches, type Watches } from '../kube/watch.js'
import { announcer } from '../notice/announcer.js'
import { type Notify, Posts } from '../notice/posts.js'
import { Said } from '../notice/said.js'
import type { Effects } from '../pass/context.js'
import type { Selection } from '../pass/scope.js'
import { systemClock, type Timing } from '../util/clock.js'
import { ByHand } from './by-hand.js'
import { Heartbeats } from './heartbeats.js'
import type { Backend, ProcessHealth } from './http/backend.js'
import type { Guard } from './http/bearer-token.js'
import { createFetch, type Fetch } from './http/routes.js'
import { runInterval } from './interval.js'
import { PassObserver } from './pass-observer.js'
import { Passes, type PassSettings } from './passes.js'
import { Reachability } from './reachability.js'
import { type Log, logDefect } from './telemetry/log.js'
import { createMetrics, type Metrics } from './telemetry/metrics.js'
import { onePerMinute } from './telemetry/one-per-minute.js'
import { trackWatches } from './telemetry/watches.js'
import { Triggers } from './triggers.js'
import { groupChanges } from './watch/group-changes.js'
import { GROUPS_CHANGED_MS, Resync } from './watch/resync.js'
import { type WatchOptions, watch } from './watch/watch.js'

const SHUTTING_DOWN: ProcessHealth = { ready: false, alive: true, why: 'shutting down' }

export type AppOptions = Omit<CommandOptions, keyof Connection | 'notify'> & Pick<CommandOptions, 'requestTimeoutMs'>

export interface App {
  readonly fetch: Fetch
  readonly metrics: Metrics
  /** Whether the API server serves this process. It writes to the log when that changes. */
  readonly reachability: Pick<Reachability, 'tryToReach' | 'untilReached' | 'keepTrying'>
  /** Makes a pass every `intervalMs`, until the end. */
  loop(intervalMs: number): Promise<void>
  /** Makes passes for groups that changes have brought into need, and resyncs, until the end. */
  watch(): Promise<void>
  /** Begins no more passes; resolves when none is under way. */
  close(): Promise<void>
}

/** What a process brings along. The other effects are for tests. */
interface AppEffects extends Partial<Omit<Effects, 'kube' | 'announce'>> {
  /** Absent: nobody wants notifications. */
  readonly notify?: Notify | undefined
  /** The process goes on between requests: it may tell people of handovers when their pass has ended. The default is false. */
  readonly livesOn?: boolean
}

/** Sends nothing before it is asked to. */
export function createApp(
  options: AppOptions,
  config: KubeConfig,
  guard: Guard,
  log: Log,
  effects: AppEffects = {},
): App {
  const timing: Timing = { clock: effects.clock ?? systemClock, random: effects.random ?? Math.random }
  const { clock } = timing
  const namespaces = options.namespaces ?? [defaultNamespace(config)]
  const settings = { ...options, namespaces, isNamed: options.namespaces !== undefined }
  const ended = new AbortController()
  const { signal } = ended
  setMaxListeners(0, signal) // each pass listens, and each group that waits for one
  const limits = requestLimits(options.requestTimeoutMs)
  const [main, side, watches] = [connect(config, limits), connect(config, limits), connectWatches(config, limits)]
  const { probe, requests } = openProbe(options, config, limits)
  const defect = (error: unknown): void => logDefect(log, error)

  const metrics = createMetrics({
    requests: () => main.requests + side.requests + watches.requests + requests(),
    coalesced: () => triggers.coalesced,
  })
  // A test's clock does not jump.
  const heartbeats = new Heartbeats(effects.clock ? clock.now : () => performance.now())
  const reachability = new Reachability({ kube: side, namespaces, clock, log, signal, heartbeats })
  const resync = new Resync(clock)
  const posts = postsOf(effects, log, clock)
  const announce = announcer({ createEvent: main.createEvent, clock, posts, said: new Said() })
  const passes = new Passes(settings, { ...timing, probe: metrics.timed(effects.probe ?? probe), announce }, signal)
  const observer = new PassObserver({ metrics, reachability, resync, log, clock })
  const triggers = new Triggers({ main, side, passes, observer, metrics, defect })
  const resumed = (selection: Selection) => void triggers.change(selection)
  const byHand = new ByHand({ ...timing, kube: side, passes, observer, metrics, settings, log, resumed, signal })

  return {
    metrics,
    reachability,
    fetch: createFetch({
      guard,
      request: (trigger, selection) => triggers.request(trigger, selection),
      status: () => triggers.status(),
      ...routesOf(byHand),
      metrics: async () => ({ contentType: metrics.registry.contentType, text: await metrics.registry.metrics() }),
      health: () => (signal.aborted ? SHUTTING_DOWN : reachability.health()),
      isServed: (namespace) => namespaces === 'all' || namespaces.includes(namespace),
      answered: (route, status) => metrics.answers.inc({ route, code: status }),
      failed: defect,
      warn: onePerMinute(log.warn, clock.now),
    }),
    loop: (intervalMs) => {
      passes.loopBegins(intervalMs)
      // A tick ends when its pass has read, within the deadline. The loop then sleeps for the rest of the interval.
      const tick = () => {
        heartbeats.beat('the loop', Math.max(intervalMs, options.deadlineMs))
        return triggers.tick()
      }
      return runInterval(clock, intervalMs, tick, signal)
    },
    watch: async () => {
      const status = trackWatches(metrics, log.warn, reachability, heartbeats)
      const watched = { ...timing, ...status, ...watchedBy(settings, watches, triggers, resync) }
      await Promise.all([watch(watched, signal), resync.run(() => triggers.change('all'), signal)])
    },
    close: async () => {
      ended.abort()
      await Promise.all([passes.close(), triggers.close()]).then(() => posts?.close())
    },
  }
}

/** The probe, and how many requests it has sent to the API server. */
function openProbe({ settings }: AppOptions, config: KubeConfig, limits: ReturnType<typeof requestLimits>) {
  let commands: Commands | undefined
  const probe = probeFor(settings, () => {
    commands = connectCommands(config, limits)
    return commands
  })
  return { probe, requests: () => commands?.requests ?? 0 }
}

function routesOf(byHand: ByHand): Pick<Backend, 'switchover' | 'pause'> {
  return {
    switchover: (service, request) => byHand.switchover(service, request),
    pause: (request) => byHand.pause(request),
  }
}

function postsOf({ notify, livesOn }: AppEffects, { warn }: Log, clock: Timing['clock']): Posts | undefined {
  return notify && new Posts(notify, livesOn ? { warn, clock } : undefined)
}

/** The Services and pods that are watched, the pass for a group in need, and a resync when the groups change. */
function watchedBy(
  { namespaces, roleLabel, services, selector, optIn = false, settings: defaults }: PassSettings,
  watches: Watches,
  triggers: Triggers,
  resync: Resync,
): Omit<WatchOptions, keyof Timing | 'connected' | 'steady' | 'begins'> {
  const changed = () => resync.requestWithin(GROUPS_CHANGED_MS)
  return {
    ...{ namespaces, roleLabel, optIn, defaults },
    only: { services, ...(selector && { selector }) },
    services: (namespace) => groupChanges(watches.services(namespace), roleLabel, changed, optIn),
    pods: (namespace) => watches.pods(namespace),
    pass: ({ namespace, services: [service] }) =>
      triggers.change([{ namespace, service: service?.name, otherwise: 'nothing' }]),
  }
}
