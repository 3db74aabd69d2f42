import { describe, expect, it } from 'vitest'
import type { Target } from '../../../../handler/pass/scope.js'
import { readMessage, readWebhook, withinScope } from '../../../../handler/serve/http/alertmanager.js'

const alert = (labels: object, status = 'firing') => ({
  status,
  labels,
  annotations: {},
  startsAt: '2026-01-01T00:00:00Z',
})
const message = (alerts: unknown, rest: object = {}) => ({
  version: '4',
  status: 'firing',
  receiver: 'active-passive',
  groupKey: '{}:{}',
  truncatedAlerts: 0,
  alerts,
  ...rest,
})
const order = (alerts: unknown, rest?: object) => {
  const reading = readWebhook(message(alerts, rest))
  return 'error' in reading ? reading.error : reading.selection
}

describe('a firing alert', () => {
  it.each([
    ['a Service', { namespace: 'shop', service: 'db' }, { namespace: 'shop', service: 'db' }],
    ['a pod', { namespace: 'shop', pod: 'db-0' }, { namespace: 'shop', pod: 'db-0' }],
    ['both', { namespace: 'shop', service: 'db', pod: 'db-0' }, { namespace: 'shop', service: 'db', pod: 'db-0' }],
  ])('that names %s asks for its group, or for all where there is none', (_what, labels, target) => {
    expect(order([alert({ alertname: 'Down', ...labels })])).toEqual([{ ...target, otherwise: 'all' }])
  })

  it.each([
    ['no namespace', { service: 'db', pod: 'db-0' }],
    ['neither Service nor pod', { namespace: 'shop', deployment: 'db' }],
    ['nothing', {}],
    ['empty names', { namespace: '', service: '', pod: '' }],
    ['names that are no text', { namespace: 'shop', service: 7, pod: { name: 'db-0' } }],
  ])('with %s asks for all, whatever the others name', (_what, labels) => {
    expect(order([alert({ namespace: 'shop', service: 'db' }), alert(labels)])).toBe('all')
  })

  it('reads labels as they are, not as what an object inherits', () => {
    expect(order([alert(JSON.parse('{"namespace": "shop", "__proto__": {"service": "db"}}'))])).toBe('all')
  })
})

describe('a group of alerts', () => {
  it('names each Service once', () => {
    const db = { namespace: 'shop', service: 'db' }
    const web = { namespace: 'shop', service: 'web' }
    const elsewhere = { namespace: 'other', service: 'db' }
    const alerts = [db, web, db, elsewhere, { ...web, severity: 'critical' }].map((labels) => alert(labels))
    expect(order(alerts)).toEqual([db, web, elsewhere].map((target) => ({ ...target, otherwise: 'all' })))
  })

  it('of which some are resolved asks for those that fire', () => {
    const alerts = [
      alert({ namespace: 'shop', service: 'db' }, 'resolved'),
      alert({ namespace: 'shop', service: 'web' }),
    ]
    expect(order(alerts)).toEqual([{ namespace: 'shop', service: 'web', otherwise: 'all' }])
  })

  it.each([
    ['all of which are resolved', [alert({ namespace: 'shop', service: 'db' }, 'resolved'), alert({}, 'resolved')]],
    ['without any', []],
  ])('%s asks for nothing', (_what, alerts) => {
    expect(order(alerts)).toBeUndefined()
  })

  it('of which some were cut off asks for all: those may be firing', () => {
    expect(order([alert({ namespace: 'shop', service: 'db' }, 'resolved')], { truncatedAlerts: 3 })).toBe('all')
    expect(order([alert({ namespace: 'shop', service: 'db' })], { truncatedAlerts: 3 })).toBe('all')
  })
})

describe("Grafana's message", () => {
  /** With all that Grafana documents of it. */
  const grafana = (alerts: readonly object[], rest: object = {}) =>
    readWebhook({
      ...{ receiver: 'failover', status: 'firing', orgId: 1, version: '1', groupKey: '{}:{alertname="WebDown"}' },
      ...{ truncatedAlerts: 0, groupLabels: {}, commonLabels: {}, commonAnnotations: {} },
      ...{ externalURL: 'https://grafana.example/', title: '[FIRING:1] WebDown', state: 'alerting', message: 'down' },
      alerts: alerts.map((own) => ({ silenceURL: '', dashboardURL: '', values: { A: 1 }, valueString: '', ...own })),
      ...rest,
    })
  const web = { namespace: 'default', service: 'web' }

  it('asks for what its firing alerts name', () => {
    expect(grafana([alert(web), alert({ namespace: 'default', pod: 'db-0' }, 'resolved')])).toEqual({
      selection: [{ ...web, otherwise: 'all' }],
    })
  })

  it('of its test, whose alert names no Service, asks for all', () => {
    expect(grafana([alert({ alertname: 'TestAlert', instance: 'Grafana' })])).toEqual({ selection: 'all' })
  })

  it('of which alerts were cut off asks for all', () => {
    expect(grafana([alert(web)], { truncatedAlerts: 2 })).toEqual({ selection: 'all' })
  })

  it('that all is well again asks for nothing, whatever its state says', () => {
    expect(grafana([alert(web, 'resolved')], { status: 'resolved', state: 'ok' })).toEqual({ selection: undefined })
    expect(grafana([alert(web, 'resolved')])).toEqual({ selection: undefined })
  })
})

const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`) as unknown

describe('a message that is none is refused, and told why:', () => {
  it.each([
    ['null', null, /JSON object/],
    ['a text', 'alerts', /JSON object/],
    ['a list', [message([])], /JSON object/],
    ['a list in lists', deep, /JSON object/],
    ['an empty object', {}, /version is missing, and alerts is missing/],
    [
      'the message of the alerts in dashboards that Grafana had before',
      { title: '[Alerting] x', ruleId: 1, state: 'alerting', evalMatches: [] },
      /version is missing/,
    ],
  ])('%s', (_what, sent, why) => {
    expect(readWebhook(sent)).toEqual({ error: expect.stringMatching(why) })
  })

  it('nor is a text that is no JSON one', () => {
    expect(readMessage('hello')).toEqual({ error: 'the body is no JSON' })
  })
})

describe('a message that is almost one asks for all, and is told of:', () => {
  it.each([
    ['another version', message([], { version: '5' }), /version is "5", and only "4"/],
    ['no version', message([alert({})], { version: undefined }), /version is missing/],
    ['a version that is a number', message([], { version: 4 }), /version is 4/],
    ["Grafana's version as a number", message([], { version: 1 }), /version is 1, .* "1", of Grafana/],
    ['a version that is nested', message([], { version: deep }), /version is a list/],
    ['a long version', message([], { version: 'x'.repeat(1_000) }), /^version is "x{40}", /],
    ['no alerts', message(undefined), /alerts is missing/],
    ['alerts that are no list', message({ 0: alert({}) }), /alerts is an object/],
    ['an alert that is null', message([null]), /alerts\[0\] is null/],
    ['an alert that is nested', message([alert({}), deep]), /alerts\[1\] is a list/],
    ['an alert without labels', message([{ status: 'firing' }]), /alerts\[0\] is an object, which should have labels/],
    ['labels that are a list', message([{ status: 'firing', labels: [] }]), /should have labels/],
    ['no status', message([{ labels: {} }]), /alerts\[0\]\.status is missing, which should be firing or resolved/],
    ['another status', message([alert({}, 'resolved'), alert({}, 'Firing')]), /alerts\[1\]\.status is "Firing"/],
  ])('%s', (_what, sent, why) => {
    expect(readWebhook(sent)).toEqual({ selection: 'all', doubt: expect.stringMatching(why) })
  })

  it('one that was cut off', () => {
    const text = JSON.stringify(message([alert({ namespace: 'shop', service: 'db' })])).slice(0, -20)
    expect(readMessage(text)).toEqual({ selection: 'all', doubt: 'the body is no whole JSON' })
  })
})

describe('alerts for hundreds of Services', () => {
  it('ask for all', () => {
    const alerts = Array.from({ length: 251 }, (_, n) => alert({ namespace: 'shop', service: `db-${n}` }))
    expect(order(alerts.slice(1))).toHaveLength(250)
    expect(order(alerts)).toBe('all')
  })
})

describe('alerts for namespaces that are not served', () => {
  const target = (namespace: string): Target => ({ namespace, service: 'db', otherwise: 'all' })
  const isServed = (namespace: string) => namespace === 'shop'

  it('ask for nothing, and those beside them for what they name', () => {
    const [shop, other, bank] = ['shop', 'other', 'bank'].map(target) as [Target, Target, Target]
    expect(withinScope([other, shop, bank, other], isServed)).toEqual({ selection: [shop], outside: ['other', 'bank'] })
    expect(withinScope([other], isServed)).toEqual({ selection: undefined, outside: ['other'] })
    expect(withinScope('all', isServed)).toEqual({ selection: 'all', outside: [] })
  })

  it.each(['.', '..', 'shop/services', 'Shop', 'x'.repeat(70_000)])(
    'that cannot be any ask for all where all are served: no path is made of %.20s',
    (namespace) => {
      expect(withinScope([target('shop'), target(namespace)], () => true)).toEqual({ selection: 'all', outside: [] })
      expect(withinScope([target('shop'), target(namespace)], isServed)).toMatchObject({ selection: [target('shop')] })
    },
  )
})
