/** What handlers under fire did, and whether they may do that. Pure. */

import { isDeepStrictEqual } from 'node:util'
import { CLAIM, HEALED } from '../../../handler/kube/keys.js'
import {
  type Change,
  type Finding,
  instants,
  promotions,
  serviceSelectsTwo,
  twoActives,
} from '../../support/cluster/history.js'
import type { Run } from '../../support/handler.js'
import { withoutHistory } from '../../support/without-history.js'
import type { Judgement } from '../judge.js'
import { type Entry, standstills } from './chronicle.js'
import { type Health, longestGap, type Span } from './gap.js'
import { timeline } from './timeline.js'

type Labels = Readonly<Record<string, string>>

/** Pods with the label `app`, and what the user of its Services has written, by name. */
export interface Group {
  readonly app: string
  readonly services: Readonly<Record<string, { readonly selector: Labels; readonly annotations: Labels }>>
}

/** One process of the handler, from its start to its end. */
export interface Life extends Run {
  readonly args: readonly string[]
  /** It was killed, or told to end. */
  readonly ordered: boolean
}

export interface Fire {
  readonly groups: readonly Group[]
  /** From before the first pass until after the last one. */
  readonly history: readonly Change[]
  readonly health: readonly Health[]
  /** When the API server or etcd was away. */
  readonly outages: readonly Span[]
  readonly endMs: number
  /** In order. */
  readonly entries: readonly Entry[]
  readonly lives: readonly Life[]
  /** How often each thing was done to them. */
  readonly done: Readonly<Record<string, number>>
  /** A pass with nothing in its way, when all was over. */
  readonly lastPass: Run
}

/** A fire that burns less proves nothing. */
export interface Least {
  /** In each group. */
  readonly failovers: number
  /** Of each thing that is done to the handlers. */
  readonly done: number
}

/** The default deadline: by then the pass that sealed has ended, and others have made theirs. */
const FORGOTTEN_MS = 40_000
/** What happened in such a gap is told. */
const LONG_MS = 5_000

export function judgeFire(fire: Fire, least: Least): Judgement {
  const { groups, history, lives, done, lastPass, entries } = fire
  const figures: string[] = []
  const faults: string[] = []
  const end = [...instants(history)].at(-1) ?? { pods: [], services: [] }

  const still = standstills(entries, fire.endMs)
  const outages = [...fire.outages, ...still]
  for (const { app, services } of groups) {
    const labels = { app }
    const failovers = Math.max(0, promotions(history, { labels }) - 1)
    const two = twoActives(history, { labels })
    const gap = longestGap(history, fire.health, outages, labels, fire.endMs)
    const gapMs = gap?.ms ?? 0
    figures.push(
      `${app}: ${failovers} failovers; instants with two actives: ${two.length}; ` +
        `longest without one while one was healthy: ${(gapMs / 1_000).toFixed(1)} s`,
    )
    if (gap && gapMs > LONG_MS) figures.push(...timeline(fire, app, gap))
    if (two.length > 0) faults.push(`${app}: two actives${first(two, history)}`)
    if (failovers < least.failovers) faults.push(`${app}: only ${failovers} failovers`)
    if (gapMs > FORGOTTEN_MS) faults.push(`${app}: none was active for ${gapMs} ms`)

    const actives = end.pods.filter(
      ({ metadata }) => metadata.labels?.app === app && metadata.labels?.role === 'active',
    )
    if (actives.length !== 1) faults.push(`${app}: ${actives.length} actives at the end`)
    for (const [name, wanted] of Object.entries(services)) {
      const service = end.services.find(({ metadata }) => metadata.name === name)
      const { selector = {} } = service?.spec ?? {}
      // The note of what was healed is there for an hour, if no pod could have it then.
      const { [HEALED]: _, ...annotations } = withoutHistory(service?.metadata.annotations ?? {})
      if (CLAIM in annotations) faults.push(`${name}: still claimed at the end: ${annotations[CLAIM]}`)
      else if (!isDeepStrictEqual({ selector, annotations }, wanted)) {
        faults.push(`${name}: ${JSON.stringify({ selector, annotations })} at the end, not ${JSON.stringify(wanted)}`)
      }
    }
  }

  const selectedTwo = serviceSelectsTwo(history)
  figures.push(`instants when a Service selected two: ${selectedTwo.length}, of ${history.length} writes`)
  if (selectedTwo.length > 0) faults.push(`a Service selected two${first(selectedTwo, history)}`)

  const stillMs = still.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0)
  figures.push(`no handler ran for ${(stillMs / 1_000).toFixed(1)} s, in ${still.length} times`)
  figures.push(
    `processes: ${lives.length}; ${Object.entries(done)
      .map(([what, times]) => `${what}: ${times}`)
      .join('; ')}`,
  )
  for (const [what, times] of Object.entries(done)) if (times < least.done) faults.push(`${what}: only ${times}`)
  for (const life of lives) {
    const fault = defectOf(life)
    if (fault) faults.push(`node handler ${life.args.join(' ')} ${fault}: ${life.stderr || life.stdout}`)
  }
  if (lastPass.code !== 0)
    faults.push(`the last pass ended with ${lastPass.code}: ${lastPass.stdout}${lastPass.stderr}`)
  return { figures, faults }
}

/** What was found first, and when. */
function first([finding]: readonly Finding[], history: readonly Change[]): string {
  const { seenAtMs = 0 } = history.find(({ revision }) => revision === finding?.revision) ?? {}
  return ` after ${((seenAtMs - (history[0]?.seenAtMs ?? 0)) / 1_000).toFixed(0)} s: ${JSON.stringify(finding)}`
}

function defectOf({ args, code, signal, stdout, stderr, ordered }: Life): string | undefined {
  if (`${stdout}${stderr}`.includes('defect')) return 'has a defect'
  if (code === 70 || code === 2) return `ended with ${code}`
  if (signal !== null && !ordered) return `ended by ${signal}`
  if (ordered) return undefined
  if (args[0] === 'serve') return 'ended by itself'
  if (stdout === '') return `ended with ${code} and no report`
  return undefined
}
