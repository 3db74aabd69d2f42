/** Parses the command line and the environment into options. Each flag is also a variable AP_<FLAG>; the flag wins. */
import yargs from 'yargs'
import { closest } from '../util/closest.js'
import { UsageError } from '../util/errors.js'
import { version } from '../util/version.js'
import { FLAGS, type Flag, PER_SERVICE, SERVE } from './flags.js'
import { type Environment, type RunOptions, readOptions, readServeOptions, type ServeOptions } from './options.js'

type Invocation =
  | { readonly kind: 'run'; readonly options: RunOptions }
  | { readonly kind: 'serve'; readonly options: ServeOptions }
  /** Help or the version: there is only text to print. */
  | { readonly kind: 'text'; readonly text: string }

/**
 * Parses a command line.
 * @throws UsageError with the flag or the variable, its value, and what would be right
 */
export async function parseInvocation(args: readonly string[], env: Environment): Promise<Invocation> {
  const words = args.flatMap(splitShort)
  rejectOddSwitches(words)
  const { argv, output } = await parseArgs(words)
  if (output) return { kind: 'text', text: `${output.trimEnd()}\n` }
  const [command = 'run', extra] = argv._ as readonly string[]
  if (command !== 'run' && command !== 'serve') {
    throw new UsageError(
      `unknown command ${JSON.stringify(command)}: there are run, the default, and serve. See --help`,
    )
  }
  if (extra !== undefined) {
    throw new UsageError(
      `unexpected word ${JSON.stringify(extra)} after ${command}: a list flag takes one value each time (-n a -n b). See --help`,
    )
  }
  if (command === 'serve') return { kind: 'serve', options: readServeOptions(argv, env) }
  const foreign = Object.keys(SERVE).find((name) => argv[name] !== undefined)
  if (foreign !== undefined) throw new UsageError(`--${foreign} is a flag of serve: node handler serve --${foreign} …`)
  return { kind: 'run', options: readOptions(argv, env) }
}

/** Splits `-ojson` and `-ndefault`, which kubectl accepts. yargs would read a flag from each letter. */
function splitShort(arg: string): readonly string[] {
  const [, flag, value] = /^(-[no])([^=-].*)$/s.exec(arg) ?? []
  return flag && value ? [flag, value] : [arg]
}

/**
 * Rejects mistakes that yargs accepts: a text for a switch, a switch given twice, and `--no-` before any other flag.
 */
function rejectOddSwitches(args: readonly string[]): void {
  const given = new Set<string>()
  for (const arg of args) {
    const [, negation, word, value = 'true'] = /^--?(no-)?([^=]+)(?:=(.*))?$/s.exec(arg) ?? []
    const [name, flag] = Object.entries(FLAGS).find(([name, { alias }]) => word === name || word === alias) ?? []
    if (!name || !flag) continue
    if (flag.kind !== 'switch') {
      if (negation) throw new UsageError(`unknown flag --no-${word}: --${name} is no switch`)
      continue
    }
    if (value !== 'true' && value !== 'false') {
      throw new UsageError(`--${name}: ${JSON.stringify(value)} should be true or false`)
    }
    if (given.has(name)) throw new UsageError(`--${name} is given more than once`)
    given.add(name)
  }
}

async function parseArgs(args: readonly string[]): Promise<{ argv: Record<string, unknown>; output: string }> {
  const parser = yargs()
    .scriptName('active-passive')
    .usage(
      '$0 [COMMAND]\n\nKeeps exactly one pod of each active-passive Service active: checks the pods, and moves the role label.',
    )
    .command(['run', '$0'], 'make one check-and-swap pass (the default)')
    .command('serve', 'make passes when an alert or a request asks for one, at an interval, when a pod goes')
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
      error ? reject(new UsageError(`${guessing(error.message)} See --help`)) : resolve({ argv, output })
    Promise.resolve(parser.parse([...args], {}, done)).catch(reject)
  })
}

/** The first line of yargs' message. For an unknown flag it adds the flag that was probably meant. */
function guessing(message: string): string {
  const [line = ''] = message.split('\n')
  const [, word] = /^Unknown arguments?: ([^,]+)/.exec(line) ?? []
  const meant = word && closest(word, Object.keys(FLAGS))
  return meant && meant !== word ? `${line}: did you mean --${meant}?` : `${line}.`
}

function yargsOption(name: string, flag: Flag) {
  return {
    describe: flag.describe,
    ...(flag.alias ? { alias: flag.alias } : {}),
    ...(flag.default ? { defaultDescription: flag.default } : {}),
    ...(flag.kind === 'switch' ? { type: 'boolean' as const } : { type: 'string' as const, requiresArg: true }),
    group: groupOf(name),
  }
}

function groupOf(name: string): string {
  if (name in PER_SERVICE) return 'For Services without the annotation active-passive/NAME:'
  return name in SERVE ? 'Flags of serve:' : 'Flags:'
}
