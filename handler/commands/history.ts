/** The command `history`. */
import type { HistoryOptions } from '../cli/command-options.js'
import { UsageError } from '../util/errors.js'
import type { Io } from './io.js'

/** @returns the exit code */
export async function history(_options: HistoryOptions, _io: Io, _stop: AbortSignal): Promise<number> {
  throw new UsageError('not built yet')
}
