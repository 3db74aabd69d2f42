/** The process that `node handler` runs: its arguments, environment, signals, streams and exit code. */
import { COMPLETE, parseInvocation } from './cli/cli.js'
import type { RunOptions, ServeOptions } from './cli/options.js'
import { isCompleter, programName } from './cli/program.js'
import type { ByHand } from './commands/commands.js'
import { openSession } from './commands/session.js'
import { exitCode, exitCodeOfError } from './report/exit-code.js'
import { toJson } from './report/json.js'
import type { Report } from './report/report.js'
import { toText } from './report/text.js'
import { createLog, describeDefect, logDefect } from './serve/telemetry/log.js'
import { UsageError } from './util/errors.js'
import { printable } from './util/printable.js'

async function run(options: RunOptions, stop: AbortSignal): Promise<number> {
  const report = await openSession(options, { env: process.env, warn }).pass({ quickCheck: false }, stop)
  await print(await formOf(report, options.output))
  return exitCode(report)
}

async function formOf(report: Report, output: RunOptions['output']): Promise<string> {
  if (output === 'text') return toText(report)
  if (output === 'json') return toJson(report)
  const { toYaml } = await import('./report/yaml.js')
  return toYaml(toJson(report))
}

function warn(text: string): void {
  console.error(`active-passive: ${printable(text)}`)
}

async function runServer(options: ServeOptions, stop: AbortSignal): Promise<number> {
  const { serve } = await import('./serve/serve.js') // loaded here, so that a single pass starts faster
  // One stream for all lines, so that their order is kept.
  const log = createLog(options.logFormat, (line) => console.error(line))
  try {
    await serve(options, process.env, log, stop)
    return 0
  } catch (error) {
    // A person who has mistyped a flag is answered as by every other command; a program that reads JSON is not.
    if (error instanceof UsageError && options.logFormat === 'text') throw error
    if (error instanceof UsageError) log.error(error.message)
    else logDefect(log, error)
    return exitCodeOfError(error)
  }
}

const [, script] = process.argv
const program = programName(script)
/** Before each message. In a checkout it is the program's own name, as in the log of serve. */
const prefix = program === 'node handler' ? 'active-passive' : program

async function byHand(invocation: ByHand, stop: AbortSignal): Promise<number> {
  const [{ carryOut }, { openTerminal }] = await Promise.all([
    import('./commands/commands.js'),
    import('./commands/terminal.js'),
  ])
  return carryOut(invocation, openTerminal(process, process.env, program, prefix, stop), stop)
}

async function main(): Promise<number> {
  process.stdout.on('error', () => {}) // its reader may have gone
  const stop = new AbortController()
  // A second signal changes nothing: a handover that has begun is finished, and the deadline ends everything else.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop.abort())
  try {
    const args = process.argv.slice(2)
    const words = isCompleter(script) ? [COMPLETE, ...args] : args
    const invocation = await parseInvocation(words, process.env, program, process.stdout.columns)
    switch (invocation.kind) {
      case 'run':
        return await run(invocation.options, stop.signal)
      case 'serve':
        return await runServer(invocation.options, stop.signal)
      case 'text':
        await print(invocation.text)
        return 0
      case 'complete': {
        const { complete } = await import('./commands/complete.js')
        return await complete(invocation.words, { env: process.env, print })
      }
      default:
        return await byHand(invocation, stop.signal)
    }
  } catch (error) {
    return failed(error)
  }
}

function failed(error: unknown): number {
  // By its name: the class itself belongs to what a pass does not load.
  if (error instanceof Error && error.name === 'Cancelled') {
    console.error(`${prefix}: ${error.message}`)
    return INTERRUPTED
  }
  console.error(`${prefix}: ${printable(error instanceof UsageError ? error.message : describeDefect(error))}`)
  return exitCodeOfError(error)
}

/** As shells have it after Ctrl-C: 128 and SIGINT's number. */
const INTERRUPTED = 130

/** Resolves when the text is written, or when its reader has gone. */
function print(text: string): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write(text, () => resolve())
  })
}

// Exits even if something is still open: a credential plugin that hangs, or a probe that was cut off.
void main().then((code) => process.exit(code))
