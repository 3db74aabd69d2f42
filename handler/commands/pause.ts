/** The commands `pause` and `resume`. */
import type { PauseOptions, ResumeOptions } from '../cli/command-options.js'
import { dryRun } from '../kube/recording.js'
import { type PauseRequest, type PauseResult, setPause } from '../pass/pause.js'
import { writeJson } from '../report/json.js'
import { writeLines } from '../report/write-text.js'
import { systemClock } from '../util/clock.js'
import { wholeSeconds } from '../util/duration.js'
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
  const text = options.output === 'text' ? sentence(result, request, options.dryRun) : undefined
  await io.print(
    text ??
      (await documentOf(
        { ...result, writes: result.writes.map(writeJson) },
        options.output === 'yaml' ? 'yaml' : 'json',
      )),
  )
  return 0
}

function sentence(
  { namespace, services, pausedUntil, pausedBefore, isHandoverUnderWay, writes }: PauseResult,
  { action }: PauseRequest,
  isDryRun: boolean,
): string {
  const name = `${namespace}/${services.join(',')}`
  const until = untilWords(pausedUntil)
  const is = isDryRun && writes.length > 0 ? 'would be' : 'is'
  const state =
    pausedUntil === null
      ? `${is === 'is' ? 'is not' : 'would not be'} paused: the next pass serves it`
      : `${is} paused ${until}: no pass moves its role, whatever fails`
  const note = writes.length === 0 ? ' (it was so before)' : isDryRun ? ' (dry run: nothing was written)' : ''
  const before =
    action === 'pause' && pausedBefore && pausedBefore !== pausedUntil
      ? `. Before it was so ${untilWords(pausedBefore)}`
      : ''
  const underWay = isHandoverUnderWay ? '. A handover is under way, and is finished first' : ''
  const rest = action === 'resume' && pausedUntil !== null ? '. Another pause is still on' : ''
  return [`${name} ${state}${note}${rest}${before}${underWay}`, ...(isDryRun ? writes.flatMap(writeLines) : [])]
    .map((line) => `${printable(line)}\n`)
    .join('')
}

function untilWords(end: string | null): string {
  return end === 'forever' ? 'until it is resumed' : `until ${wholeSeconds(end ?? '')}`
}
