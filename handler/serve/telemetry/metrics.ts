/** Counts and measures for Prometheus. instruments.ts lists the metrics. */

import { Registry } from 'prom-client'
import type { Probe } from '../../health/probe.js'
import { healthCode } from '../../report/exit-code.js'
import type { Report } from '../../report/report.js'
import { GroupSeries, swapOf } from './group-series.js'
import { createInstruments, type Sources } from './instruments.js'

/** The cause of a pass. */
export type Trigger = 'alertmanager' | 'run' | 'interval' | 'watch' | 'switchover'

export type Metrics = ReturnType<typeof createMetrics>

/** @param now the time in epoch milliseconds */
export function createMetrics(sources: Sources, now: () => number = Date.now) {
  const registry = new Registry()
  const instruments = createInstruments(registry, sources, {
    refresh: () => series.refresh(),
    refreshHandovers: () => series.refreshHandovers(),
  })
  const { passes, passSeconds, lastPass, decisions, errors, healed, swaps, probeSeconds } = instruments
  const series = new GroupSeries(instruments, now)
  const { triggers, answers, watchConnected, watchRestarts } = instruments

  return {
    ...{ registry, triggers, answers, watchConnected, watchRestarts },
    /** A pass has ended. */
    passed(trigger: Trigger, report: Report): void {
      const result = (['ok', 'unhealthy', '', 'error'] as const)[healthCode(report, now())] || 'error'
      passes.inc({ trigger, result })
      passSeconds.observe({ trigger }, report.durationMs / 1_000)
      lastPass.set(now() / 1_000)
      series.passed(report)
    },
    /** Groups of a pass were served. Called once for each group, as soon as it was served. */
    served(report: Report): void {
      for (const group of report.groups) {
        const { decision, faults } = group
        decisions.inc({ decision: decision.kind })
        for (const { code } of faults) errors.inc({ code })
        for (const { what, again } of group.healed ?? []) healed.inc({ what, again: String(again) })
        const swap = swapOf(group, report)
        if (swap) swaps.inc({ kind: swap.kind, reason: swap.reason.code })
      }
      series.served(report)
    },
    /** The same probe, and its duration is measured. */
    timed(probe: Probe): Probe {
      return async (plan, timeoutMs, signal) => {
        const result = await probe(plan, timeoutMs, signal)
        // A probe that was cut off by the end of its pass says nothing about a pod.
        if (!signal.aborted) {
          probeSeconds.observe({ kind: plan.kind, result: result.healthy ? 'healthy' : 'unhealthy' }, result.ms / 1_000)
        }
        return result
      }
    },
  }
}
