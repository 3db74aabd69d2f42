/** Rewrites and checks the words of a command line before yargs reads them: kubectl accepts more, and yargs too much. */
import { UsageError } from '../util/errors.js'
import { quoted } from '../util/quoted.js'
import { FLAGS, type Flag } from './flags.js'

const SHORTS = Object.values(FLAGS).flatMap(({ alias, kind }) => (alias && kind !== 'switch' ? [alias] : []))
const SHORT = new RegExp(`^(-[${SHORTS.join('')}])([^=-].*)$`, 's')

/**
 * The words as yargs is to read them.
 * @throws UsageError for what yargs would accept: a text for a switch, a switch given twice, `--no-` before other flags
 */
export function preparedWords(args: readonly string[]): readonly string[] {
  const end = args.indexOf('--')
  const [flags, rest] = end < 0 ? [args, []] : [args.slice(0, end), args.slice(end)]
  const words = flags.flatMap(splitShort)
  rejectOddSwitches(words)
  return [...withModes(words), ...rest]
}

/** Splits `-ojson` and `-ndefault`, which kubectl accepts. yargs would read a flag from each letter. */
function splitShort(arg: string): readonly string[] {
  const [, flag, value] = SHORT.exec(arg) ?? []
  return flag && value ? [flag, value] : [arg]
}

function flagIn(arg: string) {
  const [, negation, word = '', value] = /^--?(no-)?([^=]+)(?:=(.*))?$/s.exec(arg) ?? []
  const [name, flag]: [string?, Flag?] =
    Object.entries(FLAGS).find(([name, { alias }]) => word === name || word === alias) ?? []
  return { isNegated: negation !== undefined, word, value, name, flag }
}

function rejectOddSwitches(args: readonly string[]): void {
  const given = new Set<string>()
  for (const arg of args) {
    const { isNegated, word, value = 'true', name, flag } = flagIn(arg)
    if (!name || !flag) continue
    if (flag.kind !== 'switch' && flag.kind !== 'mode') {
      if (isNegated) throw new UsageError(`unknown flag --no-${word}: --${name} is no switch`)
      continue
    }
    if (flag.kind === 'switch' && value !== 'true' && value !== 'false') {
      throw new UsageError(`--${name}: ${quoted(value)} should be true or false`)
    }
    if (given.has(name)) throw new UsageError(`--${name} is given more than once`)
    given.add(name)
  }
}

/**
 * Gives each flag of kind `mode` its value behind a `=`, so that it takes no word that follows: yargs knows no flag
 * whose value may be absent.
 */
function withModes(args: readonly string[]): readonly string[] {
  const words: string[] = []
  for (let n = 0; n < args.length; n++) {
    const arg = args[n] ?? ''
    const { isNegated, value, name, flag } = flagIn(arg)
    const next = args[n + 1] ?? ''
    if (flag?.kind !== 'mode' || value !== undefined) {
      words.push(arg)
    } else if (isNegated) {
      words.push(`--${name}=false`)
    } else if (next === 'true' || next === 'false') {
      words.push(`--${name}=${next}`)
      n++
    } else if (['none', 'client', 'server'].includes(next)) {
      throw new UsageError(`--${name} takes its value behind a =: --${name}=${next}`)
    } else {
      words.push(`--${name}=true`)
    }
  }
  return words
}
