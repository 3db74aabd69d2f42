/** The command `completion`. */
import type { CompletionOptions } from '../cli/command-options.js'
import { UsageError } from '../util/errors.js'
import type { Io } from './io.js'

/** @returns the exit code */
export async function completion(_options: CompletionOptions, _io: Io): Promise<number> {
  throw new UsageError('not built yet')
}
