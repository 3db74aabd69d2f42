import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createMetrics } from '../../../../handler/serve/telemetry/metrics.js'
import { repository } from '../../../support/handler.js'

const PREFIX = 'active_passive_'

it('docs/metrics.md has every metric, with its kind and its labels', () => {
  const { registry } = createMetrics({ requests: () => 0, coalesced: () => 0 })
  // `labelNames` is missing in the types alone.
  const metrics = registry.getMetricsAsArray() as unknown as readonly {
    readonly name: string
    readonly labelNames: readonly string[]
  }[]
  const expected = metrics
    .filter(({ name }) => name.startsWith(PREFIX))
    .map((metric) => {
      const labels = metric.labelNames.filter((label) => label !== 'le').map((label) => `\`${label}\``)
      return [metric.name.slice(PREFIX.length), metric.constructor.name.toLowerCase(), labels.join(', ')]
    })
  const page = readFileSync(join(repository, 'docs/metrics.md'), 'utf8')
  const rows = [...page.matchAll(/^\| `(\w+)` \| (\w+) \| (.*?) ?\| \S.* \|$/gm)]
  expect(rows.map(([, ...row]) => row)).toEqual(expected)
})
