// Every order in which callers come, servings end, well or not, and the process closes, as far as fast-check's scheduler tries them.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SingleFlight } from '../../../handler/pass/single-flight.js'
import type { GroupReport } from '../../../handler/report/report.js'
import { parameters } from '../../properties/runs.js'
import { aGroupReport } from '../../support/builders.js'

const KEYS = ['a', 'b'] as const

/** One that asks for a group: whether its serving would fail, and whether it shares it. */
interface Caller {
  readonly key: (typeof KEYS)[number]
  readonly fails: boolean
  readonly manner: 'shared' | 'alone'
}

const callers: fc.Arbitrary<readonly Caller[]> = fc.array(
  fc.record({ key: fc.constantFrom(...KEYS), fails: fc.boolean(), manner: fc.constantFrom('shared', 'alone') }),
  { minLength: 2, maxLength: 6 },
)

/** What happened, in its order: a caller asks, a serving begins or ends, the process closes. */
interface Serving {
  readonly key: string
  /** Whose serving it is. */
  readonly by: Caller
  readonly turn: 'now' | 'next'
  readonly hurry: AbortSignal
  readonly beganAt: number
  endedAt?: number
}

class Defect extends Error {}

describe('passes that share the groups', () => {
  it('serve each one at a time, and answer everybody with a serving that began after the call', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), callers, fc.boolean(), async (scheduler, all, closes) => {
        const singleFlight = new SingleFlight()
        let time = 0
        let closedAt = Number.POSITIVE_INFINITY
        const servings = new Map<GroupReport | Defect, Serving>()
        const underWay = new Set<string>()
        const ask = async (caller: Caller) => {
          const { key, fails, manner } = caller
          const ofKey = () => [...servings.values()].filter((serving) => serving.key === key)
          const askedAt = time++
          const wasBusy = singleFlight.isServed(key)
          if (underWay.has(key)) expect(wasBusy, 'what is under way is known').toBe(true)
          const serve = async (turn: 'now' | 'next', hurry: AbortSignal) => {
            expect(underWay.has(key), 'a group is served once at a time').toBe(false)
            if (turn === 'next') expect(closedAt, 'nothing that waits begins once it closes').toBe(Infinity)
            underWay.add(key)
            const report = fails ? new Defect() : aGroupReport([])
            const serving: Serving = { key, by: caller, turn, hurry, beganAt: time++ }
            servings.set(report, serving)
            await scheduler.schedule(Promise.resolve(), `the serving of ${key} ends`)
            serving.endedAt = time++
            underWay.delete(key)
            if (report instanceof Defect) throw report
            return report
          }
          const asked = singleFlight.serve(key, serve, manner)
          const current = ofKey().find(({ endedAt, by }) => endedAt === undefined && by !== caller)
          if (current && closedAt > time)
            expect(current.hurry.aborted, 'what is under way knows that somebody waits').toBe(true)
          const answer = await asked.catch((error: unknown) => {
            if (error instanceof Defect) return error
            throw error
          })
          if (answer === undefined) return expect(closedAt, 'nobody is left without an answer').toBeLessThan(Infinity)
          const serving = servings.get(answer)
          expect(serving?.key).toBe(key)
          if (manner === 'alone') expect(serving?.by, 'its serving is its own').toBe(caller)
          else expect(serving?.by.manner, 'nobody is answered with what was made for another alone').toBe('shared')
          expect(serving?.beganAt, 'the answer is of a serving that began after the call').toBeGreaterThan(askedAt)
          if (!wasBusy) expect(serving?.turn, 'nobody waits for a group that is free').toBe('now')
        }
        const asking = all.map((caller) =>
          scheduler.schedule(Promise.resolve(), `asks for ${caller.key}`).then(() => ask(caller)),
        )
        const closing = closes
          ? scheduler.schedule(Promise.resolve(), 'closes').then(async () => {
              closedAt = time++
              await singleFlight.close()
              expect([...underWay], 'nothing is under way when it has closed').toEqual([])
            })
          : undefined
        await scheduler.waitFor(Promise.all([...asking, closing]))
        const made = [...servings.values()].map(({ by }) => by)
        expect(new Set(made).size, 'each is served once').toBe(made.length)
        expect(underWay.size).toBe(0)
        for (const key of KEYS) expect(singleFlight.isServed(key), 'nothing is left behind').toBe(false)
      }),
      parameters(2_000),
    )
  })
})

describe('the line for a group', () => {
  /** Asks one after the other while the first is served. @returns the servings in their order, by their names */
  async function servedAfter(first: 'shared' | 'alone', asked: Readonly<Record<string, 'shared' | 'alone'>>) {
    const singleFlight = new SingleFlight()
    const order: string[] = []
    const hurried: string[] = []
    let letGo = () => {}
    const held = new Promise<void>((resolve) => {
      letGo = resolve
    })
    const serve = (name: string) => async (_turn: unknown, hurry: AbortSignal) => {
      order.push(name)
      await held
      if (hurry.aborted) hurried.push(name)
      return aGroupReport([])
    }
    const all = [singleFlight.serve('a', serve('first'), first)]
    for (const [name, manner] of Object.entries(asked)) all.push(singleFlight.serve('a', serve(name), manner))
    letGo()
    await Promise.all(all)
    return { order, hurried }
  }

  it('has one place for all that share, and one for each that does not', async () => {
    const { order, hurried } = await servedAfter('shared', {
      ...{ run: 'shared', alert: 'shared', toB: 'alone', toC: 'alone', watch: 'shared' },
    })
    expect(order).toEqual(['first', 'run', 'toB', 'toC'])
    expect(hurried, 'all but the last know that somebody waits').toEqual(['first', 'run', 'toB'])
  })

  it('lets nobody share what is made for one alone', async () => {
    const { order } = await servedAfter('alone', { toB: 'alone', alert: 'shared', toC: 'alone', run: 'shared' })
    expect(order).toEqual(['first', 'toB', 'alert', 'toC'])
  })
})
