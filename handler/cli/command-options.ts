/** Turns the words, flags and variables of the commands that a person gives into options. */

import { parseServiceRef, type ServiceRef } from '../pass/scope.js'
import { closest } from '../util/closest.js'
import { UsageError } from '../util/errors.js'
import { quoted } from '../util/quoted.js'
import type { CommandName } from './commands.js'
import {
  type CommandOptions,
  type Environment,
  type Flags,
  type RunOptions,
  readCommandOptions,
  readOptions,
  readOutput,
  valuesOf,
} from './options.js'
import { PAUSE_LENGTH, parsePause } from './parsers.js'
import { parsed, type Values } from './values.js'

/** The forms of a command that shows something. */
type Output = 'text' | 'wide' | 'json' | 'yaml'

interface ShowOptions extends CommandOptions {
  readonly output: Output
}

/** `services` holds the same Service, and `namespaces` its namespace where that is known. */
interface OneService {
  /** Without a namespace: in that of the context or of the pod. */
  readonly service: ServiceRef
}

export interface StatusOptions extends ShowOptions {
  /** As in `services`. */
  readonly service?: ServiceRef
  readonly watch: boolean
}

export interface SwitchoverOptions extends RunOptions, OneService {
  /** Absent: the best candidate. */
  readonly pod?: string
  /** Only if this is the active pod. */
  readonly from?: string
  readonly force: boolean
  readonly yes: boolean
}

export interface PauseOptions extends RunOptions, OneService {
  /** Positive. Absent: until `resume`. */
  readonly forMs?: number
}

export type ResumeOptions = RunOptions & OneService

export type HistoryOptions = ShowOptions & OneService

export type CheckOptions = ShowOptions

const SHELLS = ['bash', 'zsh', 'fish'] as const

export interface CompletionOptions {
  readonly shell: (typeof SHELLS)[number]
}

/** @throws UsageError as `readOptions` does */
export function readStatusOptions(words: readonly string[], argv: Flags, env: Environment): StatusOptions {
  const values = valuesOf(argv, env)
  const [word] = words
  // Only as a flag: AP_WATCH is for serve, and status may be called beside it.
  const watch = argv.watch !== undefined && values.isOn('watch')
  const rest = { output: readShown(values), watch }
  if (word === undefined) return { ...readCommandOptions(values), ...rest }
  const named = ['service', 'selector'] as const
  const flag = named.find((name) => argv[name] !== undefined)
  if (flag) throw new UsageError(`--${flag} and the SERVICE ${quoted(word)} exclude each other: give one of them`)
  return { ...readOne(word, 'status', values), ...rest }
}

/** @throws UsageError as `readOptions` does */
export function readSwitchoverOptions(words: readonly string[], argv: Flags, env: Environment): SwitchoverOptions {
  const values = valuesOf(argv, env)
  const [, pod] = words
  const from = values.read('from', parsePod, POD)
  return {
    ...readWriting(words, 'switchover', argv, env),
    ...(pod !== undefined && { pod: parsed('POD', pod, parsePod, POD) }),
    ...(from !== undefined && { from }),
    force: values.isOn('force'),
    yes: values.isOn('yes'),
  }
}

/** @throws UsageError as `readOptions` does */
export function readPauseOptions(words: readonly string[], argv: Flags, env: Environment): PauseOptions {
  const forMs = valuesOf(argv, env).read('for', parsePause, PAUSE_LENGTH)
  return { ...readWriting(words, 'pause', argv, env), ...(forMs !== undefined && { forMs }) }
}

/** @throws UsageError as `readOptions` does */
export function readResumeOptions(words: readonly string[], argv: Flags, env: Environment): ResumeOptions {
  return readWriting(words, 'resume', argv, env)
}

/** @throws UsageError as `readOptions` does */
export function readHistoryOptions([word = '']: readonly string[], argv: Flags, env: Environment): HistoryOptions {
  const values = valuesOf(argv, env)
  return { ...readOne(word, 'history', values), output: readShown(values) }
}

/** @throws UsageError as `readOptions` does */
export function readCheckOptions(argv: Flags, env: Environment): CheckOptions {
  const values = valuesOf(argv, env)
  return { ...readCommandOptions(values), output: readShown(values) }
}

/** @throws UsageError for another shell, with the one that was probably meant */
export function readCompletionOptions([word = '']: readonly string[]): CompletionOptions {
  const shell = SHELLS.find((one) => one === word)
  if (shell) return { shell }
  const meant = closest(word, SHELLS)
  throw new UsageError(
    `completion is for bash, zsh and fish, not ${quoted(word)}${meant ? `: did you mean ${meant}?` : ''}`,
  )
}

function readShown(values: Values): Output {
  return readOutput(values, ['text', 'wide', 'json', 'yaml'])
}

function readWriting(
  [word = '']: readonly string[],
  command: CommandName,
  argv: Flags,
  env: Environment,
): RunOptions & OneService {
  const { output } = readOptions(argv, env)
  return { ...readOne(word, command, valuesOf(argv, env)), output }
}

/** The options of a command about one Service. What the environment says of Services and labels is for passes. */
function readOne(word: string, command: CommandName, values: Values): CommandOptions & OneService {
  const named = parsed('SERVICE', word, parseServiceWord, SERVICE)
  const options = readCommandOptions(values.without('service', 'selector'))
  const { namespaces } = options
  const isNarrow = namespaces !== undefined && namespaces !== 'all'
  if (named.namespace !== undefined) {
    const isElsewhere = isNarrow && !namespaces.includes(named.namespace) && values.isFlag('namespace')
    if (isElsewhere) {
      throw new UsageError(
        `SERVICE ${quoted(word)} is in namespace ${named.namespace}, and --namespace says ${namespaces.join(', ')}: give one of them`,
      )
    }
    return { ...options, service: named, services: [named], namespaces: [named.namespace] }
  }
  if (command === 'status') return { ...options, service: named, services: [named] }
  const distinct = isNarrow ? [...new Set(namespaces)] : []
  if (namespaces !== undefined && distinct.length !== 1) {
    const source = values.source(namespaces === 'all' ? 'all-namespaces' : 'namespace')
    throw new UsageError(
      `${command} is about one Service, and ${source} names ${namespaces === 'all' ? 'all namespaces' : 'several'}: write NAMESPACE/${named.name}, or one --namespace`,
    )
  }
  const [namespace] = distinct
  const service = namespace === undefined ? named : { namespace, name: named.name }
  return { ...options, service, services: [service] }
}

const SERVICE = 'NAME, NAMESPACE/NAME or service/NAME'
const POD = 'the name of a pod'

/** kubectl's words for a Service. A namespace of such a name is given by -n. */
export const SERVICE_KINDS: readonly string[] = ['service', 'services', 'svc']

/** `NAME`, `NAMESPACE/NAME`, or kubectl's `service/NAME`. */
export function parseServiceWord(text: string): ServiceRef | undefined {
  const [kind = '', name, ...more] = text.split('/')
  if (name !== undefined && OTHER_KINDS.includes(kind)) return undefined
  const isKind = name !== undefined && more.length === 0 && SERVICE_KINDS.includes(kind)
  return parseServiceRef(isKind ? name : text)
}

/** Of kubectl. Taken for a namespace, one of them would lead nowhere. */
const OTHER_KINDS = ['po', 'pod', 'pods', 'deploy', 'deployment', 'deployments', 'sts', 'statefulset', 'statefulsets']

/** `NAME`, or kubectl's `pod/NAME`. */
function parsePod(text: string): string | undefined {
  const name = text.replace(/^(?:pod|pods|po)\//, '')
  const isName = name.length <= 253 && name.split('.').every((part) => /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(part))
  return isName ? name : undefined
}
