/** The texts of --help. */
import type { Argv } from 'yargs'
import { wrap } from '../util/width.js'
import { COMMAND_NAMES, type CommandName, commandOf } from './commands.js'
import { FLAGS, type Flag, type FlagName, SECTIONS } from './flags.js'

/** Lines that are longer are hard to read. */
const WIDTH = 110
const EPILOGUE =
  'Each flag is also an environment variable: --dry-run is AP_DRY_RUN, -n a -n b is AP_NAMESPACE=a,b.\nExit codes: 0 every group has its active pod, 1 a group has not or what was asked for is refused, 2 wrong usage, 3 the API server refused or did not answer.'

/** How a flag is told to yargs. @param describe in place of the flag's own text */
export function yargsOption(name: FlagName, describe?: string) {
  const flag = FLAGS[name] as Flag
  return {
    describe: describe ?? flag.describe,
    ...(flag.alias ? { alias: flag.alias } : {}),
    ...(flag.default ? { defaultDescription: flag.default } : {}),
    ...(flag.kind === 'switch' ? { type: 'boolean' as const } : { type: 'string' as const, requiresArg: true }),
    group: groupOf(name),
  }
}

function groupOf(name: FlagName): string {
  if (SECTIONS.perService.includes(name)) return 'For Services without the annotation active-passive/NAME:'
  if (SECTIONS.scope.includes(name)) return 'Which cluster, and which Services:'
  return SECTIONS.serve.includes(name) && name !== 'watch' ? 'Flags of serve:' : 'Flags:'
}

/** How a command is written. */
export function synopsisOf(name: CommandName, program: string): string {
  const { words } = commandOf(name)
  return [program, name === 'run' ? '[run]' : name, words].filter((part) => part !== '').join(' ')
}

/** The help of one command. @param parser a yargs without flags @param program how the user calls us @param columns of the terminal */
export function commandHelp(parser: Argv, name: CommandName, program: string, columns = WIDTH): Promise<string> {
  const { describe, flags, examples } = commandOf(name)
  const lines = examples.map((example) => `  ${program} ${example}`)
  const beginning = [
    `${synopsisOf(name, program)}${flags.length > 0 ? ' [FLAGS]' : ''}`,
    `${describe.slice(0, 1).toUpperCase()}${describe.slice(1)}.`,
    [lines.length > 1 ? 'Examples:' : 'Example:', ...lines].join('\n'),
  ]
  return helpOf(parser, name, beginning, flags.length > 0 ? EPILOGUE : '', columns)
}

/** The help of the program: its commands, and the flags of a pass. */
export function generalHelp(parser: Argv, program: string, columns = WIDTH): Promise<string> {
  const rows = COMMAND_NAMES.map((name) => [`  ${synopsisOf(name, '')}`, commandOf(name).describe] as const)
  const width = Math.max(...rows.map(([synopsis]) => synopsis.length)) + 2
  const beginning = [
    `${program} [COMMAND] [FLAGS]`,
    wrap(
      'Keeps exactly one pod of each active-passive Service active: checks the pods, and moves the role label.',
      Math.min(WIDTH, columns),
    ).join('\n'),
    ['Commands:', ...rows.map(([synopsis, text]) => rowOf(synopsis, text, width, columns))].join('\n'),
    [
      'SERVICE is NAME, NAMESPACE/NAME or service/NAME.',
      ...wrap(`${program} COMMAND --help shows an example and the flags of a command. Those of a pass:`, columns),
    ].join('\n'),
  ]
  return helpOf(parser, 'run', beginning, EPILOGUE, columns)
}

/** A long text goes on in its own column. */
function rowOf(synopsis: string, text: string, width: number, columns: number): string {
  return `${synopsis.padEnd(width)}${wrap(text, Math.min(WIDTH, columns) - width).join(`\n${' '.repeat(width)}`)}`
}

async function helpOf(
  parser: Argv,
  name: CommandName,
  beginning: readonly string[],
  epilogue: string,
  columns: number,
): Promise<string> {
  const { flags, texts = {} } = commandOf(name)
  // The beginning is not given to yargs, which would take the spaces from its lines.
  const help = await parser
    .options(Object.fromEntries(flags.map((flag) => [flag, yargsOption(flag, texts[flag])])))
    .epilogue(epilogue)
    .wrap(Math.min(WIDTH, columns))
    .getHelp()
  return [...beginning, help].join('\n\n')
}
