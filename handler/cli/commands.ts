/** The commands: their words, the flags that each takes, and what --help says of them. */
import { type FlagName, SECTIONS } from './flags.js'

interface Command {
  /** What follows the command, as a synopsis writes it. */
  readonly words: string
  /** How many of the words may be given. */
  readonly least: number
  readonly most: number
  readonly describe: string
  readonly flags: readonly FlagName[]
  /** For flags that mean something else here than FLAGS says. */
  readonly texts?: Partial<Readonly<Record<FlagName, string>>>
  /** Flags that it does not take, and the ones that do here what is meant by them. */
  readonly instead?: Partial<Readonly<Record<FlagName, FlagName>>>
  /** Lines without the name of the program. */
  readonly examples: readonly string[]
}

const { scope, general, perService, serve } = SECTIONS
const without = (names: readonly FlagName[], ...others: readonly FlagName[]) =>
  names.filter((name) => !others.includes(name))

/** The scope of a command whose word names one Service. */
const ONE = without(scope, 'service', 'selector')
const PASS = [...scope, ...general, ...perService]
const FORMS = 'text, json or yaml'
const NAMESPACE = { namespace: 'namespace of the Service' }

const WRITING = {
  ...NAMESPACE,
  output: FORMS,
  'dry-run': 'print what would be written, write nothing; =server: try it',
}

const COMMANDS = {
  run: {
    ...{ words: '', least: 0, most: 0 },
    describe: 'make one check-and-swap pass (the default)',
    flags: PASS,
    texts: { output: FORMS },
    examples: ['run -n shop --dry-run'],
  },
  serve: {
    ...{ words: '', least: 0, most: 0 },
    describe: 'make passes whenever an alert, a request, the clock or a lost pod asks for one',
    flags: [...without(PASS, 'output'), ...serve],
    instead: { output: 'log-format' },
    examples: ['serve -n shop --interval 2s --watch --token-file /run/token'],
  },
  status: {
    ...{ words: '[SERVICE]', least: 0, most: 1 },
    describe: 'show who is active, since when, and what a pass would do',
    flags: [...PASS.filter((name) => name !== 'dry-run'), 'watch'],
    texts: { watch: 'show it again and again, in place, until Ctrl-C' },
    examples: ['status -A', 'status shop/db -w'],
  },
  switchover: {
    ...{ words: 'SERVICE [POD]', least: 1, most: 2 },
    describe: 'move the active role to POD, or to the best candidate',
    flags: [...ONE, ...general, ...perService, 'from', 'force', 'yes'],
    texts: WRITING,
    examples: ['switchover shop/db', 'switchover db db-1 -n shop --from db-0 --yes'],
  },
  pause: {
    ...{ words: 'SERVICE', least: 1, most: 1 },
    describe: 'leave the Service as it is, whatever happens to its pods',
    flags: [...ONE, 'dry-run', 'output', 'deadline', 'for'],
    texts: WRITING,
    examples: ['pause shop/db --for 2h'],
  },
  resume: {
    ...{ words: 'SERVICE', least: 1, most: 1 },
    describe: 'end a pause',
    flags: [...ONE, 'dry-run', 'output', 'deadline'],
    texts: WRITING,
    examples: ['resume shop/db'],
  },
  history: {
    ...{ words: 'SERVICE', least: 1, most: 1 },
    describe: 'show the last handovers: when, from, to, why',
    flags: [...ONE, 'output', 'deadline'],
    texts: NAMESPACE,
    examples: ['history shop/db'],
  },
  check: {
    ...{ words: '', least: 0, most: 0 },
    describe: 'try whether this account can do its work here; nothing is written',
    flags: PASS.filter((name) => name !== 'dry-run'),
    examples: ['check -n shop --as system:serviceaccount:shop:active-passive'],
  },
  completion: {
    ...{ words: 'bash|zsh|fish', least: 1, most: 1 },
    describe: 'print the script that completes words in a shell',
    flags: [],
    examples: ['completion bash'],
  },
} as const satisfies Readonly<Record<string, Command>>

export type CommandName = keyof typeof COMMANDS
export const COMMAND_NAMES = Object.keys(COMMANDS) as readonly CommandName[]

/** The command of this name. */
export function commandOf(name: CommandName): Command {
  return COMMANDS[name]
}

export function isCommand(word: string): word is CommandName {
  return Object.hasOwn(COMMANDS, word)
}

/** The commands that take this flag. */
export function takersOf(flag: FlagName): readonly CommandName[] {
  return COMMAND_NAMES.filter((name) => commandOf(name).flags.includes(flag))
}

/** Words that people from other tools try first, and the command that does it here. */
export const OTHER_WORDS: Readonly<Record<string, CommandName>> = {
  ...{ get: 'status', list: 'status', ls: 'status', show: 'status', describe: 'status', ps: 'status', top: 'status' },
  ...{ failover: 'switchover', switch: 'switchover', move: 'switchover', promote: 'switchover', swap: 'switchover' },
  ...{ stop: 'pause', suspend: 'pause', hold: 'pause', freeze: 'pause', unpause: 'resume', continue: 'resume' },
  ...{ log: 'history', logs: 'history', events: 'history', doctor: 'check', verify: 'check', test: 'check' },
  ...{ server: 'serve', daemon: 'serve', apply: 'run', pass: 'run', reconcile: 'run' },
}
