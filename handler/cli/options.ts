/** Turns the flags and variables that were given into options. */

import { type NotifySource, parseNotifyUrl } from '../notice/notify-url.js'
import { DEFAULT_PANIC } from '../pass/overview.js'
import type { PassOptions } from '../pass/pass.js'
import { parseName, parseServiceRef, type ServiceRef } from '../pass/scope.js'
import { type LabelSelector, parseLabelSelector, SelectorError } from '../pass/selector.js'
import { hasCommand, mistakeInFlag } from '../settings/policy.js'
import { DEFAULT_MAX_HEALTH_TIMEOUT_MS, DEFAULT_SETTINGS, FLAG_SETTINGS, type Settings } from '../settings/settings.js'
import { shownChecks } from '../settings/shown-check.js'
import { formatDuration } from '../util/duration.js'
import { UsageError } from '../util/errors.js'
import { quoted } from '../util/quoted.js'
import { type Environment, ownVariables } from './environment.js'
import { type FlagName, variableOf } from './flags.js'
import {
  parseConcurrency,
  parseDeadline,
  parseIdentity,
  parseInterval,
  parseLabelKey,
  parseLogFormat,
  parseMaxHealthTimeout,
  parsePanic,
  parsePort,
  parseRequestTimeout,
} from './parsers.js'
import { parsed, parseText, Values } from './values.js'

/** Which part of a kubeconfig is used, and as whom. */
export interface Connection {
  readonly kubeconfig: string | undefined
  readonly context: string | undefined
  /** In place of the context's cluster. */
  readonly cluster: string | undefined
  /** In place of the context's user. */
  readonly user: string | undefined
  /** The user to act as, in place of the kubeconfig's. */
  readonly as: string | undefined
  /** The groups to act in, in place of the kubeconfig's, unless empty. */
  readonly asGroup: readonly string[]
  /** The limit of one request. 0: none; `undefined`: our own limits. */
  readonly requestTimeoutMs: number | undefined
}

/** What every command has that reaches a cluster. */
export interface CommandOptions extends Omit<PassOptions, 'namespaces'>, Connection {
  /** `undefined`: the namespace of the context or of the pod. */
  readonly namespaces: PassOptions['namespaces'] | undefined
  /** Where notifications are sent. `undefined`: there are none. */
  readonly notify: NotifySource | undefined
}

export interface RunOptions extends CommandOptions {
  readonly output: 'text' | 'json' | 'yaml'
}

export interface ServeOptions extends CommandOptions {
  /** 0: any free port. */
  readonly port: number
  readonly tokenFile: string | undefined
  readonly insecure: boolean
  readonly tlsCert: string | undefined
  readonly tlsKey: string | undefined
  /** `undefined`: no passes at an interval. */
  readonly intervalMs: number | undefined
  readonly watch: boolean
  readonly logFormat: 'text' | 'json'
}

export type { Environment } from './environment.js'

/** The flags as yargs parsed them, their values still text. */
export type Flags = Readonly<Record<string, unknown>>

/** @throws UsageError with the flag or the variable, its value, and what would be right */
export function readOptions(argv: Flags, env: Environment): RunOptions {
  const values = valuesOf(argv, env)
  return { ...readCommandOptions(values), output: readOutput(values, ['text', 'json', 'yaml'], { wide: 'text' }) }
}

/** @throws UsageError as `readOptions` does */
export function readServeOptions(argv: Flags, env: Environment): ServeOptions {
  const values = valuesOf(argv, env)
  return {
    ...readCommandOptions(values),
    port: values.read('port', parsePort, 'a port number from 0 to 65535') ?? 8080,
    tokenFile: values.read('token-file', parseText, 'the name of a file'),
    insecure: values.isOn('insecure'),
    tlsCert: values.read('tls-cert', parseText, 'the name of a file'),
    tlsKey: values.read('tls-key', parseText, 'the name of a file'),
    intervalMs: values.read('interval', parseInterval, 'a duration of at least 10ms, such as 2s'),
    watch: values.isOn('watch'),
    logFormat: values.read('log-format', parseLogFormat, 'text or json') ?? 'text',
  }
}

/** The values that were given. A scope on the command line replaces the environment's, whichever of its flags it is. */
export function valuesOf(argv: Flags, env: Environment): Values {
  const own = ownVariables(env)
  const isScoped = argv.namespace !== undefined || argv['all-namespaces'] !== undefined
  return new Values(argv, isScoped ? withoutScope(own) : own)
}

/** @throws UsageError without the URL, which is a secret */
function readNotify(values: Values): NotifySource | undefined {
  const text = values.variable('AP_NOTIFY_URL')
  const file = values.read('notify-url-file', parseText, 'the name of a file')
  const flag = values.source('notify-url-file')
  if (text === undefined) return file === undefined ? undefined : { file, flag }
  if (file !== undefined) throw new UsageError(`AP_NOTIFY_URL and ${flag} exclude each other: give one of them`)
  const url = parseNotifyUrl(text)
  if (!url)
    throw new UsageError('AP_NOTIFY_URL should be an http:// or https:// URL (it may hold a secret, and is not shown)')
  return { url }
}

function withoutScope(env: Environment): Environment {
  return { ...env, [variableOf('namespace')]: undefined, [variableOf('all-namespaces')]: undefined }
}

/** The options that all commands have. @throws UsageError as `readOptions` does */
export function readCommandOptions(values: Values): CommandOptions {
  if (values.isOn('all-namespaces') && values.list('namespace').length > 0)
    throw exclusive(values, 'all-namespaces', 'namespace')
  const services = values
    .list('service')
    .map((text) => parsed(values.source('service'), text, parseServiceRef, 'NAME or NAMESPACE/NAME'))
  const namespaces = values
    .list('namespace')
    .map((text) => parsed(values.source('namespace'), text, parseName, 'the name of a namespace'))
  const selector = readSelector(values)
  if (selector && services.length > 0) throw exclusive(values, 'service', 'selector')
  return {
    namespaces: values.isOn('all-namespaces') ? 'all' : namespaces.length > 0 ? namespaces : namespacesOf(services),
    services,
    ...(selector && { selector }),
    ...readConnection(values),
    roleLabel: values.read('role-label', parseLabelKey, 'a label key such as role or example.com/role') ?? 'role',
    optIn: values.isOn('opt-in'),
    ...readDryRun(values),
    notify: readNotify(values),
    deadlineMs: values.read('deadline', parseDeadline, 'a duration of at least 10s, such as 40s') ?? 40_000,
    ...readTimeouts(values),
    panic: values.read('panic', parsePanic, 'a share from 1% to 99%, such as 50%, or 0 for never') ?? DEFAULT_PANIC,
    concurrency: values.read('concurrency', parseConcurrency, 'a whole number from 1 to 10000') ?? 64,
  }
}

function exclusive(values: Values, one: FlagName, other: FlagName): UsageError {
  return new UsageError(`${values.source(one)} and ${values.source(other)} exclude each other: give one of them`)
}

function readConnection(values: Values): Connection {
  const name = (flag: 'context' | 'cluster' | 'user') => values.read(flag, parseText, `the name of a ${flag}`)
  const asGroup = values
    .list('as-group')
    .map((text) => parsed(values.source('as-group'), text, parseIdentity, 'the name of a group'))
  return {
    kubeconfig: values.read('kubeconfig', parseText, 'the name of a file'),
    ...{ context: name('context'), cluster: name('cluster'), user: name('user') },
    as: values.read('as', parseIdentity, 'the name of a user'),
    asGroup,
    requestTimeoutMs: values.read(
      'request-timeout',
      parseRequestTimeout,
      'seconds, or a duration such as 1s or 2m, or 0 for no limit',
    ),
  }
}

function readSelector(values: Values): LabelSelector | undefined {
  const text = values.text('selector')
  if (text === undefined) return undefined
  try {
    return parseLabelSelector(text)
  } catch (error) {
    if (error instanceof SelectorError) {
      throw new UsageError(`${values.source('selector')}: ${quoted(text)}: ${error.message}`)
    }
    throw error
  }
}

/** What --dry-run may say. As a word without a value, cli.ts has made `client` of it. */
const DRY_RUN = { none: 'none', false: 'none', client: 'client', true: 'client', server: 'server' } as const

function readDryRun(values: Values): Pick<CommandOptions, 'dryRun' | 'serverDryRun'> {
  const how = values.read(
    'dry-run',
    (text) => (Object.hasOwn(DRY_RUN, text) ? DRY_RUN[text as keyof typeof DRY_RUN] : undefined),
    'none, client or server',
  )
  return { dryRun: how === 'client' || how === 'server', ...(how === 'server' && { serverDryRun: true }) }
}

/**
 * @param forms the forms that the command has, the default first
 * @param others other words for them
 */
export function readOutput<F extends string>(
  values: Values,
  forms: readonly [F, ...F[]],
  others: Readonly<Record<string, F>> = {},
): F {
  const parse = (text: string) =>
    forms.find((form) => form === text) ?? (Object.hasOwn(others, text) ? others[text] : undefined)
  return values.read('output', parse, `${forms.slice(0, -1).join(', ')} or ${forms.at(-1)}`) ?? forms[0]
}

/** @throws UsageError if the flag for all Services asks for more time than a Service may */
function readTimeouts(values: Values): Pick<CommandOptions, 'maxHealthTimeoutMs' | 'settings'> {
  const maxHealthTimeoutMs =
    values.read('max-health-timeout', parseMaxHealthTimeout, 'a duration of at least 2s, such as 30s') ??
    DEFAULT_MAX_HEALTH_TIMEOUT_MS
  const settings = readSettings(values)
  if ((settings['health-timeout'] ?? 0) > maxHealthTimeoutMs) {
    throw new UsageError(
      `${values.source('health-timeout')}: ${quoted(values.text('health-timeout') ?? '')} should be at most ${formatDuration(maxHealthTimeoutMs)}: a longer one needs a higher --max-health-timeout`,
    )
  }
  return { maxHealthTimeoutMs, settings }
}

/** Reads the flags that stand in for annotations, by the parsers of those annotations. */
function readSettings(values: Values): Settings {
  const given = Object.entries(FLAG_SETTINGS).flatMap(([name, setting]) => {
    const text = values.text(name as FlagName)
    if (text === undefined) return []
    const source = values.source(name as FlagName)
    const value = setting.parse(text)
    const wrong = value === undefined ? mistakeInFlag(name as keyof typeof FLAG_SETTINGS, text) : undefined
    if (wrong) throw new UsageError(`${source}: ${wrong}`)
    return [[name, parsed<unknown>(source, text, setting.parse, setting.expected)]]
  })
  const settings: Settings = {
    ...DEFAULT_SETTINGS,
    ...Object.fromEntries(given),
    'allow-exec': values.isOn('allow-exec'),
  }
  if (hasCommand(settings['health-check']) && !settings['allow-exec']) {
    throw new UsageError(
      `${values.source('health-check')}: ${quoted(shownChecks(values.text('health-check') ?? ''))} has a command, and commands are not run without --allow-exec`,
    )
  }
  return settings
}

/** The namespaces of the Services, if all of them are given with one. */
function namespacesOf(services: readonly ServiceRef[]): readonly string[] | undefined {
  const namespaces = services.flatMap(({ namespace }) => namespace ?? [])
  return services.length > 0 && namespaces.length === services.length ? [...new Set(namespaces)] : undefined
}
