/**
 * Clusters as people, other programs and attackers may leave them. Mostly one group of ordinary pods, so that every rule
 * is reached; in every corner of it something that makes no sense.
 */
import fc from 'fast-check'
import type { Container, Owner, Pod, ReadinessProbe, Service, Writer } from '../../handler/kube/port.js'
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
  [4, fc.constant(undefined)],
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
  [1, fc.constant({ kind: 'grpc', port: 9_000, service: '', timeoutMs: 1_000 })],
  [3, oneOf({ kind: 'exec', command: ['true'], timeoutMs: 1_000 }, undefined)],
)
const container = readinessProbe.map(
  (probe): Container => ({
    name: 'main',
    ports: [{ name: 'web', number: 8_080 }],
    ...(probe ? { readinessProbe: probe } : {}),
  }),
)

/** What a pod is one of, for its revision: mostly of one Deployment. */
const ownerOf: Readonly<Record<string, (hash: string | undefined) => Owner | undefined>> = {
  'Deployment/web': (hash) => ({ kind: 'ReplicaSet', name: `web-${hash}`, uid: `uid-of-web-${hash}` }),
  'Deployment/canary': (hash) => ({ kind: 'ReplicaSet', name: `canary-${hash}`, uid: `uid-of-canary-${hash}` }),
  'ReplicaSet/bare': () => ({ kind: 'ReplicaSet', name: 'bare', uid: 'uid-of-bare' }),
  'StatefulSet/web': () => ({ kind: 'StatefulSet', name: 'web', uid: 'uid-of-web' }),
  'Job/migrate': () => ({ kind: 'Job', name: 'migrate', uid: 'uid-of-migrate' }),
  none: () => undefined,
}
const workload = mostly(
  [8, fc.constant('Deployment/web')],
  [3, oneOf('Deployment/canary', 'StatefulSet/web')],
  [2, fc.constant('none')],
  [1, oneOf('Job/migrate', 'ReplicaSet/bare')],
)
const activeOwner = mostly<string | undefined>(
  [2, fc.constant(undefined)],
  [3, oneOf('Deployment/web', 'Deployment/canary', 'StatefulSet/web')],
  [1, oneOf('Deployment/gone', '')],
  [1, text],
)

/** The last handovers, for pods that had failed, and for preference alone. */
const moves = mostly<string | undefined>(
  [5, fc.constant(undefined)],
  [
    9,
    fc
      .array(
        fc.tuple(
          oneOf(-59, -8, -5, -4, -3, -2, -2, -1, 0).map((minutes) => new Date(NOW + minutes * MINUTE).toISOString()),
          mostly<string>(
            [3, oneOf('web-0', 'web-1', 'web-2').map((name) => `=uid-of-default-${name}`)],
            [1, fc.constant('')],
          ),
        ),
        { minLength: 2, maxLength: 7 },
      )
      .map((entries) => entries.map((entry) => entry.join('')).join(',')),
  ],
  [
    1,
    oneOf(
      '',
      ',',
      '=',
      'yesterday=uid-of-default-web-0',
      `${new Date(NOW + MINUTE).toISOString()}=uid-of-default-web-1`,
      `${new Date(NOW).toISOString()},`.repeat(60),
    ),
  ],
  [1, text],
)

/** The label `zone` of some pods. */
const ZONES: Readonly<Record<string, string>> = { 'web-0': 'a', 'web-1': 'b', 'web-2': '', 'web-10': 'a' }

/** Who has written a pod's labels and annotations, as managedFields tell. */
interface Writing {
  readonly isKnown: boolean
  readonly creator: string
  /** What it was born with, of what there is. */
  readonly bornRole: boolean
  /** Of a pod without an owner: whether its manifest, and nobody's template, holds its role. */
  readonly ofManifest: boolean
  readonly bornMarks: readonly string[]
  readonly roleBy: string
}
const MARKS = [
  'epoch',
  'failures',
  'failed-at',
  'healthy-since',
  'since',
  'taken-back',
  'owner',
  'active-owner',
  'moves',
]
const writing: fc.Arbitrary<Writing> = fc.record({
  isKnown: mostly([9, fc.constant(true)], [1, fc.constant(false)]),
  creator: mostly([4, fc.constant('kube-controller-manager')], [1, oneOf('kubectl-create', 'argocd', '')]),
  bornRole: mostly([60, fc.constant(false)], [1, fc.constant(true)]),
  ofManifest: mostly([3, fc.constant(false)], [1, fc.constant(true)]),
  bornMarks: mostly<readonly string[]>(
    [12, fc.constant([])],
    [1, fc.subarray(MARKS, { minLength: 1 })],
    [1, fc.constant(MARKS)],
  ),
  roleBy: mostly([4, fc.constant('active-passive')], [1, oneOf('kubectl-label', 'helm')]),
})

function writersOf({ labels, annotations = {}, owner }: Pod, { isKnown, ...by }: Writing): Pod['writers'] {
  if (!isKnown) return undefined
  const marks = Object.keys(annotations).filter((key) => key.startsWith('active-passive/'))
  const isBorn = (key: string) => by.bornMarks.some((mark) => key === `active-passive/${mark}`)
  const ours = Object.keys(labels).filter((key) => key === 'active-passive/pod')
  const role = 'role' in labels ? ['role'] : []
  const none = { created: false, owns: false, labels: [], annotations: [] }
  const isManifest = owner === undefined && by.ofManifest
  const isBornSo = by.bornRole || isManifest
  const creator: Writer = {
    manager: isManifest ? 'kubectl-create' : by.creator,
    created: true,
    owns: owner !== undefined,
    labels: ['app', ...(isBornSo ? role : [])],
    annotations: marks.filter(isBorn),
  }
  const labelled: Writer = { ...none, manager: by.roleBy, labels: isBornSo ? [] : role }
  const marked: Writer = {
    ...none,
    manager: 'active-passive',
    labels: ours,
    annotations: marks.filter((key) => !isBorn(key)),
  }
  return [labelled, creator, marked]
}

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
  workload,
  revisionLabel: oneOf('controller-revision-hash', 'pod-template-hash'),
  revision: oneOf(undefined, 'old', 'old', 'old', 'new', 'new', 'new', ''),
  strange: strangeEntries,
  marks: fc.record({
    epoch,
    failures,
    'failed-at': time,
    'healthy-since': time,
    since: time,
    'active-owner': activeOwner,
    moves,
  }),
  /** Of a pod that was taken back once: whose it was then. */
  takenBack: mostly([60, fc.constant(undefined)], [1, oneOf('', 'its owner', 'another')]),
  /** Of a pod that was labelled: whose it was then. */
  notedOwner: mostly<string | undefined>(
    [8, fc.constant(undefined)],
    [1, oneOf('uid-of-web StatefulSet/web', 'gone Deployment/web', 'gone ReplicaSet/gone', 'nonsense', ' ')],
  ),
  pin: mostly([5, fc.constant('none')], [5, fc.constant('own')], [1, fc.constant('foreign')]),
  writing,
  strangeMarks: strangeEntries,
  isBare: mostly([9, fc.constant(false)], [1, fc.constant(true)]),
  createdAtMs: momentMs,
  phase: mostly([30, fc.constant('Running')], [2, oneOf('Pending', 'Failed', 'Succeeded', 'Unknown', '', 'running')]),
  terminating: mostly([12, fc.constant(false)], [1, fc.constant(true)]),
  ready: mostly([6, fc.constant(true)], [1, fc.constant(false)]),
  readySinceMs: mostly([8, fc.constant(NOW - 60 * MINUTE)], [3, momentMs]),
  restartedAtMs: mostly<number | undefined>([12, fc.constant(undefined)], [2, momentMs]),
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
    workload,
    revisionLabel,
    revision,
    strange,
    marks,
    takenBack,
    notedOwner,
    pin,
    writing,
    strangeMarks,
    isBare,
    ip,
    restartedAtMs,
    ...rest
  } = draft
  const uid = `uid-of-${namespace}-${name}`
  const owner = ownerOf[workload]?.(revision)
  const was = takenBack === 'its owner' ? (owner?.uid ?? '') : takenBack
  const ours = Object.entries({ ...marks, 'taken-back': was, owner: notedOwner }).map(
    ([key, value]) => [`active-passive/${key}`, value] as const,
  )
  // A Deployment's pods have their hash under the one name, all others under the other.
  const hashLabel = workload.startsWith('Deployment') ? 'pod-template-hash' : revisionLabel
  const pinned = pin === 'none' ? undefined : pin === 'own' ? uid : 'uid-of-default-gone'
  const { labels: _, ip: __, ...ordinary } = aPod(name)
  const pod: Pod = {
    ...ordinary,
    ...rest,
    namespace,
    uid,
    labels: aMap([
      ...strange,
      ['app', app],
      ['tier', tier],
      ['zone', ZONES[name]],
      ['role', role],
      [hashLabel, workload === 'none' ? undefined : revision],
      ['active-passive/pod', pinned],
    ]),
    annotations: isBare ? undefined : aMap([...strangeMarks, ...ours]),
    ...(ip === undefined ? {} : { ip }),
    ...(restartedAtMs === undefined ? {} : { restartedAtMs }),
    ...(owner === undefined ? {} : { owner }),
  }
  return withWriters(pod, writing)
})

function withWriters({ writers: _, ...pod }: Pod, writing: Writing): Pod {
  const writers = writersOf(pod, writing)
  return writers === undefined ? pod : { ...pod, writers }
}

const seenPod: fc.Arbitrary<SeenPod> = fc.record({
  pod,
  passes: mostly<readonly boolean[]>(
    [6, fc.constant([true])],
    [5, fc.constant([false])],
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

/** A time so many minutes from now, as a pause is given. */
const atMinute = (minutes: number): string => new Date(NOW + minutes * MINUTE).toISOString()

/** What the Services say in these clusters, and what it means. */
const SAID: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'health-check': {
    probe: 'declared',
    ready: 'ready',
    'http://:8080/health': 8_080,
    'tcp://:web': 'web',
    'probe\ntcp://:web': ['declared', 'web'],
    'tcp://:8080\nready\n': [8_080, 'ready'],
    'http://web/': undefined,
    'ready\nhttp://web/': undefined,
  },
  failures: { '1': 1, '2': 2, '4': 4, '1000': 1_000, '0': undefined },
  probes: { '1': 1, '2': 2, '5': 5, '': undefined },
  period: { '0': 0, '1s': 1_000, '5m': 5 * MINUTE, '-1s': undefined },
  rise: { '1': 1, '3': 3, '11': undefined },
  stable: { '0s': 0, '1s': 1_000, '5m': 5 * MINUTE, long: undefined },
  cooldown: { '0s': 0, '1m': MINUTE, '5m': 5 * MINUTE, '1h': 60 * MINUTE, soon: undefined },
  pause: { true: true, false: false, [atMinute(-1)]: false, [atMinute(1)]: true, yes: undefined },
  managed: { true: true, false: false, no: undefined },
  prefer: {
    'web-0': ['web-0'],
    'web-1,web-0': ['web-1', 'web-0'],
    'web-2,web-1,web-0': ['web-2', 'web-1', 'web-0'],
    'web-1,web-2,a,web-0': ['web-1', 'web-2', 'a', 'web-0'],
    'web-10,gone,web-1,web-9': ['web-10', 'gone', 'web-1', 'web-9'],
    'db-3, a,a, web-01': ['db-3', 'a', 'a', 'web-01'],
    'zone=b,web-1, zone=a': ['zone=b', 'web-1', 'zone=a'],
    'web-2,zone=': ['web-2', 'zone='],
    'Web-0': undefined,
    'zone=a b': undefined,
  },
  never: {
    'web-1': ['web-1'],
    'web-0,web-2': ['web-0', 'web-2'],
    'a,gone': ['a', 'gone'],
    'zone=a,zone=': ['zone=a', 'zone='],
    '*': undefined,
  },
  failback: { '0s': 0, '1m': MINUTE, '5m': 5 * MINUTE, never: undefined },
  'promote-unhealthy': { true: true, false: false, False: undefined },
  confirm: { ready: 'ready', none: 'none', true: undefined },
}

/** What an annotation means; `undefined`: nothing. */
export function meaningOf(setting: string, said: string): unknown {
  return SAID[setting]?.[said]
}

/** How many of ten groups say something of it. */
const SHARES: Readonly<Record<string, number>> = {
  prefer: 9,
  failback: 9,
  cooldown: 9,
  confirm: 3,
  never: 4,
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
  pin: mostly([40, fc.constant('none')], [2, oneOf('in place of the role', 'beside the role')]),
  /** It leads to no pods, or is going. */
  external: mostly([40, fc.constant(false)], [1, fc.constant(true)]),
  terminating: mostly([40, fc.constant(false)], [1, fc.constant(true)]),
  claimed: mostly([30, fc.constant(false)], [1, fc.constant(true)]),
  /** Where one has to. */
  optsIn: mostly([2, fc.constant(true)], [1, fc.constant(false)]),
  strange: strangeEntries,
  /** Which of the group's annotations it carries. */
  says: mostly<readonly string[]>([2, fc.constant(SETTINGS)], [1, fc.constant([])], [1, fc.subarray(SETTINGS)]),
  contradicts: mostly<Readonly<Record<string, string | undefined>>>([12, fc.constant({})], [1, sayings]),
  publishNotReadyAddresses: mostly([4, fc.constant(false)], [1, fc.constant(true)]),
})

type ServiceDraft = typeof serviceDraft extends fc.Arbitrary<infer T> ? T : never

function build(
  name: string,
  draft: ServiceDraft,
  said: Readonly<Record<string, string | undefined>>,
  optIn: boolean,
): Service {
  const own = Object.entries({ ...said, ...draft.contradicts }).filter(
    ([setting]) => draft.says.includes(setting) || draft.contradicts[setting] !== undefined,
  )
  const prefixed = own.map(([setting, value]) => [`active-passive/${setting}`, value] as const)
  const asked = optIn && draft.optsIn && draft.contradicts.managed === undefined ? 'true' : undefined
  const claim = draft.claimed ? 'f00d web-0' : undefined
  return aService(name, {
    annotations: aMap([
      ...draft.strange,
      ...prefixed,
      ...(asked ? [['active-passive/managed', asked] as const] : []),
      ['active-passive/swap', claim],
    ]),
    selector: {
      app: 'web',
      ...(draft.pin === 'none' ? {} : { 'active-passive/pod': 'uid-of-default-web-0' }),
      ...(draft.pin === 'in place of the role' ? {} : { role: 'active' }),
    },
    publishNotReadyAddresses: draft.publishNotReadyAddresses,
    ...(draft.external ? { external: true } : {}),
    ...(draft.terminating ? { terminating: true } : {}),
  })
}

/** Services of other groups, or of none. */
const neighbour = fc.constantFrom(
  aService('all', { selector: { role: 'active' } }),
  aService('gold', { selector: { tier: 'gold', role: 'active' } }),
  aService('gold-too', { selector: { tier: 'gold', app: 'web', role: 'active' } }),
  aService('db', { selector: { app: 'db', role: 'active' } }),
  aService('asks', {
    selector: { tier: 'gold', role: 'active' },
    annotations: { 'active-passive/managed': 'true' },
  }),
  aService('asks-for-web', { annotations: { 'active-passive/managed': 'true' } }),
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
  aService('elsewhere', { selector: { tier: 'gold', role: 'active' }, external: true }),
  aService('going', { selector: { tier: 'gold', role: 'active' }, terminating: true }),
  aService('debug', { selector: { tier: 'gold', role: 'active', 'active-passive/pod': 'uid-of-default-web-0' } }),
  aService('spare', { selector: { app: 'web', role: 'passive', 'active-passive/pod': 'uid-of-default-web-0' } }),
)
const neighbours = mostly<readonly Service[]>(
  [3, fc.constant([])],
  [1, fc.uniqueArray(neighbour, { minLength: 1, maxLength: 3 })],
)

/**
 * Who is active: mostly one pod, as it should be; or two of one swap; or whoever says so; one beside a second that came
 * up active by its template; nobody, after the label of the last one was taken away; nobody alive, or well; one that
 * fails or ends, beside pods of its revision and of a younger one; or one of several that are well, so that it matters who
 * is preferred, and how often the role went back.
 */
type Leaders =
  | readonly number[]
  | 'whoever says so'
  | 'a second by its template'
  | 'lost'
  | 'all over'
  | 'the app’s own'
  | 'none is well'
  | 'a canary'
  | 'all are well'
  | 'two failbacks'
const leaders = mostly<Leaders>(
  [80, fc.nat(4).map((place) => [place])],
  [10, fc.constant([0, 1])],
  [26, fc.constant('whoever says so')],
  [12, fc.constant('a second by its template')],
  [7, fc.constant('lost')],
  [6, oneOf('all over', 'the app’s own')],
  [9, fc.constant('none is well')],
  [5, fc.constant('a canary')],
  [5, oneOf('all are well', 'two failbacks')],
  [10, fc.constant([])],
)

const OURS: Writing = {
  isKnown: true,
  creator: 'kube-controller-manager',
  bornRole: false,
  ofManifest: false,
  bornMarks: [],
  roleBy: 'active-passive',
}

function ledBy(leaders: Leaders, pods: readonly SeenPod[]): readonly SeenPod[] {
  const change = (changed: (pod: Pod, place: number) => Pod) =>
    pods.map((seen, place) => ({ ...seen, pod: changed(seen.pod, place) }))
  switch (leaders) {
    case 'whoever says so':
      return pods
    case 'none is well':
      return change((pod, place) => marked(passive(pod), { failures: `${9 - place}` })).map((seen) => ({
        ...seen,
        passes: [false],
      }))
    case 'a canary':
      return change((pod, place) => {
        const { role: _, 'pod-template-hash': __, ...labels } = pod.labels
        const revision = place % 2 === 0 ? 'old' : 'new'
        return {
          ...pod,
          readySinceMs: NOW - 60 * MINUTE,
          terminating: place === 0 && pod.terminating,
          createdAtMs: NOW - (place % 2 === 0 ? 30 - place : 10 - place) * MINUTE,
          owner: { kind: 'StatefulSet', name: 'web', uid: 'uid-of-web' },
          labels: { ...labels, 'controller-revision-hash': revision, role: place === 0 ? 'active' : 'passive' },
        }
      }).map((seen, place) => ({ ...seen, passes: [place !== 0], probed: true }))
    case 'all are well':
    case 'two failbacks':
      return change((pod, place) => {
        const labels = { ...pod.labels, role: place === 0 ? 'active' : 'passive' }
        const well = {
          ...pod,
          labels,
          phase: 'Running',
          terminating: false,
          ready: true,
          readySinceMs: NOW - 60 * MINUTE,
        }
        if (leaders === 'all are well') {
          const restarted = place % 2 === 1 ? { restartedAtMs: NOW - 5_000 } : {}
          return { ...marked(well, { moves: '', failures: '0', 'healthy-since': '' }), ...restarted }
        }
        const moves = [50, 20].map((ago) => new Date(NOW - ago * MINUTE).toISOString())
        return marked(well, { moves: moves.join(','), failures: '0', 'healthy-since': '' })
      }).map((seen) => ({ ...seen, passes: [true], probed: true }))
    case 'all over':
      return change((pod, place) => ({ ...pod, phase: place % 2 === 0 ? 'Failed' : 'Succeeded' }))
    case 'the app’s own':
      return change((pod, place) => ({ ...pod, labels: { ...pod.labels, role: place === 0 ? 'leader' : 'follower' } }))
    case 'lost':
      return change((pod, place) => {
        const { role, ...labels } = pod.labels
        // It was no loss where the last one has ended, and has its label still.
        if (place === 1 && !pod.ready) return { ...pod, phase: 'Failed', labels: { ...labels, role: 'active' } }
        if (place > 0) return passive(pod)
        return withWriters(
          marked({ ...pod, labels }, { epoch: '9', since: new Date(NOW - MINUTE).toISOString() }),
          OURS,
        )
      })
    case 'a second by its template':
      return change((pod, place) => {
        // And a third one now and then.
        if (place > 2 || (place === 2 && pod.labels.role === undefined)) return passive(pod)
        const active = { ...pod, labels: { ...pod.labels, role: 'active' } }
        const owner = active.owner ?? { kind: 'StatefulSet', name: 'web', uid: 'uid-of-web' }
        return place === 0
          ? withWriters(marked(active, { epoch: '3' }), OURS)
          : withWriters({ ...active, owner }, { ...OURS, bornRole: true })
      })
    default:
      return change((pod, place) => {
        if (!leaders.includes(place)) return passive(pod)
        const active = { ...pod, labels: { ...pod.labels, role: 'active' } }
        return leaders.length > 1 ? marked(active, { epoch: '3' }) : active
      })
  }
}

function passive(pod: Pod): Pod {
  return pod.labels.role === 'active' ? { ...pod, labels: { ...pod.labels, role: 'passive' } } : pod
}

function marked(pod: Pod, marks: Readonly<Record<string, string>>): Pod {
  const ours = Object.entries(marks).map(([key, value]) => [`active-passive/${key}`, value])
  const { 'active-passive/pod': _, ...labels } = pod.labels
  return { ...pod, labels, annotations: { ...pod.annotations, ...Object.fromEntries(ours) } }
}

export const world: fc.Arbitrary<World> = fc
  .record({
    drafts: fc.array(serviceDraft, { minLength: 1, maxLength: 3 }),
    sayings,
    neighbours,
    pods,
    leaders,
    isNoted: mostly([2, fc.constant(true)], [1, fc.constant(false)]),
    optIn: mostly([6, fc.constant(false)], [1, fc.constant(true)]),
  })
  .map(({ drafts, sayings, neighbours, pods, leaders, isNoted, optIn }) => ({
    services: [...drafts.map((draft, n) => build(`web-${11 - n}`, draft, sayings, optIn)), ...neighbours],
    optIn,
    pods: isNoted ? ledBy(leaders, pods) : withoutNotes(ledBy(leaders, pods)),
  }))

/** No swap has noted whose pod was active last. */
function withoutNotes(pods: readonly SeenPod[]): readonly SeenPod[] {
  return pods.map(({ pod, ...seen }) => {
    if (pod.annotations === undefined) return { ...seen, pod }
    const { 'active-passive/active-owner': _, ...annotations } = pod.annotations
    return { ...seen, pod: { ...pod, annotations } }
  })
}

/** The same Services and pods, listed in other orders. */
export function reordered({ services, pods, optIn }: World): fc.Arbitrary<World> {
  const shuffled = <T>(items: readonly T[]) => fc.shuffledSubarray([...items], { minLength: items.length })
  return fc.record({ services: shuffled(services), pods: shuffled(pods), optIn: fc.constant(optIn) })
}
