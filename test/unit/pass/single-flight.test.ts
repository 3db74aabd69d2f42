// Every order in which callers come, servings end, well or not, and the process closes, as far as fast-check's scheduler tries them.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SingleFlight } from '../../../handler/pass/single-flight.js'
import type { GroupReport } from '../../../handler/report/report.js'
import { parameters } from '../../properties/runs.js'
import { aGroupReport } from '../../support/builders.js'

const KEYS = ['a', 'b'] as const

/** One that asks for a group: whether its serving would fail, and after how many others it comes. */
interface Caller {
  readonly key: (typeof KEYS)[number]
  readonly fails: boolean
}

const callers: fc.Arbitrary<readonly Caller[]> = fc.array(
  fc.record({ key: fc.constantFrom(...KEYS), fails: fc.boolean() }),
  { minLength: 2, maxLength: 6 },
)

/** What happened, in its order: a caller asks, a serving begins or ends, the process closes. */
interface Serving {
  readonly key: string
  readonly turn: 'now' | 'next'
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
        const ask = async ({ key, fails }: Caller) => {
          const askedAt = time++
          const wasBusy = singleFlight.isServed(key)
          if (underWay.has(key)) expect(wasBusy, 'what is under way is known').toBe(true)
          const serve = async (turn: 'now' | 'next') => {
            expect(underWay.has(key), 'a group is served once at a time').toBe(false)
            if (turn === 'next') expect(closedAt, 'nothing that waits begins once it closes').toBe(Infinity)
            underWay.add(key)
            const report = fails ? new Defect() : aGroupReport([])
            const serving: Serving = { key, turn, beganAt: time++ }
            servings.set(report, serving)
            await scheduler.schedule(Promise.resolve(), `the serving of ${key} ends`)
            serving.endedAt = time++
            underWay.delete(key)
            if (report instanceof Defect) throw report
            return report
          }
          const answer = await singleFlight.serve(key, serve).catch((error: unknown) => {
            if (error instanceof Defect) return error
            throw error
          })
          if (answer === undefined) return expect(closedAt, 'nobody is left without an answer').toBeLessThan(Infinity)
          const serving = servings.get(answer)
          expect(serving?.key).toBe(key)
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
        expect(underWay.size).toBe(0)
        for (const key of KEYS) expect(singleFlight.isServed(key), 'nothing is left behind').toBe(false)
      }),
      parameters(2_000),
    )
  })
})
