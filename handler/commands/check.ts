/** The command `check`: can this account do its work here? A rehearsal of a handover of each group tells; none is made. */
import { setMaxListeners } from 'node:events'
import pLimit from 'p-limit'
import type { CheckOptions } from '../cli/command-options.js'
import type { Events, KubeEvent } from '../kube/events.js'
import { type CheckAnswer, type CheckLine, checkCode, checkOf } from '../report/check.js'
import type { Report } from '../report/report.js'
import { seePage } from '../util/error-page.js'
import { printable } from '../util/printable.js'
import { type Cell, table } from '../util/table.js'
import type { Io } from './io.js'
import { documentOf } from './output.js'
import { openSession } from './session.js'

/** @returns the exit code */
export async function check(options: CheckOptions, io: Io, stop: AbortSignal): Promise<number> {
  const session = openSession(options, io)
  const report = await session.pass({ dryRun: true, serverDryRun: true, switchover: 'rehearsal' }, stop)
  const answer = checkOf(report, await eventsIn(report, session.dryRunKube, stop))
  const { output } = options
  await io.print(output === 'json' || output === 'yaml' ? await documentOf(answer, output) : textOf(answer, io))
  return checkCode(report, answer)
}

/** Whether Events may be created. Without that right all else works, and nobody reads of handovers in Events. */
async function eventsIn({ groups }: Report, kube: Events, stop: AbortSignal): Promise<readonly CheckLine[]> {
  const first = new Map(
    groups.flatMap(({ namespace, services: [name] }) => (namespace && name ? [[namespace, name]] : [])),
  )
  const signal = AbortSignal.any([stop, AbortSignal.timeout(LIMIT_MS)])
  setMaxListeners(0, signal) // each request listens, and there is one for each namespace
  const limit = pLimit(EVENTS_AT_ONCE)
  return Promise.all(
    [...first].map(async ([namespace, service]): Promise<CheckLine> => {
      const created = await limit(() => kube.createEvent(rehearsal(namespace, service), signal))
      const object = `events in namespace ${namespace}`
      if (created.kind !== 'failed') return { verb: 'create', object, ok: true, text: '' }
      const { code, message } = created.error
      return { verb: 'create', object, ok: code === 'denied' || code === 'failed' ? false : null, text: message }
    }),
  )
}

/** For all of them together. */
const LIMIT_MS = 5_000
const EVENTS_AT_ONCE = 4

function rehearsal(namespace: string, name: string): KubeEvent {
  return {
    ...{ namespace, name: `${name}.rehearsal`, type: 'Normal', reason: 'Rehearsal', action: 'Check' },
    ...{ note: 'A check of the right to create Events.', timeMs: Date.now() },
    service: { name, uid: '00000000-0000-4000-8000-000000000000' },
  }
}

function textOf({ lines, warnings, errors, docs }: CheckAnswer, { columns, colors }: Io): string {
  const rows = lines.map((line) => [{ text: line.verb }, { text: printable(line.object) }, resultCell(line)])
  const notes = [
    ...errors.map((text) => `Error: ${text}`),
    ...warnings.map((text) => `Warning: ${text}`),
    ...docs.map(seePage),
  ]
  const block = notes.map((text) => `${printable(text)}\n`).join('')
  return `${table(['VERB', 'OBJECT', 'RESULT'], rows, { columns, colors })}${block ? `\n${block}` : ''}`
}

function resultCell({ verb, ok, text }: CheckLine): Cell {
  const brief = ok === null ? 'not known' : ok ? 'allowed' : 'not allowed'
  const word = verb === 'probe' ? text : ok ? brief : `${brief}: ${text}`
  const tone = ok === null ? 'warn' : ok ? 'good' : 'bad'
  return { text: printable(word), ...(verb === 'probe' ? {} : { brief }), tone }
}
