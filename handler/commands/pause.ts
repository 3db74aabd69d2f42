/** The commands `pause` and `resume`. */
import type { PauseOptions, ResumeOptions } from '../cli/command-options.js'
import { dryRun } from '../kube/recording.js'
import { type PauseRequest, setPause } from '../pass/pause.js'
import { writeJson } from '../report/json.js'
import { type PauseResult, pauseWords } from '../report/pause.js'
import { writeLines } from '../report/write-text.js'
import { systemClock } from '../util/clock.js'
import { printable } from '../util/printable.js'
import { tell } from './failure.js'
import type { Io } from './io.js'
import { documentOf } from './output.js'
import { openSession } from './session.js'

/** @returns the exit code */
export async function pause(options: PauseOptions, io: Io, stop: AbortSignal): Promise<number> {
  return carryOut(options, { service: options.service, action: 'pause', forMs: options.forMs }, io, stop)
}

/** @returns the exit code */
export async function resume(options: ResumeOptions, io: Io, stop: AbortSignal): Promise<number> {
  return carryOut(options, { service: options.service, action: 'resume' }, io, stop)
}

async function carryOut(options: ResumeOptions, request: PauseRequest, io: Io, stop: AbortSignal): Promise<number> {
  const { kube, dryRunKube, namespaces } = openSession(options, io)
  const context = {
    kube: options.dryRun ? dryRun(kube, options.serverDryRun ? dryRunKube : undefined) : kube,
    isDryRun: options.dryRun,
    ...{ clock: systemClock, random: Math.random },
  }
  const signal = AbortSignal.any([stop, AbortSignal.timeout(options.deadlineMs)])
  const result = await setPause(context, { ...options, namespaces }, request, signal, stop)
  if ('code' in result) return tell(io, result)
  const { output } = options
  if (output !== 'text') {
    const answer = { ...result, writes: result.writes.map(writeJson) }
    await io.print(await documentOf(answer, output === 'yaml' ? 'yaml' : 'json'))
    return 0
  }
  await io.print(sentence(result, request, options.dryRun))
  for (const warning of result.warnings) io.warn(`Warning: ${nameOf(result)}: ${warning}`)
  return 0
}

function nameOf({ namespace, services }: PauseResult): string {
  return `${namespace}/${services.join(',')}`
}

/** What is shown, after the name of the group; in a dry run with the patches. */
function sentence(result: PauseResult, { action }: PauseRequest, isDryRun: boolean): string {
  const lines = [
    `${nameOf(result)} ${pauseWords(result, action, isDryRun)}`,
    ...(isDryRun ? result.writes.flatMap(writeLines) : []),
  ]
  return lines.map((line) => `${printable(line)}\n`).join('')
}
