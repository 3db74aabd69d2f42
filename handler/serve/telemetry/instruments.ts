/**
 * The metrics that serve exports: their names, help texts, labels and buckets, in the order in which they are shown.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, type Registry } from 'prom-client'
import { REPAIRS } from '../../report/report.js'
import { version } from '../../util/version.js'

const PREFIX = 'active_passive_'
const GROUP = ['namespace', 'service'] as const
const PASS_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40]
const PROBE_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5]

/** Counts that are kept elsewhere, and read when somebody reads the metrics. */
export interface Sources {
  /** API requests so far. */
  requests(): number
  /** Triggers so far that were joined to a pass that was waiting already. */
  coalesced(): number
}

/** Sets what is shown of single groups. Both are called whenever somebody reads the metrics. */
interface OfGroups {
  /** Sets the gauges; it may be called several times for one reading. */
  refresh(): void
  /** Sets the counter of handovers; it is called once for each reading. */
  refreshHandovers(): void
}

/** Each label has few values, except those that name groups: `service` is the first Service of a group, by name. */
export function createInstruments(registry: Registry, sources: Sources, ofGroups: OfGroups) {
  const { counter, gauge, seconds, counterOf, gaugeOfGroups } = builders(registry, ofGroups)
  const instruments = {
    passes: counter('passes_total', 'Passes, by what started them and how they ended', ['trigger', 'result']),
    passSeconds: seconds('pass_duration_seconds', 'How long passes took', ['trigger'], PASS_SECONDS),
    decisions: counter('decisions_total', 'Decisions on groups', ['decision']),
    swaps: counter('swaps_total', 'Pods that were made active, by kind of decision and its reason', ['kind', 'reason']),
    healed: counter('healed_total', 'What somebody else had changed and a pass has repaired', ['what', 'again']),
    probeSeconds: seconds(
      'probe_duration_seconds',
      'How long single probes of pods took',
      ['kind', 'result'],
      PROBE_SECONDS,
    ),
    active: gaugeOfGroups('active', 'The active pod of a group as last seen', [...GROUP, 'pod']),
    groupOk: gaugeOfGroups('group_ok', 'Whether a group has its one active pod, and nothing is wrong', GROUP),
    paused: gaugeOfGroups('group_paused', 'Whether the annotation pause keeps a group from being changed', GROUP),
    lastHandover: gaugeOfGroups(
      'last_handover_timestamp_seconds',
      'When the active pod of a group became active, in seconds since 1970',
      GROUP,
    ),
    handovers: new Counter({
      name: `${PREFIX}handovers_total`,
      help: 'Handovers of a group that this process has made, by kind of decision',
      labelNames: [...GROUP, 'kind'],
      registers: [registry],
      collect: () => ofGroups.refreshHandovers(),
    }),
    withoutSeries: gaugeOfGroups(
      'groups_without_series',
      'Groups of which there are too many to have their own series',
    ),
    groups: gauge('groups', 'Groups in scope as last seen'),
    errors: counter('errors_total', 'Faults in reports', ['code']),
    apiRequests: counterOf('api_requests_total', 'Requests to the API server, retries included', sources.requests),
    triggers: counter('triggers_total', 'Wishes for a pass', ['trigger']),
    coalesced: counterOf(
      'coalesced_total',
      'Wishes for a pass that another wish had already led to',
      sources.coalesced,
    ),
    answers: counter('http_requests_total', 'Answered requests', ['route', 'code']),
    watchConnected: gauge('watch_connected', 'Watches that are connected', ['resource']),
    watchRestarts: counter('watch_restarts_total', 'Watches that ended and were begun again', ['reason']),
    buildInfo: gauge('build_info', 'The version of this program; always 1', ['version']),
    lastPass: gauge('last_pass_timestamp_seconds', 'When the last pass ended, in seconds since 1970'),
  }
  // Prometheus sees no increase when a series begins at 1, so each of these begins at 0.
  for (const what of REPAIRS) for (const again of ['false', 'true']) instruments.healed.inc({ what, again }, 0)
  instruments.buildInfo.set({ version }, 1)
  collectDefaultMetrics({ register: registry })
  return instruments
}

function builders(registry: Registry, ofGroups: OfGroups) {
  const registers = [registry]
  const metric = <L extends string>(name: string, help: string, labelNames: readonly L[]) => ({
    ...{ name: PREFIX + name, help, labelNames, registers },
  })
  return {
    counter: <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
      new Counter(metric(name, help, labelNames)),
    gauge: <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
      new Gauge(metric(name, help, labelNames)),
    seconds: <L extends string>(name: string, help: string, labelNames: readonly L[], buckets: readonly number[]) =>
      new Histogram({ ...metric(name, help, labelNames), buckets: [...buckets] }),
    /** A counter whose value is read when somebody reads the metrics. */
    counterOf: (name: string, help: string, value: () => number) =>
      new Counter({
        ...metric(name, help, []),
        collect() {
          this.reset()
          this.inc(value())
        },
      }),
    gaugeOfGroups: <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
      new Gauge({ ...metric(name, help, labelNames), collect: () => ofGroups.refresh() }),
  }
}
