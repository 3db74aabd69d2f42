// What the metrics say of groups: those that are there, as they were last seen, and no others.
import { beforeEach, describe, expect, it } from 'vitest'
import type { Report } from '../../../../handler/report/report.js'
import { createMetrics, type Metrics } from '../../../../handler/serve/telemetry/metrics.js'
import type { Fault } from '../../../../handler/util/errors.js'
import { aGroupReport, aMember, anActive, aReport, failed } from '../../../support/builders.js'

let metrics: Metrics
beforeEach(() => {
  metrics = createMetrics({ requests: () => 0, coalesced: () => 0 })
})

const group = (services: readonly string[], namespace = 'a', pod = 'pod-0') =>
  aGroupReport([anActive(pod), aMember('other')], { namespace, services })
const unhealthy = (service: string, namespace = 'a') =>
  aGroupReport([anActive('pod-0', { verdict: failed() })], { namespace, services: [service] })
const fault = (code: Fault['code'], namespace: string | undefined, services: readonly string[] = []) =>
  aGroupReport([], {
    ...{ namespace, services },
    decision: { kind: 'error', fault: { code, object: 'it', message: 'is wrong', remedy: 'Put it right.' } },
  })
const gone = (service: string, namespace = 'a') => fault('not-found', namespace, [service])

/** The series of groups after these passes; of the last, by what it read completely. */
async function seriesAfter(...passes: readonly Pick<Report, 'groups' | 'complete'>[]): Promise<readonly string[]> {
  for (const pass of passes) {
    const report = aReport(pass.groups, pass)
    metrics.served(report)
    metrics.passed('run', report)
  }
  const lines = (await metrics.registry.metrics()).split('\n').filter((line) => line !== without(0))
  return lines.filter((line) => /^active_passive_(active|group_ok|groups|groups_without_series)[ {]/.test(line)).sort()
}

const seriesOf = (services: string, namespace = 'a', pod = 'pod-0') => [
  `active_passive_active{namespace="${namespace}",services="${services}",pod="${pod}"} 1`,
  `active_passive_group_ok{namespace="${namespace}",services="${services}"} 1`,
]
const count = (groups: number) => `active_passive_groups ${groups}`
const without = (groups: number) => `active_passive_groups_without_series ${groups}`
const range = (size: number) => Array.from({ length: size }, (_, i) => i)

describe('a group has series', () => {
  it('from the first pass that served it, and until a pass has read its namespace without it', async () => {
    expect(await seriesAfter({ groups: [group(['db'])], complete: [] })).toEqual([...seriesOf('db'), count(1)])
    const both = [...seriesOf('db'), ...seriesOf('web'), count(2)].sort()
    expect(await seriesAfter({ groups: [group(['web'])], complete: [] })).toEqual(both)
    expect(await seriesAfter({ groups: [group(['web'])], complete: ['a'] })).toEqual([...seriesOf('web'), count(1)])
    expect(await seriesAfter({ groups: [], complete: [undefined] })).toEqual([count(0)])
  })

  it('though another namespace is refused, and though one is: what is known of that stays', async () => {
    const first = { groups: [group(['db']), group(['web']), group(['db'], 'b')], complete: ['a', 'b'] }
    const second = { groups: [group(['web']), fault('denied', 'b')], complete: ['a'] }
    expect(await seriesAfter(first, second)).toEqual([...seriesOf('web'), ...seriesOf('db', 'b'), count(2)].sort())
  })

  it('though a Service of --service is missing; that one has none', async () => {
    const groups = [group(['web']), gone('db')]
    expect(await seriesAfter({ groups: [group(['db'])], complete: ['a'] }, { groups, complete: ['a'] })).toEqual([
      ...seriesOf('web'),
      count(1),
    ])
  })

  it('no more when it was asked for in vain', async () => {
    const first = { groups: [group(['db']), group(['db'], 'b')], complete: ['a', 'b'] }
    expect(await seriesAfter(first, { groups: [gone('db')], complete: [] })).toEqual([...seriesOf('db', 'b'), count(1)])
  })

  it('under the names of its Services: one that comes or goes changes them', async () => {
    const [one, two] = [group(['db']), group(['db', 'db-metrics'])]
    expect(await seriesAfter({ groups: [one], complete: [] }, { groups: [two], complete: [] })).toEqual([
      ...seriesOf('db,db-metrics'),
      count(1),
    ])
    expect(await seriesAfter({ groups: [one], complete: [] })).toEqual([...seriesOf('db'), count(1)])
  })

  it('that tell of its last pass', async () => {
    expect(await seriesAfter({ groups: [unhealthy('db')], complete: [] })).toContain(
      'active_passive_group_ok{namespace="a",services="db"} 0',
    )
    expect(await seriesAfter({ groups: [group(['db'], 'a', 'pod-1')], complete: [] })).toEqual([
      ...seriesOf('db', 'a', 'pod-1'),
      count(1),
    ])
  })

  it('if it is one of the first thousand; the others are counted', async () => {
    const groups = range(1_500).map((i) => group([`db-${i}`]))
    const again = { groups, complete: ['a'] }
    const lines = await seriesAfter(again, again)
    expect(lines).toHaveLength(2 * 1_000 + 2)
    expect(lines).toEqual(
      expect.arrayContaining([...seriesOf('db-0'), ...seriesOf('db-999'), count(1_500), without(500)]),
    )
  })

  it.each(['before', 'after'])('though another tenant, who is listed %s it, has thousands', async (when) => {
    const many = range(1_100).map((i) => group([`db-${i}`], 'tenant'))
    const own = [group(['web'], 'victim'), unhealthy('mail', 'victim')]
    const groups = when === 'before' ? [...many, ...own] : [...own, ...many]
    const lines = await seriesAfter({ groups, complete: [undefined] })
    const mail = 'active_passive_group_ok{namespace="victim",services="mail"} 0'
    expect(lines).toEqual(expect.arrayContaining([...seriesOf('web', 'victim'), mail, count(1_102), without(101)]))
  })

  it('in any case while it is not as it should be, though thousands of another tenant are not either', async () => {
    const many = range(5_000).map((i) => unhealthy(`db-${i}`, 'tenant'))
    const lines = await seriesAfter({
      groups: [...many, unhealthy('web', 'victim'), ...range(1_000).map((i) => group([`web-${i}`], 'victim'))],
      complete: [undefined],
    })
    expect(lines).toContain('active_passive_group_ok{namespace="victim",services="web"} 0')
    expect(lines).toEqual(expect.arrayContaining([...seriesOf('web-999', 'victim'), without(1_001)]))
  })
})

it('what was healed is counted by its kind, from nothing on', async () => {
  const healed = [{ what: 'claim', again: true } as const]
  const report = { ...aGroupReport([anActive('pod-0')]), healed }
  for (const one of [report, report]) metrics.served(aReport([one]))
  const lines = (await metrics.registry.metrics())
    .split('\n')
    .filter((line) => line.startsWith('active_passive_healed'))
  expect(lines).toHaveLength(8)
  expect(lines).toContain('active_passive_healed_total{what="claim",again="true"} 2')
  expect(lines).toContain('active_passive_healed_total{what="claim",again="false"} 0')
})
