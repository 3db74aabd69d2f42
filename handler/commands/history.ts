/** The command `history`: the last handovers of a Service. It reads the Services, and no pods. */
import type { HistoryOptions } from '../cli/command-options.js'
import { historyOf } from '../group/history.js'
import { historyText } from '../report/status-text.js'
import { systemClock } from '../util/clock.js'
import { failedWith, tell } from './failure.js'
import type { Io } from './io.js'
import { documentOf } from './output.js'
import { findService, isFault, openSession } from './session.js'

/** @returns the exit code */
export async function history(options: HistoryOptions, io: Io, stop: AbortSignal): Promise<number> {
  const found = await findService(openSession(options, io), options, options.service, stop).catch(failedWith(options))
  if (isFault(found)) return tell(io, found)
  const { namespace, services } = found.group
  const handovers = historyOf(services)
  const { output } = options
  if (output === 'json' || output === 'yaml') {
    await io.print(await documentOf({ namespace, services: services.map(({ name }) => name), handovers }, output))
  } else if (handovers.length === 0) {
    await io.print(`No handover of ${namespace}/${found.service.name} is noted.\n`)
  } else {
    const style = { columns: io.columns, colors: io.colors, isWide: output === 'wide', nowMs: systemClock.now() }
    await io.print(historyText(handovers, style))
  }
  return 0
}
