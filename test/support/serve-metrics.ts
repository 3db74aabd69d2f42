/** What `node handler serve` exports at /metrics: its own metrics with their labels, and the defaults of prom-client. */
const PREFIX = 'active_passive_'

const OWN = {
  passes_total: ['trigger', 'result'],
  pass_duration_seconds: ['trigger'],
  decisions_total: ['decision'],
  swaps_total: ['kind', 'reason'],
  probe_duration_seconds: ['kind', 'result'],
  active: ['namespace', 'services', 'pod'],
  group_ok: ['namespace', 'services'],
  groups: [],
  errors_total: ['code'],
  api_requests_total: [],
  triggers_total: ['trigger'],
  coalesced_total: [],
  http_requests_total: ['route', 'code'],
  watch_connected: ['resource'],
  watch_restarts_total: ['reason'],
  last_pass_timestamp_seconds: [],
} as const
const HISTOGRAMS: readonly string[] = ['pass_duration_seconds', 'probe_duration_seconds']

/** By the names of series, as queries write them. */
export const SERVE_METRICS: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries(OWN).flatMap(([name, labels]): (readonly [string, readonly string[]])[] =>
    HISTOGRAMS.includes(name)
      ? [
          [`${PREFIX}${name}_bucket`, [...labels, 'le']],
          [`${PREFIX}${name}_count`, labels],
          [`${PREFIX}${name}_sum`, labels],
        ]
      : [[`${PREFIX}${name}`, labels]],
  ),
)

/** Of every Node program. */
export const isDefaultMetric = (name: string): boolean => /^(process|nodejs)_/.test(name)
