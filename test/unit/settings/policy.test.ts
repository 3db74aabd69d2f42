import { describe, expect, test } from 'vitest'
import { type Policy, policyOf } from '../../../handler/settings/policy.js'
import { DEFAULT_SETTINGS, isPaused, type Settings } from '../../../handler/settings/settings.js'
import type { Fault } from '../../../handler/util/errors.js'
import { annotated, aService, MINUTE, NOW } from '../../support/builders.js'

const [EARLIER, LATER] = [-MINUTE, MINUTE].map((ms) => new Date(NOW + ms).toISOString()) as [string, string]

const policy = (...services: readonly Readonly<Record<string, string>>[]): Policy =>
  policyOf(
    services.map((annotations, n) => annotated(`web-${n}`, annotations)),
    DEFAULT_SETTINGS,
  )

function settingsOf(found: Policy): Settings {
  if ('fault' in found) throw new Error(found.fault.message)
  return found.settings
}

function faultOf(found: Policy): Fault {
  if (!('fault' in found)) throw new Error('there is no fault')
  return found.fault
}

test('A Service without annotations has the settings of the flags', () => {
  const flags: Settings = { ...DEFAULT_SETTINGS, failures: 7, latch: false }
  expect(policyOf([aService('web')], flags)).toEqual({ settings: flags, warnings: [] })
})

test('An annotation wins over the flag of the same name, and leaves the other settings as they are', () => {
  const flags: Settings = { ...DEFAULT_SETTINGS, failures: 7, cooldown: 5 }
  expect(settingsOf(policyOf([annotated('web', { failures: '2' })], flags))).toEqual({ ...flags, failures: 2 })
})

test('Annotations that are not ours are not looked at', () => {
  const service = aService('web', {
    annotations: { failures: 'x', 'example.com/failures': 'x', 'active-passive': 'x' },
  })
  expect(policyOf([service], DEFAULT_SETTINGS)).toEqual({ settings: DEFAULT_SETTINGS, warnings: [] })
})

test('The mark of a swap is no setting', () => {
  expect(policy({ swap: '0123 web-0' })).toEqual({ settings: DEFAULT_SETTINGS, warnings: [] })
})

describe('an annotation that makes sense is read', () => {
  test.each<[string, string, unknown]>([
    ['health-check', 'probe', [{ kind: 'probe' }]],
    ['health-check', 'http://:8080/health', [{ kind: 'http', scheme: 'http', port: 8080, path: '/health' }]],
    ['health-check', '\n probe\n\n  tcp://:web\t\n', [{ kind: 'probe' }, { kind: 'tcp', port: 'web' }]],
    ['health-timeout', '1500ms', 1_500],
    ['failures', '1', 1],
    ['failures', '1000', 1_000],
    ['probes', '5', 5],
    ['period', '0', 0],
    ['confirm', 'ready', 'ready'],
    ['confirm', 'none', 'none'],
    ['cooldown', '1m30s', 90_000],
    ['latch', 'false', false],
    ['settle', '2s', 2_000],
    ['settle', '0s', 0],
    ['health-status', '200', [[200, 200]]],
    ['health-status', '200-399', [[200, 399]]],
    [
      'health-status',
      '200, 204,300-302',
      [
        [200, 200],
        [204, 204],
        [300, 302],
      ],
    ],
    ['health-body', 'all is well', 'all is well'],
    [
      'health-headers',
      'Host: app.example\n X-Probe:1 \n\n',
      [
        ['Host', 'app.example'],
        ['X-Probe', '1'],
      ],
    ],
    ['health-headers', 'X-Empty:', [['X-Empty', '']]],
    ['health-headers', 'X-Time: 12:30', [['X-Time', '12:30']]],
    ['pause', 'true', Number.POSITIVE_INFINITY],
    ['pause', 'false', 0],
    ['pause', '2026-01-31T04:00:00Z', Date.UTC(2026, 0, 31, 4)],
    ['pause', '2026-01-31T04:00:00.5+02:00', Date.UTC(2026, 0, 31, 2, 0, 0, 500)],
    ['managed', 'true', true],
    ['prefer', 'web-1', ['web-1']],
    ['prefer', 'web-1, web-0', ['web-1', 'web-0']],
    ['never', 'web.a-1', ['web.a-1']],
    ['failback', '5m', 300_000],
    ['failback', '0s', 0],
    ['promote-unhealthy', 'false', false],
  ])('%s: %j', (name, text, value) => {
    expect(settingsOf(policy({ [name]: text }))[name as keyof Settings]).toEqual(value)
  })
})

describe('an annotation that makes none is an error that leaves the group untouched', () => {
  test.each<[string, readonly string[]]>([
    ['health-check', ['', 'Probe', 'http', 'http://', 'http://web:8080/', 'ftp://:21', 'exec', 'tcp://:0']],
    ['health-check', ['\n', ' \n ', 'probe,tcp://:80', 'probe tcp://:80', 'probe\nready\nTCP://:80']],
    ['health-timeout', ['', '0s', '0', '2', '-1s', '1 s', 'soon']],
    ['failures', ['', '0', '-1', '1.5', '1e1', '1001', 'three', ' 3']],
    ['probes', ['0', '99999', '0x3']],
    ['period', ['1', '-1s', 'often']],
    ['confirm', ['', 'Ready', 'true', 'kubelet', 'ready,none']],
    ['cooldown', ['1d', '1s 1m', '999999h']],
    ['latch', ['', 'yes', '1', 'True', 'TRUE', ' true']],
    ['settle', ['2001ms', '1h', '20']],
    ['health-status', ['', '99', '600', '399-200', '2xx', '200;204', '200-', '200,,204']],
    ['health-body', ['']],
    ['health-headers', ['no colon', ': no name', 'X Space: 1', 'X: é', 'X: a\rY: b', 'X: a\u0000']],
    [
      'pause',
      ['', 'yes', 'True', '2h', '2026-01-31', '2026-02-31T99:00:00Z', '2026-01-31 04:00:00Z', `${'1'.repeat(9_999)}Z`],
    ],
    ['managed', ['', 'no', 'False']],
    ['prefer', ['', ',', 'web-0,', 'Web-0', 'web_0', 'web-0 web-1', '-web', 'pod/web-0']],
    ['never', ['', '*']],
    ['failback', ['', '5', 'never', 'true']],
    ['promote-unhealthy', ['', 'no']],
  ])('%s: none of %j', (name, texts) => {
    for (const text of texts) expect(policy({ [name]: text }), text).toHaveProperty('fault.code', 'bad-annotation')
  })

  test('which names the Service, the annotation, the value, what would be right, and the command', () => {
    expect(faultOf(policy({ latch: 'maybe' }))).toEqual({
      code: 'bad-annotation',
      object: 'service default/web-0',
      message: 'annotation active-passive/latch is "maybe", which should be true or false',
      remedy: 'Correct it: kubectl annotate service web-0 -n default --overwrite active-passive/latch=VALUE',
    })
  })

  test.each([
    ['probe\n\ntpc://:9090', 'is wrong: line 3: "tpc://:9090" begins with "tpc://", and', 'Did you mean tcp://:9090? '],
    ['tpc://:9090', 'is wrong: "tpc://:9090" begins with "tpc://", and', 'Did you mean tcp://:9090? '],
    ['http://u:s3cret@web:1/\nready', 'is wrong: line 1: "http://…@web:1/" has a user or a password', ''],
    ['ready\n'.repeat(9), 'is wrong: 9 lines should be probe, ready, ', ''],
    ['?', 'is wrong: "?" should be probe, ready, ', ''],
    ['', 'is "", which should be probe, ready, ', ''],
    ['http://web:80/?key=$(id)', 'is wrong: "http://web:80/?key=…" names the host "web", and', ''],
  ])('which says what is wrong with a check, and what was probably meant: %j', (text, says, meant) => {
    const { message, remedy } = faultOf(policy({ 'health-check': text }))
    expect(message.slice(0, 39 + says.length)).toBe(`annotation active-passive/health-check ${says}`)
    const command = 'kubectl annotate service web-0 -n default --overwrite active-passive/health-check=VALUE'
    expect(remedy).toBe(`${meant}Correct it: ${command}`)
  })

  test.each([
    ['failures', '0', '"0" is too few: 1 is the least, which moves the role at the first failed probe', '1'],
    ['health-status', '399-200', '"399-200" begins with the larger status', '200-399'],
    ['health-status', '100,102-199', '"100,102-199" can never be met: the answer itself has a status from 200 on', ''],
  ])('%s: %s can never be met', (name, text, says, meant) => {
    const { message, remedy } = faultOf(policy({ [name]: text }))
    expect(message).toBe(`annotation active-passive/${name} is wrong: ${says}`)
    expect(remedy.startsWith(meant ? `Did you mean ${meant}? Correct it: ` : 'Correct it: ')).toBe(true)
  })

  test('which is a command in the pods, without --allow-exec: it says how to allow that', () => {
    const check = { 'health-check': 'ready\nexec: pg_isready -q' }
    const { code, object, message, remedy } = faultOf(policy(check))
    expect([code, object]).toEqual(['bad-annotation', 'service default/web-0'])
    expect(message).toBe(
      'annotation active-passive/health-check is "ready\\nexec: pg_isready (1 argument)", a command in the pods, and commands are not run without --allow-exec',
    )
    expect(remedy).toMatch(/--allow-exec.*jobs\/components\/exec.*kubectl annotate service web-0 -n default/)
    const allowed = policyOf([annotated('web-0', check)], { ...DEFAULT_SETTINGS, 'allow-exec': true })
    expect(settingsOf(allowed)['health-check']).toHaveLength(2)
  })

  test('which is a command that is too long for a request: it says how long it is, and may be', () => {
    const withCommand = (command: string) =>
      policyOf([annotated('web-0', { 'health-check': `probe\nexec: ${command}` })], {
        ...{ ...DEFAULT_SETTINGS, 'allow-exec': true },
      })
    for (const longest of ['a'.repeat(16_384), JSON.stringify(['a', ...Array(16_383).fill('')])])
      expect(settingsOf(withCommand(longest))['health-check']).toHaveLength(2)
    const { code, object, message, remedy } = faultOf(withCommand(`sh ${'é'.repeat(8_191)}`))
    expect([code, object]).toEqual(['bad-annotation', 'service default/web-0'])
    expect(message).toBe(
      'annotation active-passive/health-check is wrong: line 2: "exec: sh …" has a command of 16385 bytes, and may have at most 16 KiB: put it into a script in the image',
    )
    expect(remedy).toContain('kubectl annotate service web-0 -n default')
  })

  test('which cuts an endless value short', () => {
    expect(faultOf(policy({ prefer: '!'.repeat(200_000) })).message.length).toBeLessThan(300)
  })

  const many = (size: number, one: string) => Array(size).fill(one)
  test.each<[string, string, string]>([
    ['health-check', `http://:80/${'a'.repeat(2_047)}`, `http://:80/${'a'.repeat(2_048)}`],
    ['health-check', many(8, 'probe').join('\n'), many(9, 'probe').join('\n')],
    ['health-status', many(32, '200').join(), many(33, '200').join()],
    ['health-body', 'é'.repeat(2_048), 'é'.repeat(2_049)],
    ['health-headers', many(64, 'A: b').join('\n'), many(65, 'A: b').join('\n')],
    ['health-headers', `A: ${'b'.repeat(8_189)}`, `A: ${'b'.repeat(8_190)}`],
    ['prefer', many(1_000, 'web-0').join(), many(1_001, 'web-0').join()],
    ['never', 'a'.repeat(253), 'a'.repeat(254)],
  ])('%s: so much and no more', (name, most, more) => {
    expect(policy({ [name]: most })).toHaveProperty('settings')
    const { code, message } = faultOf(policy({ [name]: more }))
    expect([code, message.length < 500]).toEqual(['bad-annotation', true])
    expect(message).toMatch(/at most/)
  })

  test.each([
    ['health-headers', 'Host: a\n\nAuthorization Bearer s3cret', 'is no header in line 3'],
    ['health-headers', many(65, 'X: s3cret').join('\n'), 'is 65 headers'],
    ['health-headers', 's3cret'.repeat(2_000), 'is 12000 bytes long'],
    ['health-body', 's3cret'.repeat(1_000), 'is 6000 bytes long'],
  ])('%s, which may hold a secret, is not shown, nor where two differ', (name, text, says) => {
    const { message } = faultOf(policy({ [name]: text }))
    expect(message).toContain(says)
    expect(message).not.toContain('s3cret')
    const sense = name === 'health-headers' ? ['X: s3cret', 'X: s3cret2'] : ['s3cret', 's3cret2']
    const differing = faultOf(policy(...sense.map((one) => ({ [name]: one }))))
    expect(differing.code).toBe('conflicting-annotations')
    expect(JSON.stringify(differing)).not.toContain('s3cret')
  })

  test('at once, however long it is', () => {
    const startedAt = performance.now()
    for (const name of ['health-headers', 'health-check', 'prefer', 'period']) {
      policy({ [name]: `${'a-'.repeat(50_000)}!` })
      policy({ [name]: `x:${' '.repeat(50_000)}\u0000` })
    }
    expect(performance.now() - startedAt).toBeLessThan(2_000)
  })
})

const warnings = (key: string) => {
  const found = policyOf([aService('web', { annotations: Object.fromEntries([[key, 'x']]) })], DEFAULT_SETTINGS)
  expect(found).toHaveProperty('settings', DEFAULT_SETTINGS)
  return 'warnings' in found ? found.warnings : []
}

describe('an annotation that nobody knows has no effect, and is said', () => {
  test('of thousands the first ten are named', () => {
    const annotations = Object.fromEntries(Array.from({ length: 9_000 }, (_, n) => [`active-passive/a-${n}`, '']))
    const found = policyOf([aService('web', { annotations })], DEFAULT_SETTINGS)
    expect('warnings' in found && found.warnings).toHaveLength(11)
    expect('warnings' in found && found.warnings.at(-1)).toBe(
      'service web: 8990 more annotations like these have no effect',
    )
  })

  test.each(['', 'toString', '__proto__', 'constructor', 'epoch', 'deadline', 'dry-run', 'a/b', 'x'.repeat(100_000)])(
    'for %j nothing can have been meant',
    (name) => {
      expect(warnings(`active-passive/${name}`)).toEqual([
        `service web: annotation active-passive/${name} is unknown and has no effect`,
      ])
    },
  )

  test.each([
    ['failurs', 'failures'],
    ['healthcheck', 'health-check'],
    ['health-chekc', 'health-check'],
    ['Pause', 'pause'],
    ['puase', 'pause'],
    ['manged', 'managed'],
    ['prefers', 'prefer'],
    ['promote_unhealthy', 'promote-unhealthy'],
  ])('with what was meant: %s', (name, meant) => {
    expect(warnings(`active-passive/${name}`)).toEqual([
      `service web: annotation active-passive/${name} is unknown and has no effect: did you mean active-passive/${meant}?`,
    ])
  })

  test.each([
    ['active-pasive/pause', 'pause'],
    ['activepassive/pause', 'pause'],
    ['active_passive/pause', 'pause'],
    ['Active-Passive/pause', 'pause'],
    ['ACTIVE-PASSIVE/Pause', 'pause'],
    ['actvie-passive/health-check', 'health-check'],
    ['active-passive.io/managed', 'managed'],
    ['activepassive.example.com/pause', 'pause'],
    ['active-passive.pause', 'pause'],
    ['active-passive-health-check', 'health-check'],
    ['active_passive_never', 'never'],
    ['active-pasive/puase', 'pause'],
  ])('though its prefix is misspelled: %s', (key, meant) => {
    expect(warnings(key)).toEqual([
      `service web: annotation ${key} is not ours and has no effect: did you mean active-passive/${meant}?`,
    ])
  })

  test.each([
    'pause',
    '/pause',
    'passive/pause',
    'active/pause',
    'active-active/pause',
    'example.com/pause',
    'example.com/active-passive.pause',
    'active-passiv/team',
    'active-passive',
    'active-passivepause',
    'active-passive.io/a/pause',
    'kubectl.kubernetes.io/last-applied-configuration',
    `${'active-passiv'.repeat(20_000)}/pause`,
  ])("unless it is somebody else's: %s", (key) => {
    expect(warnings(key)).toEqual([])
  })
})

describe('a group of several Services', () => {
  test('has the annotations of all of them', () => {
    expect(settingsOf(policy({ failures: '2' }, { cooldown: '1m' }))).toMatchObject({ failures: 2, cooldown: 60_000 })
  })

  test.each([
    [{ failures: '2' }, { failures: '02' }],
    [{ cooldown: '60s' }, { cooldown: '1m' }],
    [{ prefer: 'a,b' }, { prefer: 'a, b' }],
  ])('may say the same twice, in other words: %o and %o', (one, other) => {
    expect(policy(one, other)).toHaveProperty('settings')
  })

  test.each([
    [{ failures: '2' }, { failures: '3' }],
    [{ prefer: 'a,b' }, { prefer: 'b,a' }],
    [{ latch: 'true' }, { latch: 'false' }],
    [{ 'health-check': 'ready' }, { 'health-check': 'probe' }],
    [{ 'health-check': 'ready' }, { 'health-check': 'ready\nprobe' }],
  ])('must not contradict itself: %o and %o', (one, other) => {
    expect(faultOf(policy(one, other)).code).toBe('conflicting-annotations')
  })

  test('and is told which two Services do', () => {
    expect(faultOf(policy({ failures: '2' }, {}, { failures: '3' }))).toEqual({
      code: 'conflicting-annotations',
      object: 'services web-0 and web-2 in namespace default',
      message: 'they select the same pods but annotation active-passive/failures differs: "2" on web-0, "3" on web-2',
      remedy: 'Set it on one of them only, or to the same value.',
    })
  })

  test.each([
    [[{ pause: 'true' }, {}], true],
    [[{}, { pause: 'true' }], true],
    [[{ pause: 'true' }, { pause: 'false' }], true],
    [[{ pause: 'false' }, { pause: 'true' }], true],
    [[{ pause: 'false' }, { pause: 'false' }], false],
    [[{ pause: EARLIER }, { pause: LATER }], true],
    [[{ pause: LATER }, { pause: 'false' }], true],
    [[{ pause: EARLIER }, {}], false],
  ])('%j: is it paused? %s', (services, paused) => {
    expect(isPaused(settingsOf(policy(...services)), NOW)).toBe(paused)
  })

  test('one of which is paused in a wrong word is in error, not running', () => {
    expect(faultOf(policy({ pause: 'true' }, { pause: 'yes' })).code).toBe('bad-annotation')
  })
})
