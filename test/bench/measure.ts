/** Whole processes, measured from outside: time until they have ended, and their peak memory. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { repository } from '../support/handler.js'

const hook = fileURLToPath(new URL('peak-memory.cjs', import.meta.url))

export interface Figures {
  readonly ms: number
  readonly peakMb: number
}

/**
 * Runs `node ARGS` once, by this Node unless told. @throws Error when it does not exit with 0: a failure is no
 * measurement
 */
export async function measure(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  node = process.execPath,
): Promise<Figures> {
  const { PATH = '', HOME = '' } = process.env
  const startedAt = performance.now()
  const child = spawn(node, ['--require', hook, ...args], {
    cwd: repository,
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  })
  let peak = ''
  child.stdio[3]?.on('data', (data) => {
    peak += String(data)
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`node ${args.join(' ')} exited with ${code}`)
  return { ms: performance.now() - startedAt, peakMb: Number(peak) / 1024 }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** `median (min to max)`. */
export function spread(values: readonly number[], digits: number): string {
  const [low, high] = [Math.min(...values), Math.max(...values)]
  return `${median(values).toFixed(digits)} (${low.toFixed(digits)} to ${high.toFixed(digits)})`
}
