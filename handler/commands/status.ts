/** The command `status`. */
import type { StatusOptions } from '../cli/command-options.js'
import { UsageError } from '../util/errors.js'
import type { Io } from './io.js'

/** @returns the exit code */
export async function status(_options: StatusOptions, _io: Io, _stop: AbortSignal): Promise<number> {
  throw new UsageError('not built yet')
}
