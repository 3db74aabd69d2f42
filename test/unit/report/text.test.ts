import { describe, expect, test } from 'vitest'
import { metadataPatch } from '../../../handler/kube/patch.js'
import type { Write } from '../../../handler/kube/recording.js'
import { toText } from '../../../handler/report/text.js'
import type { Fault } from '../../../handler/util/errors.js'
import {
  aGroupReport,
  aMember,
  anActive,
  aReport,
  aWrite,
  conclusively,
  failed,
  failing,
  healthy,
  MINUTE,
  NOW,
  SECOND,
  terminating,
  unchecked,
  unprobed,
} from '../../support/builders.js'

const HELLO_0 = anActive('helloworld-0')
const HELLO_1 = aMember('helloworld-1', { epoch: 1 })
const sick = { ...HELLO_0, verdict: failed() }
const SERVICES = ['helloworld']

/** As a dry run has it. */
const planned = (object: `${Write['kind']}/${string}`, result: Write['result']): Write => ({
  ...aWrite(object, result),
  planned: {
    patch: metadataPatch({ uid: 'u', labels: { role: 'passive' } }),
    before: { labels: { role: 'active' } },
  },
})

const fault: Fault = {
  code: 'selector-too-wide',
  object: 'service default/helloworld',
  message: 'its selector holds nothing but role',
  remedy: 'Add the labels of its pods.',
}
const patched = (...objects: readonly Parameters<typeof aWrite>[0][]) => objects.map((object) => aWrite(object))

describe('the text for people', () => {
  test('on a steady group is in the words of the recipe', () => {
    const report = aReport([aGroupReport([HELLO_0, HELLO_1], { services: SERVICES })])
    expect(toText(report)).toMatchInlineSnapshot(`
      "default/helloworld:
      helloworld-0 is the active pod
      helloworld-1 is the passive pod
      Active pod HTTP response: 200
      Passive pod HTTP response: 200
      Active node passed healthcheck

      1 keep; 2 API requests, 57ms
      "
    `)
  })

  test('on several checks says which of them failed', () => {
    const check = { kind: 'several', result: 'tcp :9090: connection refused', ms: 1 } as const
    const members = [{ ...HELLO_0, verdict: { ...failing(1), check } }, HELLO_1]
    expect(toText(aReport([aGroupReport(members)]))).toContain(
      'Active pod checks: tcp :9090: connection refused, failure 1\n',
    )
  })

  test('on a first active', () => {
    const members = [0, 1].map((n) => aMember(`helloworld-${n}`, { labelled: false }))
    const writes = patched('service/helloworld', 'pod/helloworld-1', 'pod/helloworld-0', 'service/helloworld')
    expect(
      toText(aReport([aGroupReport(members, { services: SERVICES, writes })], { requests: 8 })),
    ).toMatchInlineSnapshot(`
      "default/helloworld:
      helloworld-0 is the passive pod
      helloworld-1 is the passive pod
      Passive pod HTTP response: 200 (helloworld-0)
      Passive pod HTTP response: 200 (helloworld-1)
      Reason: no pod is active, and none is marked as having been; helloworld-0 passed its check
      Enabling helloworld-0
      service/helloworld patched
      pod/helloworld-1 patched
      pod/helloworld-0 patched
      service/helloworld patched

      1 first; 8 API requests, 57ms
      "
    `)
  })

  test('on a failover', () => {
    const writes = patched('service/helloworld', 'pod/helloworld-0', 'pod/helloworld-1', 'service/helloworld')
    const group = aGroupReport([sick, HELLO_1], { services: SERVICES, writes, latch: 'latched' })
    expect(toText(aReport([group], { requests: 7, durationMs: 2_118 }))).toMatchInlineSnapshot(`
      "default/helloworld:
      helloworld-0 is the active pod
      helloworld-1 is the passive pod
      Active pod HTTP response: 500
      Passive pod HTTP response: 200
      Detected application health failure
      Reason: helloworld-0 failed its check 3 times in a row (500); helloworld-1 passed its check
      Enabling helloworld-1
      service/helloworld patched
      pod/helloworld-0 patched
      pod/helloworld-1 patched
      service/helloworld patched

      1 failover; 7 API requests, 2.118s
      "
    `)
  })

  test('on a failover from a pod that is terminating', () => {
    const group = aGroupReport([anActive('helloworld-0', terminating), HELLO_1], { services: SERVICES })
    expect(toText(aReport([group]))).toMatchInlineSnapshot(`
      "default/helloworld:
      helloworld-0 is the active pod
      helloworld-1 is the passive pod
      Active pod is terminating
      Passive pod HTTP response: 200
      Reason: helloworld-0 is terminating; helloworld-1 passed its check
      Enabling helloworld-1

      1 failover; 2 API requests, 57ms
      "
    `)
  })

  test('on both pods failing', () => {
    const group = aGroupReport([sick, { ...HELLO_1, verdict: failed('503') }], { services: SERVICES })
    expect(toText(aReport([group]))).toMatchInlineSnapshot(`
      "default/helloworld:
      helloworld-0 is the active pod
      helloworld-1 is the passive pod
      Active pod HTTP response: 500
      Passive pod HTTP response: 503
      Detected application health failure
      Passive pod failing health check as well... leaving active pod enabled
      Reason: helloworld-0 failed its check 3 times in a row (500); no other pod can take over (helloworld-1: 503): helloworld-0 stays active

      1 blocked; 2 API requests, 57ms
      "
    `)
  })

  test.each([
    ['there is no passive', {}, [sick]],
    ['one is healthy, and never to be active', { never: ['helloworld-1'] }, [sick, HELLO_1]],
    ['there was no time to check it', {}, [sick, { ...HELLO_1, verdict: unprobed }]],
    [
      'there is no active',
      {},
      [aMember('helloworld-0', { verdict: conclusively('Pending'), pod: { phase: 'Pending' } })],
    ],
  ])('does not speak of a passive that fails when %s', (_, settings, members) => {
    const group = aGroupReport(members, { settings })
    expect(group.decision.kind).toBe('blocked')
    expect(toText(aReport([group]))).not.toContain('as well')
  })

  test('on an active that is under its threshold', () => {
    const members = [{ ...HELLO_0, verdict: failing(2, 'no answer within 2s') }, HELLO_1]
    const group = aGroupReport(members, { services: SERVICES, writes: patched('pod/helloworld-0') })
    expect(toText(aReport([group], { requests: 3 }))).toMatchInlineSnapshot(`
      "default/helloworld:
      helloworld-0 is the active pod
      helloworld-1 is the passive pod
      Active pod HTTP response: no answer within 2s, failure 2
      Passive pod HTTP response: 200
      Reason: helloworld-0 failed its check (no answer within 2s), 2 of 3 times
      pod/helloworld-0 patched

      1 count; 3 API requests, 57ms
      "
    `)
  })

  test('on a failover that has to wait for the cooldown', () => {
    const moves = [{ atMs: NOW - 20 * SECOND, failed: HELLO_1.pod.uid }]
    const members = [{ ...sick, moves }, HELLO_1]
    const group = aGroupReport(members, { services: SERVICES, settings: { cooldown: MINUTE } })
    expect(toText(aReport([group]))).toMatchInlineSnapshot(`
      "default/helloworld:
      helloworld-0 is the active pod
      helloworld-1 is the passive pod
      Active pod HTTP response: 500
      Passive pod HTTP response: 200
      Detected application health failure
      Reason: helloworld-0 failed its check 3 times in a row (500); the role has moved for such a failure, or back to a preferred pod, once in the last hour: helloworld-1 takes over in 40s at the earliest

      1 blocked; 2 API requests, 57ms
      "
    `)
  })

  test('on nobody active and nobody healthy', () => {
    const members = [aMember('helloworld-0', { verdict: conclusively('Pending'), pod: { phase: 'Pending' } })]
    expect(toText(aReport([aGroupReport(members, { services: SERVICES })]))).toMatchInlineSnapshot(`
      "default/helloworld:
      helloworld-0 is the passive pod
      Passive pod is Pending
      Reason: no pod is active, and none is marked as having been; no other pod can take over (helloworld-0: Pending)

      1 blocked; 2 API requests, 57ms
      "
    `)
  })

  test('on an active that there was no time to check', () => {
    const group = aGroupReport([{ ...HELLO_0, verdict: unprobed }, HELLO_1], { services: SERVICES })
    expect(toText(aReport([group], { interrupted: true }))).toMatchInlineSnapshot(`
      "default/helloworld:
      helloworld-0 is the active pod
      helloworld-1 is the passive pod
      Active pod HTTP response: not probed
      Passive pod HTTP response: 200
      Reason: no time was left to check helloworld-0

      1 blocked (interrupted); 2 API requests, 57ms
      "
    `)
  })

  test('on two actives', () => {
    const members = [HELLO_0, anActive('helloworld-1', { epoch: 2 })]
    const group = aGroupReport(members, { services: SERVICES, writes: patched('pod/helloworld-0', 'pod/helloworld-1') })
    expect(toText(aReport([group], { requests: 7 }))).toMatchInlineSnapshot(`
      "default/helloworld:
      helloworld-0 is the active pod
      helloworld-1 is the active pod
      Active pod HTTP response: 200 (helloworld-0)
      Active pod HTTP response: 200 (helloworld-1)
      Reason: helloworld-0 and helloworld-1 are all active; helloworld-1 is kept (epoch 2)
      Enabling helloworld-1
      pod/helloworld-0 patched
      pod/helloworld-1 patched

      1 repair; 7 API requests, 57ms
      "
    `)
  })

  test('on a failback', () => {
    const members = [aMember('helloworld-0'), anActive('helloworld-1')]
    const settings = { prefer: ['helloworld-0'], failback: 5 * MINUTE }
    expect(toText(aReport([aGroupReport(members, { services: SERVICES, settings })]))).toMatchInlineSnapshot(`
      "default/helloworld:
      helloworld-0 is the passive pod
      helloworld-1 is the active pod
      Active pod HTTP response: 200
      Passive pod HTTP response: 200
      Reason: helloworld-0 is preferred to helloworld-1 and has been healthy for at least 5m
      Enabling helloworld-0

      1 failback; 2 API requests, 57ms
      "
    `)
  })

  test('on a paused group', () => {
    const group = aGroupReport([sick, HELLO_1], { services: SERVICES, settings: { pause: Number.POSITIVE_INFINITY } })
    expect(toText(aReport([group]))).toMatchInlineSnapshot(`
      "default/helloworld:
      helloworld-0 is the active pod
      helloworld-1 is the passive pod
      Active pod HTTP response: 500
      Passive pod HTTP response: 200
      Reason: paused by annotation

      1 paused; 2 API requests, 57ms
      "
    `)
  })

  test('on a group without pods', () => {
    expect(toText(aReport([aGroupReport([], { services: SERVICES })]))).toMatchInlineSnapshot(`
      "default/helloworld:
      Reason: the group has no pods

      1 empty; 2 API requests, 57ms
      "
    `)
  })

  test('on an error', () => {
    const group = aGroupReport([], { services: SERVICES, decision: { kind: 'error', fault } })
    expect(toText(aReport([group]))).toMatchInlineSnapshot(`
      "default/helloworld:
      Error: service default/helloworld: its selector holds nothing but role. Add the labels of its pods.
      See docs/errors.md#selector-too-wide

      1 error; 2 API requests, 57ms
      "
    `)
  })

  test('on a namespace that could not be read', () => {
    const denied: Fault = {
      ...fault,
      code: 'denied',
      object: 'namespace test',
      message: 'LIST services: forbidden',
      remedy: 'Ask for it.',
    }
    const group = aGroupReport([], { namespace: 'test', services: [], decision: { kind: 'error', fault: denied } })
    expect(toText(aReport([group], { requests: 1 }))).toMatchInlineSnapshot(`
      "test:
      Error: namespace test: LIST services: forbidden. Ask for it.
      See docs/errors.md#denied

      1 error; 1 API request, 57ms
      "
    `)
  })

  test('on several passives says which is which', () => {
    const members = [
      aMember('helloworld-0', { verdict: failing(1, 'connection refused') }),
      anActive('helloworld-1'),
      aMember('helloworld-2', { verdict: conclusively('not Ready') }),
      aMember('helloworld-10', {
        verdict: { ...healthy, check: { kind: 'tcp', result: 'connected', ms: 1 } },
      }),
      aMember('helloworld-11', { verdict: { ...healthy, check: { kind: 'ready', result: 'Ready', ms: 0 } } }),
    ]
    expect(toText(aReport([aGroupReport(members, { services: SERVICES })]))).toMatchInlineSnapshot(`
      "default/helloworld:
      helloworld-0 is the passive pod
      helloworld-1 is the active pod
      helloworld-2 is the passive pod
      helloworld-10 is the passive pod
      helloworld-11 is the passive pod
      Active pod HTTP response: 200
      Passive pod HTTP response: connection refused, failure 1 (helloworld-0)
      Passive pod is not Ready (helloworld-2)
      Passive pod TCP connection: connected (helloworld-10)
      Passive pod state: Ready (helloworld-11)
      Active node passed healthcheck

      1 keep; 2 API requests, 57ms
      "
    `)
  })

  test('on a dry run', () => {
    const writes = (['service/helloworld', 'pod/helloworld-0', 'pod/helloworld-1', 'service/helloworld'] as const).map(
      (object) => planned(object, 'dry run'),
    )
    const group = aGroupReport([sick, HELLO_1], { services: SERVICES, writes })
    expect(toText(aReport([group], { dryRun: true }))).toMatchInlineSnapshot(`
      "default/helloworld:
      helloworld-0 is the active pod
      helloworld-1 is the passive pod
      Active pod HTTP response: 500
      Passive pod HTTP response: 200
      Detected application health failure
      Reason: helloworld-0 failed its check 3 times in a row (500); helloworld-1 passed its check
      Enabling helloworld-1
      service/helloworld would be patched:
        - metadata.labels.role: active
        + metadata.labels.role: passive
        only if its uid is u
      pod/helloworld-0 would be patched:
        - metadata.labels.role: active
        + metadata.labels.role: passive
        only if its uid is u
      pod/helloworld-1 would be patched:
        - metadata.labels.role: active
        + metadata.labels.role: passive
        only if its uid is u
      service/helloworld would be patched:
        - metadata.labels.role: active
        + metadata.labels.role: passive
        only if its uid is u

      1 failover (dry run); 2 API requests, 57ms
      "
    `)
  })

  test('on a dry run whose writes the API server refuses', () => {
    const results = [
      ...(['changed', 'lost', 'gone', 'denied', 'unauthenticated'] as const),
      ...(['throttled', 'rejected', 'unknown'] as const),
    ]
    const writes = results.map((result) => planned('pod/a', result))
    const lines = toText(aReport([aGroupReport([sick], { writes })], { dryRun: true })).split('\n')
    expect(lines.filter((line) => line.startsWith('pod/'))).toEqual([
      'pod/a would be patched, but changed by admission:',
      'pod/a would not be patched, because it has changed meanwhile:',
      'pod/a would not be patched, because it is gone:',
      'pod/a would not be patched, because that is forbidden:',
      'pod/a would not be patched, because the API server does not know who asks:',
      'pod/a would not be patched now, because the API server is busy:',
      'pod/a would not be patched, because the API server rejects it:',
      'pod/a might be patched, but the API server did not answer:',
    ])
  })

  test('on a dry run, with the values of tenants on one line each and without their secrets', () => {
    const patch = metadataPatch({ uid: 'u\nforged: line', annotations: { x: '\u202ebackwards token=hunter22' } })
    const writes: Write[] = [{ ...aWrite('pod/a', 'dry run'), planned: { patch, before: { labels: {} } } }]
    const text = toText(aReport([aGroupReport([sick], { writes })], { dryRun: true }))
    expect(text).toContain('  + metadata.annotations.x: "\\u{202e}backwards token=…"\n')
    expect(text).toContain('  only if its uid is "u\\nforged: line"\n')
  })

  test('on writes that did not go as they should', () => {
    const results = ['lost', 'gone', 'denied', 'unauthenticated', 'throttled', 'rejected', 'unknown'] as const
    const group = aGroupReport([sick, HELLO_1], {
      services: SERVICES,
      writes: results.map((result, n) => aWrite(`pod/helloworld-${n}`, result)),
      faults: [
        {
          ...fault,
          code: 'deadline',
          object: 'group default/helloworld',
          message: 'the deadline came',
          remedy: 'Wait.',
        },
      ],
      warnings: ['service helloworld was not latched'],
    })
    expect(toText(aReport([group]))).toMatchInlineSnapshot(`
      "default/helloworld:
      helloworld-0 is the active pod
      helloworld-1 is the passive pod
      Active pod HTTP response: 500
      Passive pod HTTP response: 200
      Detected application health failure
      Reason: helloworld-0 failed its check 3 times in a row (500); helloworld-1 passed its check
      Enabling helloworld-1
      pod/helloworld-0 not patched: it has changed meanwhile
      pod/helloworld-1 not patched: it is gone
      pod/helloworld-2 not patched: forbidden
      pod/helloworld-3 not patched: not authenticated
      pod/helloworld-4 not patched: the API server is busy
      pod/helloworld-5 not patched: rejected
      pod/helloworld-6 may not have been patched: no answer
      Error: group default/helloworld: the deadline came. Wait.
      See docs/errors.md#deadline
      Warning: service helloworld was not latched

      1 error; 2 API requests, 57ms
      "
    `)
  })

  test('on several groups counts what became of them', () => {
    const keep = aGroupReport([HELLO_0])
    const groups = [
      keep,
      aGroupReport([anActive('db-0')], { services: ['db', 'db-metrics'] }),
      aGroupReport([], { services: ['empty'] }),
      { ...keep, services: ['broken'], faults: [fault] },
    ]
    expect(toText(aReport(groups, { durationMs: 61_000, requests: 1 }))).toMatchInlineSnapshot(`
      "default/web:
      helloworld-0 is the active pod
      Active pod HTTP response: 200
      Active node passed healthcheck

      default/db,db-metrics:
      db-0 is the active pod
      Active pod HTTP response: 200
      Active node passed healthcheck

      default/empty:
      Reason: the group has no pods

      default/broken:
      helloworld-0 is the active pod
      Active pod HTTP response: 200
      Active node passed healthcheck
      Error: service default/helloworld: its selector holds nothing but role. Add the labels of its pods.
      See docs/errors.md#selector-too-wide

      2 keep, 1 empty, 1 error; 1 API request, 1m1s
      "
    `)
  })

  test('on no managed Service at all is one line', () => {
    expect(toText(aReport([]))).toMatchInlineSnapshot(`
      "no managed Service in scope (namespace default); 2 API requests, 57ms
      "
    `)
  })
})

test('A check that could not be made is no failure, whatever was counted before', () => {
  const group = aGroupReport([anActive('web-0'), aMember('web-1', { verdict: unchecked(2) })])
  expect(toText(aReport([group])).split('\n')).toContain('Passive pod command: not checked: may not get pods/exec')
})
