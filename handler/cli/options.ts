/** Turns the flags and variables that were given into options. */

import { DEFAULT_PANIC } from '../pass/overview.js'
import type { PassOptions } from '../pass/pass.js'
import { parseName, parseServiceRef, type ServiceRef } from '../pass/scope.js'
import {
  DEFAULT_HEALTH_TIMEOUT_MS,
  DEFAULT_MAX_HEALTH_TIMEOUT_MS,
  DEFAULT_SETTINGS,
  FLAG_SETTINGS,
  type Settings,
} from '../settings/settings.js'
import { formatDuration, parseDuration } from '../util/duration.js'
import { UsageError } from '../util/errors.js'
import { type Environment, ownVariables } from './environment.js'
import { type FlagName, variableOf } from './flags.js'

export interface RunOptions extends Omit<PassOptions, 'namespaces'> {
  /** `undefined`: the namespace of the context or of the pod. */
  readonly namespaces: PassOptions['namespaces'] | undefined
  readonly kubeconfig: string | undefined
  readonly context: string | undefined
  readonly output: 'text' | 'json'
}

export interface ServeOptions extends RunOptions {
  /** 0: any free port. */
  readonly port: number
  readonly tokenFile: string | undefined
  readonly insecure: boolean
  readonly tlsCert: string | undefined
  readonly tlsKey: string | undefined
  /** `undefined`: no passes at an interval. */
  readonly intervalMs: number | undefined
  readonly watch: boolean
}

export type { Environment } from './environment.js'

const MIN_DEADLINE_MS = 10_000
const MIN_INTERVAL_MS = 10

/**
 * @param argv the flags as yargs parsed them, their values still text
 * @throws UsageError with the flag or the variable, its value, and what would be right
 */
export function readOptions(argv: Readonly<Record<string, unknown>>, env: Environment): RunOptions {
  const own = ownVariables(env)
  const values = new Values(argv, isScoped(argv) ? withoutScope(own) : own)
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
    kubeconfig: values.read('kubeconfig', parseText, 'the name of a file'),
    context: values.read('context', parseText, 'the name of a context'),
    roleLabel: values.read('role-label', parseLabelKey, 'a label key such as role or example.com/role') ?? 'role',
    optIn: values.isOn('opt-in'),
    dryRun: values.isOn('dry-run'),
    output:
      values.read('output', (text) => (text === 'text' || text === 'json' ? text : undefined), 'text or json') ??
      'text',
    deadlineMs: values.read('deadline', parseDeadline, 'a duration of at least 10s, such as 40s') ?? 40_000,
    ...readTimeouts(values),
    panic: values.read('panic', parsePanic, 'a share from 1% to 99%, such as 50%, or 0 for never') ?? DEFAULT_PANIC,
    concurrency: values.read('concurrency', parseConcurrency, 'a whole number from 1 to 10000') ?? 64,
  }
}

/** @throws UsageError if the flag for all Services asks for more time than a Service may */
function readTimeouts(values: Values): Pick<RunOptions, 'maxHealthTimeoutMs' | 'settings'> {
  const maxHealthTimeoutMs =
    values.read('max-health-timeout', parseMaxHealthTimeout, 'a duration of at least 2s, such as 30s') ??
    DEFAULT_MAX_HEALTH_TIMEOUT_MS
  const settings = readSettings(values)
  if ((settings['health-timeout'] ?? 0) > maxHealthTimeoutMs) {
    throw new UsageError(
      `${values.source('health-timeout')}: ${JSON.stringify(values.text('health-timeout'))} should be at most ${formatDuration(maxHealthTimeoutMs)}: a longer one needs a higher --max-health-timeout`,
    )
  }
  return { maxHealthTimeoutMs, settings }
}

/** @throws UsageError as `readOptions` does */
export function readServeOptions(argv: Readonly<Record<string, unknown>>, env: Environment): ServeOptions {
  const values = new Values(argv, ownVariables(env))
  return {
    ...readOptions(argv, env),
    port: values.read('port', parsePort, 'a port number from 0 to 65535') ?? 8080,
    tokenFile: values.read('token-file', parseText, 'the name of a file'),
    insecure: values.isOn('insecure'),
    tlsCert: values.read('tls-cert', parseText, 'the name of a file'),
    tlsKey: values.read('tls-key', parseText, 'the name of a file'),
    intervalMs: values.read('interval', parseInterval, 'a duration of at least 10ms, such as 2s'),
    watch: values.isOn('watch'),
  }
}

/** Whether the command line gives a scope. It replaces the environment's, whichever of the two flags it is. */
function isScoped(argv: Readonly<Record<string, unknown>>): boolean {
  return argv.namespace !== undefined || argv['all-namespaces'] !== undefined
}

function withoutScope(env: Environment): Environment {
  return { ...env, [variableOf('namespace')]: undefined, [variableOf('all-namespaces')]: undefined }
}

/** Reads the flags that stand in for annotations, by the parsers of those annotations. */
function readSettings(values: Values): Settings {
  const given = Object.entries(FLAG_SETTINGS).flatMap(([name, setting]) => {
    const text = values.text(name as FlagName)
    if (text === undefined) return []
    const source = values.source(name as FlagName)
    const value = setting.parse(text)
    const line = value === undefined && 'wrongLine' in setting && setting.wrongLine(text, JSON.stringify)
    if (line) throw new UsageError(`${source}: ${line} should be ${setting.expected}`)
    return [[name, parsed<unknown>(source, text, setting.parse, setting.expected)]]
  })
  return { ...DEFAULT_SETTINGS, ...Object.fromEntries(given) }
}

/** The values that were given, by flag or by variable, as text. */
class Values {
  constructor(
    private readonly argv: Readonly<Record<string, unknown>>,
    private readonly env: Environment, // no value in it is empty
  ) {}

  /** The flag or the variable that the value came from, as the user wrote it. */
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

  private fromEnv(name: FlagName): string | undefined {
    return this.env[variableOf(name)]
  }
}

function parsed<T>(source: string, text: string, parse: (text: string) => T | undefined, expected: string): T {
  const value = parse(text)
  if (value === undefined) throw new UsageError(`${source}: ${JSON.stringify(text)} should be ${expected}`)
  return value
}

/** Rejects an empty text: a shell makes one of a variable that is not set, and nobody means to give no name. */
function parseText(text: string): string | undefined {
  return text === '' ? undefined : text
}

/** The namespaces of the Services, if all of them are given with one. */
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

function parseMaxHealthTimeout(text: string): number | undefined {
  const ms = parseDuration(text)
  return ms !== undefined && ms >= DEFAULT_HEALTH_TIMEOUT_MS ? ms : undefined
}

/** Parses 50% as 0.5. */
function parsePanic(text: string): number | undefined {
  if (text === '0' || text === '0%') return 0
  return /^[1-9]\d?%$/.test(text) ? Number.parseInt(text, 10) / 100 : undefined
}

function parseConcurrency(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 10_000 ? Number(text) : undefined
}

function parsePort(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined
}

function parseInterval(text: string): number | undefined {
  const ms = parseDuration(text)
  return ms !== undefined && ms >= MIN_INTERVAL_MS ? ms : undefined
}
