/** The process that `node handler` runs: its arguments, environment, signals, streams and exit code. */
import { parseInvocation } from './cli/cli.js'
import type { RunOptions, ServeOptions } from './cli/options.js'
import { probe } from './health/probe.js'
import { defaultNamespace, loadConfig } from './kube/auth/config.js'
import { connect } from './kube/client.js'
import { type PassProgress, pass } from './pass/pass.js'
import { exitCode, exitCodeOfError } from './report/exit-code.js'
import { toJson } from './report/json.js'
import { toText } from './report/text.js'
import { describeDefect } from './serve/telemetry/log.js'
import { systemClock } from './util/clock.js'
import { UsageError } from './util/errors.js'
import { printable } from './util/printable.js'

async function run(options: RunOptions, stop: AbortSignal): Promise<number> {
  const config = loadConfig({ ...options, env: process.env })
  const namespaces = options.namespaces ?? [defaultNamespace(config)]
  const effects = { kube: connect(config), clock: systemClock, probe, random: Math.random }
  const isNamed = options.namespaces !== undefined
  const progress = process.stderr.isTTY ? await passProgress() : undefined
  const onProgress = progress?.onProgress
  const report = await pass({ ...options, namespaces, isNamed, onProgress }, effects, stop).finally(progress?.done)
  await print(options.output === 'json' ? toJson(report) : toText(report))
  return exitCode(report)
}

/** What a terminal is shown of a pass that takes long. */
async function passProgress() {
  const { showProgress } = await import('./util/progress.js') // loaded here, so that a pass without one starts faster
  let now: PassProgress | undefined
  const say = (seconds: number) =>
    now === undefined ? `reading the cluster, ${seconds} s` : `${now.served} of ${now.found} groups, ${seconds} s`
  const { done } = showProgress(process.stderr, process.env, say)
  return {
    done,
    onProgress: (progress: PassProgress) => {
      now = progress
    },
  }
}

async function runServer(options: ServeOptions, stop: AbortSignal): Promise<number> {
  const { serve } = await import('./serve/serve.js') // loaded here, so that a single pass starts faster
  const log = {
    print: (text: string) => void print(text),
    warn: (text: string) => console.error(`active-passive: ${printable(text)}`),
  }
  await serve(options, process.env, log, stop)
  return 0
}

async function main(): Promise<number> {
  process.stdout.on('error', () => {}) // its reader may have gone
  const stop = new AbortController()
  // A second signal changes nothing: a handover that has begun is finished, and the deadline ends everything else.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop.abort())
  try {
    const invocation = await parseInvocation(process.argv.slice(2), process.env)
    if (invocation.kind === 'run') return await run(invocation.options, stop.signal)
    if (invocation.kind === 'serve') return await runServer(invocation.options, stop.signal)
    await print(invocation.text)
    return 0
  } catch (error) {
    console.error(`active-passive: ${printable(error instanceof UsageError ? error.message : describeDefect(error))}`)
    return exitCodeOfError(error)
  }
}

/** Resolves when the text is written, or when its reader has gone. */
function print(text: string): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write(text, () => resolve())
  })
}

// Exits even if something is still open: a credential plugin that hangs, or a probe that was cut off.
void main().then((code) => process.exit(code))
