/**
 * Clusters as people, other programs and attackers may leave them. Mostly one group of ordinary pods, so that every rule
 * is reached; in every corner of it something that makes no sense.
 */
import fc from 'fast-check'
import type { Container, Pod, ReadinessProbe, Service } from '../../handler/kube/port.js'
import { aPod, aService, MINUTE, NOW } from '../support/builders.js'
import type { SeenPod, World } from './chain.js'

/** One of these; the first number is its share. */
const mostly = <T>(...shares: readonly (readonly [number, fc.Arbitrary<T>])[]): fc.Arbitrary<T> =>
  fc.oneof(...shares.map(([weight, arbitrary]) => ({ weight, arbitrary })))

const oneOf = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values)

/** Unlike a literal, this makes `__proto__` a key like any other, as JSON does. */
const aMap = (entries: readonly (readonly [string, string | undefined])[]): Record<string, string> =>
  Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== undefined))

const text = mostly<string>(
  [
    4,
    oneOf('', 'a', '__proto__', 'constructor', 'null', 'NaN', '-1', '\u0000', '\ud800', '١٢', '🦑', 'x'.repeat(9_000)),
  ],
  [1, fc.string({ unit: 'binary' })],
)
const strangeEntries = mostly<readonly (readonly [string, string])[]>(
  [8, fc.constant([])],
  [1, fc.array(fc.tuple(oneOf('__proto__', 'constructor', 'toString', '', 'é'), text), { maxLength: 3 })],
)

const NAMES = ['web-0', 'web-0', 'web-1', 'web-1', 'web-2', 'web-01', 'web-9', 'web-10', 'web-100', 'db-3', 'a']

/** Around the moments that the settings below make matter, and far from everything. */
const momentMs = oneOf(
  ...[-60 * MINUTE, -10 * MINUTE, -5 * MINUTE, 1 - 5 * MINUTE, -MINUTE, 1 - MINUTE, -1_000, -999, 0, 1, 1_000].map(
    (ms) => NOW + ms,
  ),
  0,
  -62_135_596_800_000,
  8_640_000_000_000_000,
)
const time = mostly<string | undefined>(
  [6, fc.constant(undefined)],
  [10, momentMs.map((ms) => new Date(ms).toISOString())],
  [
    1,
    oneOf(
      '',
      'yesterday',
      '2026-13-01T00:00:00Z',
      'NaN',
      'Infinity',
      '+275760-09-13T00:00:00.001Z',
      '9'.repeat(50_000),
    ),
  ],
  [1, text],
)
const epoch = mostly<string | undefined>(
  [4, fc.constant(undefined)],
  [6, oneOf('1', '2', '3', '007', '9007199254740990')],
  [1, oneOf('0', '', '-1', '1.5', '1e3', ' 1', '9007199254740991', '9999999999999999', '9'.repeat(400), '0x10', '٣')],
  [1, text],
)
const failures = mostly<string | undefined>(
  [6, fc.constant(undefined)],
  [4, oneOf('0', '1', '2', '3', '999999999')],
  [1, oneOf('', '-1', '1e9', '1.5', '9999999999', 'NaN', ' 2')],
  [1, text],
)

const readinessProbe = mostly<ReadinessProbe | undefined>(
  [6, fc.constant({ kind: 'http', timeoutMs: 1_000, scheme: 'http', port: 8_080, path: '/', headers: [] })],
  [1, fc.constant({ kind: 'tcp', timeoutMs: 1_000, port: 'web' })],
  [1, fc.constant({ kind: 'tcp', timeoutMs: 2 ** 31, port: 'no such port' })],
  [1, fc.constant({ kind: 'tcp', timeoutMs: 0, port: 1, host: 'elsewhere.example' })],
  [1, oneOf({ kind: 'exec', timeoutMs: 1_000 }, { kind: 'grpc', timeoutMs: 1_000 }, undefined)],
)
const container = readinessProbe.map(
  (probe): Container => ({
    name: 'main',
    ports: [{ name: 'web', number: 8_080 }],
    ...(probe ? { readinessProbe: probe } : {}),
  }),
)

const podDraft = fc.record({
  name: oneOf(...NAMES),
  namespace: mostly([30, fc.constant('default')], [1, fc.constant('other')]),
  app: mostly([40, fc.constant('web')], [1, oneOf('db', '__proto__')]),
  tier: mostly([60, fc.constant(undefined)], [1, fc.constant('gold')]),
  role: mostly(
    [20, oneOf<string | undefined>('passive', 'passive', undefined)],
    [8, fc.constant('active')],
    [1, oneOf('', 'Active', 'leader', '__proto__')],
  ),
  revisionLabel: oneOf('controller-revision-hash', 'pod-template-hash'),
  revision: oneOf(undefined, 'old', 'new', ''),
  strange: strangeEntries,
  marks: fc.record({ epoch, failures, 'failed-at': time, 'healthy-since': time, since: time }),
  strangeMarks: strangeEntries,
  isBare: mostly([9, fc.constant(false)], [1, fc.constant(true)]),
  createdAtMs: momentMs,
  phase: mostly([30, fc.constant('Running')], [2, oneOf('Pending', 'Failed', 'Succeeded', 'Unknown', '', 'running')]),
  terminating: mostly([12, fc.constant(false)], [1, fc.constant(true)]),
  ready: mostly([6, fc.constant(true)], [1, fc.constant(false)]),
  readySinceMs: mostly([3, fc.constant(NOW - 60 * MINUTE)], [2, momentMs]),
  ip: mostly<string | undefined>([20, oneOf('10.0.0.1', 'fd00::1')], [1, oneOf(undefined, '', '__proto__')]),
  containers: mostly([9, container.map((one) => [one])], [1, fc.array(container, { maxLength: 3 })]),
})

const pod = podDraft.map((draft): Pod => {
  const {
    name,
    namespace,
    app,
    tier,
    role,
    revisionLabel,
    revision,
    strange,
    marks,
    strangeMarks,
    isBare,
    ip,
    ...rest
  } = draft
  const ours = Object.entries(marks).map(([key, value]) => [`active-passive/${key}`, value] as const)
  const { labels: _, ip: __, ...ordinary } = aPod(name)
  return {
    ...ordinary,
    ...rest,
    namespace,
    uid: `uid-of-${namespace}-${name}`,
    labels: aMap([...strange, ['app', app], ['tier', tier], ['role', role], [revisionLabel, revision]]),
    annotations: isBare ? undefined : aMap([...strangeMarks, ...ours]),
    ...(ip === undefined ? {} : { ip }),
  }
})

const seenPod: fc.Arbitrary<SeenPod> = fc.record({
  pod,
  passes: mostly<readonly boolean[]>(
    [6, fc.constant([true])],
    [3, fc.constant([false])],
    [2, fc.array(fc.boolean(), { minLength: 1, maxLength: 4 })],
  ),
  probed: mostly([24, fc.constant(true)], [1, fc.constant(false)]),
})

const pods = mostly<readonly SeenPod[]>(
  [1, fc.constant([])],
  [
    25,
    fc.uniqueArray(seenPod, {
      minLength: 1,
      maxLength: 5,
      size: 'max',
      selector: ({ pod }) => pod.uid,
    }),
  ],
)

/** What the Services say in these clusters, and what it means. */
const SAID: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'health-check': {
    probe: 'declared',
    ready: 'ready',
    'http://:8080/health': 8_080,
    'tcp://:web': 'web',
    'http://web/': undefined,
  },
  failures: { '1': 1, '2': 2, '4': 4, '1000': 1_000, '0': undefined },
  probes: { '1': 1, '2': 2, '5': 5, '': undefined },
  period: { '0': 0, '1s': 1_000, '5m': 5 * MINUTE, '-1s': undefined },
  cooldown: { '0s': 0, '1m': MINUTE, '5m': 5 * MINUTE, '1h': 60 * MINUTE, soon: undefined },
  pause: { true: true, false: false, yes: undefined },
  managed: { true: true, false: false, no: undefined },
  prefer: {
    'web-0': ['web-0'],
    'web-1,web-0': ['web-1', 'web-0'],
    'web-2,web-1,web-0': ['web-2', 'web-1', 'web-0'],
    'web-1,web-2,a,web-0': ['web-1', 'web-2', 'a', 'web-0'],
    'web-10,gone,web-1,web-9': ['web-10', 'gone', 'web-1', 'web-9'],
    'db-3, a,a, web-01': ['db-3', 'a', 'a', 'web-01'],
    'Web-0': undefined,
  },
  never: { 'web-1': ['web-1'], 'web-0,web-2': ['web-0', 'web-2'], 'a,gone': ['a', 'gone'], '*': undefined },
  failback: { '0s': 0, '1m': MINUTE, '5m': 5 * MINUTE, never: undefined },
  'promote-unhealthy': { true: true, false: false, False: undefined },
}

/** What an annotation means; `undefined`: nothing. */
export function meaningOf(setting: string, said: string): unknown {
  return SAID[setting]?.[said]
}

/** How many of ten groups say something of it. */
const SHARES: Readonly<Record<string, number>> = {
  prefer: 8,
  failback: 8,
  cooldown: 6,
  failures: 4,
  probes: 4,
  pause: 1,
  managed: 1,
}

const SETTINGS = Object.keys(SAID)

function saying(setting: string): fc.Arbitrary<string | undefined> {
  const texts = Object.keys(SAID[setting] ?? {})
  const share = 10 * (SHARES[setting] ?? 2)
  return mostly<string | undefined>(
    [199 - 2 * share, fc.constant(undefined)],
    [2 * share, oneOf(...texts.filter((said) => meaningOf(setting, said) !== undefined))],
    [1, oneOf(...texts.filter((said) => meaningOf(setting, said) === undefined))],
  )
}

const sayings = fc.record(Object.fromEntries(SETTINGS.map((setting) => [setting, saying(setting)])))

const serviceDraft = fc.record({
  latched: mostly([20, fc.constant(false)], [1, fc.constant(true)]),
  claimed: mostly([30, fc.constant(false)], [1, fc.constant(true)]),
  strange: strangeEntries,
  /** Which of the group's annotations it carries. */
  says: mostly<readonly string[]>([2, fc.constant(SETTINGS)], [1, fc.constant([])], [1, fc.subarray(SETTINGS)]),
  contradicts: mostly<Readonly<Record<string, string | undefined>>>([12, fc.constant({})], [1, sayings]),
  publishNotReadyAddresses: mostly([4, fc.constant(false)], [1, fc.constant(true)]),
})

type ServiceDraft = typeof serviceDraft extends fc.Arbitrary<infer T> ? T : never

function build(name: string, draft: ServiceDraft, said: Readonly<Record<string, string | undefined>>): Service {
  const own = Object.entries({ ...said, ...draft.contradicts }).filter(
    ([setting]) => draft.says.includes(setting) || draft.contradicts[setting] !== undefined,
  )
  const prefixed = own.map(([setting, value]) => [`active-passive/${setting}`, value] as const)
  const claim = draft.claimed ? 'f00d web-0' : undefined
  return aService(name, {
    annotations: aMap([...draft.strange, ...prefixed, ['active-passive/swap', claim]]),
    selector: {
      app: 'web',
      ...(draft.latched ? { 'active-passive/pod': 'uid-of-default-web-0' } : { role: 'active' }),
    },
    publishNotReadyAddresses: draft.publishNotReadyAddresses,
  })
}

/** Services of other groups, or of none. */
const neighbour = fc.constantFrom(
  aService('all', { selector: { role: 'active' } }),
  aService('gold', { selector: { tier: 'gold', role: 'active' } }),
  aService('gold-too', { selector: { tier: 'gold', app: 'web', role: 'active' } }),
  aService('db', { selector: { app: 'db', role: 'active' } }),
  aService('plain', { selector: { app: 'web' } }),
  aService('passive', { selector: { app: 'web', role: 'passive' } }),
  aService('web', { namespace: 'other' }),
  aService('strange', {
    selector: aMap([
      ['__proto__', ''],
      ['constructor', 'x'],
      ['role', 'active'],
    ]),
  }),
  aService('nothing', { selector: {} }),
)
const neighbours = mostly<readonly Service[]>(
  [3, fc.constant([])],
  [1, fc.uniqueArray(neighbour, { minLength: 1, maxLength: 3 })],
)

/** Which pods are active: mostly one, as it should be; or two of one swap; or whoever says so. */
const leaders = mostly<readonly number[] | undefined>(
  [5, fc.nat(4).map((place) => [place])],
  [1, fc.constant([0, 1])],
  [2, fc.constant(undefined)],
)

function ledBy(leaders: readonly number[] | undefined, pods: readonly SeenPod[]): readonly SeenPod[] {
  if (leaders === undefined) return pods
  return pods.map(({ pod, ...seen }, place) => {
    const { labels, annotations } = pod
    if (!leaders.includes(place)) {
      const role = labels.role === 'active' ? { role: 'passive' } : {}
      return { ...seen, pod: { ...pod, labels: { ...labels, ...role } } }
    }
    const swapped = leaders.length > 1 ? { ...annotations, 'active-passive/epoch': '3' } : annotations
    return { ...seen, pod: { ...pod, labels: { ...labels, role: 'active' }, annotations: swapped } }
  })
}

export const world: fc.Arbitrary<World> = fc
  .record({ drafts: fc.array(serviceDraft, { minLength: 1, maxLength: 3 }), sayings, neighbours, pods, leaders })
  .map(({ drafts, sayings, neighbours, pods, leaders }) => ({
    services: [...drafts.map((draft, n) => build(`web-${11 - n}`, draft, sayings)), ...neighbours],
    pods: ledBy(leaders, pods),
  }))

/** The same Services and pods, listed in other orders. */
export function reordered({ services, pods }: World): fc.Arbitrary<World> {
  const shuffled = <T>(items: readonly T[]) => fc.shuffledSubarray([...items], { minLength: items.length })
  return fc.record({ services: shuffled(services), pods: shuffled(pods) })
}
