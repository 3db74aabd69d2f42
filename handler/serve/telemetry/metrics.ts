/** What serve counts and measures, for Prometheus. Each label has few values, but for those that name groups. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Probe } from '../../health/probe.js'
import { exitCode } from '../../report/exit-code.js'
import type { Report } from '../../report/report.js'
import { REPAIRS } from '../../report/report.js'
import { GroupSeries } from './group-series.js'

/** What a pass was started by. */
export type Trigger = 'alertmanager' | 'run' | 'interval' | 'watch'

const PREFIX = 'active_passive_'
const PASS_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40]
const PROBE_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5]

export interface Sources {
  /** API requests so far. */
  requests(): number
  /** Triggers so far that were joined to a pass that was waiting already. */
  coalesced(): number
}

export type Metrics = ReturnType<typeof createMetrics>

export function createMetrics(sources: Sources) {
  const registry = new Registry()
  const registers = [registry]
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Counter({ name: PREFIX + name, help, labelNames, registers })
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge({ name: PREFIX + name, help, labelNames, registers })
  /** Counted elsewhere. */
  const read = (name: string, help: string, value: () => number) =>
    new Counter({
      name: PREFIX + name,
      help,
      registers,
      collect() {
        this.reset()
        this.inc(value())
      },
    })

  const passes = counter('passes_total', 'Passes, by what started them and how they ended', ['trigger', 'result'])
  const passSeconds = new Histogram({
    name: `${PREFIX}pass_duration_seconds`,
    help: 'How long passes took',
    labelNames: ['trigger'] as const,
    buckets: PASS_SECONDS,
    registers,
  })
  const decisions = counter('decisions_total', 'Decisions on groups', ['decision'])
  const swaps = counter('swaps_total', 'Pods that were made active, by kind of decision and its reason', [
    'kind',
    'reason',
  ])
  const healed = counter('healed_total', 'What somebody else had changed and a pass has repaired', ['what', 'again'])
  // An increase from nothing is none to Prometheus.
  for (const what of REPAIRS) for (const again of ['false', 'true']) healed.inc({ what, again }, 0)
  const probeSeconds = new Histogram({
    name: `${PREFIX}probe_duration_seconds`,
    help: 'How long single probes of pods took',
    labelNames: ['kind', 'result'] as const,
    buckets: PROBE_SECONDS,
    registers,
  })
  /** Set before they are read. */
  const ofGroups = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge({ name: PREFIX + name, help, labelNames, registers, collect: () => series.settle() })
  const active = ofGroups('active', 'The active pod of a group as last seen', ['namespace', 'services', 'pod'])
  const groupOk = ofGroups('group_ok', 'Whether a group has its one active pod, and nothing is wrong', [
    'namespace',
    'services',
  ])
  const withoutSeries = ofGroups('groups_without_series', 'Groups of which there are too many to have their own series')
  const groups = gauge('groups', 'Groups in scope as last seen')
  const errors = counter('errors_total', 'Faults in reports', ['code'])
  read('api_requests_total', 'Requests to the API server, retries included', sources.requests)
  const triggers = counter('triggers_total', 'Wishes for a pass', ['trigger'])
  read('coalesced_total', 'Wishes for a pass that another wish had already led to', sources.coalesced)
  const answers = counter('http_requests_total', 'Answered requests', ['route', 'code'])
  const watchConnected = gauge('watch_connected', 'Watches that are connected', ['resource'])
  const watchRestarts = counter('watch_restarts_total', 'Watches that ended and were begun again', ['reason'])
  const lastPass = gauge('last_pass_timestamp_seconds', 'When the last pass ended, in seconds since 1970')
  collectDefaultMetrics({ register: registry })

  const series = new GroupSeries({ active, groupOk, groups, withoutSeries })

  return {
    registry,
    triggers,
    answers,
    watchConnected,
    watchRestarts,
    passed(trigger: Trigger, report: Report): void {
      const result = (['ok', 'unhealthy', '', 'error'] as const)[exitCode(report)] || 'error'
      passes.inc({ trigger, result })
      passSeconds.observe({ trigger }, report.durationMs / 1_000)
      lastPass.set(Date.now() / 1_000)
      series.passed(report)
    },
    /** The groups of a pass, each once, as they are served. */
    served(report: Report): void {
      for (const group of report.groups) {
        const { decision, faults, activeAfter } = group
        decisions.inc({ decision: decision.kind })
        for (const { code } of faults) errors.inc({ code })
        for (const { what, again } of group.healed ?? []) healed.inc({ what, again: String(again) })
        if ('winner' in decision && activeAfter === decision.winner.pod.name && !report.dryRun) {
          swaps.inc({ kind: decision.kind, reason: decision.reason.code })
        }
      }
      series.served(report)
    },
    /** The same probe, timed. */
    timed(probe: Probe): Probe {
      return async (plan, timeoutMs, signal) => {
        const result = await probe(plan, timeoutMs, signal)
        // What was cut off by the end of a pass says nothing of a pod.
        if (!signal.aborted) {
          probeSeconds.observe({ kind: plan.kind, result: result.healthy ? 'healthy' : 'unhealthy' }, result.ms / 1_000)
        }
        return result
      }
    },
  }
}
