import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FairShare, type Turn } from '../../../handler/pass/fair-share.js'
import { VirtualClock } from '../../support/virtual-clock.js'

const SLOW_MS = 250
const bounds = { atOnce: 4, ofGroup: 2, ofNamespace: 6, slowAfterMs: SLOW_MS }

interface Job extends Turn {
  readonly name: string
  readonly takesMs: number
}

/** Runs the jobs, all asked for at once in this order; tells when each began, and what was under way at most. */
async function run(jobs: readonly Job[], limits = bounds) {
  const clock = new VirtualClock()
  const turns = new FairShare(clock, limits)
  const began = new Map<string, number>()
  const underWay = new Set<Job>()
  const most = { group: 0, namespace: 0, fresh: 0 }
  const count = (is: (job: Job) => boolean) => [...underWay].filter(is).length
  const one = (job: Job) =>
    turns.take(job, async () => {
      began.set(job.name, clock.now())
      underWay.add(job)
      most.group = Math.max(
        most.group,
        count(({ group }) => group === job.group),
      )
      most.namespace = Math.max(
        most.namespace,
        count(({ namespace }) => namespace === job.namespace),
      )
      const isFresh = ({ name }: Job) => clock.now() - (began.get(name) ?? 0) < SLOW_MS
      most.fresh = Math.max(most.fresh, count(isFresh))
      await clock.sleep(job.takesMs)
      underWay.delete(job)
    })
  await clock.run(Promise.all(jobs.map(one)))
  return { order: [...began.keys()], began, most, turns }
}

const job = (name: string, rest: Partial<Job> = {}): Job => ({
  ...{ name, namespace: 'a', group: 'a/app', urgency: 0, takesMs: 10 },
  ...rest,
})

describe('turns', () => {
  it('are for the most urgent first, then for whoever has least under way', async () => {
    const jobs = [
      job('late', { urgency: 1, group: 'a/1' }),
      ...['1', '2', '3'].map((n) => job(`many-${n}`, { group: 'a/many' })),
      job('other', { group: 'a/other' }),
      job('elsewhere', { namespace: 'b', group: 'b/app' }),
    ]
    const { order } = await run(jobs, { ...bounds, atOnce: 1 })
    expect(order.at(0)).toBe('late') // nothing else was there
    expect(order.slice(1)).toEqual(['many-1', 'many-2', 'many-3', 'other', 'elsewhere'])
    expect((await run(jobs, { ...bounds, atOnce: 3 })).order).toEqual([
      ...['late', 'many-1', 'many-2', 'elsewhere', 'other', 'many-3'],
    ])
  })

  it('are not all taken by what hangs', async () => {
    const hanging = Array.from({ length: 40 }, (_, n) => job(`h${n}`, { group: `a/${n}`, takesMs: 30_000 }))
    const { began } = await run([...hanging, job('victim', { namespace: 'b', group: 'b/app' })])
    expect(began.get('victim')).toBeLessThanOrEqual(SLOW_MS)
  })

  const jobs = fc
    .array(
      fc.record({
        place: fc.constantFrom('a/1', 'a/2', 'a/3', 'b/1', 'b/2'),
        urgency: fc.nat(3),
        takesMs: fc.constantFrom(0, 10, SLOW_MS - 1, SLOW_MS + 1, 30_000),
      }),
      { maxLength: 40 },
    )
    .map((drafts) =>
      drafts.map(({ place, ...rest }, n) => job(`${n}`, { namespace: place.slice(0, 1), group: place, ...rest })),
    )

  it('come for everybody, within the bounds, and nothing is remembered after that', async () => {
    await fc.assert(
      fc.asyncProperty(jobs, async (all) => {
        const { order, most, turns } = await run(all)
        expect(order).toHaveLength(all.length)
        expect(most.group).toBeLessThanOrEqual(bounds.ofGroup)
        expect(most.namespace).toBeLessThanOrEqual(bounds.ofNamespace)
        expect(most.fresh).toBeLessThanOrEqual(bounds.atOnce)
        expect(turns).toMatchObject({ queues: new Map(), namespaces: new Map(), running: 0 })
      }),
      { numRuns: 200, seed: 20260101 },
    )
  })

  const evil = jobs.map((all) => all.map((one) => ({ ...one, namespace: 'evil', group: `evil/${one.group}` })))

  it('come at once for a namespace that has nothing under way, whatever another one does and however urgently', async () => {
    await fc.assert(
      fc.asyncProperty(evil, fc.nat(9), async (all, urgency) => {
        const { began } = await run([...all, job('victim', { urgency })])
        expect(began.get('victim')).toBe(0)
      }),
      { numRuns: 200, seed: 20260101 },
    )
  })

  it('come within a moment where several others do that', async () => {
    const elsewhere = fc
      .tuple(evil, jobs)
      .map(([some, others]) => [
        ...some,
        ...others.map((one) => ({ ...one, name: `other-${one.name}`, namespace: `n-${one.namespace}` })),
      ])
    await fc.assert(
      fc.asyncProperty(elsewhere, fc.nat(9), async (all, urgency) => {
        const { began } = await run([...all, job('victim', { namespace: 'v', group: 'v/app', urgency })])
        expect(began.get('victim')).toBeLessThanOrEqual(3 * SLOW_MS)
      }),
      { numRuns: 200, seed: 20260101 },
    )
  })
})
