/** The command line and the environment -> options. A flag is also the variable AP_<FLAG>; a flag wins. */
import yargs from 'yargs'
import { parseDuration } from './duration.js'
import { UsageError } from './errors.js'
import type { PassOptions, ServiceRef } from './pass.js'
import { DEFAULT_SETTINGS, FLAG_SETTINGS, type Settings } from './policy.js'
import { version } from './version.js'

export type Invocation =
  | { readonly kind: 'run'; readonly options: RunOptions }
  /** Something to print, and nothing to do: help or the version. */
  | { readonly kind: 'text'; readonly text: string }

export interface RunOptions extends Omit<PassOptions, 'namespaces'> {
  /** `undefined`: the context's or the pod's own. */
  readonly namespaces: PassOptions['namespaces'] | undefined
  readonly kubeconfig: string | undefined
  readonly context: string | undefined
  readonly output: 'text' | 'json'
}

type Environment = Readonly<Record<string, string | undefined>>

interface Flag {
  readonly alias?: string
  /** `list`: once for each value. `switch`: true or false, `--no-NAME` too. */
  readonly kind: 'text' | 'list' | 'switch'
  /** As shown by --help. */
  readonly default?: string
  readonly describe: string
}

const MIN_DEADLINE_MS = 10_000
const SECTION = 'For Services without the annotation active-passive/NAME:'

const GENERAL = {
  namespace: {
    kind: 'list',
    alias: 'n',
    default: "the context's or the pod's own",
    describe: 'namespace to serve, once for each',
  },
  'all-namespaces': { kind: 'switch', alias: 'A', describe: 'serve all namespaces' },
  service: {
    kind: 'list',
    default: 'all in scope',
    describe: 'only this Service, NAME or NAMESPACE/NAME, once for each',
  },
  context: { kind: 'text', describe: 'context of the kubeconfig' },
  kubeconfig: { kind: 'text', default: 'as kubectl; in a pod its service account', describe: 'kubeconfig file' },
  'role-label': { kind: 'text', default: 'role', describe: 'label whose values are active and passive' },
  'dry-run': { kind: 'switch', describe: 'decide and report, write nothing' },
  output: { kind: 'text', alias: 'o', default: 'text', describe: 'text or json' },
  deadline: { kind: 'text', default: '40s', describe: 'the pass ends by then, whatever hangs; at least 10s' },
  concurrency: { kind: 'text', default: '64', describe: 'probes in flight' },
  'allow-exec': { kind: 'switch', describe: 'allow checks that run a command in a pod' },
} as const satisfies Record<string, Flag>

const PER_SERVICE = {
  'health-check': {
    kind: 'text',
    default: 'probe',
    describe: 'http://:PORT/PATH, https://…, tcp://:PORT, ready, or probe: the readinessProbe',
  },
  'health-timeout': {
    kind: 'text',
    default: '2s',
    describe: 'limit of one probe; by default at least what the readinessProbe allows itself',
  },
  failures: { kind: 'text', default: '3', describe: 'consecutive failures before a pod has failed' },
  probes: { kind: 'text', default: '3', describe: 'probes of a failing pod in one pass' },
  period: { kind: 'text', default: '1s', describe: 'time between those probes' },
  cooldown: { kind: 'text', default: '0s', describe: 'least time between two failovers of a group' },
  latch: { kind: 'switch', default: 'true', describe: 'pin the Service to the old pod while the labels change' },
  settle: { kind: 'text', default: '20ms', describe: 'wait between the last label and the release of the Service' },
} as const satisfies Record<keyof typeof FLAG_SETTINGS, Flag>

const FLAGS: Readonly<Record<string, Flag>> = { ...GENERAL, ...PER_SERVICE }
type FlagName = keyof typeof GENERAL | keyof typeof PER_SERVICE

/** @throws UsageError which names the flag or the variable, its value, and what would be right */
export async function parseInvocation(args: readonly string[], env: Environment): Promise<Invocation> {
  rejectOddSwitches(args)
  const { argv, output } = await parseArgs(args)
  if (output) return { kind: 'text', text: `${output.trimEnd()}\n` }
  const words = argv._ as readonly string[]
  const [command = 'run', extra] = words
  if (command !== 'run')
    throw new UsageError(`unknown command ${JSON.stringify(command)}: there is run, the default. See --help`)
  if (extra !== undefined) {
    throw new UsageError(
      `unexpected word ${JSON.stringify(extra)} after run: a list flag takes one value each time (-n a -n b). See --help`,
    )
  }
  return { kind: 'run', options: readOptions(new Values(argv, env)) }
}

function readOptions(values: Values): RunOptions {
  if (values.isOn('all-namespaces') && values.list('namespace').length > 0) {
    throw new UsageError(
      `${values.source('all-namespaces')} and ${values.source('namespace')} exclude each other: give one of them`,
    )
  }
  const services = values
    .list('service')
    .map((text) => parsed(values.source('service'), text, parseServiceRef, 'NAME or NAMESPACE/NAME'))
  const namespaces = values
    .list('namespace')
    .map((text) => parsed(values.source('namespace'), text, parseName, 'the name of a namespace'))
  return {
    namespaces: values.isOn('all-namespaces') ? 'all' : namespaces.length > 0 ? namespaces : namespacesOf(services),
    services,
    kubeconfig: values.text('kubeconfig'),
    context: values.text('context'),
    roleLabel: values.read('role-label', parseLabelKey, 'a label key such as role or example.com/role') ?? 'role',
    dryRun: values.isOn('dry-run'),
    output:
      values.read('output', (text) => (text === 'text' || text === 'json' ? text : undefined), 'text or json') ??
      'text',
    deadlineMs: values.read('deadline', parseDeadline, 'a duration of at least 10s, such as 40s') ?? 40_000,
    concurrency: values.read('concurrency', parseConcurrency, 'a whole number from 1 to 10000') ?? 64,
    settings: readSettings(values),
  }
}

/** The flags that stand in for annotations, read as those are. */
function readSettings(values: Values): Settings {
  const given = Object.entries(FLAG_SETTINGS).flatMap(([name, { parse, expected }]) => {
    const text = values.text(name as FlagName)
    return text === undefined ? [] : [[name, parsed<unknown>(values.source(name as FlagName), text, parse, expected)]]
  })
  return { ...DEFAULT_SETTINGS, ...Object.fromEntries(given) }
}

/** What was given, by flag or by variable, as text. */
class Values {
  constructor(
    private readonly argv: Readonly<Record<string, unknown>>,
    private readonly env: Environment,
  ) {}

  /** How the user would recognise where the value came from. */
  source(name: FlagName): string {
    return this.argv[name] === undefined && this.fromEnv(name) !== undefined ? variableOf(name) : `--${name}`
  }

  text(name: FlagName): string | undefined {
    const value = this.argv[name]
    if (Array.isArray(value)) throw new UsageError(`--${name} is given ${value.length} times: it takes one value`)
    return value === undefined ? this.fromEnv(name) : String(value)
  }

  list(name: FlagName): readonly string[] {
    const value = this.argv[name]
    if (value !== undefined) return (Array.isArray(value) ? value : [value]).map(String)
    return this.fromEnv(name)?.split(',') ?? []
  }

  isOn(name: FlagName): boolean {
    return (
      this.read(name, (text) => (text === 'true' || text === 'false' ? text : undefined), 'true or false') === 'true'
    )
  }

  read<T>(name: FlagName, parse: (text: string) => T | undefined, expected: string): T | undefined {
    const text = this.text(name)
    return text === undefined ? undefined : parsed(this.source(name), text, parse, expected)
  }

  /** An empty variable counts as none. */
  private fromEnv(name: FlagName): string | undefined {
    return this.env[variableOf(name)] || undefined
  }
}

function variableOf(name: string): string {
  return `AP_${name.toUpperCase().replaceAll('-', '_')}`
}

function parsed<T>(source: string, text: string, parse: (text: string) => T | undefined, expected: string): T {
  const value = parse(text)
  if (value === undefined) throw new UsageError(`${source}: ${JSON.stringify(text)} should be ${expected}`)
  return value
}

function parseName(text: string): string | undefined {
  return /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text) ? text : undefined
}

function parseServiceRef(text: string): ServiceRef | undefined {
  const parts = text.split('/')
  const name = parts.pop() ?? ''
  const [namespace, ...more] = parts
  if (more.length > 0 || !parseName(name)) return undefined
  if (namespace === undefined) return { name }
  return parseName(namespace) ? { namespace, name } : undefined
}

/** Services that all name their namespace say where to look. */
function namespacesOf(services: readonly ServiceRef[]): readonly string[] | undefined {
  const namespaces = services.flatMap(({ namespace }) => namespace ?? [])
  return services.length > 0 && namespaces.length === services.length ? [...new Set(namespaces)] : undefined
}

function parseLabelKey(text: string): string | undefined {
  const form = /^([a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$/
  return form.test(text) && !text.startsWith('active-passive/') ? text : undefined
}

function parseDeadline(text: string): number | undefined {
  const ms = parseDuration(text)
  return ms !== undefined && ms >= MIN_DEADLINE_MS ? ms : undefined
}

function parseConcurrency(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 10_000 ? Number(text) : undefined
}

/** yargs takes any text after a switch's equals sign for false. */
function rejectOddSwitches(args: readonly string[]): void {
  for (const arg of args) {
    const [, name = '', value] = /^--([^=]+)=(.*)$/s.exec(arg) ?? []
    if (FLAGS[name]?.kind === 'switch' && value !== 'true' && value !== 'false') {
      throw new UsageError(`--${name}: ${JSON.stringify(value)} should be true or false`)
    }
  }
}

async function parseArgs(args: readonly string[]): Promise<{ argv: Record<string, unknown>; output: string }> {
  const parser = yargs()
    .scriptName('active-passive')
    .usage(
      '$0 [run]\n\nKeeps exactly one pod of each active-passive Service active: checks the pods, and moves the role label.',
    )
    .command(['run', '$0'], 'make one check-and-swap pass (the default)')
    .options(Object.fromEntries(Object.entries(FLAGS).map(([name, flag]) => [name, yargsOption(name, flag)])))
    .epilogue(
      'Each flag is also an environment variable: --dry-run is AP_DRY_RUN, -n a -n b is AP_NAMESPACE=a,b.\nExit codes: 0 every group has its active pod, 1 a group has not, 2 wrong usage, 3 the API server refused or did not answer.',
    )
    .version(version)
    .help()
    .strictOptions()
    .exitProcess(false)
    .detectLocale(false)
    .wrap(110)
    .parserConfiguration({
      'greedy-arrays': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
    })
  return new Promise((resolve, reject) => {
    const done = (error: Error | undefined, argv: Record<string, unknown>, output: string) =>
      error ? reject(new UsageError(`${error.message.split('\n')[0]}. See --help`)) : resolve({ argv, output })
    Promise.resolve(parser.parse([...args], {}, done)).catch(reject)
  })
}

function yargsOption(name: string, flag: Flag) {
  return {
    describe: flag.describe,
    ...(flag.alias ? { alias: flag.alias } : {}),
    ...(flag.default ? { defaultDescription: flag.default } : {}),
    ...(flag.kind === 'switch' ? { type: 'boolean' as const } : { type: 'string' as const, requiresArg: true }),
    ...(name in PER_SERVICE ? { group: SECTION } : {}),
  }
}
