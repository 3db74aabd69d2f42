/** Every annotation of a Service: texts that mean something, with what they mean, and texts that mean nothing. */
import fc from 'fast-check'
import { MINUTE, SECOND } from '../support/builders.js'

export interface Said {
  readonly text: string
  /** `undefined`: nothing. */
  readonly means: unknown
}

const HOUR = 60 * MINUTE
const LONGEST_MS = 24 * 24 * HOUR

const words = (meanings: Readonly<Record<string, unknown>>): fc.Arbitrary<Said> =>
  fc.constantFrom(...Object.entries(meanings).map(([text, means]) => ({ text, means })))

const nothing = (...texts: readonly string[]): fc.Arbitrary<Said> =>
  fc.constantFrom(...texts).map((text) => ({ text, means: undefined }))

const toggle = words({ true: true, false: false })
const noToggle = nothing('', 'True', 'yes', '1', ' true', 'true\n', 'constructor', '__proto__')

const count = fc
  .oneof(fc.integer({ min: 1, max: 1_000 }), fc.constantFrom(1, 1_000))
  .chain((means) => fc.constantFrom(`${means}`, `${means}`.padStart(4, '0')).map((text) => ({ text, means })))
const noCount = fc.oneof(
  nothing(
    '',
    '0',
    '0000',
    '1001',
    '9999',
    '00001',
    '-1',
    '1.5',
    '1e2',
    '0x3',
    '٣',
    ' 3',
    '3 ',
    'NaN',
    '9'.repeat(50_000),
  ),
  fc.integer({ min: 1_001 }).map((n) => ({ text: `${n}`, means: undefined })),
)

const few = fc.integer({ min: 1, max: 10 }).map((means) => ({ text: `${means}`, means }))
const noFew = nothing('', '0', '00', '11', '99', '001', '-1', '1.5', '٣', ' 3')

/** Numbers before units in descending order, each unit at most once. */
const duration = fc
  .tuple(
    fc.option(fc.nat(400), { nil: undefined }),
    fc.option(fc.nat(5_000), { nil: undefined }),
    fc.option(fc.tuple(fc.nat(5_000), fc.nat(9)), { nil: undefined }),
    fc.option(fc.nat(5_000), { nil: undefined }),
  )
  .map(([h, m, s, ms]) => {
    const said = [h, m, s, ms].some((part) => part !== undefined)
    const [whole = 0, tenths = 0] = s ?? []
    const parts = [
      h === undefined ? '' : `${h}h`,
      m === undefined ? '' : `${m}m`,
      s === undefined ? '' : `${whole}${tenths ? `.${tenths}` : ''}s`,
      ms === undefined ? '' : `${ms}ms`,
    ]
    const means = (h ?? 0) * HOUR + (m ?? 0) * MINUTE + whole * SECOND + tenths * 100 + (ms ?? 0)
    return { text: said ? parts.join('') : '0', means }
  })
const limits = words({ '0': 0, '0s': 0, '576h': LONGEST_MS, '575h60m': LONGEST_MS, '0.5ms': 1, '1.5s': 1_500 })
const noDuration = nothing(
  ...[
    '',
    ' ',
    '1',
    '-1s',
    '1 s',
    '1s ',
    '1s1m',
    '1m1m',
    '1d',
    '.5s',
    '1.s',
    '1,5s',
    '1e3s',
    'Infinity',
    'NaN',
    's',
    'ms',
  ],
  ...['577h', '576h1ms', '576h0.5ms', `${'9'.repeat(50_000)}h`, '٣s', '1S', '0x1s', '__proto__'],
)
const atMost = (said: fc.Arbitrary<Said>, maxMs: number) => said.filter(({ means }) => Number(means) <= maxMs)
const above = (said: fc.Arbitrary<Said>) => said.filter(({ means }) => Number(means) > 0)

const NAMES = [
  ...['web-0', 'web-1', 'web-2', 'web-10', 'db-3', 'gone', 'a.b'],
  ...['zone=', 'Zone_1.a=A.b_c', 'topology.kubernetes.io/zone=eu-1a'],
]
const podNames = fc
  .array(fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom('', ' ')), { minLength: 1, maxLength: 4 })
  .map((names) => ({
    text: names.map(([name, space]) => space + name + space).join(','),
    means: names.map(([name]) => name),
  }))
const noPodNames = nothing(
  '',
  ',',
  'web-0,',
  'Web-0',
  'web_0',
  'web-0 web-1',
  ...[
    '=',
    '=a',
    'a==b',
    'a/=b',
    '/a=b',
    'A/b=c',
    'a/b/c=d',
    'a/b',
    'a=-',
    'a = b',
    `${'k'.repeat(64)}=v`,
    `k=${'v'.repeat(64)}`,
  ],
  '-a',
  'a-',
  '.',
  'é',
  `${'a-'.repeat(50_000)}!`,
)

const status = fc.integer({ min: 100, max: 599 })
const statuses = fc
  .array(fc.tuple(status, status, fc.boolean()), { minLength: 1, maxLength: 3 })
  .map((ranges) => ranges.map(([a, b, single]) => [Math.min(a, b), single ? Math.min(a, b) : Math.max(a, b)] as const))
  // The others of 1xx are followed by the answer itself.
  .filter((ranges) => ranges.some(([min, max]) => max >= 200 || (min <= 101 && max >= 101)))
  .map((means) => ({
    text: means.map(([min, max]) => (min === max ? `${min}` : `${min}-${max}`)).join(', '),
    means,
  }))
const noStatuses = nothing(
  '',
  '99',
  '600',
  '200-',
  '399-200',
  '2xx',
  '200;204',
  '200,,204',
  '200-300-400',
  '١٠٠',
  '100',
  '102-199',
)

const headers = fc
  .array(
    fc.tuple(
      fc.constantFrom('Host', 'X-a', '__proto__', "!#$%&'*+.^_`|~"),
      fc.constantFrom('', 'a b', '12:30', '{"a":1}'),
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map((means) => ({ text: means.map(([name, value]) => `${name}: ${value}`).join('\n'), means }))
const noHeaders = nothing(
  'no colon',
  ': no name',
  'a b: 1',
  'X: é',
  'X: a\rY: b',
  'X: \u0000',
  `a${' '.repeat(50_000)}`,
)

const oneCheck = words({
  probe: { kind: 'probe' },
  ready: { kind: 'ready' },
  'http://:8080/health': { kind: 'http', scheme: 'http', port: 8_080, path: '/health' },
  'https://:1?a=b': { kind: 'http', scheme: 'https', port: 1, path: '/?a=b' },
  'http://:web': { kind: 'http', scheme: 'http', port: 'web', path: '/' },
  'tcp://:65535': { kind: 'tcp', port: 65_535 },
})
const check = fc
  .tuple(fc.array(oneCheck, { minLength: 1, maxLength: 8 }), fc.constantFrom('\n', '\n\n', ' \n\t'))
  .map(([checks, between]) => ({
    text: checks.map(({ text }) => text).join(between),
    means: checks.map(({ means }) => means),
  }))
const noCheck = nothing(
  ...[
    '',
    'Probe',
    'http://',
    'http://web:80/',
    'http://:0/',
    'http://:65536/',
    'http://:8080/#x',
    'tcp://:1/x',
    'exec:',
    'exec: ["sh", 1]',
  ],
  ...[
    'tcp://:-',
    'http://:١',
    'http://:80 /',
    `http://:${'9'.repeat(50_000)}/`,
    `tcp://:${'a'.repeat(50_000)}`,
    '__proto__',
  ],
  ...['\n', 'probe,ready', 'ready\n__proto__', 'probe\nprobe:', 'ready\n'.repeat(9)],
)

const body = fc.constantFrom('ok', '__proto__', ' ', 'é').map((text) => ({ text, means: text }))

const sent = words({ 'PING\\r\\n': 'PING\r\n', '\\x00\\0\\\\t': '\0\0\\t', ' ': ' ', é: '\xc3\xa9' })
const noSent = nothing('', '\\', 'a\\q', '\\x0', '\\x0g', '\\u0000', 'a'.repeat(4_097), '\\'.repeat(50_001))
const awaited = fc
  .array(fc.tuple(sent, fc.constantFrom('\n', '\n\n')), { minLength: 1, maxLength: 16 })
  .map((lines) => ({
    text: lines.map(([{ text }, end]) => text + end).join(''),
    means: lines.map(([{ means }]) => means),
  }))
const noAwaited = fc.oneof(noSent, nothing('\n', 'a\n'.repeat(17)))

const fact = fc.record({
  path: fc.array(fc.constantFrom('status', 'a.b', '0', '__proto__', 'x=y', '\\', 'é'), { minLength: 1, maxLength: 3 }),
  value: fc.constantFrom('UP', '', 'a=b', '"x"', '1.0', 'null'),
})
const facts = fc.array(fact, { minLength: 1, maxLength: 16 }).map((means) => ({
  text: means
    .map(({ path, value }) => `${path.map((key) => key.replace(/[.=\\]/g, (sign) => `\\${sign}`)).join('.')}=${value}`)
    .join('\n \n'),
  means,
}))
const noFacts = nothing(
  '',
  'status',
  '=UP',
  'a..b=1',
  '.a=1',
  'a.=1',
  'a\\q=1',
  'a\\=1',
  'a=1\n'.repeat(17),
  'a=1\nb',
  'a'.repeat(50_000),
)

interface Annotation {
  readonly sense: fc.Arbitrary<Said>
  readonly nonsense: fc.Arbitrary<Said>
}

const ANNOTATIONS: Readonly<Record<string, Annotation>> = {
  'health-check': { sense: check, nonsense: noCheck },
  'health-timeout': { sense: above(duration), nonsense: fc.oneof(noDuration, nothing('0', '0s', '0h0m', '0.1ms')) },
  'health-slow': { sense: above(duration), nonsense: fc.oneof(noDuration, nothing('0', '0s')) },
  'health-status': { sense: statuses, nonsense: noStatuses },
  'health-body': { sense: body, nonsense: nothing('') },
  'health-headers': { sense: headers, nonsense: noHeaders },
  'health-json': { sense: facts, nonsense: noFacts },
  'health-send': { sense: sent, nonsense: noSent },
  'health-expect': { sense: awaited, nonsense: noAwaited },
  failures: { sense: count, nonsense: noCount },
  probes: { sense: count, nonsense: noCount },
  period: { sense: fc.oneof(duration, limits), nonsense: noDuration },
  confirm: { sense: words({ none: 'none', ready: 'ready' }), nonsense: nothing('', 'Ready', 'yes', 'probe') },
  rise: { sense: few, nonsense: noFew },
  stable: { sense: fc.oneof(duration, limits), nonsense: noDuration },
  cooldown: { sense: fc.oneof(duration, limits), nonsense: noDuration },
  failback: { sense: fc.oneof(duration, limits), nonsense: noDuration },
  settle: {
    sense: fc.oneof(atMost(limits, 2_000), words({ '2s': 2_000, '20ms': 20 })),
    nonsense: fc.oneof(noDuration, nothing('2001ms', '2.001s', '1m', '576h')),
  },
  latch: { sense: toggle, nonsense: noToggle },
  pause: {
    sense: words({
      ...{ true: Number.POSITIVE_INFINITY, false: 0 },
      ...{ '2026-01-31T04:00:00Z': Date.UTC(2026, 0, 31, 4), '2026-01-31T04:00+01:00': Date.UTC(2026, 0, 31, 3) },
    }),
    nonsense: fc.oneof(
      noToggle,
      nothing('2h', '2026-01-31', '2026-13-31T04:00:00Z', '2026-01-31T04:00:00', '1769832000'),
    ),
  },
  managed: { sense: toggle, nonsense: noToggle },
  'promote-unhealthy': { sense: toggle, nonsense: noToggle },
  prefer: { sense: podNames, nonsense: noPodNames },
  never: { sense: podNames, nonsense: noPodNames },
}

export const SETTINGS = Object.keys(ANNOTATIONS)

/** Any annotation, by its name. */
export const annotation: fc.Arbitrary<Annotation & { readonly name: string }> = fc.constantFrom(
  ...Object.entries(ANNOTATIONS).map(([name, { sense, nonsense }]) => ({ name, sense, nonsense })),
)

/** Some annotations that mean something. */
export const sensible = fc.record(
  Object.fromEntries(Object.entries(ANNOTATIONS).map(([name, { sense }]) => [name, sense])),
  { requiredKeys: [] },
) as fc.Arbitrary<Readonly<Record<string, Said>>>

/** One that means nothing. */
export const senseless = annotation.chain(({ name, nonsense }) => nonsense.map(({ text }) => ({ name, text })))
