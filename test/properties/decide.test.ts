import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decide } from '../../handler/group/decide.js'
import { endedActive, groupName } from '../../handler/group/groups.js'
import type { REASONS as MEANINGS } from '../../handler/group/reasons.js'
import { describeFault } from '../../handler/util/errors.js'
import { NOW, winnerOf } from '../support/builders.js'
import { reordered, world } from './arbitraries.js'
import { activesAfter, decideAll, type Outcome, ROLE, type World } from './chain.js'
import { healthierThan } from './healthier.js'
import { expected, RULES } from './oracle.js'
import { limit, parameters, Tally } from './runs.js'

/** All there is to decide, and why. A reason that is missing here does not compile. */
const REASONS: Readonly<Record<keyof typeof MEANINGS, readonly string[]>> = {
  'no-pods': ['empty'],
  paused: ['paused'],
  'several-actives': ['repair'],
  'no-active': ['first'],
  'label-lost': ['repair'],
  'active-gone': ['failover'],
  'active-terminating': ['blocked'],
  'active-not-ready': ['failover'],
  'active-failed': ['failover'],
  'ready-by-kubelet': ['failover'],
  'under-threshold': ['count'],
  cooldown: ['blocked'],
  'no-candidate': ['blocked'],
  'not-probed': ['blocked'],
  unconfirmed: ['count'],
  // Of commands in pods: test/unit/health/exec.test.ts
  unchecked: [],
  // These depend on other groups: test/pass/sight.test.ts
  panic: [],
  blind: [],
  preferred: ['failback'],
  healthy: ['keep'],
  'failback-waits': ['keep'],
}
const FAULTS = [
  'selector-too-wide',
  'overlap',
  'role-in-template',
  'foreign-role',
  'all-ended',
  'bad-annotation',
  'conflicting-annotations',
]
const EVERYTHING = [
  ...Object.entries(REASONS).flatMap(([code, kinds]) => kinds.map((kind) => `${kind} ${code}`)),
  ...FAULTS.map((code) => `error ${code}`),
]

const codeOf = ({ decision }: Outcome) => (decision.kind === 'error' ? decision.fault.code : decision.reason.code)
const inShort = (outcome: Outcome) => ({
  kind: outcome.decision.kind,
  code: codeOf(outcome),
  winner: winnerOf(outcome.decision),
})

/** Whether an error is reported beside what is decided. */
const isAlarmed = ({ decision, group }: Outcome) => decision.kind !== 'error' && group.alarms.length > 0

const countsOf = ({ members }: Outcome) =>
  Object.fromEntries(members.map(({ pod, verdict: { failures, marks } }) => [pod.name, { failures, marks }]))

describe('whatever a cluster holds,', limit, () => {
  test('something is decided, with a reason, and of what is known', async () => {
    const tally = new Tally()
    await fc.assert(
      fc.asyncProperty(world, async (cluster) => {
        for (const outcome of await decideAll(frozen(cluster))) {
          tally.add(`${outcome.decision.kind} ${codeOf(outcome)}`)
          expectSense(outcome)
        }
      }),
      parameters(),
    )
    tally.expectAll(EVERYTHING)
  })

  test('what is decided is what the design says', async () => {
    const tally = new Tally()
    await fc.assert(
      fc.asyncProperty(world, async (cluster) => {
        const outcomes = await decideAll(cluster)
        for (const service of cluster.services) {
          const outcome = outcomes.find(({ group }) => group.services.includes(service))
          const decided = outcome && { ...inShort(outcome), isAlarmed: isAlarmed(outcome), counts: countsOf(outcome) }
          expect(decided, `${service.namespace}/${service.name}`).toEqual(expected(cluster, service))
          tally.add(outcome ? `${outcome.decision.kind} ${codeOf(outcome)}` : 'not managed')
          if (decided?.isAlarmed) tally.add('alarmed')
        }
      }),
      parameters(),
    )
    tally.expectAll([...EVERYTHING, 'alarmed', 'not managed'])
  })

  test('each rule of the design is decisive now and then', () => {
    const tally = new Tally()
    fc.assert(
      fc.property(world, (cluster) => {
        const [service] = cluster.services
        const lacking = RULES.filter((rule) => tally.lacks(rule, 1_000))
        if (!service || lacking.length === 0) return
        const all = JSON.stringify(expected(cluster, service))
        for (const rule of lacking) if (JSON.stringify(expected(cluster, service, rule)) !== all) tally.add(rule)
      }),
      parameters(4_000),
    )
    tally.expectAll(RULES, 1_000)
  })

  test('the order in which Services and pods are listed does not matter', async () => {
    const bothOrders = world.chain((cluster) => fc.tuple(fc.constant(cluster), reordered(cluster)))
    await fc.assert(
      fc.asyncProperty(bothOrders, async ([one, other]) => {
        expect((await decideAll(other)).map(comparable).sort(byGroup)).toEqual(
          (await decideAll(one)).map(comparable).sort(byGroup),
        )
      }),
      parameters(),
    )
  })
})

describe('however its pods are listed,', limit, () => {
  test('a group gets the same decision', async () => {
    await fc.assert(
      fc.asyncProperty(world, async (cluster) => {
        for (const outcome of await decideAll(cluster)) {
          const { group, members, settings, decision } = outcome
          if (decision.kind === 'error') continue
          const situation = {
            members: members.toReversed(),
            settings,
            nowMs: NOW,
            endedActive: endedActive(group, ROLE),
          }
          const again = { ...outcome, decision: decide(situation) }
          expect(inShort(again)).toEqual(inShort(outcome))
        }
      }),
      parameters(),
    )
  })
})

describe('time alone moves nothing:', limit, () => {
  test('what a pass has left where it is, a later one with the same inputs leaves as well', async () => {
    const tally = new Tally()
    const later = fc.constantFrom(1, 9_999, 10_000, 60_000, 3_600_000, 86_400_000)
    await fc.assert(
      fc.asyncProperty(world, later, async (cluster, laterMs) => {
        for (const { group, members, settings, decision } of await decideAll(cluster)) {
          if (decision.kind === 'error' || 'winner' in decision) continue
          const situation = { members, settings, nowMs: NOW + laterMs, endedActive: endedActive(group, ROLE) }
          const after = decide(situation)
          // Three wait for a time, and say so: the ends of a cooldown and of a pause, and a failback that is due.
          const isDue = ['cooldown', 'paused'].includes(decision.reason.code) || after.kind === 'failback'
          expect('winner' in after && !isDue, JSON.stringify([decision.reason, after.reason])).toBe(false)
          tally.add(`${decision.kind}${'winner' in after ? ', then due' : ''}`)
        }
      }),
      parameters(),
    )
    tally.expectAll(['keep', 'blocked', 'blocked, then due', 'count', 'empty', 'paused'])
    tally.expectAll(['keep, then due'], 1_000)
  })
})

describe('health is never a disadvantage:', limit, () => {
  /** Twice the same cluster, but that the pod at `place` is healthier in the second. */
  const steps = world
    .filter(({ pods }) => pods.length > 0)
    .chain((sick) => fc.tuple(fc.constant(sick), placeIn(sick)))
    .chain(([sick, place]) => {
      const pod = sick.pods[place] as World['pods'][number]
      const fit = healthierThan(pod).map((better): World => ({ ...sick, pods: sick.pods.with(place, better) }))
      return fc.record({ sick: fc.constant(sick), fit, name: fc.constant(pod.pod.name) })
    })

  /** Rather of an active pod, where there is one. */
  function placeIn({ pods }: World): fc.Arbitrary<number> {
    const places = [...pods.keys()]
    const actives = places.filter((place) => pods[place]?.pod.labels.role === 'active')
    return fc.constantFrom(...places, ...actives, ...actives, ...actives)
  }

  test('a pod that is healthier keeps the role', async () => {
    const tally = new Tally()
    await fc.assert(
      fc.asyncProperty(steps, async ({ sick, fit, name }) => {
        for (const [before, after] of await both(sick, fit)) {
          if (!activesAfter(before).includes(name) || isFailback(after, name)) continue
          expect(activesAfter(after), inWords(before, after)).toContain(name)
          tally.add(`${before.decision.kind} then ${after.decision.kind}`)
        }
      }),
      parameters(),
    )
    tally.expectAll([
      'blocked then keep',
      'count then keep',
      'keep then keep',
      'repair then repair',
      'failover then failover',
    ])
  })

  test('a pod keeps the role when another one is less healthy', async () => {
    const tally = new Tally()
    await fc.assert(
      fc.asyncProperty(steps, async ({ sick, fit, name }) => {
        for (const [after, before] of await both(sick, fit)) {
          const others = activesAfter(before).filter((active) => active !== name)
          if (others.length === 0 || isFailback(before, name)) continue
          expect(activesAfter(after), inWords(before, after)).toEqual(expect.arrayContaining(others))
          tally.add(`${before.decision.kind} then ${after.decision.kind}`)
        }
      }),
      parameters(),
    )
    tally.expectAll(['blocked then blocked', 'keep then keep', 'repair then repair', 'failover then failover'])
  })

  /**
   * The one exception, and the design's own: a failback is for a healthy active only. As long as the active is less
   * than that it may keep the role (it fails under the threshold, waits for the cooldown, was not probed), or lose it to
   * the first candidate, however short that one has been healthy; once it is healthy it loses it to a preferred pod.
   */
  function isFailback(fit: Outcome, name: string): boolean {
    const active = fit.members.find(({ pod }) => pod.name === name)
    return fit.decision.kind === 'failback' && active?.role === 'active'
  }
})

function expectSense({ decision, members, settings, warnings }: Outcome): void {
  for (const { epoch, failures, failedAtMs, healthySinceMs, activeSinceMs, verdict } of members) {
    const numbers = [epoch + 1, failures, verdict.failures, failedAtMs ?? 0, healthySinceMs ?? 0, activeSinceMs ?? 0]
    expect(numbers.filter((n) => !Number.isSafeInteger(n))).toEqual([])
    expect(Math.min(epoch, failures, verdict.failures)).toBeGreaterThanOrEqual(0)
    const marks = Object.values(verdict.marks).filter((mark) => mark !== null)
    expect(marks.filter((mark) => !/^(\d{1,9}|20\d\d-\d\d-\d\dT[\d:.]+Z)$/.test(mark))).toEqual([])
  }
  expect(warnings.filter((warning) => typeof warning !== 'string')).toEqual([])
  if (decision.kind === 'error') {
    expect(describeFault(decision.fault)).toMatch(/^.{20,2000}$/s)
    expect(members).toEqual([])
    return
  }
  expect(new Map(Object.entries(REASONS)).get(decision.reason.code)).toContain(decision.kind)
  expect(decision.reason.text).toMatch(/^(?!.*\b(undefined|NaN|Infinity|object)\b).{8,500}$/s)
  expect(members.filter(({ pod }) => pod.phase === 'Failed' || pod.phase === 'Succeeded')).toEqual([])
  const living = members.filter(({ pod, role }) => role === 'active' && !pod.terminating)
  if (!('winner' in decision)) {
    if (decision.kind === 'keep' || decision.kind === 'count') expect(living).toHaveLength(1)
    return
  }
  const { winner } = decision
  expect(members).toContain(winner)
  expect(winner.pod.terminating).toBe(false)
  if (decision.reason.code === 'several-actives') {
    expect(living).toContain(winner)
    return
  }
  expect(winner.pod.phase).toBe('Running')
  expect(settings.never ?? []).not.toContain(winner.pod.name)
  expect(winner.pod.owner?.kind).not.toBe('Job')
  expect(living).not.toContain(winner)
  if (decision.reason.code === 'ready-by-kubelet') {
    expect(living.map(({ verdict }) => verdict.conclusive)).toEqual([true])
    expect(winner.pod).toMatchObject({ ready: true, ip: expect.stringMatching(/\d/) })
  } else if (decision.kind === 'failback' || living.length > 0) expect(winner.verdict.health).toBe('healthy')
}

/** What must be the same in every order; a group's members have an order of their own. */
function comparable({ group, decision, members, settings, warnings }: Outcome) {
  const { alarms } = group
  return { group: groupName(group), decision, members, settings, alarms, warnings: new Set(warnings) }
}

function byGroup(one: { readonly group: string }, other: { readonly group: string }): number {
  return one.group < other.group ? -1 : 1
}

/** The outcomes of the groups of both, side by side, where both may be touched: that is no matter of health. */
async function both(one: World, other: World): Promise<readonly (readonly [Outcome, Outcome])[]> {
  const [before, after] = await Promise.all([decideAll(one), decideAll(other)])
  const pairs = before.map((outcome, n) => [outcome, after[n] as Outcome] as const)
  return pairs.filter((pair) => pair.every(({ decision }) => decision.kind !== 'error'))
}

function inWords(...outcomes: readonly Outcome[]): string {
  return outcomes
    .map(({ decision }) => JSON.stringify(decision.kind === 'error' ? decision : decision.reason))
    .join(' -> ')
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    Object.values(value).forEach(frozen)
  }
  return value
}
