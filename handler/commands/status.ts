/** The command `status`: who is active, since when, and what a pass would do now. It writes nothing. */
import type { StatusOptions } from '../cli/command-options.js'
import { isMissing, type Report } from '../report/report.js'
import { type Status, statusCode, statusOf } from '../report/status.js'
import { groupText, type StatusStyle, statusText } from '../report/status-text.js'
import { systemClock } from '../util/clock.js'
import { pagesOf, seePage } from '../util/error-page.js'
import { describeFault } from '../util/errors.js'
import type { Io } from './io.js'
import { documentOf } from './output.js'
import { openSession, type Session } from './session.js'

/** Between two looks with `--watch`. */
const REFRESH_MS = 2_000
/** Moves the cursor to the top of the screen, and clears what is below. */
const CLEAR = '\u001b[H\u001b[J'
/** The exit code where the Service that was named is not there. */
const NOT_FOUND = 1

/** @returns the exit code */
export async function status(options: StatusOptions, io: Io, stop: AbortSignal): Promise<number> {
  const session = openSession(options, io)
  if (!options.watch) return (await show(options, io, await look(session, stop), io.print)) ?? NOT_FOUND
  let code = 0
  let before = ''
  let isFound = false
  while (!stop.aborted) {
    const report = await look(session, stop)
    if (report.interrupted) break
    const shown = await show(options, io, report, async (text) => {
      if (io.columns !== undefined) return io.print(`${CLEAR}${text}`)
      if (text !== before) await io.print(before === '' ? text : `\n${text}`)
      before = text
    })
    // One that is deleted while somebody watches may come back; one that never was is a wrong name.
    isFound ||= shown !== undefined
    code = shown ?? NOT_FOUND
    if (!isFound) break
    await systemClock.sleep(REFRESH_MS, stop)
  }
  return code
}

function look(session: Session, stop: AbortSignal): Promise<Report> {
  return session.pass({ dryRun: true }, stop)
}

/** @returns the exit code; undefined where the Service that was named is not there, which it says as an error */
async function show(options: StatusOptions, io: Io, report: Report, print: Io['print']): Promise<number | undefined> {
  const nowMs = systemClock.now()
  const [first] = report.groups
  if (options.service !== undefined && first && isMissing(first)) {
    const faults = report.groups.flatMap((group) => group.faults)
    for (const text of [...faults.map(describeFault), ...pagesOf(faults).map(seePage)]) io.warn(text)
    return undefined
  }
  await print(await textOf(options, io, statusOf(report, nowMs), nowMs))
  return statusCode(report)
}

async function textOf(options: StatusOptions, io: Io, seen: Status, nowMs: number): Promise<string> {
  const { output, service } = options
  if (output === 'json' || output === 'yaml') return documentOf(seen, output)
  const isNamespaced = options.namespaces === 'all'
  const style: StatusStyle = { columns: io.columns, colors: io.colors, isWide: output === 'wide', isNamespaced, nowMs }
  const [group, ...more] = seen.groups
  return service && group && more.length === 0 ? groupText(group, style) : statusText(seen, style)
}
