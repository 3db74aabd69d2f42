/** What `node handler serve` exports at /metrics, by the names of series as queries write them, with their labels. */
import { createMetrics } from '../../handler/serve/telemetry/metrics.js'

interface Metric {
  readonly name: string
  readonly labelNames: readonly string[]
}

const { registry } = createMetrics({ requests: () => 0, coalesced: () => 0 })
// `labelNames` is missing in the types alone.
const metrics = registry.getMetricsAsArray() as unknown as readonly Metric[]
const histograms = new Set(
  (await registry.getMetricsAsJSON()).flatMap(({ name, type }) => (`${type}` === 'histogram' ? name : [])),
)

export const SERVE_METRICS: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  metrics.flatMap(({ name, labelNames }): (readonly [string, readonly string[]])[] =>
    histograms.has(name)
      ? [
          [`${name}_bucket`, [...labelNames, 'le']],
          [`${name}_count`, labelNames],
          [`${name}_sum`, labelNames],
        ]
      : [[name, labelNames]],
  ),
)

/** Of every Node program. */
export const isDefaultMetric = (name: string): boolean => /^(process|nodejs)_/.test(name)
