/** The command `history`: the last handovers of a Service. It reads the Services, and no pods. */
import type { HistoryOptions } from '../cli/command-options.js'
import { historyOf } from '../group/history.js'
import { findNamed, isFault } from '../pass/named-service.js'
import { historyText } from '../report/status-text.js'
import { systemClock } from '../util/clock.js'
import { failedWith, tell } from './failure.js'
import type { Io } from './io.js'
import { documentOf } from './output.js'
import { openSession } from './session.js'

/** @returns the exit code */
export async function history(options: HistoryOptions, io: Io, stop: AbortSignal): Promise<number> {
  const { kube, namespaces } = openSession(options, io)
  const scope = { ...options, namespaces }
  const found = await findNamed(kube, scope, options.service, stop).catch(failedWith(scope))
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
