import { describe, expect, test } from 'vitest'
import { parseInvocation } from '../../../handler/cli/cli.js'
import { COMMAND_NAMES, commandOf, OTHER_WORDS } from '../../../handler/cli/commands.js'
import { FLAGS, variableOf } from '../../../handler/cli/flags.js'
import type { Environment } from '../../../handler/cli/options.js'
import { UsageError } from '../../../handler/util/errors.js'

const split = (line: string) => line.split(' ').filter((word) => word !== '')

const invoke = (line: string, env: Environment = {}, program?: string) => parseInvocation(split(line), env, program)

async function options(line: string, env?: Environment) {
  const invocation = await invoke(line, env)
  if (!('options' in invocation)) throw new Error(`not a command: ${invocation.kind}`)
  return invocation.options
}

async function refusal(line: string, env?: Environment, program?: string): Promise<string> {
  const error: unknown = await invoke(line, env, program).catch((error: unknown) => error)
  if (!(error instanceof UsageError)) throw new Error(`not refused: ${line}`, { cause: error })
  return error.message
}

/** What makes a command line of each command whole. */
const WORDS: Readonly<Record<string, string>> = {
  ...{ switchover: 'db', pause: 'db', resume: 'db', history: 'db', completion: 'bash' },
}
const whole = (name: string) => `${name} ${WORDS[name] ?? ''}`

describe('a command', () => {
  test.each(['-n a status db', 'status -n a db', 'status db -n a', '-n=a status db', '--namespace a status -- db'])(
    'may stand among its flags: %j',
    async (line) => {
      expect(await invoke(line)).toMatchObject({
        kind: 'status',
        options: {
          namespaces: ['a'],
          service: { name: 'db' },
          services: [{ name: 'db' }],
          watch: false,
          output: 'text',
        },
      })
    },
  )

  test('takes each value of a list by itself', async () => {
    expect(await invoke('-n a -n b status')).toMatchObject({ kind: 'status', options: { namespaces: ['a', 'b'] } })
  })

  test.each(COMMAND_NAMES.map((name) => [name]))('%s is known by its name', async (name) => {
    expect(await invoke(whole(name))).toHaveProperty('kind', name)
  })

  test.each<[string, object]>([
    ['switchover db', { service: { name: 'db' }, force: false, yes: false, output: 'text', dryRun: false }],
    ['switchover db db-1', { service: { name: 'db' }, pod: 'db-1' }],
    ['switchover svc/db pod/db-1 --from pod/db-0', { service: { name: 'db' }, pod: 'db-1', from: 'db-0' }],
    ['switchover shop/db --force --yes', { service: { namespace: 'shop', name: 'db' }, force: true, yes: true }],
    ['pause db --for 2h', { service: { name: 'db' }, forMs: 7_200_000 }],
    ['pause db --for 3d', { forMs: 3 * 24 * 3_600_000 }],
    ['pause db --for 8760h', { forMs: 365 * 24 * 3_600_000 }],
    ['pause db --for 1m30s', { forMs: 90_000 }],
    ['resume -n shop db', { service: { namespace: 'shop', name: 'db' }, namespaces: ['shop'] }],
    ['resume db --dry-run=server', { dryRun: true, serverDryRun: true }],
    ['history db -o wide', { service: { name: 'db' }, output: 'wide' }],
    ['status -w -o yaml', { watch: true, output: 'yaml' }],
    ['check -o json -A', { namespaces: 'all', output: 'json' }],
    ['run -o wide', { output: 'text' }],
    ['run -oyaml', { output: 'yaml' }],
    ['run -lapp=db', { selector: { text: 'app=db' } }],
    ['serve -w', { watch: true }],
    ['completion zsh', { shell: 'zsh' }],
  ])('%j has its options', async (line, expected) => {
    expect(await options(line)).toMatchObject(expected)
  })

  test.each([
    ['--as bob --as-group a --as-group b', { as: 'bob', asGroup: ['a', 'b'] }],
    ['--cluster c --user u --context x', { cluster: 'c', user: 'u', context: 'x' }],
    ['--request-timeout 0', { requestTimeoutMs: 0 }],
    ['--request-timeout=0s', { requestTimeoutMs: 0 }],
    ['--request-timeout 3', { requestTimeoutMs: 3_000 }],
    ['--request-timeout 1s', { requestTimeoutMs: 1_000 }],
    ['--request-timeout 2m', { requestTimeoutMs: 120_000 }],
  ])("takes kubectl's own flags: %s", async (flags, expected) => {
    for (const name of COMMAND_NAMES.filter((name) => name !== 'completion')) {
      expect(await options(`${whole(name)} ${flags}`)).toMatchObject(expected)
    }
  })

  test('takes a flag from its variable, whichever command it is', async () => {
    const env = { AP_AS: 'bob', AP_AS_GROUP: 'a,b', AP_DRY_RUN: 'server', AP_FROM: 'db-0', AP_YES: 'true' }
    expect(await options('switchover db', env)).toMatchObject({
      ...{ as: 'bob', asGroup: ['a', 'b'], dryRun: true, serverDryRun: true, from: 'db-0', yes: true },
    })
  })
})

describe('--dry-run', () => {
  test.each([
    ['--dry-run', true, undefined],
    ['--dry-run=client', true, undefined],
    ['--dry-run=true', true, undefined],
    ['--dry-run true', true, undefined],
    ['--dry-run=server', true, true],
    ['--dry-run=none', false, undefined],
    ['--dry-run=false', false, undefined],
    ['--dry-run false', false, undefined],
    ['--no-dry-run', false, undefined],
  ])('%s', async (flag, dryRun, serverDryRun) => {
    for (const line of [`${flag} run`, `run ${flag}`, flag]) {
      const found = (await options(line)) as { readonly dryRun: boolean; readonly serverDryRun?: boolean }
      expect([found.dryRun, found.serverDryRun]).toEqual([dryRun, serverDryRun])
    }
  })

  test('is no word that takes the command after it', async () => {
    expect(await invoke('--dry-run serve')).toMatchObject({ kind: 'serve', options: { dryRun: true } })
  })

  test.each([
    ['--dry-run server', '--dry-run takes its value behind a =: --dry-run=server'],
    ['--dry-run=maybe', '--dry-run: "maybe" should be none, client or server'],
    ['--dry-run=', '--dry-run: "" should be none, client or server'],
    ['--dry-run --dry-run=server', '--dry-run is given more than once'],
  ])('%s is refused', async (line, message) => {
    expect(await refusal(line)).toBe(message)
  })
})

describe('SERVICE', () => {
  test.each([
    ['db', { name: 'db' }, undefined],
    ['service/db', { name: 'db' }, undefined],
    ['services/db', { name: 'db' }, undefined],
    ['svc/db', { name: 'db' }, undefined],
    ['shop/db', { namespace: 'shop', name: 'db' }, ['shop']],
    ['shop/db -n shop', { namespace: 'shop', name: 'db' }, ['shop']],
    ['shop/db -n shop -n other', { namespace: 'shop', name: 'db' }, ['shop']],
    ['shop/db -A', { namespace: 'shop', name: 'db' }, ['shop']],
    ['db -n shop', { namespace: 'shop', name: 'db' }, ['shop']],
    ['db -n shop -n shop', { namespace: 'shop', name: 'db' }, ['shop', 'shop']],
  ])('%j is one Service', async (words, service, namespaces) => {
    for (const command of ['switchover', 'pause', 'resume', 'history']) {
      expect(await options(`${command} ${words}`)).toMatchObject({ service, services: [service], namespaces })
    }
  })

  test('replaces what the environment says of Services, labels and namespaces', async () => {
    const env = { AP_SERVICE: 'web,app', AP_NAMESPACE: 'other' }
    expect(await options('status shop/db', env)).toMatchObject({ services: [{ name: 'db' }], namespaces: ['shop'] })
    const labelled = await options('pause shop/db', { AP_SELECTOR: 'a=b' })
    expect(labelled).not.toHaveProperty('selector')
  })

  test('of status may be in any of several namespaces', async () => {
    expect(await options('status db -A')).toMatchObject({ namespaces: 'all', service: { name: 'db' } })
  })

  test.each([
    ['DB', 'SERVICE: "DB" should be NAME, NAMESPACE/NAME or service/NAME'],
    ['a/b/c', 'SERVICE: "a/b/c" should be NAME, NAMESPACE/NAME or service/NAME'],
    ['svc/', 'SERVICE: "svc/" should be NAME, NAMESPACE/NAME or service/NAME'],
    ['pod/db-0', 'SERVICE: "pod/db-0" should be NAME, NAMESPACE/NAME or service/NAME'],
    [
      'db -A',
      'COMMAND is about one Service, and --all-namespaces names all namespaces: write NAMESPACE/db, or one --namespace',
    ],
    [
      'db -n a -n b',
      'COMMAND is about one Service, and --namespace names several: write NAMESPACE/db, or one --namespace',
    ],
    ['x/db -n y', 'SERVICE "x/db" is in namespace x, and --namespace says y: give one of them'],
  ])('%j is refused', async (words, message) => {
    for (const command of ['switchover', 'pause', 'resume', 'history']) {
      expect(await refusal(`${command} ${words}`)).toBe(message.replace('COMMAND', command))
    }
  })

  test('names the variable that holds several namespaces', async () => {
    expect(await refusal('pause db', { AP_NAMESPACE: 'a,b' })).toContain('AP_NAMESPACE names several')
    expect(await refusal('pause db', { AP_ALL_NAMESPACES: 'true' })).toContain('AP_ALL_NAMESPACES names all namespaces')
  })
})

describe('is refused', () => {
  const ALL = 'run, serve, status, switchover, pause, resume, history, check, completion'
  test.each([
    ['0', `unknown command "0": there are ${ALL}. See kubectl active-passive --help`],
    [
      '-n a b',
      `unknown command "b": there are ${ALL}. A list flag takes one value each time (-n a -n b). See kubectl active-passive --help`,
    ],
    ['runn', 'unknown command "runn": did you mean kubectl active-passive [run]? See kubectl active-passive --help'],
    [
      'statsu',
      'unknown command "statsu": did you mean kubectl active-passive status [SERVICE]? See kubectl active-passive --help',
    ],
    [
      'failover db',
      'unknown command "failover": did you mean kubectl active-passive switchover SERVICE [POD]? See kubectl active-passive --help',
    ],
    [
      'hist db',
      'unknown command "hist": did you mean kubectl active-passive history SERVICE? See kubectl active-passive --help',
    ],
    [
      'switchover',
      'switchover lacks a word: kubectl active-passive switchover SERVICE [POD]. See kubectl active-passive switchover --help',
    ],
    [
      'completion',
      'completion lacks a word: kubectl active-passive completion bash|zsh|fish. See kubectl active-passive completion --help',
    ],
    [
      'switchover a b c',
      'unexpected word "c" after switchover a b: it takes kubectl active-passive switchover SERVICE [POD]. A list flag takes one value each time (-n a -n b). See kubectl active-passive switchover --help',
    ],
    ['completion basch', 'completion is for bash, zsh and fish, not "basch": did you mean bash?'],
    ['completion tcsh', 'completion is for bash, zsh and fish, not "tcsh"'],
    ['--port 1', '--port is no flag of run: serve takes it. See kubectl active-passive serve --help'],
    ['-w', '--watch is no flag of run: serve and status take it. See kubectl active-passive run --help'],
    [
      'status --dry-run',
      '--dry-run is no flag of status: run, serve, switchover, pause and resume take it. See kubectl active-passive status --help',
    ],
    ['resume db --for 2h', '--for is no flag of resume: pause takes it. See kubectl active-passive pause --help'],
    [
      'pause db -l a=b',
      '--selector is no flag of pause: run, serve, status and check take it. See kubectl active-passive pause --help',
    ],
    ['status db -l a=b', '--selector and the SERVICE "db" exclude each other: give one of them'],
    ['status db --service web', '--service and the SERVICE "db" exclude each other: give one of them'],
    ['--service db -l a=b', '--service and --selector exclude each other: give one of them'],
    ['switchover db DB-1', 'POD: "DB-1" should be the name of a pod'],
    ['switchover db --from a_b', '--from: "a_b" should be the name of a pod'],
    ['switchover db --force=maybe', '--force: "maybe" should be true or false'],
    ['pause db --for 0s', '--for: "0s" should be a positive duration of at most a year, such as 2h or 3d'],
    ['pause db --for -1h', '--for: "-1h" should be a positive duration of at most a year, such as 2h or 3d'],
    ['pause db --for 366d', '--for: "366d" should be a positive duration of at most a year, such as 2h or 3d'],
    ['pause db --for soon', '--for: "soon" should be a positive duration of at most a year, such as 2h or 3d'],
    ['status -o xml', '--output: "xml" should be text, wide, json or yaml'],
    ['pause db -o table', '--output: "table" should be text, json or yaml'],
    [
      'serve -o wide',
      '--output is no flag of serve: did you mean --log-format? See kubectl active-passive serve --help',
    ],
    ['--as=', '--as: "" should be the name of a user'],
    ['--as-group=', '--as-group: "" should be the name of a group'],
    ['--cluster=', '--cluster: "" should be the name of a cluster'],
    ['--user=', '--user: "" should be the name of a user'],
    ...['abc', '-1', '1.5.5s', '', '1d'].map((text): [string, string] => [
      `--request-timeout=${text}`,
      `--request-timeout: ${JSON.stringify(text)} should be seconds, or a duration such as 1s or 2m, or 0 for no limit`,
    ]),
    ['-l a=b=c', '--selector: "a=b=c": a comma should come before "="'],
  ])('%s', async (line, message) => {
    expect(await refusal(line, {}, 'kubectl active-passive')).toBe(message)
  })

  test.each(COMMAND_NAMES.map((name) => [name]))('what %s does not take, with the command that does', async (name) => {
    const { flags } = commandOf(name)
    for (const [flag, { kind }] of Object.entries(FLAGS)) {
      if (flags.some((one) => one === flag)) continue
      const said = await refusal(`${whole(name)} --${flag}${kind === 'switch' || kind === 'mode' ? '' : '=x'}`)
      expect(said).toMatch(
        new RegExp(
          `^--${flag} is no flag of ${name}: (?:[a-z, ]+ takes? it\\.|did you mean --log-format\\?) See active-passive [a-z]+ --help$`,
        ),
      )
    }
  })

  test('a wrong variable, whatever the command is', async () => {
    for (const name of COMMAND_NAMES.filter((name) => name !== 'completion')) {
      expect(await refusal(whole(name), { AP_DRYRUN: 'true' })).toContain('did you mean AP_DRY_RUN?')
      expect(await refusal(whole(name), { AP_FAILURES: 'x' })).toContain('AP_FAILURES: "x"')
    }
  })
})

test('AP_WATCH is for serve: status beside it shows its table once', async () => {
  expect(await options('status', { AP_WATCH: 'true' })).toMatchObject({ watch: false })
  expect(await options('serve', { AP_WATCH: 'true' })).toMatchObject({ watch: true })
})

test('Each word of other tools leads to a command', async () => {
  for (const [word, command] of Object.entries(OTHER_WORDS)) {
    expect(COMMAND_NAMES).not.toContain(word)
    expect(await refusal(word)).toContain(`did you mean active-passive ${command === 'run' ? '[run]' : command}`)
  }
})

describe('--help', () => {
  const text = async (line: string, program = 'kubectl active-passive') => {
    const invocation = await invoke(line, {}, program)
    if (invocation.kind !== 'text') throw new Error('it would run')
    return invocation.text
  }

  test.each(COMMAND_NAMES.map((name) => [name]))('of %s has its synopsis, its flags and an example', async (name) => {
    const { words, flags, examples } = commandOf(name)
    const help = await text(`${name} --help`)
    expect(help.split('\n')[0]).toContain(
      `kubectl active-passive ${name === 'run' ? '[run]' : name}${words && ` ${words}`}`,
    )
    for (const flag of flags) expect(help).toMatch(new RegExp(`^ +(-\\w, )?--${flag} `, 'm'))
    for (const flag of Object.keys(FLAGS).filter((one) => !flags.some((flag) => flag === one))) {
      expect(help).not.toMatch(new RegExp(`^ +(-\\w, )?--${flag} `, 'm'))
    }
    for (const example of examples) {
      expect(help).toContain(`\n  kubectl active-passive ${example}\n`)
      expect(await parseInvocation(split(example), {})).toHaveProperty('kind', name)
    }
    expect(Math.max(...help.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(110)
  })

  test.each([
    'switchover --help',
    '--help switchover',
    'switchover db -h',
    'help switchover',
    '-n a switchover db --help',
  ])('%j is that of the command', async (line) => {
    expect(await text(line)).toBe(await text('switchover --help'))
  })

  test.each(['--help', '-h', 'help', 'help me', '--help --nonsense'])('%j is the general one', async (line) => {
    const help = await text(line)
    for (const name of COMMAND_NAMES)
      expect(help).toMatch(new RegExp(`^  (\\[run\\]|${name}) .*${commandOf(name).describe.slice(0, 20)}`, 'm'))
    expect(help).toContain('kubectl active-passive COMMAND --help')
  })

  test('is no word behind --', async () => {
    expect(await refusal('status -- --help')).toBe('SERVICE: "--help" should be NAME, NAMESPACE/NAME or service/NAME')
  })

  test('names every flag in some command', async () => {
    const taken = COMMAND_NAMES.flatMap((name) => commandOf(name).flags)
    expect(new Set<string>(taken)).toEqual(new Set(Object.keys(FLAGS)))
    expect(new Set(Object.keys(FLAGS).map(variableOf)).size).toBe(Object.keys(FLAGS).length)
  })
})

test.each(['--version', 'version', 'status --version'])('%s is one line', async (line) => {
  expect(await invoke(line)).toEqual({ kind: 'text', text: 'dev\n' })
})

test('A shell that asks for words is told so, whatever they are', async () => {
  expect(await invoke('__complete status --help --nonsense')).toEqual({
    kind: 'complete',
    words: ['status', '--help', '--nonsense'],
  })
})
