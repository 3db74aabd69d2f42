import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import { statusOf } from '../../../handler/report/status.js'
import { groupText, historyText, type StatusStyle, statusText } from '../../../handler/report/status-text.js'
import { widthOf } from '../../../handler/util/width.js'
import {
  aGroupReport,
  aMember,
  anActive,
  aReport,
  failed,
  failing,
  healthy,
  MINUTE,
  NOW,
} from '../../support/builders.js'

const style: StatusStyle = { colors: false, isWide: false, nowMs: NOW }
type Groups = Parameters<typeof aReport>[0]
const list = (groups: Groups, more: Partial<StatusStyle> = {}) =>
  statusText(statusOf(aReport(groups), NOW), { ...style, ...more })
const one = (group: Groups[number], more: Partial<StatusStyle> = {}) => {
  const [seen] = statusOf(aReport([group]), NOW).groups
  return groupText(seen as NonNullable<typeof seen>, { ...style, ...more })
}
const rowsOf = (text: string) => text.trimEnd().split('\n')
const wellOf = (name: string, namespace = 'default') =>
  aGroupReport([anActive(`${name}-0`, { activeSinceMs: NOW - 5 * MINUTE }), aMember(`${name}-1`)], {
    ...{ services: [name], namespace },
  })

test('of a namespace that could not be read, one group has the error and nothing else', () => {
  const fault = {
    code: 'denied',
    object: 'namespace default',
    message: 'may not list pods',
    remedy: 'Grant it.',
  } as const
  const text = one(aGroupReport([], { services: [], faults: [fault] }))
  expect(rowsOf(text)[0]).toBe('Error: namespace default: may not list pods. Grant it.')
  expect(text).not.toMatch(/^Service:/m)
})

describe('the list', () => {
  test('says in words that there is nothing', () => {
    expect(list([])).toBe('There is no managed Service here.\n')
  })

  test('has a line for each group, and what is wrong below', () => {
    expect(rowsOf(list([wellOf('db')]))).toEqual([
      'SERVICE   ACTIVE   SINCE   HEALTH    STANDBYS   NEXT',
      'db        db-0     5m      healthy   1/1        nothing: db-0 passed its check: 200',
    ])
  })

  test('tells namespaces apart where there are several, or all were asked for, and keeps them together', () => {
    const groups = [wellOf('a', 'shop'), wellOf('b', 'bank'), wellOf('c', 'shop')]
    const names = rowsOf(list(groups)).map((row) => row.split(' ')[0])
    expect(names).toEqual(['SERVICE', 'bank/b', 'shop/a', 'shop/c'])
    expect(rowsOf(list([wellOf('a', 'shop')], { isNamespaced: true }))[1]).toMatch(/^shop\/a /)
    expect(rowsOf(list([wellOf('a', 'shop')]))[1]).toMatch(/^a /)
  })

  test('takes 200 groups, and 80 columns', () => {
    const groups = Array.from({ length: 200 }, (_, n) => wellOf(`service-${n}`))
    const rows = rowsOf(list(groups, { columns: 80 }))
    expect(rows).toHaveLength(201)
    for (const row of rows) expect(widthOf(row)).toBeLessThanOrEqual(80)
  })

  test('shows several active pods, none, and one that fails', () => {
    const several = aGroupReport([anActive('a'), anActive('b', { epoch: 0 })])
    const none = aGroupReport([aMember('a', { verdict: failed() })], { settings: { 'promote-unhealthy': false } })
    const fails = aGroupReport([anActive('a', { verdict: failing(1) }), aMember('b')])
    const cells = rowsOf(list([several, none, fails])).map((row) => row.split(/ {2,}/).slice(1, 5))
    expect(cells).toEqual([
      ['ACTIVE', 'SINCE', 'HEALTH', 'STANDBYS'],
      ['a,b', '-', 'healthy', '0/0'],
      ['none', '-', '-', '0/1'],
      ['a', '-', 'failing (1)', '1/1'],
    ])
  })

  test('does not say that no pod is active where an error keeps it from looking', () => {
    const fault = {
      code: 'bad-annotation',
      object: 'service default/web',
      message: 'is wrong',
      remedy: 'Mend it.',
    } as const
    const text = list([aGroupReport([], { decision: { kind: 'error', fault } })])
    expect(rowsOf(text)[1]).toMatch(/^web {7}\? +- +- +- +error: bad-annotation$/)
    expect(text).toContain('\n\nweb: Error: service default/web: is wrong. Mend it.\n')
  })

  test('says the code where the reason has no room', () => {
    const groups = [aGroupReport([anActive('a', { verdict: failed() }), aMember('b', { verdict: failed() })])]
    expect(rowsOf(list(groups, { columns: 80 }))[1]).toMatch(/blocked: no-candidate$/)
    expect(rowsOf(list(groups))[1]).toMatch(/blocked: a failed its check 3 times .* stays active$/)
  })

  test('is the same in colours, but for the codes', () => {
    const groups = [wellOf('db'), aGroupReport([anActive('a', { verdict: failed() }), aMember('b')])]
    const colored = list(groups, { columns: 80, colors: true })
    expect(colored).toContain('\u001b[31m')
    expect(stripVTControlCharacters(colored)).toBe(list(groups, { columns: 80 }))
  })
})

describe('hostile texts', () => {
  const attack = '\u001b[2J\nforged   line\u202e'
  const group = aGroupReport(
    [
      anActive('a', { pod: { node: attack }, verdict: failing(1, attack) }),
      aMember('b', { verdict: failed(`${attack}${'日本'.repeat(40)}`) }),
    ],
    { services: [attack], warnings: [attack], settings: { 'health-body': attack, never: [attack] } },
  )

  test.each([undefined, 80, 40])('reach no terminal as they are: %s columns', (columns) => {
    for (const text of [list([group], { columns, isWide: true }), one(group, { columns })]) {
      expect(text).not.toContain('\u001b')
      expect(text).not.toContain('\u202e')
      expect(rowsOf(text).filter((line) => line.startsWith('forged'))).toEqual([])
    }
  })
})

describe('one group', () => {
  test('has all that is known of each pod, at 80 columns without what matters least', () => {
    const name = 'web-7d9f6c5b8-4xk2p'
    const group = aGroupReport([
      anActive(name, { pod: { node: 'node-1' } }),
      aMember(`${name}-b`, { pod: { node: 'a-node-with-a-long-name' } }),
      aMember(`${name}-c`, { verdict: failed() }),
    ])
    const [, ...headers] = /^POD +(.*)$/m.exec(one(group))?.[1]?.split(/ +/) ?? []
    expect(headers).toEqual(['EPOCH', 'READY', 'CHECK', 'MS', 'FAILURES', 'NODE', 'WHY-NOT'])
    const narrow = one(group, { columns: 80 })
    expect(narrow).toMatch(/^POD +ROLE +READY +CHECK +FAILURES +WHY-NOT$/m)
    expect(narrow).toMatch(/ would take over$/m)
    expect(narrow).toMatch(/ check-failed$/m)
    for (const line of rowsOf(narrow)) expect(widthOf(line)).toBeLessThanOrEqual(80)
  })

  test('has the milliseconds of each of several probes where there is room', () => {
    const probes = [
      { target: 'http :8080/', result: '200', ms: 12 },
      { target: 'tcp :9090', result: 'open', ms: 3 },
    ]
    const result = 'http :8080/: 200, tcp :9090: open'
    const check = { kind: 'several', result, ms: 12, probes } as const
    const group = aGroupReport([anActive('a', { verdict: { ...healthy, check } })])
    expect(one(group, { isWide: true })).toMatch(/ http :8080\/: 200, tcp :9090: open +12, 3 +0 /)
    expect(one(group)).toMatch(/ open +12 +0 /)
    expect(statusOf(aReport([group]), NOW).groups[0]?.pods[0]).toMatchObject({ ms: 12, probes })
  })

  test('continues a long reason in its column', () => {
    const group = aGroupReport([anActive('a', { verdict: failed() }), aMember('b', { verdict: failed() })])
    const lines = rowsOf(one(group, { columns: 60 }))
    const first = lines.findIndex((line) => line.startsWith('Next:'))
    expect(lines[first + 1]).toMatch(/^ {10}\S/)
    for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(60)
  })

  test('shows the last three handovers within the columns', () => {
    const history = [5, 4, 3, 2].map((epoch) => ({
      ...({ at: '2026-01-01T11:00:00.123Z', kind: 'failover', from: 'a', to: 'b', reason: 'active-failed' } as const),
      ...{ text: 'a failed its check 3 times in a row, and so on, for quite long', epoch },
    }))
    const text = one(aGroupReport([anActive('a')], { history }), { columns: 60 })
    const [, block = ''] = text.split('Last handovers:\n')
    expect(rowsOf(block)).toHaveLength(4)
    for (const line of rowsOf(block)) expect(widthOf(line)).toBeLessThanOrEqual(60)
    expect(historyText(history, { ...style, isWide: true })).toContain('2026-01-01T11:00:00Z   failover')
    expect(historyText(history, style)).toContain('\n59m   failover')
  })
})
