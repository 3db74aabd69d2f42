/** Runs the check of a pod over the real network. */
import { formatDuration, type Milliseconds } from '../util/duration.js'
import { probeHttp } from './http.js'
import type { Plan } from './plan.js'
import type { ProbeResult, Way } from './probe-result.js'
import { describeTarget } from './target.js'
import type { ExecTarget, ProbeTarget } from './targets.js'
import { probeTcp } from './tcp.js'

/** Runs a pod's check once. Never rejects. */
export type Probe = (plan: Plan, timeoutMs: number, signal: AbortSignal) => Promise<ProbeResult>

/** Runs a command in a container of a pod once. Never rejects. */
export type Exec = (target: ExecTarget, timeoutMs: number, signal: AbortSignal) => Promise<ProbeResult>

/** How many targets of a pod are probed at once: a pod may have thousands of containers. */
const TARGETS_AT_ONCE = 16

/** Probes without commands in containers: a check of kind exec is not made, which says nothing about the pod. */
export const probe: Probe = (plan, timeoutMs, signal) => probeAll(plan, timeoutMs, signal, undefined)

/** The same with commands in containers, which `exec` runs. */
export function probeWith(exec: Exec): Probe {
  return (plan, timeoutMs, signal) => probeAll(plan, timeoutMs, signal, exec)
}

/**
 * Probes the targets in batches, one after the other while they pass. The result is that of the first target, in their
 * order, that fails.
 */
async function probeAll(
  plan: Plan,
  timeoutMs: number,
  signal: AbortSignal,
  exec: Exec | undefined,
): Promise<ProbeResult> {
  const passed: ProbeResult[] = []
  for (let n = 0; n < plan.targets.length; n += TARGETS_AT_ONCE) {
    const some = plan.targets.slice(n, n + TARGETS_AT_ONCE)
    const results = await Promise.all(
      some.map(async (target) => inTime(await probeTarget(target, timeoutMs, signal, exec), plan.slowMs)),
    )
    const one = results.findIndex(({ healthy, unmade }) => !healthy && !unmade)
    const failed = one < 0 ? results.findIndex(({ healthy }) => !healthy) : one
    const [target, result] = [some[failed], results[failed]]
    if (target && result) {
      const { healthy, text, ms, unmade } = result
      const probes = singly(plan.targets, [...passed, ...results])
      const words = plan.kind === 'several' ? named(target, result) : text
      return {
        ...{ healthy, text: words, ms, ...probes },
        ...heardOf(plan.targets, [...passed, ...results]),
        ...(unmade ? { unmade } : {}),
      }
    }
    passed.push(...results)
  }
  const [first = READY] = passed
  const all = plan.kind === 'several' ? summaryOf(plan.targets, passed) : first
  return { ...all, ...singly(plan.targets, passed), ...heardOf(plan.targets, passed) }
}

/** What has come back, by which way. A target that was not probed, or whose check was not made, says nothing of that. */
function heardOf(
  targets: readonly ProbeTarget[],
  results: readonly ProbeResult[],
): Pick<ProbeResult, 'reached' | 'heard'> {
  const heard: Partial<Record<Way, boolean>> = {}
  for (const [n, { reached, unmade }] of results.entries()) {
    const kind = targets[n]?.kind
    if (kind === undefined || kind === 'unusable' || unmade) continue
    const way = kind === 'exec' ? 'api-server' : 'address'
    heard[way] = heard[way] === true || reached !== false
  }
  const ways = Object.values(heard)
  return {
    ...(ways.length > 0 && !ways.includes(true) ? { reached: false } : {}),
    ...('api-server' in heard ? { heard } : {}),
  }
}

/** Each of several probes that were made. */
function singly(targets: readonly ProbeTarget[], results: readonly ProbeResult[]): Pick<ProbeResult, 'probes'> {
  if (targets.length < 2) return {}
  const probes = results.slice(0, TARGETS_AT_ONCE).flatMap(({ text, ms }, n) => {
    const name = targets[n] && describeTarget(targets[n])
    return name === undefined ? [] : [{ target: name, result: text, ms }]
  })
  return { probes }
}

/** A success that took too long is a failure. The pod was reached all the same. */
function inTime(result: ProbeResult, slowMs: Milliseconds = Number.POSITIVE_INFINITY): ProbeResult {
  const { healthy, text, ms } = result
  if (!healthy || ms <= slowMs) return result
  return { healthy: false, text: `${text}, but slow: ${ms}ms of at most ${formatDuration(slowMs)}`, ms }
}

const READY: ProbeResult = { healthy: true, text: 'Ready', ms: 0 }

/** How many of several passed checks are told. */
const MOST_TOLD = 8

/** The result of several checks that all passed. It took as long as the slowest. */
function summaryOf(targets: readonly ProbeTarget[], results: readonly ProbeResult[]): ProbeResult {
  const told = targets.slice(0, MOST_TOLD).flatMap((target, n) => {
    const result = results[n]
    return result ? named(target, result) : []
  })
  const text = [...told, ...(targets.length > MOST_TOLD ? ['…'] : [])].join(', ')
  return { healthy: true, text: text || READY.text, ms: results.reduce((most, { ms }) => Math.max(most, ms), 0) }
}

/** The result of one of several checks, with the name of that check before it. */
function named(target: ProbeTarget, { text }: ProbeResult): string {
  const name = describeTarget(target)
  return name === undefined ? text : `${name}: ${text}`
}

const NO_COMMANDS: ProbeResult = {
  ...{ healthy: false, text: 'not checked: commands are not run from here', ms: 0 },
  unmade: {
    code: 'failed',
    message: 'its check is a command in the pod, and the program that makes this pass has no way to run one',
    remedy: 'Make the pass with the probe that probeWith makes, or with allow-exec false.',
  },
}

async function probeTarget(
  target: ProbeTarget,
  timeoutMs: number,
  signal: AbortSignal,
  exec: Exec | undefined,
): Promise<ProbeResult> {
  switch (target.kind) {
    case 'http':
      return probeHttp(target, timeoutMs, signal)
    case 'tcp': {
      const { dialogue } = target
      if (!dialogue) return probeTcp(target, timeoutMs, signal)
      const { probeDialogue } = await import('./dialogue.js') // few pods ask for it
      return probeDialogue({ ...target, dialogue }, timeoutMs, signal)
    }
    case 'grpc': {
      const { probeGrpc } = await import('./grpc.js') // few pods ask for it
      return probeGrpc(target, timeoutMs, signal)
    }
    case 'exec':
      return exec?.(target, timeoutMs, signal) ?? NO_COMMANDS
    case 'unusable':
      return { healthy: false, text: target.text, ms: 0 }
  }
}
