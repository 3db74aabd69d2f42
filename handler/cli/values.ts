/** The values of flags and variables as text, and their errors: each names the flag or the variable, and its value. */
import { UsageError } from '../util/errors.js'
import { quoted } from '../util/quoted.js'
import type { Environment } from './environment.js'
import { type FlagName, variableOf } from './flags.js'

/** The values that were given, by flag or by variable, as text. */
export class Values {
  constructor(
    private readonly argv: Readonly<Record<string, unknown>>,
    private readonly env: Environment, // no value in it is empty
  ) {}

  /** The flag or the variable that the value came from, as the user wrote it. */
  source(name: FlagName): string {
    return this.argv[name] === undefined && this.fromEnv(name) !== undefined ? variableOf(name) : `--${name}`
  }

  /** Whether the value is one of the command line. */
  isFlag(name: FlagName): boolean {
    return this.argv[name] !== undefined
  }

  /** The same without these flags and their variables. */
  without(...names: readonly FlagName[]): Values {
    const argv = Object.entries(this.argv).filter(([name]) => !names.some((one) => one === name))
    const env = Object.entries(this.env).filter(([name]) => !names.some((one) => variableOf(one) === name))
    return new Values(Object.fromEntries(argv), Object.fromEntries(env))
  }

  text(name: FlagName): string | undefined {
    const value = this.argv[name]
    if (Array.isArray(value)) throw new UsageError(`--${name} is given ${value.length} times: it takes one value`)
    return value === undefined ? this.fromEnv(name) : String(value)
  }

  /** A variable that is no flag. */
  variable(name: string): string | undefined {
    return this.env[name]
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

/** @throws UsageError with the source, the text and what is expected, where `parse` returns `undefined` */
export function parsed<T>(source: string, text: string, parse: (text: string) => T | undefined, expected: string): T {
  const value = parse(text)
  if (value === undefined) throw new UsageError(`${source}: ${quoted(text)} should be ${expected}`)
  return value
}

/** Rejects an empty text: a shell makes one of a variable that is not set, and nobody means to give no name. */
export function parseText(text: string): string | undefined {
  return text === '' ? undefined : text
}
