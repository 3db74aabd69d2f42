import { describe, expect, it } from 'vitest'
import type { Selection, Target } from '../../../handler/pass/scope.js'
import type { Report } from '../../../handler/report/report.js'
import { Coalescer } from '../../../handler/serve/coalesce.js'
import { ShuttingDown } from '../../../handler/serve/http/backend.js'
import { Progress } from '../../../handler/serve/progress.js'
import { aGroupReport, anActive, aReport } from '../../support/builders.js'

const named = (service: string): Target => ({ namespace: 'shop', service, otherwise: 'all' })
const asked = (service: string): Target => ({ service, otherwise: 'not-found' })

interface Pass {
  readonly order: Selection
  readonly trigger: string
  readonly report: Report
  end(): void
  fail(error: Error): void
}

/** Passes that last until the test ends them. */
function start(atOnce?: number) {
  const passes: Pass[] = []
  const coalescer = new Coalescer<string>((order, trigger) => {
    const report = new Promise<Report>((resolve, reject) => {
      const made = aReport([])
      passes.push({ order, trigger, report: made, end: () => resolve(made), fail: reject })
    })
    return { read: report, report }
  }, atOnce)
  return { coalescer, passes }
}

/** Whatever follows from promises that are settled has followed. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('what is asked for', () => {
  it('while no pass is under way begins at once', () => {
    const { coalescer, passes } = start()
    void coalescer.request([named('db')], 'alert')
    expect(passes).toMatchObject([{ order: [named('db')], trigger: 'alert' }])
    expect(coalescer.coalesced).toBe(0)
  })

  it('during a pass is done by exactly one more, which serves the union and begins when the first has ended', async () => {
    const { coalescer, passes } = start()
    const first = coalescer.request([named('db')], 'alert')
    const others = [[named('db')], [named('web'), named('db')], [named('mail')], [named('web')]].map((order, i) =>
      coalescer.request(order, `trigger ${i}`),
    )
    await settled()
    expect(passes).toHaveLength(1)
    expect(coalescer.coalesced).toBe(3)

    passes[0]?.end()
    expect(await first).toBe(passes[0]?.report)
    await settled()
    expect(passes).toHaveLength(2)
    expect(passes[1]).toMatchObject({ order: [named('db'), named('web'), named('mail')], trigger: 'trigger 0' })

    passes[1]?.end()
    for (const report of await Promise.all(others)) expect(report).toBe(passes[1]?.report)
    expect(passes).toHaveLength(2)
  })

  it('during the second of two passes waits for a third', async () => {
    const { coalescer, passes } = start()
    const [first, second] = [coalescer.request('all', ''), coalescer.request('all', '')]
    passes[0]?.end()
    await first
    const third = coalescer.request('all', '')
    passes[1]?.end()
    expect(await second).toBe(passes[1]?.report)
    await settled()
    passes[2]?.end()
    expect(await third).toBe(passes[2]?.report)
    expect(coalescer.coalesced).toBe(0)
  })

  it.each([
    ['all and a few', ['all', [named('db')]] as const, 'all'],
    ['a few and all', [[named('db')], 'all'] as const, 'all'],
    [
      'all and what has to be reported if it is not there',
      ['all', [asked('db'), named('web')]] as const,
      [asked('db'), { otherwise: 'all' }],
    ],
    ['the same name, asked for in two ways', [[named('db')], [asked('db')]] as const, [named('db'), asked('db')]],
  ])('%s is served by one pass', async (_what, orders, union) => {
    const { coalescer, passes } = start()
    void coalescer.request('all', '')
    for (const order of orders) void coalescer.request(order, '')
    passes[0]?.end()
    await settled()
    expect(passes[1]?.order).toEqual(union)
  })

  it('of very many groups is all of them', async () => {
    const { coalescer, passes } = start()
    void coalescer.request('all', '')
    for (let i = 0; i <= 1_000; i++) void coalescer.request([named(`db-${i}`)], '')
    passes[0]?.end()
    await settled()
    expect(passes[1]?.order).toBe('all')
  })

  it('goes on after a pass that failed, of which only those who waited for it are told', async () => {
    const { coalescer, passes } = start()
    const [first, second] = [coalescer.request('all', ''), coalescer.request('all', '')]
    passes[0]?.fail(new Error('a defect'))
    await expect(first).rejects.toThrow('a defect')
    passes[1]?.end()
    expect(await second).toBe(passes[1]?.report)
  })

  it('is done by so many passes at once, and then by one more', async () => {
    const { coalescer, passes } = start(2)
    for (const service of ['a', 'b', 'c', 'd']) void coalescer.request([named(service)], '')
    expect(passes.map(({ order }) => order)).toEqual([[named('a')], [named('b')]])
    passes[1]?.end()
    await settled()
    expect(passes.map(({ order }) => order)).toEqual([[named('a')], [named('b')], [named('c'), named('d')]])
  })
})

describe('when it is closed', () => {
  it('what waits is given up, what comes is refused, and it resolves when no pass is under way', async () => {
    const { coalescer, passes } = start()
    const [first, second] = [coalescer.request('all', ''), coalescer.request('all', '')]
    let isClosed = false
    const closed = coalescer.close().then(() => {
      isClosed = true
    })
    await expect(second).rejects.toThrow(ShuttingDown)
    await expect(coalescer.request('all', '')).rejects.toThrow(ShuttingDown)
    await settled()
    expect(isClosed).toBe(false)
    passes[0]?.end()
    expect(await first).toBe(passes[0]?.report)
    await closed
    expect(passes).toHaveLength(1)
  })

  it('while nothing is under way, it is at once', async () => {
    await start().coalescer.close()
  })
})

describe('who shares a pass', () => {
  it('is answered as soon as its own groups were served, and gets all where that is never said', async () => {
    const ends: ((report: Report) => void)[] = []
    const progress = new Progress()
    const coalescer = new Coalescer<string>(() => {
      const report = new Promise<Report>((resolve) => void ends.push(resolve))
      return { read: report, report, part: (targets) => progress.part(targets) }
    })
    const first = coalescer.request([named('db')], 'alert')
    const [slow, fast] = [coalescer.request([named('slow')], 'alert'), coalescer.request([named('fast')], 'alert')]
    ends[0]?.(aReport([]))
    await first
    const group = aGroupReport([anActive('fast-0')], { namespace: 'shop', services: ['fast'] })
    progress.add(aReport([group]))
    expect((await fast).groups).toEqual([group])
    const other = aGroupReport([anActive('slow-0')], { namespace: 'shop', services: ['slow'] })
    ends[1]?.(aReport([group, other]))
    expect((await slow).groups).toEqual([other])
  })
})
