import { describe, expect, it } from 'vitest'
import type { Group } from '../../../handler/group/groups.js'
import { Announcements } from '../../../handler/pass/announcements.js'
import type { Announce } from '../../../handler/pass/context.js'
import { aGroupReport } from '../../support/builders.js'
import { VirtualClock } from '../../support/virtual-clock.js'

const group = {} as Group
const report = aGroupReport([])

function begun(announce: Announce | undefined, over?: AbortSignal) {
  const clock = new VirtualClock()
  const announcements = new Announcements(announce, clock, over)
  return { clock, announcements }
}
/** When everything was said, in milliseconds of the clock. */
const endOf = async ({ clock, announcements }: ReturnType<typeof begun>) => {
  let warnings: readonly string[] | undefined
  void announcements.ended().then((said) => {
    warnings = said
  })
  for (let ms = 0; ms <= 10_000; ms += 100) {
    await new Promise(setImmediate)
    if (warnings) return { ms, warnings }
    await clock.advance(100)
  }
  throw new Error('it does not end')
}

describe('what is sent of the groups of a pass', () => {
  it('begins at once, and costs no time where there is nothing to say', async () => {
    const reports: unknown[] = []
    const one = begun(async (_group, said) => {
      reports.push(said)
      return []
    })
    one.announcements.begin(group, report)
    expect(reports).toEqual([report])
    expect(await endOf(one)).toEqual({ ms: 0, warnings: [] })
    const none = begun(undefined)
    none.announcements.begin(group, report)
    expect(await endOf(none)).toEqual({ ms: 0, warnings: [] })
  })

  it('is given up after three seconds, in a warning of its own', async () => {
    const one = begun(
      (_group, _report, signal) =>
        new Promise((resolve) => signal.addEventListener('abort', () => resolve(['no time']), { once: true })),
    )
    one.announcements.begin(group, report)
    one.announcements.begin(group, report)
    const { ms, warnings } = await endOf(one)
    expect([Math.floor(ms / 1_000), warnings]).toEqual([3, ['no time']])
  })

  it('has three seconds after the last group, however long the groups of the pass take', async () => {
    let isLate = false
    const one = begun(
      (_group, _report, signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            isLate = true
            resolve([])
          })
        }),
    )
    one.announcements.begin(group, report)
    await one.clock.advance(60_000)
    expect(isLate).toBe(false)
    one.announcements.begin(group, report)
    expect(Math.floor((await endOf(one)).ms / 1_000)).toBe(3)
    expect(isLate).toBe(true)
  })

  it('ends all the same if it does not look at its signal', async () => {
    const one = begun(() => new Promise(() => {}))
    one.announcements.begin(group, report)
    const { ms, warnings } = await endOf(one)
    expect([Math.floor(ms / 1_000), warnings]).toEqual([
      3,
      ['there was no time to tell people of a handover or a trouble'],
    ])
  })

  it('ends when the pass must', async () => {
    const over = new AbortController()
    const one = begun(() => new Promise(() => {}), over.signal)
    one.announcements.begin(group, report)
    over.abort()
    expect((await endOf(one)).ms).toBeLessThan(1_000)
  })

  it('never costs the report: a defect is a warning', async () => {
    const one = begun(() => Promise.reject(new Error('defect')))
    one.announcements.begin(group, report)
    expect((await endOf(one)).warnings).toEqual(['people could not be told: defect'])
  })

  it('is ten different warnings at most', async () => {
    let n = 0
    const one = begun(async () => [`warning ${n++}`, 'the same'])
    for (let group_ = 0; group_ < 20; group_++) one.announcements.begin(group, report)
    const { warnings } = await endOf(one)
    expect([warnings.length, warnings.at(-1)]).toEqual([11, '11 more warnings of Events and notifications'])
  })
})
