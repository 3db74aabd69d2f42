import { describe, expect, it } from 'vitest'
import type { GroupReport, Report } from '../../../../handler/report/report.js'
import { groupLines } from '../../../../handler/serve/telemetry/group-lines.js'
import { defectOf } from '../../../../handler/util/defect.js'
import { aGroupReport, aMember, anActive, aReport, aWrite, failed, failing } from '../../../support/builders.js'

const lines = (group: GroupReport, rest: Partial<Report> = {}) => groupLines(group, aReport([group], rest))
const subject = { namespace: 'default', service: 'web' }
const pass = { requests: 2, durationMs: 57 }
const failover = (rest: Partial<GroupReport> = {}) => ({
  ...aGroupReport([anActive('a', { verdict: failed() }), aMember('b')]),
  ...rest,
})

describe('the log says of a group', () => {
  it('which pod is active and why, with what programs ask for', () => {
    expect(lines(aGroupReport([anActive('a'), aMember('b')]))).toEqual([
      {
        level: 'info',
        msg: 'a is active; keep: a passed its check: 200',
        fields: { ...subject, decision: 'keep', reason: 'healthy', active: 'a', ...pass },
      },
    ])
  })

  it('a failover, as a warning', () => {
    expect(lines(failover())).toEqual([
      {
        level: 'warn',
        msg: 'failover from a to b: a failed its check 3 times in a row (500); b passed its check',
        fields: { ...subject, decision: 'failover', reason: 'active-failed', active: 'b', ...pass },
      },
    ])
  })

  it('a first pod, which comes after no other', () => {
    expect(lines(aGroupReport([aMember('a', { labelled: false })]))[0]).toMatchObject({
      level: 'info',
      msg: expect.stringMatching(/^first to a: /),
    })
  })

  it('what a dry run would do, and what was not finished', () => {
    expect(lines(failover(), { dryRun: true })[0]).toMatchObject({
      msg: expect.stringMatching(/^failover from a to b \(dry run\): /),
      fields: { dryRun: true },
    })
    expect(lines(failover({ activeAfter: undefined }))[0]).toMatchObject({
      level: 'warn',
      msg: expect.stringMatching(/^failover from a to b was not finished: /),
      fields: { active: null },
    })
  })

  it('that a pod fails, and that nobody can take over, as warnings', () => {
    for (const verdict of [failing(1), failed()]) {
      expect(lines(aGroupReport([anActive('a', { verdict })]))).toMatchObject([{ level: 'warn' }])
    }
  })

  it('several active pods while it is paused, and none', () => {
    const paused = { kind: 'paused', reason: { code: 'paused', text: 'paused by annotation' } } as const
    const two = aGroupReport([anActive('a'), anActive('b')], { decision: paused, activeAfter: undefined })
    expect(lines(two)[0]?.msg).toBe('a, b are active; paused: paused by annotation')
    expect(lines(aGroupReport([]))[0]?.msg).toBe('no pod is known to be active; empty: the group has no pods')
  })

  it('each write that was refused or came too late, each fault and each warning, on lines of their own', () => {
    const fault = { code: 'denied', object: 'pod default/b', message: 'may not be patched', remedy: 'Let it.' } as const
    const writes = [aWrite('service/web'), aWrite('pod/a', 'denied'), aWrite('pod/b', 'lost')]
    const told = lines(failover({ writes, faults: [fault], warnings: ['odd'] }))
    expect(told.slice(1)).toEqual([
      { level: 'warn', msg: 'pod/a not patched: forbidden', fields: subject },
      { level: 'info', msg: 'pod/b not patched: it has changed meanwhile', fields: subject },
      {
        level: 'error',
        msg: 'pod default/b: may not be patched. Let it.',
        fields: { ...subject, code: 'denied', doc: 'docs/errors.md#denied' },
      },
      { level: 'warn', msg: 'odd', fields: subject },
    ])
  })

  it('a defect that it has met, with the place in the program', () => {
    const fault = { ...defectOf(new TypeError('odd')), object: 'group default/web' }
    const told = lines(aGroupReport([], { decision: { kind: 'error', fault } }))
    expect(told).toEqual([
      {
        level: 'error',
        msg: expect.stringMatching(/^group default\/web: a defect of this program: TypeError: odd\. Report it, .*\.$/),
        fields: { ...subject, code: 'defect', doc: 'docs/errors.md#defect', stack: fault.stack },
      },
    ])
  })

  it('an error in its configuration once', () => {
    const fault = { code: 'overlap', object: 'pod a', message: 'is in two groups', remedy: 'Part them.' } as const
    const group = aGroupReport([], { decision: { kind: 'error', fault }, services: ['web', 'app'] })
    expect(lines(group)).toEqual([
      {
        level: 'error',
        msg: 'pod a: is in two groups. Part them.',
        fields: {
          namespace: 'default',
          service: 'app',
          services: ['app', 'web'],
          code: 'overlap',
          doc: 'docs/errors.md#overlap',
        },
      },
    ])
  })
})
