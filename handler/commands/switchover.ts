/** The command `switchover`: shows what it will do, asks on a terminal, and moves the role by a pass. */
import type { SwitchoverOptions } from '../cli/command-options.js'
import { isSwap, type Swap } from '../group/decide.js'
import type { Judged } from '../group/groups.js'
import { agreedOn, type SwitchoverRequest } from '../group/switchover.js'
import { exitCode } from '../report/exit-code.js'
import type { GroupReport, Report } from '../report/report.js'
import { answerTo, type SwitchoverAnswer } from '../report/switchover.js'
import { toText } from '../report/text.js'
import { formatAge, formatDuration } from '../util/duration.js'
import { seePage } from '../util/error-page.js'
import { describeFault } from '../util/errors.js'
import { printable } from '../util/printable.js'
import type { Io } from './io.js'
import { documentOf } from './output.js'
import { openSession } from './session.js'

/** @returns the exit code: 0 if the pod is active in the end, 1 if nothing was moved, 3 for the API server's refusals */
export async function switchover(options: SwitchoverOptions, io: Io, stop: AbortSignal): Promise<number> {
  const session = openSession(options, io)
  const wish: SwitchoverRequest = { to: options.pod, from: options.from, force: options.force }
  const planned = await session.pass({ dryRun: true, switchover: wish }, stop)
  const [group] = planned.groups
  if (!group || !isSwap(group.decision)) return end(options, io, planned)
  if (options.dryRun) {
    await io.print(options.output === 'text' ? toText(planned) : await formOf(answerTo(planned, true), options))
    return 0
  }
  const [active] = group.members.filter(({ role }) => role === 'active')
  if (options.output === 'text') await io.print(planText(group, group.decision, active))
  if (io.isTerminal && !options.yes && !(await io.ask(`Move the role to ${group.decision.winner.pod.name}?`))) {
    io.warn('nothing was changed')
    return 1
  }
  const agreed = agreedOn(group.decision, active?.pod.name, options.force)
  return end(options, io, await session.pass({ dryRun: false, switchover: agreed }, stop))
}

async function end(options: SwitchoverOptions, io: Io, report: Report): Promise<number> {
  const answer = answerTo(report, options.dryRun)
  if (options.output !== 'text') {
    await io.print(await formOf(answer, options))
    return codeOf(answer, report)
  }
  switch (answer.result) {
    case 'moved':
      await io.print(`${printable(movedText(answer, report))}\n`)
      break
    case 'already-active':
      await io.print(`${printable(answer.text)}: nothing was written\n`)
      break
    case 'refused':
      io.warn(`refused (${answer.code}): ${answer.text}. ${answer.remedy}`)
      break
    case 'failed':
      if (report.dryRun) break // only the look was made, and its errors tell all
      await io.print(toText(report))
      return codeOf(answer, report)
  }
  for (const text of answer.warnings) io.warn(`Warning: ${text}`)
  for (const text of answer.errors) io.warn(text)
  for (const page of answer.docs) io.warn(seePage(page))
  return codeOf(answer, report)
}

function codeOf({ result }: SwitchoverAnswer, report: Report): number {
  if (result === 'moved') return faultsOf(report).length > 0 ? exitCode(report) : 0
  return result === 'already-active' ? 0 : result === 'refused' ? 1 : Math.max(1, exitCode(report))
}

function faultsOf({ groups }: Report): readonly string[] {
  return groups.flatMap(({ faults }) => faults.map(describeFault))
}

function formOf(answer: SwitchoverAnswer, { output }: SwitchoverOptions): Promise<string> {
  return documentOf(answer, output === 'yaml' ? 'yaml' : 'json')
}

function movedText({ to, from, namespace, services }: SwitchoverAnswer, { durationMs, requests }: Report): string {
  const whence = from ? `, and ${from} is passive` : ''
  return `${namespace}/${services.join(',')}: ${to} is active${whence}; ${requests} API requests, ${formatDuration(durationMs)}`
}

/** What a switchover will do, for the person who is asked. */
function planText({ namespace, services }: GroupReport, { winner, reason }: Swap, active: Judged | undefined): string {
  const since = active?.activeSinceMs
  const age = since === undefined ? '' : `, active for ${formatAge(Date.now() - since)}`
  const lines = [
    `Service  ${namespace}/${services.join(',')}`,
    `from     ${active ? `${stateOf(active)}${age}` : 'no pod: none is active'}`,
    `to       ${stateOf(winner)}`,
    `why      ${reason.text}`,
    ...(winner.verdict.health === 'healthy' ? [] : UNFIT),
    'New connections go to the new pod in one step.',
    'Established ones stay with the old pod until they end.',
  ]
  return `${lines.map(printable).join('\n')}\n`
}

const UNFIT = [
  'It does not pass its check: the next passes may move the role away again.',
  'To keep it there, pause the Service afterwards.',
]

function stateOf({ pod, verdict }: Judged): string {
  return `${pod.name} (${pod.ready ? 'Ready' : 'not Ready'}, check: ${verdict.check.result})`
}
