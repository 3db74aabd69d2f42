/**
 * What may be written in place of the last word of a command line. Pure: where the cluster or the kubeconfig has to be
 * asked, the answer says for what.
 */
import { COMMAND_NAMES, type CommandName, commandOf, isCommand } from './commands.js'
import { FLAGS, type FlagName } from './flags.js'
import type { Flags } from './options.js'

export interface Choice {
  readonly word: string
  readonly text?: string
}

/** Names that only the kubeconfig knows. */
type Entry = 'context' | 'cluster' | 'user'

export type Wanted =
  | { readonly kind: 'words'; readonly choices: readonly Choice[] }
  | { readonly kind: 'files' }
  | { readonly kind: 'entries'; readonly of: Entry; readonly before: string; readonly argv: Flags }
  /** @property begun what is there of the word, such as `shop/d` */
  | { readonly kind: 'services'; readonly begun: string; readonly before: string; readonly argv: Flags }
  | { readonly kind: 'pods'; readonly service: string; readonly before: string; readonly argv: Flags }

const NOTHING: Wanted = { kind: 'words', choices: [] }

/** Values of flags that are a few words. */
const VALUES: Partial<Readonly<Record<FlagName, readonly string[]>>> = {
  'dry-run': ['none', 'client', 'server'],
  confirm: ['none', 'ready'],
  'health-check': ['probe', 'ready', 'http://:', 'https://:', 'tcp://:'],
}
const FILES: readonly FlagName[] = ['kubeconfig', 'token-file', 'tls-cert', 'tls-key']
const FORMS = ['text', 'wide', 'json', 'yaml']

interface Line {
  readonly command: CommandName | undefined
  /** The words after the command. */
  readonly words: readonly string[]
  readonly argv: Flags
  /** The flag that waits for its value. */
  readonly open: FlagName | undefined
}

/** @param words all words after the program's name; the last is the one to complete, and may be empty */
export function completionsOf(words: readonly string[]): Wanted {
  const begun = words.at(-1) ?? ''
  const line = read(words.slice(0, -1))
  if (line === undefined) return NOTHING
  if (line.open !== undefined) return valuesOf(line.open, begun, '', line)
  const [, flag = '', value] = /^(--?[^=]+=)(.*)$/s.exec(begun) ?? []
  const named = flag && flagNamed(flag.slice(0, -1))
  if (named) return valuesOf(named, value ?? '', flag, line)
  if (begun.startsWith('-'))
    return { kind: 'words', choices: flagsOf(line).filter(({ word }) => word.startsWith(begun)) }
  return wordsOf(line, begun)
}

function flagNamed(text: string): FlagName | undefined {
  const word = text.replace(/^--?/, '')
  const names = Object.keys(FLAGS) as FlagName[]
  return names.find((name) => (text.startsWith('--') ? name === word : FLAGS[name]?.alias === word))
}

/** Reads the words before the one to complete. `undefined`: they make no sense. */
function read(before: readonly string[]): Line | undefined {
  const argv: Record<string, unknown> = {}
  const plain: string[] = []
  let open: FlagName | undefined
  const put = (name: FlagName, value: string) => {
    argv[name] = FLAGS[name]?.kind === 'list' ? [...((argv[name] as string[] | undefined) ?? []), value] : value
  }
  for (const word of before) {
    const [, text = '', value] = /^(--?[^=]+)(?:=(.*))?$/s.exec(word) ?? []
    const name = flagNamed(text.replace(/^--no-/, '--')) ?? flagNamed(word.slice(0, 2))
    if (open !== undefined) {
      put(open, word)
      open = undefined
    } else if (!word.startsWith('-')) {
      plain.push(word)
    } else if (name && value !== undefined) {
      put(name, value)
    } else if (name && (FLAGS[name]?.kind === 'text' || FLAGS[name]?.kind === 'list')) {
      if (word.length > 2 && !word.startsWith('--')) put(name, word.slice(2))
      else open = name
    } else if (name) {
      put(name, String(!word.startsWith('--no-')))
    }
  }
  const [command, ...words] = plain
  if (command !== undefined && !isCommand(command)) return undefined
  return { command, words, argv, open }
}

function valuesOf(name: FlagName, begun: string, before: string, { command, words, argv }: Line): Wanted {
  if (FILES.includes(name)) return { kind: 'files' }
  if (name === 'context' || name === 'cluster' || name === 'user') return { kind: 'entries', of: name, before, argv }
  if (name === 'service') return { kind: 'services', begun, before, argv }
  if (name === 'from' && words[0] !== undefined) return { kind: 'pods', service: words[0], before, argv }
  const isSwitch = FLAGS[name]?.kind === 'switch'
  const values = name === 'output' ? formsOf(command) : (VALUES[name] ?? (isSwitch ? ['true', 'false'] : []))
  return {
    kind: 'words',
    choices: values.filter((one) => one.startsWith(begun)).map((one) => ({ word: before + one })),
  }
}

function formsOf(command: CommandName = 'run'): readonly string[] {
  if (command === 'serve') return ['text', 'json']
  return ['status', 'history', 'check'].includes(command) ? FORMS : FORMS.filter((form) => form !== 'wide')
}

function flagsOf({ command = 'run', argv }: Line): readonly Choice[] {
  const { flags, texts = {} } = commandOf(command)
  return flags
    .filter((name) => argv[name] === undefined || FLAGS[name]?.kind === 'list')
    .map((name): Choice => ({ word: `--${name}`, text: texts[name] ?? FLAGS[name]?.describe ?? '' }))
    .concat({ word: '--help', text: 'show help' })
}

function wordsOf({ command, words, argv }: Line, begun: string): Wanted {
  const beginning = (choices: readonly Choice[]): Wanted => ({
    kind: 'words',
    choices: choices.filter(({ word }) => word.startsWith(begun)),
  })
  if (command === undefined) {
    return beginning(COMMAND_NAMES.map((name) => ({ word: name, text: commandOf(name).describe })))
  }
  if (words.length >= commandOf(command).most) return NOTHING
  if (command === 'completion') return beginning(['bash', 'zsh', 'fish'].map((word) => ({ word })))
  const [service] = words
  return service === undefined
    ? { kind: 'services', begun, before: '', argv }
    : { kind: 'pods', service, before: '', argv }
}
