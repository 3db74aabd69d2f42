import { describe, expect, it } from 'vitest'
import type { Report } from '../../../../handler/report/report.js'
import { changesIn } from '../../../../handler/serve/telemetry/changes.js'
import { aGroupReport, aMember, anActive, aReport, failed, failing } from '../../../support/builders.js'

const web = () => aGroupReport([anActive('web-0'), aMember('web-1')])
const mail = () => aGroupReport([anActive('mail-0'), aMember('mail-1')], { services: ['mail'] })

/** A group whose active pod has failed: the report of the pass that hands over. */
const handover = () => aGroupReport([anActive('web-0', { verdict: failed() }), aMember('web-1')], { latch: 'latched' })
const after = () => aGroupReport([aMember('web-0', { verdict: failed() }), anActive('web-1')])

/** The messages on each report, one after the other. */
function telling(now?: () => number) {
  const changes = changesIn(now)
  return (report: Report, isWhole: boolean) => changes(report, isWhole).map(({ msg }) => msg)
}

describe('what is told of a group', () => {
  it('is what it is at first, and then nothing for as long as that stays', () => {
    const news = telling()
    expect(news(aReport([web(), mail()]), true)).toEqual([
      'web-0 is active; keep: web-0 passed its check: 200',
      'mail-0 is active; keep: mail-0 passed its check: 200',
    ])
    expect(news(aReport([web(), mail()]), true)).toEqual([])
    expect(news(aReport([mail()]), false)).toEqual([])
  })

  it('is each handover, and not that the new pod stays active', () => {
    const news = telling()
    news(aReport([web(), mail()]), true)
    const failover = [expect.stringMatching(/^failover from web-0 to web-1: /)]
    expect(news(aReport([handover(), mail()]), true)).toEqual(failover)
    expect(news(aReport([after(), mail()]), true)).toEqual([])
    expect(news(aReport([handover()]), false)).toEqual(failover)
  })

  it('is that its pod begins to fail and that it has recovered, and not each failure', () => {
    const news = telling()
    const counted = (failures: number) => aReport([aGroupReport([anActive('web-0', { verdict: failing(failures) })])])
    news(aReport([web()]), true)
    expect(news(counted(1), true)).toHaveLength(1)
    expect(news(counted(2), true)).toEqual([])
    expect(news(aReport([web()]), true)).toHaveLength(1)
  })

  it('is what it is, when it is back after a whole pass without it', () => {
    const news = telling()
    news(aReport([web(), mail()]), true)
    news(aReport([mail()]), false)
    expect(news(aReport([web()]), false)).toEqual([])
    news(aReport([mail()]), true)
    expect(news(aReport([web(), mail()]), true)).toEqual([expect.stringMatching(/^web-0 is active/)])
  })

  it('is nothing of what was told before its pass had ended', () => {
    const changes = changesIn()
    expect(changes(aReport([web(), mail()]), true, ({ services }) => services[0] === 'web')).toHaveLength(1)
  })

  it('is known of ten thousand others too', () => {
    const news = telling()
    const all = aReport(Array.from({ length: 10_001 }, (_, n) => ({ ...mail(), services: [`mail-${n}`] })))
    expect(news(all, true)).toHaveLength(10_001)
    expect(news(all, true)).toEqual([])
  })

  it('is no warning again that was there before, whoever adds another one or takes one away', () => {
    const news = telling()
    const told = (...warnings: readonly string[]) => news(aReport([web()], { warnings }), true)
    expect(told('service a/one: typo', 'service b/two: typo')).toContain('service a/one: typo')
    expect(told('service a/one: typo', 'service b/two: typo', 'service c/three: typo')).toEqual([
      'service c/three: typo',
    ])
    expect(told('service a/one: typo')).toEqual([])
  })

  it('is bounded for each namespace and minute: the others are told of, and the rest follows', () => {
    let ms = 1_000_000
    const news = telling(() => ms)
    const flapping = (n: number) => ({
      ...aGroupReport([anActive(`web-${n}`), aMember('web')], { warnings: ['x'.repeat(9_000)] }),
      namespace: 'tenant',
    })
    const said: string[] = []
    for (let n = 0; n < 300; n++) said.push(...news(aReport([flapping(n)]), false))
    expect(said.join('').length).toBeGreaterThan(900_000)
    expect(said.join('').length).toBeLessThan(1_100_000)
    expect(said.at(-1)).toBe('too much changes in this namespace: the rest is told later')
    expect(news(aReport([flapping(301)]), false)).toEqual([])
    expect(news(aReport([{ ...web(), namespace: 'other' }]), false)).toHaveLength(1)
    ms += 60_000
    expect(news(aReport([flapping(301)]), false)[0]).toContain('web-301')
  })
})
