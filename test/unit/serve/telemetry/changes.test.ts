import { describe, expect, it } from 'vitest'
import { changesIn } from '../../../../handler/serve/telemetry/changes.js'
import { aGroupReport, aMember, anActive, aReport, failed, failing } from '../../../support/builders.js'

const web = () => aGroupReport([anActive('web-0'), aMember('web-1')])
const mail = () => aGroupReport([anActive('mail-0'), aMember('mail-1')], { services: ['mail'] })

/** A group whose active pod has failed: the report of the pass that hands over. */
const handover = () => aGroupReport([anActive('web-0', { verdict: failed() }), aMember('web-1')], { latch: 'latched' })
const after = () => aGroupReport([aMember('web-0', { verdict: failed() }), anActive('web-1')])

describe('what is told of a group', () => {
  it('is what it is at first, and then nothing for as long as that stays', () => {
    const news = changesIn('text')
    expect(news(aReport([web(), mail()]), true)).toMatch(
      /^\d{4}-\d\d-\d\dT\S+Z [\s\S]*web-0 is the active pod[\s\S]*mail-0/,
    )
    expect(news(aReport([web(), mail()]), true)).toBeUndefined()
    expect(news(aReport([mail()]), false)).toBeUndefined()
  })

  it('is each handover, and not that the new pod stays active', () => {
    const news = changesIn('text')
    news(aReport([web(), mail()]), true)
    const told = news(aReport([handover(), mail()]), true)
    expect(told).toContain('Enabling web-1')
    expect(told).not.toContain('mail')
    expect(news(aReport([after(), mail()]), true)).toBeUndefined()
    expect(news(aReport([handover()]), false)).toContain('Enabling web-1')
  })

  it('is that its pod begins to fail and that it has recovered, and not each failure', () => {
    const news = changesIn('text')
    const counted = (failures: number) => aReport([aGroupReport([anActive('web-0', { verdict: failing(failures) })])])
    news(aReport([web()]), true)
    expect(news(counted(1), true)).toBeDefined()
    expect(news(counted(2), true)).toBeUndefined()
    expect(news(aReport([web()]), true)).toBeDefined()
  })

  it('is what it is, when it is back after a whole pass without it', () => {
    const news = changesIn('text')
    news(aReport([web(), mail()]), true)
    news(aReport([mail()]), false)
    expect(news(aReport([web()]), false)).toBeUndefined()
    news(aReport([mail()]), true)
    expect(news(aReport([web(), mail()]), true)).toContain('web-0 is the active pod')
  })

  it('is one line of JSON, where that is asked for', () => {
    const told = changesIn('json')(aReport([web(), mail()]), true) ?? ''
    expect(told.trimEnd().split('\n')).toHaveLength(1)
    expect(JSON.parse(told)).toMatchObject({ groups: [{ services: ['web'] }, { services: ['mail'] }] })
  })

  it('is known of ten thousand others too', () => {
    const news = changesIn('text')
    const all = aReport(Array.from({ length: 10_001 }, (_, n) => ({ ...mail(), services: [`mail-${n}`] })))
    expect(news(all, true)).toBeDefined()
    expect(news(all, true)).toBeUndefined()
  })

  it('is no warning again that was there before, whoever adds another one or takes one away', () => {
    const news = changesIn('text')
    const told = (...warnings: readonly string[]) => news(aReport([web()], { warnings }), true)
    expect(told('service a/one: typo', 'service b/two: typo')).toContain('a/one')
    const more = told('service a/one: typo', 'service b/two: typo', 'service c/three: typo')
    expect(more).toContain('c/three')
    expect(more).not.toContain('a/one')
    expect(told('service a/one: typo')).toBeUndefined()
  })

  it('is bounded for each namespace and minute: the others are told of, and the rest follows', () => {
    let ms = 1_000_000
    const news = changesIn('text', () => ms)
    const flapping = (n: number) => ({
      ...aGroupReport([anActive(`web-${n}`), aMember('web')], { warnings: ['x'.repeat(9_000)] }),
      namespace: 'tenant',
    })
    let length = 0
    for (let n = 0; n < 300; n++) length += news(aReport([flapping(n)]), false)?.length ?? 0
    expect(length).toBeGreaterThan(900_000)
    expect(length).toBeLessThan(1_100_000)
    expect(news(aReport([flapping(301)]), false)).toBeUndefined()
    expect(news(aReport([{ ...web(), namespace: 'other' }]), false)).toContain('web-0')
    ms += 60_000
    expect(news(aReport([flapping(301)]), false)).toContain('web-301')
  })
})
