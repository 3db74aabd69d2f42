import { describe, expect, test } from 'vitest'
import { jsonPatch, metadataPatch } from '../../../handler/kube/patch.js'
import { toJson } from '../../../handler/report/json.js'
import {
  aGroupReport,
  aMember,
  anActive,
  aReport,
  aWrite,
  conclusively,
  failed,
  failing,
  MINUTE,
  unprobed,
} from '../../support/builders.js'

type GroupDraft = Parameters<typeof aGroupReport>

/** What the document says of one group. */
function groupJson(...group: GroupDraft) {
  const document = JSON.parse(toJson(aReport([aGroupReport(...group)])))
  return document.groups[0]
}

const sick = anActive('web-0', { verdict: failed() })

describe('the JSON for programs', () => {
  test('holds the body of each write of a dry run, and its kind', () => {
    const operations = [{ op: 'add', path: '/metadata/labels/role', value: 'passive' }] as const
    const patches = [jsonPatch(operations), metadataPatch({ uid: 'u', labels: { role: null } })]
    const writes = patches.map((patch) => ({ ...aWrite('pod/web-0', 'dry run'), planned: { patch, before: {} } }))
    const write = { verb: 'patch', object: 'pod/web-0', result: 'dry run' }
    expect(groupJson([sick], { writes }).writes).toEqual([
      { ...write, type: 'json', patch: operations },
      { ...write, type: 'merge', patch: { metadata: { uid: 'u', labels: { role: null } } } },
    ])
  })

  test('is one document, and all of it is this', () => {
    const report = aReport(
      [
        aGroupReport([sick, aMember('web-1')], {
          services: ['web', 'web-metrics'],
          writes: [aWrite('pod/web-0')],
          latch: 'latched',
          warnings: ['something is odd'],
        }),
      ],
      { durationMs: 2_118, requests: 7 },
    )
    expect(toJson(report)).toMatchInlineSnapshot(`
      "{
        "groups": [
          {
            "namespace": "default",
            "services": [
              "web",
              "web-metrics"
            ],
            "decision": "failover",
            "reason": {
              "code": "active-failed",
              "text": "web-0 failed its check 3 times in a row (500); web-1 passed its check"
            },
            "active": {
              "before": "web-0",
              "after": "web-1"
            },
            "ended": 0,
            "pods": [
              {
                "name": "web-0",
                "uid": "uid-of-web-0",
                "role": "active",
                "epoch": 1,
                "healthy": false,
                "failures": 3,
                "check": {
                  "kind": "http",
                  "result": "500",
                  "ms": 3
                },
                "evidence": null,
                "whyNot": "500",
                "whyNotCode": "check-failed"
              },
              {
                "name": "web-1",
                "uid": "uid-of-web-1",
                "role": "passive",
                "epoch": 0,
                "healthy": true,
                "failures": 0,
                "check": {
                  "kind": "http",
                  "result": "200",
                  "ms": 3
                },
                "evidence": "check",
                "whyNot": null,
                "whyNotCode": null
              }
            ],
            "writes": [
              {
                "verb": "patch",
                "object": "pod/web-0",
                "result": "applied"
              }
            ],
            "latch": "latched",
            "warnings": [
              "something is odd"
            ]
          }
        ],
        "warnings": [],
        "summary": "1 failover; 7 API requests, 2.118s",
        "durationMs": 2118,
        "requests": 7
      }
      "
    `)
  })

  test('on no managed Service at all has no groups', () => {
    expect(JSON.parse(toJson(aReport([])))).toEqual({
      groups: [],
      warnings: [],
      summary: 'no managed Service in scope (namespace default); 2 API requests, 57ms',
      durationMs: 57,
      requests: 2,
    })
  })

  test.each<[string, GroupDraft, unknown]>([
    ['keep', [[anActive('web-0')]], { before: 'web-0', after: 'web-0' }],
    ['count', [[anActive('web-0', { verdict: failing(1) })]], { before: 'web-0', after: 'web-0' }],
    ['first', [[aMember('web-0')]], { before: null, after: 'web-0' }],
    ['failover', [[sick, aMember('web-1')]], { before: 'web-0', after: 'web-1' }],
    [
      'failback',
      [[anActive('web-0'), aMember('web-1')], { settings: { prefer: ['web-1'], failback: 0 } }],
      { before: 'web-0', after: 'web-1' },
    ],
    ['repair', [[anActive('web-0'), anActive('web-1', { epoch: 2 })]], { before: 'web-0,web-1', after: 'web-1' }],
    ['blocked', [[sick]], { before: 'web-0', after: 'web-0' }],
    ['paused', [[sick], { settings: { pause: Number.POSITIVE_INFINITY } }], { before: 'web-0', after: 'web-0' }],
    ['empty', [[]], { before: null, after: null }],
  ])('of decision %s names the active before and after', (decision, group, active) => {
    expect(groupJson(...group)).toMatchObject({ decision, active })
  })

  test('of an error has the fault as it is, the page about it, and in words as the reason', () => {
    const fault = { code: 'overlap', object: 'pod a/b', message: 'it is in two', remedy: 'Choose.' } as const
    const group = groupJson([], { namespace: undefined, services: [], decision: { kind: 'error', fault } })
    expect(group).toEqual({
      namespace: null,
      services: [],
      decision: 'error',
      reason: { code: 'overlap', text: 'pod a/b: it is in two. Choose.' },
      active: { before: null, after: null },
      ended: 0,
      pods: [],
      writes: [],
      latch: null,
      warnings: [],
      error: { ...fault, doc: 'docs/errors.md#overlap' },
    })
  })

  test('has the gravest fault of a decision that could not be carried out', () => {
    const fault = (code: 'latched' | 'deadline') => ({ code, object: 'o', message: 'm', remedy: 'r' })
    expect(groupJson([sick, aMember('web-1')], { faults: [fault('latched'), fault('deadline')] })).toMatchObject({
      decision: 'failover',
      error: { code: 'latched' },
    })
  })

  test.each([
    [anActive('web-0'), true, null],
    [sick, false, '500'],
    [aMember('web-1', { verdict: failing(1, 'connection refused') }), false, 'connection refused'],
    [aMember('web-1', { verdict: conclusively('not Ready') }), false, 'not Ready'],
    [aMember('web-1', { verdict: unprobed }), false, 'not probed'],
    [aMember('never-0'), true, 'named in never'],
  ])('%#: says of a pod whether it is healthy, and if it is no candidate why not', (member, healthy, whyNot) => {
    const { pods } = groupJson([member], { settings: { never: ['never-0'], failback: MINUTE } })
    expect(pods).toMatchObject([{ healthy, whyNot }])
  })
})
