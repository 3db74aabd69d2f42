/** The command `resume`. */
import type { ResumeOptions } from '../cli/command-options.js'
import { UsageError } from '../util/errors.js'
import type { Io } from './io.js'

/** @returns the exit code */
export async function resume(_options: ResumeOptions, _io: Io, _stop: AbortSignal): Promise<number> {
  throw new UsageError('not built yet')
}
