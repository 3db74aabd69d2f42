import { describe, expect, it } from 'vitest'
import type { HistoryEntry } from '../../../handler/group/history.js'
import { HISTORY } from '../../../handler/kube/keys.js'
import { eventsOf } from '../../../handler/notice/events.js'
import { type Noticed, noticesOf } from '../../../handler/notice/notices.js'
import type { GroupReport } from '../../../handler/report/report.js'
import type { Fault, FaultCode } from '../../../handler/util/errors.js'
import {
  aGroupReport,
  aMember,
  anActive,
  aService,
  conclusively,
  failed,
  failing,
  NOW,
  unprobed,
} from '../../support/builders.js'

const aGroup = (report: Pick<GroupReport, 'members'>, services = [aService('web')]): Noticed => ({
  namespace: 'default',
  services,
  members: report.members,
})
const told = (report: GroupReport, group = aGroup(report)) =>
  noticesOf(group, report).map(({ reason, type, cause }) => `${type} ${reason} ${cause}`)
const aFault = (code: FaultCode, object = 'service default/web', message = 'is wrong'): Fault => ({
  ...{ code, object, message },
  remedy: 'Correct it.',
})
const entry = (kind: HistoryEntry['kind'], rest: Partial<HistoryEntry> = {}): HistoryEntry => ({
  ...{ at: '2026-01-01T11:59:59.500Z', kind, from: 'a', to: 'b', reason: 'active-failed', text: 'a failed', epoch: 4 },
  ...rest,
})

describe('what people are told of a pass', () => {
  it('is each handover by its kind; only a failover is a warning', () => {
    const kinds = ['first', 'failover', 'failback', 'repair', 'switchover'] as const
    const all = kinds.map((kind) => told(aGroupReport([anActive('b')], { handover: entry(kind) })))
    expect(all).toEqual([
      ['Normal FirstActive active-failed a b'],
      ['Warning FailedOver active-failed a b'],
      ['Normal FailedBack active-failed a b'],
      ['Normal Repaired active-failed a b'],
      ['Normal SwitchedOver active-failed a b'],
    ])
  })

  it('is from where to where the role has moved, and the whole reason', () => {
    const members = [anActive('a', { verdict: failed() }), aMember('b')]
    const report = aGroupReport(members, { handover: entry('failover') })
    expect(noticesOf(aGroup(report), report)[0]?.text).toBe(
      'b is active in place of a (epoch 4): a failed its check 3 times in a row (500); b passed its check',
    )
    const first = aGroupReport([aMember('a')], {
      handover: { ...entry('first', { to: 'a' }), from: undefined } as never,
    })
    expect(noticesOf(aGroup(first), first)[0]?.text).toMatch(/^a is active \(epoch 4\): no pod is active/)
  })

  it('is that a pod is active alone after a repair', () => {
    const report = aGroupReport([anActive('b')], { handover: entry('repair', { from: 'a,b' }) })
    expect(noticesOf(aGroup(report), report)[0]?.text).toMatch(/^b is active alone \(epoch 4\): /)
  })

  it('is that an active pod fails, or is missing, and is not replaced', () => {
    const blocked = (members: Parameters<typeof aGroupReport>[0], rest = {}) => told(aGroupReport(members, rest))
    expect(blocked([anActive('a', { verdict: failed() })])).toEqual(['Warning FailoverBlocked no-candidate'])
    expect(
      blocked([aMember('a', { epoch: 1, verdict: conclusively('not ready'), pod: { phase: 'Pending' } })]),
    ).toEqual(['Warning FailoverBlocked no-candidate'])
    for (const code of ['active-terminating', 'cooldown', 'panic', 'blind'] as const) {
      const decision = { kind: 'blocked', reason: { code, text: 'why' } } as const
      expect(blocked([anActive('a')], { decision })).toEqual([`Warning FailoverBlocked ${code}`])
    }
  })

  it.each([
    ['a pod that has failed less often than it may', [anActive('a', { verdict: failing(1) }), aMember('b')]],
    ['a pod that was not probed in time', [anActive('a', { verdict: unprobed }), aMember('b')]],
    ['a pod that is well', [anActive('a'), aMember('b')]],
    ['no pods', []],
    ['the pods of a new group that are not yet healthy', [aMember('a', { verdict: conclusively('not ready') })]],
  ])('is nothing of %s', (_what, members) => {
    expect(told(aGroupReport(members))).toEqual([])
  })

  it('is that a defect keeps the role where it is, and nothing of one that is met beside a decision', () => {
    const fault = aFault('defect', 'pod default/a')
    const unread = aGroupReport([], { decision: { kind: 'error', fault }, faults: [fault] })
    expect(told(unread)).toEqual(['Warning FailoverBlocked defect'])
    expect(told(aGroupReport([anActive('a')], { faults: [fault] }))).toEqual([])
    const moved = aGroupReport([anActive('b')], { handover: entry('failover'), faults: [fault] })
    expect(told(moved)).toEqual(['Warning FailedOver active-failed a b'])
  })

  it('is that a failover was refused, but not one that the next pass makes', () => {
    const members = [anActive('a', { verdict: failed() }), aMember('b')]
    const refused = (code: FaultCode) => told(aGroupReport(members, { faults: [aFault(code, 'group default/web')] }))
    expect(refused('denied')).toEqual(['Warning FailoverBlocked denied'])
    expect(
      ['unreachable', 'deadline', 'interrupted', 'unauthenticated', 'latched'].flatMap((code) =>
        refused(code as FaultCode),
      ),
    ).toEqual([])
  })

  it.each([
    ...[
      'bad-annotation',
      'conflicting-annotations',
      'overlap',
      'role-in-template',
      'selector-too-wide',
      'foreign-role',
    ],
    ...['port-not-found', 'check-cannot-pass', 'healed-again'],
  ] as const)('is a mistake in the configuration: %s', (code) => {
    expect(told(aGroupReport([], { decision: { kind: 'error', fault: aFault(code) } }))).toEqual([
      `Warning ConfigurationError ${code} service default/web`,
    ])
  })

  it('is the page about a mistake, where an Event has room for it', () => {
    const textOf = (message: string) => {
      const fault = aFault('overlap', 'pod default/a', message)
      const report = aGroupReport([], { decision: { kind: 'error', fault } })
      return noticesOf(aGroup(report), report)[0]?.text
    }
    expect(textOf('is in two')).toBe('pod default/a: is in two. Correct it. | see docs/errors.md#overlap')
    expect(textOf('x'.repeat(950))).toMatch(/ Correct it\.$/)
  })

  it('is each trouble once, whatever pods it names', () => {
    const faults = ['pods a, b in namespace default', 'pods b, c in namespace default'].map((object) =>
      aFault('role-in-template', object),
    )
    expect(told(aGroupReport([anActive('a')], { faults }))).toEqual(['Warning ConfigurationError role-in-template'])
  })
})

describe('the Events of a notice', () => {
  const members = [anActive('a', { verdict: failed() }), aMember('b', { verdict: failed() })]
  const names = (report: GroupReport, services = [aService('web')], nowMs = NOW) => {
    const group = aGroup(report, services)
    return noticesOf(group, report).flatMap((notice) => eventsOf(notice, group, report, nowMs).map(({ name }) => name))
  }

  it('have the same names for the same trouble, however often it was counted, and at any time', () => {
    const more = [
      anActive('a', { verdict: { ...failed('timeout'), failures: 60 } }),
      aMember('b', { verdict: failed('503') }),
    ]
    expect(names(aGroupReport(more), undefined, NOW + 60_000)).toEqual(names(aGroupReport(members)))
    expect(names(aGroupReport(members))).toEqual([expect.stringMatching(/^web\.0{13}11[0-9a-f]{16}$/)])
  })

  it('have other names for another epoch, another reason and another Service of the same name', () => {
    const later = members.map((member) => ({ ...member, epoch: member.epoch + 1 }))
    const others = [
      names(aGroupReport(later)),
      names(aGroupReport(members, { decision: { kind: 'blocked', reason: { code: 'cooldown', text: '' } } })),
      names(aGroupReport(members), [aService('web', { uid: 'another' })]),
      names(aGroupReport(members), [
        aService('web', { annotations: { [HISTORY]: JSON.stringify([entry('failover')]) } }),
      ]),
    ].flat()
    expect(new Set([...names(aGroupReport(members)), ...others]).size).toBe(5)
  })

  it('are for ten Services at most, with the new active pod, at the time of the handover', () => {
    const report = aGroupReport([anActive('b')], { handover: entry('failover') })
    const group = aGroup(
      report,
      Array.from({ length: 12 }, (_, n) => aService(`web-${n}`)),
    )
    const [notice] = noticesOf(group, report)
    const events = notice ? eventsOf(notice, group, report, NOW) : []
    expect(events).toHaveLength(10)
    expect(events[3]).toMatchObject({
      service: { name: 'web-3', uid: 'uid-of-service-web-3' },
      pod: { name: 'b', uid: 'uid-of-b' },
      timeMs: Date.parse('2026-01-01T11:59:59.500Z'),
    })
  })

  it('say on one line, in 1024 bytes, what others may have written', () => {
    const message = `\u001b[31m\nFORGED: all is well\n${'ü'.repeat(2_000)}`
    const report = aGroupReport([], {
      decision: { kind: 'error', fault: aFault('bad-annotation', undefined, message) },
    })
    const [notice] = noticesOf(aGroup(report), report)
    const [event] = notice ? eventsOf(notice, aGroup(report), report, NOW) : []
    expect(event?.note).toMatch(/^service default\/web: \\u\{1b\}\[31m\\nFORGED.*ü…$/)
    expect(Buffer.byteLength(event?.note ?? '')).toBeLessThanOrEqual(1_024)
  })
})
