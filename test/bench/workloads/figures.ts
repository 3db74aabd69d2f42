// From what was recorded during a scenario to its figures. Pure.
import { type Change, holders, maxActives } from '../../support/cluster/history.js'
import type { Sample } from '../../support/node/client-traffic.js'
import { byTime, longestOf, outagesOf, secondsOf } from '../outages.js'
import { healthAt, isReady, type Life, livesOf, servesThroughout } from './lives.js'
import type { Probe } from './witness.js'

export interface Recorded {
  readonly samples: readonly Sample[]
  readonly changes: readonly Change[]
  /** By time. */
  readonly probes: readonly Probe[]
  /** What the changes' `seenAtMs` counts from, in milliseconds since 1970. */
  readonly timeOrigin: number
  /** The label `app` of each group; the clients used the first. */
  readonly groups: readonly string[]
  /** The Service has `publishNotReadyAddresses`. */
  readonly publishesNotReady: boolean
}

/** That a pod got the role. */
export interface Turn {
  /** The ordinal of a StatefulSet's pod, or the place among those of its revision; `new` where that is not the first. */
  readonly pod: string
  /** Its kubelet said that it was Ready. */
  readonly ready: boolean
  /** The one that had the role before was gone already. */
  readonly late: boolean
}

/** Seconds are of new connections, of which there was one every 20 ms. */
export interface Figures {
  /** How often the role went to another pod, in all groups. */
  readonly moves: number
  /** In the first group, from the one that had it at the start on. */
  readonly path: readonly Turn[]
  /** Without an answer. */
  readonly withoutS: number
  /** Of these, in outages throughout which a pod was healthy and Ready: all, and the longest. */
  readonly avoidableS: number
  readonly longestAvoidableS: number
  /** Answered by a pod that failed its health check meanwhile, while another one was healthy and Ready. */
  readonly failingS: number
  /** In which two pods answered in turns. */
  readonly twoS: number
  /** At most so many pods of a group were active at once. */
  readonly actives: number
}

export function figuresOf(recorded: Recorded): Figures {
  const { samples, changes, probes, timeOrigin, groups, publishesNotReady } = recorded
  const lives = livesOf(changes, probes, timeOrigin)
  const holdersOf = groups.map((app) => holders(changes, { labels: { app } }))
  const [first = []] = holdersOf
  const own = lives.filter((life) => isOf(life, groups[0]))
  const outages = outagesOf(samples)
  const avoidable = outages.filter(({ from, to }) =>
    own.some((life) => servesThroughout(life, from, to, publishesNotReady)),
  )
  const path = first.map(({ pod, seenAtMs }, n): Turn => {
    const before = own.find(({ uid }) => uid === first[n - 1]?.pod.metadata.uid)
    const late = before !== undefined && before.to < timeOrigin + seenAtMs
    return { pod: nameOf(pod.metadata.uid, own), ready: isReady(pod), late }
  })
  return {
    moves: holdersOf.reduce((sum, { length }) => sum + Math.max(0, length - 1), 0),
    path,
    withoutS: rounded(secondsOf(outages)),
    avoidableS: rounded(secondsOf(avoidable)),
    longestAvoidableS: rounded(longestOf(avoidable)),
    failingS: rounded(failing(samples, own, publishesNotReady)),
    twoS: rounded(twoAnswering(samples)),
    actives: Math.max(...groups.map((app) => maxActives(changes, { labels: { app } }))),
  }
}

/** To what 20 ms between two connections tell. */
function rounded(seconds: number): number {
  return Math.round(seconds * 100) / 100
}

/** Pods are named after their workload, which has the name of its group. */
function isOf({ name }: Life, group = ''): boolean {
  return name.startsWith(`${group}-`)
}

/** `0`, `new 1`: the ordinal of a StatefulSet's pod, or the place among those of its revision, by age and name. */
function nameOf(uid: string, lives: readonly Life[]): string {
  const life = lives.find((one) => one.uid === uid) as Life
  const ordinal = /-(\d)$/.exec(life.name)?.[1]
  const [first] = lives
  const siblings = lives
    .filter(({ revision }) => revision === life.revision)
    .sort((a, b) => Math.round(a.from - b.from) || (a.name < b.name ? -1 : 1))
  const own = ordinal ?? `${siblings.indexOf(life) + 1}`
  return life.revision === first?.revision ? own : `new ${own}`
}

/** A time between two connections counts for the first of them; more than that is a pause of the client itself. */
const longestStepMs = 100

function failing(samples: readonly Sample[], lives: readonly Life[], publishesNotReady: boolean): number {
  const sorted = byTime(samples)
  let ms = 0
  for (const [n, { at, pod }] of sorted.entries()) {
    if (pod === undefined || healthAt(lives, pod, at) !== false) continue
    if (!lives.some((life) => servesThroughout(life, at, at, publishesNotReady))) continue
    ms += Math.min((sorted[n + 1]?.at ?? at) - at, longestStepMs)
  }
  return ms / 1000
}

/** Two handovers are never that close: an answer of another pod in between is one of two that serve at once. */
const closeMs = 500

function twoAnswering(samples: readonly Sample[]): number {
  const answered = byTime(samples).filter(({ pod }) => pod !== undefined)
  let ms = 0
  let changedAt = Number.NEGATIVE_INFINITY
  for (let n = 1; n < answered.length; n++) {
    const [before, now] = [answered[n - 1] as Sample, answered[n] as Sample]
    if (before.pod === now.pod) continue
    if (now.at - changedAt < closeMs) ms += now.at - changedAt
    changedAt = now.at
  }
  return ms / 1000
}
