// What the metrics say of groups: those that are there, as they were last seen, and no others.
import { beforeEach, describe, expect, it } from 'vitest'
import type { GroupReport, Report } from '../../../../handler/report/report.js'
import { createMetrics, type Metrics } from '../../../../handler/serve/telemetry/metrics.js'
import type { Fault } from '../../../../handler/util/errors.js'
import { aGroupReport, aMember, anActive, aReport, failed, NOW } from '../../../support/builders.js'

let metrics: Metrics
beforeEach(() => {
  metrics = createMetrics({ requests: () => 0, coalesced: () => 0 }, () => NOW)
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

const seriesOf = (service: string, namespace = 'a', pod = 'pod-0') => [
  `active_passive_active{namespace="${namespace}",service="${service}",pod="${pod}"} 1`,
  `active_passive_group_ok{namespace="${namespace}",service="${service}"} 1`,
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

  it('under the first name of its Services: only another first one changes them', async () => {
    const [one, two] = [group(['db']), group(['db', 'db-metrics'])]
    expect(await seriesAfter({ groups: [one], complete: [] }, { groups: [two], complete: [] })).toEqual([
      ...seriesOf('db'),
      count(1),
    ])
    const three = group(['db-metrics', 'app'])
    expect(await seriesAfter({ groups: [three], complete: [] })).toEqual([...seriesOf('app'), count(1)])
  })

  it('that tell of its last pass', async () => {
    expect(await seriesAfter({ groups: [unhealthy('db')], complete: [] })).toContain(
      'active_passive_group_ok{namespace="a",service="db"} 0',
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
    const mail = 'active_passive_group_ok{namespace="victim",service="mail"} 0'
    expect(lines).toEqual(expect.arrayContaining([...seriesOf('web', 'victim'), mail, count(1_102), without(101)]))
  })

  it('in any case while it is not as it should be, though thousands of another tenant are not either', async () => {
    const many = range(5_000).map((i) => unhealthy(`db-${i}`, 'tenant'))
    const lines = await seriesAfter({
      groups: [...many, unhealthy('web', 'victim'), ...range(1_000).map((i) => group([`web-${i}`], 'victim'))],
      complete: [undefined],
    })
    expect(lines).toContain('active_passive_group_ok{namespace="victim",service="web"} 0')
    expect(lines).toEqual(expect.arrayContaining([...seriesOf('web-999', 'victim'), without(1_001)]))
  })
})

/** The series of group `db` with these names and labels, in order; without the namespace. */
async function valuesOf(...names: readonly string[]): Promise<readonly string[]> {
  const lines = (await metrics.registry.metrics()).split('\n')
  return names.flatMap((name) => lines.filter((line) => line.startsWith(`active_passive_${name}{`)))
}

describe('of the handovers of a group', () => {
  const handovers = async () =>
    Object.fromEntries(
      (await valuesOf('handovers_total')).map((line) => [/kind="(\w+)"/.exec(line)?.[1], Number(line.split(' ')[1])]),
    )
  const serve = (report: GroupReport, rest: Partial<Report> = {}) => {
    metrics.served(aReport([report], rest))
    metrics.passed('run', aReport([report], rest))
  }
  const steady = () => aGroupReport([anActive('a', { activeSinceMs: NOW - 60_000 }), aMember('b')])
  const failover = () => aGroupReport([anActive('a', { verdict: failed() }), aMember('b')])
  const first = () => aGroupReport([aMember('a', { labelled: false })])

  it('those that alerts ask for are counted from 0 on, and the others when they happen', async () => {
    serve(steady())
    expect(await handovers()).toEqual({ failover: 0, failback: 0, switchover: 0 })
    for (const report of [failover(), failover(), first()]) serve(report)
    expect(await handovers()).toEqual({ failover: 2, failback: 0, switchover: 0, first: 1 })
  })

  it('one that was made before anybody has read the metrics is an increase too', async () => {
    serve(failover())
    expect(await handovers()).toMatchObject({ failover: 0 })
    expect(await handovers()).toMatchObject({ failover: 1 })
    serve(failover())
    expect(await handovers()).toMatchObject({ failover: 2 })
  })

  it('none is counted that was not finished, or only tried', async () => {
    serve(steady())
    serve({ ...failover(), activeAfter: undefined })
    serve(failover(), { dryRun: true })
    await handovers()
    expect(await handovers()).toMatchObject({ failover: 0 })
  })

  it('the counts go with the group, and stay when another Service joins it', async () => {
    serve(steady())
    await handovers()
    serve(failover())
    serve({ ...steady(), services: ['web', 'web-metrics'] })
    expect(await handovers()).toMatchObject({ failover: 1 })
    metrics.passed('run', aReport([], { complete: ['default'] }))
    expect(await handovers()).toEqual({})
    expect(await valuesOf('last_handover_timestamp_seconds', 'group_paused')).toEqual([])
  })

  it('the time of the last one is what the active pod says, or now, and never in the future', async () => {
    const lastMs = async () => Number((await valuesOf('last_handover_timestamp_seconds'))[0]?.split(' ')[1]) * 1_000
    serve(steady())
    expect(await lastMs()).toBe(NOW - 60_000)
    serve(failover())
    expect(await lastMs()).toBe(NOW)
    serve(aGroupReport([], {})) // without pods nothing is known of it, and it stays
    expect(await lastMs()).toBe(NOW)
    serve(aGroupReport([anActive('b', { activeSinceMs: NOW + 1_000_000 })]))
    expect(await lastMs()).toBe(NOW)
  })

  it('a group without one has no time of it, and nothing that another group would show', async () => {
    serve(aGroupReport([anActive('a')]))
    expect(await valuesOf('last_handover_timestamp_seconds')).toEqual([])
  })
})

it('a paused group is shown as such', async () => {
  const paused = aGroupReport([anActive('a')], {
    decision: { kind: 'paused', reason: { code: 'paused', text: 'paused' } },
  })
  metrics.served(aReport([paused, { ...aGroupReport([anActive('b')]), services: ['mail'] }]))
  expect(await valuesOf('group_paused')).toEqual([
    'active_passive_group_paused{namespace="default",service="web"} 1',
    'active_passive_group_paused{namespace="default",service="mail"} 0',
  ])
})

it('the version is shown', async () => {
  expect(await valuesOf('build_info')).toEqual(['active_passive_build_info{version="dev"} 1'])
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

describe('a switchover that was refused', () => {
  const PAUSED = { pause: Number.POSITIVE_INFINITY }
  const well = [anActive('pod-0'), aMember('other')]
  const several = [anActive('pod-0'), anActive('other')]
  const refused = (members: Parameters<typeof aGroupReport>[0], settings = {}) =>
    aGroupReport(members, {
      ...{ namespace: 'a', services: ['db'], settings },
      decision: { kind: 'unmoved', reason: { code: 'not-from', text: 'it has moved' }, remedy: 'Look again.' },
    })

  it.each<readonly [string, GroupReport, string, 0 | 1, 0 | 1]>([
    ['a group that is well', refused(well), 'ok', 1, 0],
    ['one whose active pod fails', refused([anActive('pod-0', { verdict: failed() })]), 'unhealthy', 0, 0],
    ['one without an active pod', refused([aMember('other')]), 'unhealthy', 0, 0],
    ['one with two', refused(several), 'unhealthy', 0, 0],
    ['one without pods', refused([]), 'ok', 1, 0],
    ['one that is paused', refused(well, PAUSED), 'ok', 1, 1],
    ['one that is paused with two active pods', refused(several, PAUSED), 'unhealthy', 0, 1],
  ])('leaves %s as it is', async (_what, one, result, ok, paused) => {
    const report = aReport([one])
    metrics.served(report)
    metrics.passed('switchover', report)
    const text = await metrics.registry.metrics()
    expect(text).toContain(`active_passive_passes_total{trigger="switchover",result="${result}"} 1`)
    expect(text).toContain(`active_passive_group_ok{namespace="a",service="db"} ${ok}`)
    expect(text).toContain(`active_passive_group_paused{namespace="a",service="db"} ${paused}`)
  })
})
