/** Runs the built program as a user does: a process of its own, `node handler …`. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { here, type Place } from './cluster/programs.js'

export const repository = fileURLToPath(new URL('../..', import.meta.url))

export interface Run {
  /** `null` when a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunningHandler {
  readonly process: ChildProcess
  readonly done: Promise<Run>
}

/** Tests hand over to and fro within seconds, which these are there to prevent. Those that are about them set their own. */
const RESTLESS = { AP_COOLDOWN: '0s', AP_RISE: '1' }

/**
 * Starts `node handler` with these arguments and, beyond PATH, HOME and these, only this environment.
 * @param program another build of it, if not that of this checkout
 * @param place where it runs, if not here
 */
export function startHandler(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  program = 'handler',
  place: Place = here,
): RunningHandler {
  const { PATH = '', HOME = '' } = process.env
  const placed = place(process.execPath, [program, ...args])
  const child = spawn(placed.command, placed.args, {
    cwd: repository,
    env: { PATH, HOME, ...RESTLESS, ...env },
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const done = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout, stderr }))
  return { process: child, done }
}

/** The same, to its end. */
export function runHandler(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  place: Place = here,
): Promise<Run> {
  return startHandler(args, env, 'handler', place).done
}
