import { describe, expect, it } from 'vitest'
import type { Selection, Target } from '../../../handler/pass/scope.js'
import { exitCode } from '../../../handler/report/exit-code.js'
import { SplitReport } from '../../../handler/serve/split-report.js'
import type { FaultCode } from '../../../handler/util/errors.js'
import { aGroupReport, aMember, anActive, aReport } from '../../support/builders.js'

const group = (name: string, namespace = 'a') =>
  aGroupReport([anActive(`${name}-0`), aMember(`${name}-1`)], { namespace, services: [name, `${name}-metrics`] })
const fault = (code: FaultCode, namespace: string, services: readonly string[] = []) =>
  aGroupReport([], {
    ...{ namespace, services },
    decision: { kind: 'error', fault: { code, object: 'it', message: 'is wrong', remedy: 'Put it right.' } },
  })

const alert = (named: Omit<Target, 'otherwise'>): Target => ({ namespace: 'a', ...named, otherwise: 'all' })
const asked = (service: string, namespace?: string): Target => ({ namespace, service, otherwise: 'not-found' })

const [db, web, elsewhere] = [group('db'), group('web'), group('db', 'b')]
const [refused, nope, other] = [fault('denied', 'c'), fault('not-found', 'a', ['nope']), fault('not-found', 'a', ['x'])]
/** What several asked for, some of it in vain. */
const joined: Selection = [asked('nope'), asked('x'), { otherwise: 'all' }]
const report = aReport([db, web, elsewhere, refused, nope, other])

const shareOf = (order: Selection, made: Selection = joined) => new SplitReport(report, made).of(order)

describe('of a report on what several have asked for', () => {
  it.each<[string, readonly Target[], readonly unknown[]]>([
    ['a Service', [alert({ service: 'web-metrics' })], [web]],
    ['a pod', [alert({ pod: 'db-1' })], [db]],
    ['a Service and a pod of another, the Service', [alert({ service: 'web', pod: 'db-0' })], [web]],
    ['a Service that is not managed and a pod, the pod', [alert({ service: 'nope', pod: 'db-0' })], [db]],
    ['several, once each', [alert({ service: 'web' }), alert({ service: 'db' }), alert({ pod: 'db-0' })], [db, web]],
    ['a Service by its namespace', [asked('db', 'b')], [elsewhere]],
    ['a Service in any namespace, those, and what may hide another', [asked('db')], [db, elsewhere, refused]],
    ['what is not there, that', [asked('nope', 'a')], [nope]],
    ['what could not be read, that', [alert({ namespace: 'c', service: 'db' })], [refused]],
  ])('who named %s gets that', (_what, order, groups) => {
    expect(shareOf(order).groups).toEqual(groups)
  })

  it.each<[string, Selection]>([
    ['everything', 'all'],
    ['a name that nothing has', [alert({ service: 'unknown' })]],
    ['that beside another', [alert({ service: 'db' }), alert({ namespace: 'unknown', pod: 'p' })]],
  ])('who named %s gets all but what others asked for in vain', (_what, order) => {
    expect(shareOf(order).groups).toEqual([db, web, elsewhere, refused])
  })

  it('who asked for everything is told of what the scope names in vain', () => {
    expect(shareOf('all', 'all')).toBe(report)
    expect(new SplitReport(report, 'all').of([alert({ service: 'unknown' })])).toBe(report)
  })

  it('what was refused concerns whom it concerns', () => {
    expect(exitCode(shareOf([alert({ service: 'db' })]))).toBe(0)
    expect(exitCode(shareOf([asked('nope', 'a')]))).toBe(1)
    expect(exitCode(shareOf([alert({ namespace: 'c', pod: 'p' })]))).toBe(3)
    expect(exitCode(shareOf('all'))).toBe(3)
  })

  it('those who get the same get the same object, and whom it was made for the report itself', () => {
    const shares = new SplitReport(report, joined)
    expect(shares.of([alert({ service: 'db' })])).toBe(shares.of([alert({ pod: 'db-1' })]))
    expect(shares.of('all')).toBe(shares.of([alert({ service: 'unknown' })]))
    expect(shares.of(joined)).toBe(report)
  })
})
