import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { whyNot } from '../../handler/group/candidates.js'
import type { Judged } from '../../handler/group/groups.js'
import { toText } from '../../handler/report/text.js'
import { aGroupReport, aReport, NOW, winnerOf } from '../support/builders.js'
import { world } from './arbitraries.js'
import { decideAll, type Outcome } from './chain.js'
import { limit, parameters, Tally } from './runs.js'

/** A claim that a reason makes, and whether it is true of the situation. The groups of `claim` are given to `isTrue`. */
interface Claim {
  readonly name: string
  readonly claim: RegExp
  readonly isTrue: (outcome: Outcome, ...said: string[]) => boolean
}

const named = ({ members }: Outcome, name: string | undefined) => members.filter(({ pod }) => pod.name === name)
const oneOf = (outcome: Outcome, name: string | undefined, isSo: (member: Judged) => boolean) =>
  named(outcome, name).some(isSo)
const isMeant = (outcome: Outcome, setting: 'prefer' | 'never', name: string, label?: string) =>
  label === undefined
    ? outcome.settings[setting]?.includes(name) === true
    : outcome.settings[setting]?.includes(label) === true &&
      oneOf(outcome, name, ({ pod }) => Object.entries(pod.labels).some((pair) => pair.join('=') === label))
const probed = ({ pod }: Judged) => pod.containers.some(({ readinessProbe }) => readinessProbe)
const actives = ({ members }: Outcome) => members.filter(({ role }) => role === 'active')
const living = (outcome: Outcome) => actives(outcome).filter(({ pod }) => !pod.terminating)
const HOUR = 3_600_000

const CLAIMS: readonly Claim[] = [
  {
    name: 'passed',
    claim: /(\S+) passed its check/g,
    isTrue: (outcome, name) =>
      oneOf(outcome, name, ({ verdict }) => verdict.health === 'healthy' && verdict.evidence === 'check'),
  },
  {
    name: 'ready by its probe',
    claim: /(\S+) is Ready by its readinessProbe/g,
    isTrue: (outcome, name) => oneOf(outcome, name, (one) => one.pod.ready && probed(one)),
  },
  {
    name: 'ready without a probe',
    claim: /(\S+) is Ready, and has no readinessProbe/g,
    isTrue: (outcome, name) => oneOf(outcome, name, (one) => one.pod.ready && !probed(one)),
  },
  {
    name: 'not ready',
    claim: /(\S+) is not Ready by its kubelet/g,
    isTrue: (outcome, name) => oneOf(outcome, name, ({ pod, role }) => role === 'active' && !pod.ready),
  },
  {
    name: 'terminating',
    claim: /(\S+) is terminating/g,
    isTrue: (outcome, name) => oneOf(outcome, name, ({ pod, role }) => role === 'active' && pod.terminating),
  },
  {
    name: 'still ready',
    claim: /(\S+) is terminating, and still Ready/g,
    isTrue: (outcome, name) => oneOf(outcome, name, ({ pod }) => pod.ready && pod.phase === 'Running'),
  },
  {
    name: 'failed',
    claim: /(\S+) failed its check (once|\d+ times in a row) \(([^)]*)\)/g,
    isTrue: (outcome, name, times = '', result) =>
      oneOf(
        outcome,
        name,
        ({ verdict }) =>
          !verdict.conclusive &&
          verdict.failures === (times === 'once' ? 1 : Number.parseInt(times, 10)) &&
          verdict.failures >= outcome.settings.failures &&
          verdict.check.result === result,
      ),
  },
  {
    name: 'is counted',
    claim: /(\S+) failed its check \([^)]*\), (\d+) of (\d+) times/g,
    isTrue: (outcome, name, count, most) =>
      Number(count) < Number(most) &&
      Number(most) === outcome.settings.failures &&
      oneOf(outcome, name, ({ verdict }) => verdict.failures === Number(count)),
  },
  {
    name: 'no other',
    claim: /no other pod can take over \(([^)]*)/g,
    isTrue: (outcome) => {
      const [active] = actives(outcome)
      return outcome.members.every((one) => one === active || whyNot(one, outcome.settings) !== null)
    },
  },
  {
    name: 'alone',
    claim: /there is no other pod/g,
    isTrue: (outcome) => outcome.members.length === actives(outcome).length,
  },
  {
    name: 'named in never',
    claim: /(\S+): named in never(?: \(([^)]+)\))?/g,
    isTrue: (outcome, name = '', label?: string) => isMeant(outcome, 'never', name.replace('(', ''), label),
  },
  {
    name: 'active, and in never',
    claim: /(\S+) passed its check: \S+; it is named in never(?: \(([^)]+)\))?/g,
    isTrue: (outcome, name = '', label?: string) => isMeant(outcome, 'never', name, label),
  },
  {
    name: 'none is marked',
    claim: /no pod is active, and none is marked as having been/g,
    isTrue: (outcome) => actives(outcome).length === 0 && outcome.members.every(({ epoch }) => epoch === 0),
  },
  {
    name: 'gone',
    claim: /the active pod is gone|no pod is active any more/g,
    isTrue: (outcome) => actives(outcome).length === 0 && outcome.members.some(({ epoch }) => epoch > 0),
  },
  {
    name: 'at least running',
    claim: /no pod that may take over is healthy; (\S+) is at least running/g,
    isTrue: (outcome, name) =>
      outcome.members.every((one) => whyNot(one, outcome.settings) !== null) &&
      oneOf(outcome, name, ({ pod }) => pod.phase === 'Running' && !pod.terminating),
  },
  {
    name: 'has moved',
    claim: /back to a preferred pod, (once|twice|\d+ times) in the last hour/g,
    isTrue: ({ members, settings }, times = '') => {
      const moves = members.flatMap((one) => one.moves).filter(({ atMs }) => NOW - atMs < HOUR && atMs - NOW < 60_000)
      const count = new Set(moves.map((move) => JSON.stringify(move))).size
      const said = times === 'once' ? 1 : times === 'twice' ? 2 : Number.parseInt(times, 10)
      return settings.cooldown > 0 && said === count
    },
  },
  {
    name: 'preferred',
    claim: /(\S+) is preferred to (\S+)(?: \(([^)]+)\))? and/g,
    isTrue: (outcome, one = '', other = '', label?: string) => {
      const before = outcome.settings.prefer?.slice(0, outcome.settings.prefer.indexOf(label ?? one) + 1) ?? []
      const isOther = (entry: string) =>
        isMeant(outcome, 'prefer', other, entry.includes('=') ? entry : undefined) &&
        (entry.includes('=') || entry === other)
      return isMeant(outcome, 'prefer', one, label) && !before.some(isOther)
    },
  },
  {
    name: 'several',
    claim: /are all active; (\S+) is kept/g,
    isTrue: (outcome, name) => actives(outcome).length > 1 && oneOf(outcome, name, ({ role }) => role === 'active'),
  },
  {
    name: 'paused without one',
    claim: /paused by annotation, and no pod is active/g,
    isTrue: (outcome) => (outcome.settings.pause ?? 0) > 0 && actives(outcome).length === 0,
  },
]

describe('whatever is decided,', limit, () => {
  test('each claim of its reason is true', async () => {
    const tally = new Tally()
    await fc.assert(
      fc.asyncProperty(world, async (cluster) => {
        for (const outcome of await decideAll(cluster)) {
          const { decision } = outcome
          if (decision.kind === 'error') continue
          for (const { name, claim, isTrue } of CLAIMS) {
            for (const [, ...said] of decision.reason.text.matchAll(claim)) {
              expect(isTrue(outcome, ...said), `${name}: ${decision.reason.text}`).toBe(true)
              tally.add(name)
            }
          }
        }
      }),
      parameters(),
    )
    tally.expectAll(CLAIMS.map(({ name }) => name))
  })

  test('health is spoken of where the active pod has failed, and not where it is deleted', async () => {
    const tally = new Tally()
    await fc.assert(
      fc.asyncProperty(world, async (cluster) => {
        for (const outcome of await decideAll(cluster)) {
          const { decision, members, settings } = outcome
          if (decision.kind === 'error') continue
          const text = toText(aReport([aGroupReport(members, { decision, settings })]))
          const [active, ...more] = living(outcome)
          const hasFailed = active !== undefined && more.length === 0 && active.verdict.health === 'failed'
          const isServed = decision.kind !== 'paused' && decision.kind !== 'repair' && actives(outcome).length === 1
          expect(text.includes('application health failure'), text).toBe(hasFailed && isServed)
          tally.add(`${hasFailed && isServed}${winnerOf(decision) === undefined ? '' : ' and moved'}`)
        }
      }),
      parameters(),
    )
    tally.expectAll(['true', 'true and moved', 'false', 'false and moved'])
  })
})
