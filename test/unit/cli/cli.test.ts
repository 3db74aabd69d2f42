import { describe, expect, test } from 'vitest'
import { parseInvocation } from '../../../handler/cli/cli.js'
import { ownVariables } from '../../../handler/cli/environment.js'
import { FLAGS, variableOf } from '../../../handler/cli/flags.js'
import type { Environment, RunOptions } from '../../../handler/cli/options.js'
import { DEFAULT_SETTINGS } from '../../../handler/settings/settings.js'
import { UsageError } from '../../../handler/util/errors.js'

/** Arguments as a shell would split them. */
const invoke = (line: string, env: Environment = {}) =>
  parseInvocation(
    line.split(' ').filter((word) => word !== ''),
    env,
  )

async function options(line: string, env?: Environment): Promise<RunOptions> {
  const invocation = await invoke(line, env)
  if (invocation.kind !== 'run') throw new Error(`not run, but ${invocation.kind}`)
  return invocation.options
}

async function text(line: string): Promise<string> {
  const invocation = await invoke(line)
  if (invocation.kind !== 'text') throw new Error('it would run')
  return invocation.text
}

async function refusal(line: string, env?: Environment): Promise<string> {
  const error: unknown = await invoke(line, env).catch((error: unknown) => error)
  if (!(error instanceof UsageError)) throw new Error(`not refused: ${line}`, { cause: error })
  return error.message
}

const DEFAULTS: RunOptions = {
  namespaces: undefined,
  services: [],
  kubeconfig: undefined,
  context: undefined,
  cluster: undefined,
  user: undefined,
  as: undefined,
  asGroup: [],
  requestTimeoutMs: undefined,
  roleLabel: 'role',
  optIn: false,
  dryRun: false,
  output: 'text',
  deadlineMs: 40_000,
  concurrency: 64,
  panic: 0.5,
  maxHealthTimeoutMs: 30_000,
  notify: undefined,
  settings: DEFAULT_SETTINGS,
}

describe('the command', () => {
  test.each(['', 'run', '--', '-- run'])('%j is one pass with the defaults', async (line) => {
    expect(await options(line)).toEqual(DEFAULTS)
  })

  test.each(['-n a run', 'run -n a', '--namespace=a run', 'run --namespace a'])(
    '%j is run in namespace a: a flag takes no more than its value',
    async (line) => {
      expect((await options(line)).namespaces).toEqual(['a'])
    },
  )

  test.each(['-n a -n b run', '-n a run -n b', 'run --namespace a -n=b'])('%j is run in both', async (line) => {
    expect((await options(line)).namespaces).toEqual(['a', 'b'])
  })

  test.each([
    ['run a', 'a'],
    ['run run', 'run'],
    ['-n a run b', 'b'],
  ])('%j has a word too many', async (line, word) => {
    expect(await refusal(line)).toBe(
      `unexpected word "${word}" after run: it takes none; --service names a Service. A list flag takes one value each time (-n a -n b). See active-passive run --help`,
    )
  })
})

describe('each flag, and the variable of the same name, says the same', () => {
  test.each<[string, Environment, Partial<RunOptions>]>([
    ['-n a', { AP_NAMESPACE: 'a' }, { namespaces: ['a'] }],
    ['-n a -n b', { AP_NAMESPACE: 'a,b' }, { namespaces: ['a', 'b'] }],
    ['-A', { AP_ALL_NAMESPACES: 'true' }, { namespaces: 'all' }],
    ['--all-namespaces=false', { AP_ALL_NAMESPACES: 'false' }, {}],
    ['--service db', { AP_SERVICE: 'db' }, { services: [{ name: 'db' }] }],
    [
      '--service db --service x/web',
      { AP_SERVICE: 'db,x/web' },
      { services: [{ name: 'db' }, { namespace: 'x', name: 'web' }] },
    ],
    ['--context kind', { AP_CONTEXT: 'kind' }, { context: 'kind' }],
    ['--kubeconfig /a/b', { AP_KUBECONFIG: '/a/b' }, { kubeconfig: '/a/b' }],
    ['--role-label example.com/duty', { AP_ROLE_LABEL: 'example.com/duty' }, { roleLabel: 'example.com/duty' }],
    ['--role-label constructor', { AP_ROLE_LABEL: 'constructor' }, { roleLabel: 'constructor' }],
    ['--opt-in', { AP_OPT_IN: 'true' }, { optIn: true }],
    ['--dry-run', { AP_DRY_RUN: 'true' }, { dryRun: true }],
    ['--no-dry-run', { AP_DRY_RUN: 'false' }, {}],
    ['-o json', { AP_OUTPUT: 'json' }, { output: 'json' }],
    ['--deadline 1m', { AP_DEADLINE: '1m' }, { deadlineMs: 60_000 }],
    ['--deadline 10s', { AP_DEADLINE: '10s' }, { deadlineMs: 10_000 }],
    ['--max-health-timeout 5s', { AP_MAX_HEALTH_TIMEOUT: '5s' }, { maxHealthTimeoutMs: 5_000 }],
    ['--concurrency 1', { AP_CONCURRENCY: '1' }, { concurrency: 1 }],
    ['--allow-exec', { AP_ALLOW_EXEC: 'true' }, { settings: { ...DEFAULT_SETTINGS, 'allow-exec': true } }],
    ['--no-allow-exec', { AP_ALLOW_EXEC: 'false' }, {}],
    ['--panic 25%', { AP_PANIC: '25%' }, { panic: 0.25 }],
    ['--panic 0', { AP_PANIC: '0' }, { panic: 0 }],
    ['--panic 0%', { AP_PANIC: '0%' }, { panic: 0 }],
    ...(
      [
        ['health-check', 'tcp://:5432', [{ kind: 'tcp', port: 5432 }]],
        ['health-check', 'probe\ntcp://:5432', [{ kind: 'probe' }, { kind: 'tcp', port: 5432 }]],
        ['health-timeout', '500ms', 500],
        ['health-slow', '250ms', 250],
        ['failures', '5', 5],
        ['probes', '1', 1],
        ['period', '0s', 0],
        ['confirm', 'ready', 'ready'],
        ['cooldown', '5m', 300_000],
        ['latch', 'false', false],
        ['settle', '100ms', 100],
      ] as const
    ).map(([name, value, parsed]): [string, Environment, Partial<RunOptions>] => [
      `--${name}=${value}`,
      { [`AP_${name.toUpperCase().replace('-', '_')}`]: value },
      { settings: { ...DEFAULT_SETTINGS, [name]: parsed } },
    ]),
    ['--no-latch', { AP_LATCH: 'false' }, { settings: { ...DEFAULT_SETTINGS, latch: false } }],
  ])('%s', async (line, env, expected) => {
    expect(await options(line)).toEqual({ ...DEFAULTS, ...expected })
    expect(await options('', env)).toEqual({ ...DEFAULTS, ...expected })
  })
})

describe('where notifications are sent', () => {
  test('is a file, or a variable with the URL', async () => {
    expect((await options('--notify-url-file /a')).notify).toEqual({ file: '/a', flag: '--notify-url-file' })
    expect((await options('', { AP_NOTIFY_URL_FILE: '/a' })).notify).toEqual({ file: '/a', flag: 'AP_NOTIFY_URL_FILE' })
    const url = 'https://chat.example/T0SECRET'
    expect((await options('', { AP_NOTIFY_URL: url })).notify).toEqual({ url: new URL(url) })
    expect((await options('', { AP_NOTIFY_URL: '' })).notify).toBeUndefined()
  })

  test.each([
    [
      '--notify-url-file /a',
      'https://a/T0SECRET',
      'AP_NOTIFY_URL and --notify-url-file exclude each other: give one of them',
    ],
    ['', 'a/T0SECRET', 'AP_NOTIFY_URL should be an http:// or https:// URL (it may hold a secret, and is not shown)'],
  ])('is told when it is wrong, without the URL: %s', async (line, url, message) => {
    expect(await refusal(line, { AP_NOTIFY_URL: url })).toBe(message)
  })

  test('is named when the variable is misspelled', async () => {
    const message = 'AP_NOTIFY_URI is no variable of this program: did you mean AP_NOTIFY_URL?'
    expect(await refusal('', { AP_NOTIFY_URI: 'https://a' })).toBe(message)
  })
})

describe('the environment', () => {
  test.each<[string, Environment, Partial<RunOptions>]>([
    ['-n b', { AP_NAMESPACE: 'a,c' }, { namespaces: ['b'] }],
    ['-n b', { AP_ALL_NAMESPACES: 'true' }, { namespaces: ['b'] }],
    ['-A', { AP_NAMESPACE: 'a,c' }, { namespaces: 'all' }],
    ['--no-dry-run', { AP_DRY_RUN: 'true' }, { dryRun: false }],
    ['--latch', { AP_LATCH: 'false' }, { settings: DEFAULT_SETTINGS }],
    ['-o text', { AP_OUTPUT: 'nonsense' }, { output: 'text' }],
  ])('is weaker than the flag: %s', async (line, env, expected) => {
    expect(await options(line, env)).toEqual({ ...DEFAULTS, ...expected })
  })

  test.each<[string, Environment]>([
    [
      'of a pod beside a Service named active-passive',
      {
        ACTIVE_PASSIVE_PORT: 'tcp://10.96.0.9:8080',
        ACTIVE_PASSIVE_SERVICE_HOST: '10.96.0.9',
        ACTIVE_PASSIVE_DEADLINE: 'x',
        AP_PORT: 'tcp://10.96.0.9:80',
      },
    ],
    ['with variables that do not begin with AP_', { DRY_RUN: 'true', APP_DRY_RUN: 'true', AP: 'x', APDRY_RUN: 'true' }],
    ['with the flags of serve', { AP_INTERVAL: '2s', AP_TOKEN_FILE: '/token', AP_PORT: '8443', AP_WATCH: 'true' }],
    ['in lower case, where none of ours is meant', { ap_mode: 'x', app_dry_run: 'true' }],
    ['with empty variables', { AP_NAMESPACE: '', AP_DRY_RUN: '', AP_DEADLINE: '', AP_LATCH: '', AP_DRYRUN: '' }],
    ['with undefined ones', { AP_DRY_RUN: undefined, AP_DRYRUN: undefined }],
  ])('%s changes nothing', async (_, env) => {
    expect(await options('', env)).toEqual(DEFAULTS)
  })

  test.each<[Environment, string]>([
    [{ ap_dry_run: 'true' }, 'ap_dry_run is no variable of this program: did you mean AP_DRY_RUN?'],
    [{ 'AP-DRY-RUN': 'true' }, 'AP-DRY-RUN is no variable of this program: did you mean AP_DRY_RUN?'],
    [{ AP_DEADLINE: '5s' }, 'AP_DEADLINE: "5s" should be a duration of at least 10s, such as 40s'],
    [{ AP_LATCH: 'maybe' }, 'AP_LATCH: "maybe" should be true or false'],
    [{ AP_DRY_RUN: '1' }, 'AP_DRY_RUN: "1" should be none, client or server'],
    [{ AP_NAMESPACE: 'a,,b' }, 'AP_NAMESPACE: "" should be the name of a namespace'],
    [{ AP_SERVICE: 'a/b/c' }, 'AP_SERVICE: "a/b/c" should be NAME or NAMESPACE/NAME'],
    [
      { AP_ALL_NAMESPACES: 'true', AP_NAMESPACE: 'a' },
      'AP_ALL_NAMESPACES and AP_NAMESPACE exclude each other: give one of them',
    ],
  ])('is named when it is wrong: %j', async (env, message) => {
    expect(await refusal('', env)).toBe(message)
  })
})

/** As pkg/kubelet/envvars of Kubernetes makes them. */
function serviceLinks(
  service: string,
  ip: string,
  ports: readonly (readonly [number, string, string?])[],
): Environment {
  const upper = (text: string) => text.toUpperCase().replaceAll('-', '_')
  const prefix = upper(service)
  const host = ip.includes(':') ? `[${ip}]` : ip
  const [[first = 0, protocol = ''] = []] = ports
  return {
    [`${prefix}_SERVICE_HOST`]: ip,
    [`${prefix}_SERVICE_PORT`]: String(first),
    [`${prefix}_PORT`]: `${protocol}://${host}:${first}`,
    ...Object.fromEntries(
      ports.flatMap(([port, protocol, name]) => {
        const link = `${prefix}_PORT_${port}_${upper(protocol)}`
        return [
          [link, `${protocol}://${host}:${port}`],
          [`${link}_PROTO`, protocol],
          [`${link}_PORT`, String(port)],
          [`${link}_ADDR`, ip],
          ...(name ? [[`${prefix}_SERVICE_PORT_${upper(name)}`, String(port)]] : []),
        ]
      }),
    ),
  }
}

describe('a variable that begins with AP_ and is none of ours', () => {
  test.each([
    ['AP_DRYRUN', 'AP_DRY_RUN'],
    ['AP_DRY-RUN', 'AP_DRY_RUN'],
    ['AP_DRY_RUN_', 'AP_DRY_RUN'],
    ['AP_Dry_Run', 'AP_DRY_RUN'],
    ['AP_NAMESPACES', 'AP_NAMESPACE'],
    ['AP_NAMEPSACE', 'AP_NAMESPACE'],
    ['AP_ALL_NAMESPACE', 'AP_ALL_NAMESPACES'],
    ['AP_SERVICES', 'AP_SERVICE'],
    ['AP_KUBE_CONFIG', 'AP_KUBECONFIG'],
    ['AP_HEALTHCHECK', 'AP_HEALTH_CHECK'],
    ['AP_COOL_DOWN', 'AP_COOLDOWN'],
    ['AP_TOKENFILE', 'AP_TOKEN_FILE'],
    ['AP_TLSKEY', 'AP_TLS_KEY'],
  ])('is refused, and the one that was meant is named: %s', async (name, meant) => {
    const message = `${name} is no variable of this program: did you mean ${meant}?`
    for (const command of ['', 'run', 'serve', '--dry-run']) {
      expect(await refusal(command, { [name]: 'true' })).toBe(message)
    }
  })

  test.each(['AP_BLAH', 'AP_', 'AP_HELP', 'AP_N', 'AP_VERSION', 'AP_SECRET', 'AP___PROTO__', 'AP_PORTS_80'])(
    'is refused where none is near: %s',
    async (name) => {
      expect(await refusal('', { [name]: 'x' })).toBe(
        `${name} is no variable of this program: unset it, or see --help for the flags that each have one`,
      )
    },
  )

  test('is told with all the others, and without its value, which may be a secret', async () => {
    const message = await refusal('', { AP_TOKEN: 'hunter2', AP_DRYRUN: 'hunter2', AP_LATCH: 'false' })
    expect(message).toMatch(/^AP_TOKEN is no .*; AP_DRYRUN is no .*: did you mean AP_DRY_RUN\?$/)
    expect(message).not.toContain('hunter2')
  })

  test('does not keep anybody from --help and --version', async () => {
    expect(await invoke('--help', { AP_DRYRUN: 'true' })).toHaveProperty('kind', 'text')
    expect(await invoke('--version', { AP_DRYRUN: 'true' })).toHaveProperty('kind', 'text')
  })
})

describe('what Kubernetes puts into a pod beside a Service', () => {
  test.each(
    [
      'ap',
      'ap-web',
      'ap-1',
      'ap--x',
      'ap-port',
      'ap-service',
      'ap-service-port',
      'ap-token',
      'ap-token-file',
      'ap-dryrun',
    ].map((name) => [name]),
  )('named %s changes nothing', async (name) => {
    for (const ip of ['10.96.0.9', 'fd00::9']) {
      const env = serviceLinks(name, ip, [
        [8080, 'tcp', 'http'],
        [53, 'udp', 'dns-udp'],
        [9, 'sctp', 'x'],
      ])
      expect(await options('', env)).toEqual(DEFAULTS)
      const serve = await invoke('serve', env)
      const { output: _, ...defaults } = DEFAULTS
      const expected = { ...defaults, port: 8080, tokenFile: undefined, logFormat: 'text' }
      expect(serve).toMatchObject({ kind: 'serve', options: expected })
    }
  })

  test('does not hide what is set beside it', async () => {
    const links = serviceLinks('ap', '10.96.0.9', [[80, 'tcp']])
    expect(await options('', { ...links, AP_SERVICE: 'db', AP_DRY_RUN: 'true' })).toMatchObject({
      services: [{ name: 'db' }],
      dryRun: true,
    })
    expect(await refusal('', { ...links, AP_DRYRUN: 'true' })).toContain('AP_DRY_RUN')
  })

  test.each<[Environment, string]>([
    [{ AP_PORT: 'http://:8080' }, 'AP_PORT: "http://:8080" should be a port number from 0 to 65535'],
    [{ AP_TOKEN_PORT: '8080' }, 'AP_TOKEN_PORT is no variable of this program'],
    [{ AP_PORT_80: 'tcp://10.96.0.9:80' }, 'AP_PORT_80 is no variable of this program'],
    [{ AP_SERVICE_HOSTS: '10.96.0.9' }, 'AP_SERVICE_HOSTS is no variable of this program'],
  ])('looks otherwise than %j', async (env, message) => {
    expect(await refusal('serve', env)).toContain(message)
  })

  test('has the name of no flag, but for AP_PORT', async () => {
    for (const flag of Object.keys(FLAGS))
      expect(ownVariables({ [variableOf(flag)]: '1' })).toEqual({ [variableOf(flag)]: '1' })
  })
})

describe('a flag is refused', () => {
  test.each([
    ['--deadline 5s', '--deadline: "5s" should be a duration of at least 10s, such as 40s'],
    ['--deadline 40', '--deadline: "40" should be a duration of at least 10s, such as 40s'],
    ['--deadline=', '--deadline: "" should be a duration of at least 10s, such as 40s'],
    ['--max-health-timeout 1s', '--max-health-timeout: "1s" should be a duration of at least 2s, such as 30s'],
    [
      '--health-timeout 31s',
      '--health-timeout: "31s" should be at most 30s: a longer one needs a higher --max-health-timeout',
    ],
    ['--failures three', '--failures: "three" should be a whole number from 1 to 1000'],
    ['--failures 1e2', '--failures: "1e2" should be a whole number from 1 to 1000'],
    ['--failures -1', '--failures: "-1" should be a whole number from 1 to 1000'],
    ['--failures 0x3', '--failures: "0x3" should be a whole number from 1 to 1000'],
    ['--concurrency 0', '--concurrency: "0" should be a whole number from 1 to 10000'],
    ...['50', '0.5', '100%', '-1%', '5%%', '', 'off', '50.5%'].map((text): [string, string] => [
      `--panic=${text}`,
      `--panic: ${JSON.stringify(text)} should be a share from 1% to 99%, such as 50%, or 0 for never`,
    ]),
    ['--confirm=yes', '--confirm: "yes" should be none or ready'],
    ['-o xml', '--output: "xml" should be text, json or yaml'],
    ['serve -o json', '--output is no flag of serve: did you mean --log-format? See active-passive serve --help'],
    ['serve --log-format yaml', '--log-format: "yaml" should be text or json'],
    ['--latch=maybe', '--latch: "maybe" should be true or false'],
    ['--latch=', '--latch: "" should be true or false'],
    ['-A=maybe', '--all-namespaces: "maybe" should be true or false'],
    ['-n a,b', '--namespace: "a,b" should be the name of a namespace'],
    ['-n A', '--namespace: "A" should be the name of a namespace'],
    ['--namespace=', '--namespace: "" should be the name of a namespace'],
    ['--service a/b/c', '--service: "a/b/c" should be NAME or NAMESPACE/NAME'],
    ['--role-label a/b/c', '--role-label: "a/b/c" should be a label key such as role or example.com/role'],
    ['--role-label __proto__', '--role-label: "__proto__" should be a label key such as role or example.com/role'],
    ['--role-label x/__proto__', '--role-label: "x/__proto__" should be a label key such as role or example.com/role'],
    [
      '--role-label active-passive/pod',
      '--role-label: "active-passive/pod" should be a label key such as role or example.com/role',
    ],
    ['--kubeconfig=', '--kubeconfig: "" should be the name of a file'],
    ['--context=', '--context: "" should be the name of a context'],
    ['serve --insecure --token-file=', '--token-file: "" should be the name of a file'],
    ['serve --tls-cert=', '--tls-cert: "" should be the name of a file'],
    ['serve --tls-key=', '--tls-key: "" should be the name of a file'],
    ['serve --interval=', '--interval: "" should be a duration of at least 10ms, such as 2s'],
    ['-A -n a', '--all-namespaces and --namespace exclude each other: give one of them'],
    ['--no-namespace', 'unknown flag --no-namespace: --namespace is no switch'],
    ['--no-deadline', 'unknown flag --no-deadline: --deadline is no switch'],
  ])('%s', async (line, message) => {
    expect(await refusal(line)).toBe(message)
  })

  test.each([
    ['-n', '-n'],
    ['--deadline', '--deadline'],
    ['--deadline --dry-run', '--deadline'],
    ['-o', '-o'],
    ['-An', '-n'],
  ])('without its value: %s', async (line, flag) => {
    expect(await refusal(line)).toBe(`${flag} lacks its value. See active-passive --help`)
  })

  test.each([
    ['-x', '-x'],
    ['--no-blah', '--blah'],
    ['--no-latch=false', '--no-latch'],
    ['--AP_LATCH', '--AP_LATCH'],
  ])('that nobody knows: %s', async (line, flag) => {
    expect(await refusal(line)).toBe(`unknown flag ${flag}. See active-passive --help`)
  })

  test.each(['prefer', 'never', 'pause'])('that is a setting of single Services: --%s', async (name) => {
    expect(await refusal(`--${name} a`)).toBe(
      `unknown flag --${name}: a Service says it by the annotation active-passive/${name}. See active-passive --help`,
    )
  })

  test.each(['--failures X', '--selector X=(', '--health-check X', '-n X', 'status X', 'status db X', 'X', '--X'])(
    'with a value that is far too long: %s, of which no more is shown than its beginning',
    async (line) => {
      const said = await refusal(line.replace('X', 'x'.repeat(5_000)))
      expect(said).toContain('xxx')
      expect(said).toContain('…')
      expect(said.length).toBeLessThan(700)
    },
  )

  test.each([
    ['--dead-line 20s', 'deadline'],
    ['--deadlin 20s', 'deadline'],
    ['--dryrun', 'dry-run'],
    ['--dryRun', 'dry-run'],
    ['--namespaces a', 'namespace'],
    ['serve --tokenfile x', 'token-file'],
  ])('that is misspelled: %s', async (line, meant) => {
    expect(await refusal(line)).toMatch(
      new RegExp(`^unknown flag --[\\w-]+: did you mean --${meant}\\? See active-passive --help$`),
    )
  })

  test('with another: both are named, and what the first meant', async () => {
    expect(await refusal('--dryrun --foo')).toBe(
      'unknown flags --dryrun, --foo: did you mean --dry-run? See active-passive --help',
    )
  })

  test.each([
    ['--deadline 20s --deadline 30s', '--deadline is given 2 times: it takes one value'],
    ['-o json --output json', '--output is given 2 times: it takes one value'],
    ['--failures 1 run --failures 1', '--failures is given 2 times: it takes one value'],
    ['--latch --no-latch', '--latch is given more than once'],
    ['--dry-run --dry-run', '--dry-run is given more than once'],
    ['-A --all-namespaces', '--all-namespaces is given more than once'],
  ])('given twice where it takes one value: %s', async (line, message) => {
    expect(await refusal(line)).toBe(message)
  })

  test.each([
    ['--health-check exec:[]'],
    ['--health-timeout 0s'],
    ['--health-slow 0s'],
    ['--probes 0'],
    ['--period -1s'],
    ['--cooldown 1d'],
    ['--settle 1h'],
  ])('with a value that no annotation could have either: %s', async (line) => {
    const [flag] = line.split(' ')
    expect(await refusal(line)).toContain(`${flag}: `)
  })
})

test('A line that is no check is named, on the command line as in the environment', async () => {
  const text = 'probe\ntcp://9090'
  const says = /: line 2: "tcp:\/\/9090" has no : before the port. Did you mean tcp:\/\/:9090\?$/
  expect(await refusal(`--health-check ${text}`)).toMatch(says)
  expect(await refusal('', { AP_HEALTH_CHECK: text })).toMatch(says)
  expect(await refusal('--health-check ftp://:21')).toMatch(/ tcp:\/\/, grpc:\/\/ or grpcs:\/\/$/)
})

test('A check that is a command needs --allow-exec, wherever it is given', async () => {
  const check = 'probe\nexec: pg_isready -q'
  const says = (source: string) =>
    `${source}: "probe\\nexec: pg_isready (1 argument)" has a command, and commands are not run without --allow-exec`
  const { settings } = await options('', { AP_ALLOW_EXEC: 'true', AP_HEALTH_CHECK: check })
  expect(settings['health-check']).toEqual([{ kind: 'probe' }, { kind: 'exec', command: ['pg_isready', '-q'] }])
  expect(await refusal('', { AP_HEALTH_CHECK: check })).toBe(says('AP_HEALTH_CHECK'))
})

describe('the scope', () => {
  test('of Services that all name a namespace is these namespaces', async () => {
    const { namespaces } = await options('--service a/x --service b/y --service a/z')
    expect(namespaces).toEqual(['a', 'b'])
  })

  test('of Services of which one names none is the default one', async () => {
    expect((await options('--service a/x --service y')).namespaces).toBeUndefined()
  })

  test.each([
    ['-n c --service a/x', ['c']],
    ['-A --service a/x', 'all'],
  ])('is what was asked for: %s', async (line, expected) => {
    expect((await options(line)).namespaces).toEqual(expected)
  })
})

describe('--help', () => {
  test.each(['--help', 'run --help', '-n a --help'])('%j lists every flag', async (line) => {
    const help = await text(line)
    for (const flag of [
      '-n, --namespace',
      '-A, --all-namespaces',
      '--service',
      '--context',
      '--kubeconfig',
      '--role-label',
      '--opt-in',
      '--dry-run',
      '-o, --output',
      '--deadline',
      '--concurrency',
      '--max-health-timeout',
      '--panic',
      '--allow-exec',
      '--health-check',
      '--health-timeout',
      '--health-slow',
      '--failures',
      '--probes',
      '--period',
      '--confirm',
      '--cooldown',
      '--latch',
      '--settle',
    ]) {
      expect(help).toMatch(new RegExp(`^ +${flag} `, 'm'))
    }
  })

  test('shows the defaults that are in force', async () => {
    const help = await text('--help')
    for (const [flag, shown] of [
      ['role-label', 'role'],
      ['deadline', '40s'],
      ['concurrency', String(DEFAULTS.concurrency)],
      ['max-health-timeout', '30s'],
      ['panic', '50%'],
      ['confirm', DEFAULT_SETTINGS.confirm],
      ['health-check', DEFAULT_SETTINGS['health-check'].map(({ kind }) => kind).join('\n')],
      ['health-timeout', '2s'],
      ['failures', String(DEFAULT_SETTINGS.failures)],
      ['probes', String(DEFAULT_SETTINGS.probes)],
      ['period', '1s'],
      ['rise', '2'],
      ['stable', '10s'],
      ['cooldown', '30s'],
      ['latch', String(DEFAULT_SETTINGS.latch)],
      ['settle', '20ms'],
    ]) {
      expect(help).toMatch(new RegExp(`--${flag} [^[]*\\[\\w+\\] \\[default: ${shown}\\]`))
    }
  })

  test('fits on a terminal, and ends with a line end', async () => {
    const lines = (await text('--help')).split('\n')
    expect(lines.pop()).toBe('')
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(110)
  })

  test('is shown though other things are wrong', async () => {
    expect(await text('--help --nonsense')).toContain('--all-namespaces')
  })
})

test('--version is one line', async () => {
  expect(await text('--version')).toBe('dev\n')
})
