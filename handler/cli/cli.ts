/** Parses the command line and the environment into options. Each flag is also a variable AP_<FLAG>; the flag wins. */
import yargs from 'yargs'
import { PREFIX } from '../kube/keys.js'
import { SETTINGS } from '../settings/settings.js'
import { closest } from '../util/closest.js'
import { UsageError } from '../util/errors.js'
import { quoted } from '../util/quoted.js'
import { version } from '../util/version.js'
import {
  type CheckOptions,
  type CompletionOptions,
  type HistoryOptions,
  type PauseOptions,
  type ResumeOptions,
  readCheckOptions,
  readCompletionOptions,
  readHistoryOptions,
  readPauseOptions,
  readResumeOptions,
  readStatusOptions,
  readSwitchoverOptions,
  type StatusOptions,
  type SwitchoverOptions,
} from './command-options.js'
import { COMMAND_NAMES, type CommandName, commandOf, isCommand, OTHER_WORDS, takersOf } from './commands.js'
import { FLAGS, type FlagName } from './flags.js'
import { commandHelp, generalHelp, synopsisOf, yargsOption } from './help.js'
import {
  type Environment,
  type Flags,
  type RunOptions,
  readOptions,
  readServeOptions,
  type ServeOptions,
} from './options.js'
import { preparedWords } from './words.js'

export type Invocation =
  | { readonly kind: 'run'; readonly options: RunOptions }
  | { readonly kind: 'serve'; readonly options: ServeOptions }
  | { readonly kind: 'status'; readonly options: StatusOptions }
  | { readonly kind: 'switchover'; readonly options: SwitchoverOptions }
  | { readonly kind: 'pause'; readonly options: PauseOptions }
  | { readonly kind: 'resume'; readonly options: ResumeOptions }
  | { readonly kind: 'history'; readonly options: HistoryOptions }
  | { readonly kind: 'check'; readonly options: CheckOptions }
  | { readonly kind: 'completion'; readonly options: CompletionOptions }
  /** A shell asks what may be written in place of the last of these words, which may be empty. */
  | { readonly kind: 'complete'; readonly words: readonly string[] }
  /** Help or the version: there is only text to print. */
  | { readonly kind: 'text'; readonly text: string }

/** The hidden command by which the scripts of `completion` and kubectl ask for words. */
export const COMPLETE = '__complete'

/**
 * Parses a command line.
 * @param program how the user calls this program, for messages (`programName`)
 * @param columns of the terminal, for help
 * @throws UsageError with the flag or the variable, its value, and what would be right
 */
export async function parseInvocation(
  args: readonly string[],
  env: Environment,
  program = 'active-passive',
  columns?: number,
): Promise<Invocation> {
  if (args[0] === COMPLETE) return { kind: 'complete', words: args.slice(1) }
  const text = await textFor(args, program, columns)
  if (text !== undefined) return { kind: 'text', text: `${text.trimEnd()}\n` }
  const argv = await parseArgs(preparedWords(args), program)
  const [word = 'run', ...words] = argv._ as readonly string[]
  const command = commandFor(word, argv, program)
  checkFlags(command, argv, program)
  checkWords(command, words, program)
  return invocation(command, words, argv, env)
}

function invocation(command: CommandName, words: readonly string[], argv: Flags, env: Environment): Invocation {
  switch (command) {
    case 'run':
      return { kind: command, options: readOptions(argv, env) }
    case 'serve':
      return { kind: command, options: readServeOptions(argv, env) }
    case 'status':
      return { kind: command, options: readStatusOptions(words, argv, env) }
    case 'switchover':
      return { kind: command, options: readSwitchoverOptions(words, argv, env) }
    case 'pause':
      return { kind: command, options: readPauseOptions(words, argv, env) }
    case 'resume':
      return { kind: command, options: readResumeOptions(words, argv, env) }
    case 'history':
      return { kind: command, options: readHistoryOptions(words, argv, env) }
    case 'check':
      return { kind: command, options: readCheckOptions(argv, env) }
    case 'completion':
      return { kind: command, options: readCompletionOptions(words) }
  }
}

/** The command that a word names. */
function commandFor(word: string, argv: Flags, program: string): CommandName {
  if (isCommand(word)) return word
  const meant =
    COMMAND_NAMES.find((name) => name === closest(word, COMMAND_NAMES)) ??
    (Object.hasOwn(OTHER_WORDS, word) ? OTHER_WORDS[word] : undefined) ??
    COMMAND_NAMES.find((name) => word.length > 2 && name.startsWith(word))
  if (meant) {
    throw new UsageError(
      `unknown command ${quoted(word)}: did you mean ${synopsisOf(meant, program)}? See ${program} --help`,
    )
  }
  const list = argv.namespace === undefined ? '' : ' A list flag takes one value each time (-n a -n b).'
  throw new UsageError(
    `unknown command ${quoted(word)}: there are ${COMMAND_NAMES.join(', ')}.${list} See ${program} --help`,
  )
}

/** @throws UsageError for a flag that the command does not take, with the commands that do */
function checkFlags(command: CommandName, argv: Flags, program: string): void {
  const { flags, instead = {} } = commandOf(command)
  const foreign = (Object.keys(FLAGS) as FlagName[]).find((name) => argv[name] !== undefined && !flags.includes(name))
  if (foreign === undefined) return
  const meant = instead[foreign]
  if (meant !== undefined) {
    throw new UsageError(
      `--${foreign} is no flag of ${command}: did you mean --${meant}? See ${program} ${command} --help`,
    )
  }
  const takers = takersOf(foreign)
  const [first = 'run'] = takers
  const said =
    takers.length === 1 ? `${first} takes it` : `${takers.slice(0, -1).join(', ')} and ${takers.at(-1)} take it`
  throw new UsageError(
    `--${foreign} is no flag of ${command}: ${said}. See ${program} ${takers.length === 1 ? first : command} --help`,
  )
}

/** @throws UsageError for a word too many or too few */
function checkWords(command: CommandName, words: readonly string[], program: string): void {
  const { least, most } = commandOf(command)
  const see = `See ${program} ${command} --help`
  if (words.length < least) {
    throw new UsageError(`${command} lacks a word: ${synopsisOf(command, program)}. ${see}`)
  }
  if (words.length <= most) return
  const takes = most === 0 ? 'none' : synopsisOf(command, program)
  const service = command === 'run' ? '; --service names a Service' : ''
  throw new UsageError(
    `unexpected word ${quoted(words[most] ?? '')} after ${[command, ...words.slice(0, most)].join(' ')}: it takes ${takes}${service}. A list flag takes one value each time (-n a -n b). ${see}`,
  )
}

const EXPECTED = {
  'greedy-arrays': false,
  'camel-case-expansion': false,
  'dot-notation': false,
  'parse-numbers': false,
  'parse-positional-numbers': false,
}

function newParser(program: string) {
  return yargs().scriptName(program).exitProcess(false).detectLocale(false).parserConfiguration(EXPECTED)
}

/** What --help, --version, `help` and `version` ask for, though other things may be wrong. */
async function textFor(
  args: readonly string[],
  program: string,
  columns: number | undefined,
): Promise<string | undefined> {
  const end = args.indexOf('--')
  const flags = end < 0 ? args : args.slice(0, end)
  const [first] = args
  if (flags.includes('--version') || first === 'version') return version
  if (!flags.includes('--help') && !flags.includes('-h') && first !== 'help') return undefined
  const named = (first === 'help' ? args.slice(1) : flags).find(isCommand)
  const parser = newParser(program).help().version(version)
  return named ? commandHelp(parser, named, program, columns) : generalHelp(parser, program, columns)
}

async function parseArgs(args: readonly string[], program: string): Promise<Record<string, unknown>> {
  const options = Object.fromEntries((Object.keys(FLAGS) as FlagName[]).map((name) => [name, yargsOption(name)]))
  const parser = newParser(program).help(false).version(false).options(options).strictOptions()
  return new Promise((resolve, reject) => {
    const done = (error: Error | undefined, argv: Record<string, unknown>) =>
      error ? reject(new UsageError(`${inOurWords(error.message)} See ${program} --help`)) : resolve(argv)
    Promise.resolve(parser.parse([...args], {}, done)).catch(reject)
  })
}

/** yargs' message, in the words of the others. */
function inOurWords(message: string): string {
  const [line = ''] = message.split('\n')
  const [, bare] = /^Not enough arguments following: (.+)$/.exec(line) ?? []
  if (bare !== undefined) return `${asWritten(bare)} lacks its value.`
  const [, list] = /^Unknown arguments?: (.+)$/.exec(line) ?? []
  if (list === undefined) return `${line}.`
  const words = list.split(', ')
  const [word = ''] = words
  const said = `unknown flag${words.length > 1 ? 's' : ''} ${words.map(asWritten).join(', ')}`
  const meant = closest(word, Object.keys(FLAGS))
  if (meant !== undefined && meant !== word) return `${said}: did you mean --${meant}?`
  return Object.hasOwn(SETTINGS, word) ? `${said}: a Service says it by the annotation ${PREFIX}${word}.` : `${said}.`
}

function asWritten(word: string): string {
  const shown = quoted(word).replace(/"/g, '')
  return word.length === 1 ? `-${shown}` : `--${shown}`
}
