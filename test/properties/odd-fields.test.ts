// Whatever stands in the fields of one group's Service and pods, as JSON brings it: no other group is decided otherwise.
import type { V1Pod, V1Service } from '@kubernetes/client-node'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { groupKey } from '../../handler/group/group-key.js'
import type { Kube } from '../../handler/kube/port.js'
import { readPod, readService } from '../../handler/kube/read.js'
import { pass } from '../../handler/pass/pass.js'
import { checkOf } from '../../handler/report/check.js'
import { exitCode } from '../../handler/report/exit-code.js'
import { toJson } from '../../handler/report/json.js'
import type { GroupReport, Report } from '../../handler/report/report.js'
import { statusOf } from '../../handler/report/status.js'
import { groupText, statusText } from '../../handler/report/status-text.js'
import { toText } from '../../handler/report/text.js'
import { changesIn } from '../../handler/serve/telemetry/changes.js'
import { GroupCache } from '../../handler/serve/watch/cache.js'
import { DEFAULT_SETTINGS } from '../../handler/settings/settings.js'
import { NOW, winnerOf } from '../support/builders.js'
import { podDraft, podStatus, serviceDraft } from '../support/pods.js'
import { promisesSettled, VirtualClock } from '../support/virtual-clock.js'
import { limit, parameters, Tally } from './runs.js'

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

const GROUPS = ['app', 'odd', 'third']

/** Three groups, each with an active pod that fails its check, and one that passes. */
function objects(): { readonly services: Json[]; readonly pods: Json[] } {
  const metadata = (name: string, rest: object) => ({ ...rest, namespace: 'default', uid: `uid-of-${name}` })
  const managedFields = [
    {
      manager: 'kubectl-create',
      fieldsV1: { 'f:metadata': { 'f:labels': { 'f:app': {} } }, 'f:spec': { 'f:containers': {} } },
    },
    { manager: 'active-passive', fieldsV1: { 'f:metadata': { 'f:labels': { 'f:role': {} } } } },
  ]
  const services = GROUPS.map((name) => {
    const annotations = {
      'active-passive/health-check': 'http://:http/health\nprobe',
      'active-passive/prefer': `${name}-1`,
    }
    const draft = serviceDraft({ name, selector: { app: name, role: 'active' }, annotations })
    return { ...draft, metadata: { ...metadata(name, draft.metadata), resourceVersion: '7', labels: { app: name } } }
  })
  const pods = GROUPS.flatMap((app) =>
    ['active', 'passive'].map((role, n) => {
      const name = `${app}-${n}`
      const annotations = { 'active-passive/epoch': '3', 'active-passive/since': '2026-01-01T00:00:00Z' }
      const ownerReferences = [{ kind: 'StatefulSet', name: app, uid: `uid-of-set-${app}`, controller: true }]
      const labels = { app, role, 'active-passive/pod': `uid-of-${name}` }
      const draft = podDraft({ name, port: 8080, labels, annotations, ownerReferences })
      return { ...draft, metadata: { ...metadata(name, draft.metadata), managedFields }, status: podStatus({}) }
    }),
  )
  return JSON.parse(JSON.stringify({ services, pods }))
}

const words = fc.constantFrom(
  ...['', ' ', '\u0000', '\ud800', '__proto__', 'constructor', 'x:%', '%', '[', '{"a":', '-1', '1e999', 'NaN'],
  ...['x'.repeat(100_000), '2026-13-45T99:99:99Z', '+275760-09-13T00:00:00.001Z', '9999999999999999', 'active', 'true'],
)
const odd: fc.Arbitrary<Json> = fc.oneof(
  { weight: 4, arbitrary: fc.oneof(words, fc.string({ unit: 'binary' })) },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Json>(null, true, false, 0, -1, 1.5, 1e308, 65_536, Number.MAX_SAFE_INTEGER),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Json>(
      ...[[], [null], ['x'], [[]], [{}], {}, { a: null }, { a: { b: [1] } }],
      JSON.parse('{"__proto__": {"role": "active"}, "constructor": "x", "toString": null}'),
    ),
  },
)

/** The paths of all fields below an object, and of some that are not there. */
function pathsIn(value: Json, path: readonly string[] = []): readonly (readonly string[])[] {
  const below =
    typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, one]) => pathsIn(one, [...path, key]))
      : []
  return path.length > 0 ? [path, ...below] : below
}

const ANNOTATIONS = [
  ...[
    'health-check',
    'failures',
    'prefer',
    'pause',
    'history',
    'healed',
    'swap',
    'moves',
    'since',
    'epoch',
    'failed-at',
  ],
  ...['taken-back', 'owner', 'active-owner', 'healthy-since', 'cooldown', 'settle'],
].map((name) => ['metadata', 'annotations', `active-passive/${name}`])
const ABSENT = [
  ...ANNOTATIONS,
  ...[
    ['status', 'containerStatuses'],
    ['status', 'initContainerStatuses'],
    ['spec', 'initContainers'],
    ['spec', 'type'],
  ],
  ...['exec', 'tcpSocket', 'grpc'].map((kind) => ['spec', 'containers', '0', 'readinessProbe', kind]),
  ...[
    ['metadata', 'deletionTimestamp'],
    ['spec', 'selector', 'active-passive/pod'],
    ['spec', 'nodeName'],
  ],
  ['spec', 'containers', '0', 'env'],
]

/** Where the Services and pods of the odd group stand. */
const { services: SERVICES, pods: PODS } = objects()
const PLACES = [
  ...[...pathsIn(SERVICES[1] as Json), ...ABSENT].map((path) => ['services', '1', ...path]),
  ...['2', '3'].flatMap((n) => [...pathsIn(PODS[2] as Json), ...ABSENT].map((path) => ['pods', n, ...path])),
]
const change = fc.record({ path: fc.constantFrom(...PLACES), value: odd })
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never

function changed(changes: readonly Change[]): ReturnType<typeof objects> {
  const all = objects()
  for (const { path, value } of changes) {
    let place: unknown = all
    for (const key of path.slice(0, -1)) {
      if (!isMap(place)) break
      place[key] ??= {}
      place = place[key]
    }
    // As JSON.parse does it: also where the key is `__proto__`.
    if (isMap(place))
      Object.defineProperty(place, path.at(-1) ?? '', { value, writable: true, enumerable: true, configurable: true })
  }
  return JSON.parse(JSON.stringify(all))
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** A dry run of a pass over these objects: what it reads is what an API server would have sent. */
async function decided({ services, pods }: ReturnType<typeof objects>): Promise<Report> {
  const unused = () => Promise.reject(new Error('a dry run writes nothing'))
  const kube: Kube = {
    requests: 0,
    listServices: async () => (structuredClone(services) as V1Service[]).map(readService),
    listPods: async ({ labels = {} }) =>
      (structuredClone(pods) as V1Pod[])
        .map(readPod)
        .filter((pod) => Object.entries(labels).every(([key, value]) => pod.labels[key] === value)),
    ...{ patchPod: unused, patchPodMetadata: unused, patchService: unused, testService: unused },
  }
  const clock = new VirtualClock(NOW)
  const probe = async ({ pod }: { readonly pod: { readonly name: string } }) =>
    pod.name.endsWith('-0') ? { healthy: false, text: '500', ms: 1 } : { healthy: true, text: '200', ms: 1 }
  const options = {
    ...{ namespaces: 'all' as const, services: [], roleLabel: 'role', dryRun: true, panic: 0 },
    ...{ deadlineMs: 20_000, concurrency: 64, settings: DEFAULT_SETTINGS },
  }
  let report: Report | undefined
  const running = pass(options, { kube, clock, probe, random: () => 0.5 }, new AbortController().signal).then(
    (ended) => {
      report = ended
    },
  )
  let failed = false
  running.catch(() => {
    failed = true
  })
  for (await promisesSettled(); !report && !failed; await promisesSettled()) await clock.wakeNext()
  await running
  return report as Report
}

const gist = (group: GroupReport | undefined) =>
  group && {
    decision: group.decision.kind,
    reason: group.decision.kind === 'error' ? group.decision.fault : group.decision.reason,
    to: winnerOf(group.decision),
    active: [group.activeBefore, group.activeAfter],
    writes: group.writes.map(({ kind, name, result }) => `${kind} ${name} ${result}`),
    faults: group.faults,
  }
const othersIn = ({ groups }: Report) =>
  ['app', 'third'].map((name) => gist(groups.find(({ services }) => services.includes(name))))

/** In every form in which people and programs are told. */
function told(report: Report): void {
  toText(report)
  toJson(report)
  exitCode(report)
  checkOf(report, [])
  changesIn(() => NOW)(report, true)
  const seen = statusOf(report, NOW)
  const style = { columns: 80, colors: true, isWide: true, isNamespaced: true, nowMs: NOW }
  statusText(seen, style)
  for (const group of seen.groups) groupText(group, style)
}

/** What a watch makes of it when the objects change to these, one after the other, and when they are listed anew. */
function watched({ services, pods }: ReturnType<typeof objects>): readonly unknown[] {
  const cache = new GroupCache('role')
  const before = published(objects())
  cache.servicesListed(undefined, before.services.map(readService))
  cache.podsListed(undefined, before.pods.map(readPod))
  const after = published({ services, pods })
  const needs = () => ['app', 'third'].map((app) => cache.need(groupKey('default', { app })))
  const events = [
    ...after.services.flatMap((one) => cache.serviceChanged(readService(one))),
    ...after.pods.flatMap((one) => cache.podChanged(readPod(one))),
  ]
  const changed = needs()
  cache.servicesListed(undefined, after.services.map(readService))
  cache.podsListed(undefined, after.pods.map(readPod))
  const others = events.filter(({ key }) => [`"app","app"`, `"app","third"`].some((entry) => key.includes(entry)))
  return [others, changed, needs()]
}

/** The same where the pods are not Ready, and may serve all the same: what their checks ask is looked at then. */
function published(all: ReturnType<typeof objects>) {
  const { services, pods } = structuredClone(all) as unknown as { services: V1Service[]; pods: V1Pod[] }
  for (const { spec } of services) if (isMap(spec)) spec.publishNotReadyAddresses = true
  for (const { status } of pods) if (isMap(status)) status.conditions = []
  return { services, pods }
}

describe('odd fields of one group', limit, () => {
  test('change no decision on another one, end no pass, and can be told of', async () => {
    const expected = othersIn(await decided(objects()))
    expect(expected).toMatchObject([
      { decision: 'failover', to: 'app-1', faults: [] },
      { decision: 'failover', to: 'third-1', faults: [] },
    ])
    const tally = new Tally()
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const report = await decided(changed(changes))
        expect(othersIn(report)).toEqual(expected)
        told(report)
        const own = report.groups.find(({ services }) => services.includes('odd'))
        tally.add(own === undefined ? 'not managed' : own.decision.kind)
        for (const { code } of own?.faults ?? []) tally.add(code)
      }),
      parameters(400),
    )
    tally.expectAll(['defect', 'failover', 'error', 'bad-annotation', 'not managed'])
  })

  test('end no watch, and change no need of another one', () => {
    const expected = watched(objects())
    expect(expected).toEqual([[], [{ kind: 'none' }, { kind: 'none' }], [{ kind: 'none' }, { kind: 'none' }]])
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        expect(watched(changed(changes))).toEqual(expected)
      }),
      parameters(400),
    )
  })
})
