import { describe, expect, it } from 'vitest'
import { PassObserver } from '../../../handler/serve/pass-observer.js'
import { NOT_WELL_MS, Resync } from '../../../handler/serve/watch/resync.js'
import { aGroupReport, aMember, anActive, aReport, MINUTE, NOW } from '../../support/builders.js'
import { VirtualClock } from '../../support/virtual-clock.js'

const DAY = 24 * 60 * MINUTE
const nothing = () => {}

/** The waits that are asked for once a pass has found groups with these pauses. */
function waitsAfter(...pauses: readonly (number | undefined)[]): readonly number[] {
  const waits: number[] = []
  const observer = new PassObserver({
    metrics: { served: nothing, passed: nothing },
    reachability: { passed: nothing },
    resync: { requestWithin: (ms) => void waits.push(ms) },
    log: { info: nothing, warn: nothing, error: nothing },
    clock: { now: () => NOW },
  })
  const members = [anActive('web-0'), aMember('web-1')]
  const groups = pauses.map((pause) => aGroupReport(members, { settings: pause === undefined ? {} : { pause } }))
  observer.passEnded('watch', 'all', aReport(groups))
  return waits
}

describe('the end of a pause', () => {
  it('is followed by a pass, as nothing that could be watched happens then', () => {
    expect(waitsAfter(NOW + 2 * MINUTE)).toEqual([2 * MINUTE])
    expect(waitsAfter(NOW + 3 * MINUTE, undefined, NOW + MINUTE)).toEqual([3 * MINUTE, MINUTE])
  })

  it('is looked for again after a day', () => {
    expect(waitsAfter(NOW + 40 * DAY)).toEqual([DAY])
  })

  it('asks for nothing where there is none, or it has come', () => {
    expect(waitsAfter(undefined, Number.POSITIVE_INFINITY, 0, NOW, NOW - MINUTE)).toEqual([])
  })

  it('wakes a resync that had nothing to wait for', async () => {
    const clock = new VirtualClock(NOW)
    const resync = new Resync(clock)
    const end = new AbortController()
    const passes: number[] = []
    await clock.run(
      (async () => {
        const running = resync.run(async () => {
          passes.push(clock.now())
          end.abort()
        }, end.signal)
        resync.requestWithin(2 * MINUTE)
        resync.requestWithin(NOT_WELL_MS * 100)
        await running
      })(),
    )
    expect(passes).toEqual([NOW + 2 * MINUTE])
  })
})
