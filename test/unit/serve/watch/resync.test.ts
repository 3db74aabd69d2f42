import { beforeEach, describe, expect, it } from 'vitest'
import { Resync } from '../../../../handler/serve/watch/resync.js'
import { MINUTE, SECOND } from '../../../support/builders.js'
import { VirtualClock } from '../../../support/virtual-clock.js'

const DAY = 24 * 60 * MINUTE

describe('resyncs', () => {
  let clock: VirtualClock
  let resync: Resync
  let end: AbortController
  let began: number[]
  /** What a round does. */
  let round: () => Promise<void>
  let making: Promise<void>
  beforeEach(() => {
    clock = new VirtualClock()
    resync = new Resync(clock)
    end = new AbortController()
    began = []
    round = async () => {}
    making = resync.run(() => {
      began.push(clock.now())
      return round()
    }, end.signal)
  })

  it('are none while nobody asks for one', async () => {
    await clock.advance(DAY)
    expect(began).toEqual([])
  })

  it('are one for all that is asked for before it begins, when the most urgent of that is due', async () => {
    resync.requestWithin(30 * SECOND)
    await clock.advance(10 * SECOND)
    for (const seconds of [1, 5, 60]) resync.requestWithin(seconds * SECOND)
    await clock.advance(DAY)
    expect(began).toEqual([11 * SECOND])
  })

  it('are not put off by what is asked for meanwhile', async () => {
    for (let second = 0; second < 10; second++) {
      resync.requestWithin(3 * SECOND)
      await clock.advance(SECOND)
    }
    expect(began).toEqual([3, 6, 9].map((second) => second * SECOND))
  })

  it('follow one another: what is asked for during one is done by the next', async () => {
    round = async () => {
      if (began.length > 1) return
      resync.requestWithin(SECOND)
      await clock.sleep(20 * SECOND)
    }
    resync.requestWithin(0)
    await clock.advance(MINUTE)
    expect(began).toEqual([0, 21 * SECOND])
  })

  it('end when they are told to, whether one is due or not', async () => {
    resync.requestWithin(SECOND)
    end.abort()
    await making
    await clock.advance(DAY)
    expect(began).toEqual([])
  })
})
