/** The command `check`: can this account do its work here? A rehearsal of a handover of each group tells; none is made. */
import type { CheckOptions } from '../cli/command-options.js'
import { type CheckAnswer, type CheckLine, checkCode, checkOf } from '../report/check.js'
import { printable } from '../util/printable.js'
import { type Cell, table } from '../util/table.js'
import type { Io } from './io.js'
import { documentOf } from './output.js'
import { openSession } from './session.js'

/** @returns the exit code */
export async function check(options: CheckOptions, io: Io, stop: AbortSignal): Promise<number> {
  const session = openSession(options, io)
  const report = await session.pass({ dryRun: true, serverDryRun: true, switchover: 'rehearsal' }, stop)
  const answer = checkOf(report)
  const { output } = options
  await io.print(output === 'json' || output === 'yaml' ? await documentOf(answer, output) : textOf(answer, io))
  return checkCode(report, answer)
}

function textOf({ lines, warnings, errors }: CheckAnswer, { columns, colors }: Io): string {
  const rows = lines.map((line) => [{ text: line.verb }, { text: printable(line.object) }, resultCell(line)])
  const notes = [...errors.map((text) => `Error: ${text}`), ...warnings.map((text) => `Warning: ${text}`)]
  const block = notes.map((text) => `${printable(text)}\n`).join('')
  return `${table(['VERB', 'OBJECT', 'ALLOWED'], rows, { columns, colors })}${block ? `\n${block}` : ''}`
}

function resultCell({ verb, ok, text }: CheckLine): Cell {
  const word = verb === 'probe' ? text : ok === null ? `not known: ${text}` : ok ? 'yes' : `no: ${text}`
  return { text: printable(word), tone: ok === null ? 'warn' : ok ? 'good' : 'bad' }
}
