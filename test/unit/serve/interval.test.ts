import { describe, expect, it } from 'vitest'
import { runInterval } from '../../../handler/serve/interval.js'
import { SECOND } from '../../support/builders.js'
import { VirtualClock } from '../../support/virtual-clock.js'

/** When passes begin in 10 s. @param pass what one does; resolves to whether the API server served it */
async function passesIn10s(intervalMs: number, pass: (clock: VirtualClock, n: number) => Promise<boolean>) {
  const clock = new VirtualClock(1_000_000)
  const end = new AbortController()
  const began: number[] = []
  const looping = runInterval(
    clock,
    intervalMs,
    () => {
      began.push(clock.now() - 1_000_000)
      return pass(clock, began.length)
    },
    end.signal,
  )
  await clock.advance(10 * SECOND - 1)
  end.abort()
  await clock.advance(100 * SECOND)
  await looping
  return began
}

const served = async () => true

describe('the loop', () => {
  it('begins a pass at once and then every interval, however long passes take', async () => {
    expect(await passesIn10s(2_000, served)).toEqual([0, 2_000, 4_000, 6_000, 8_000])
    expect(await passesIn10s(2_000, (clock) => clock.sleep(1_500).then(served))).toEqual([
      0, 2_000, 4_000, 6_000, 8_000,
    ])
  })

  it('begins the next one at once when a pass has taken longer, one at a time', async () => {
    expect(await passesIn10s(2_000, (clock, n) => clock.sleep(n === 1 ? 5_000 : 0).then(served))).toEqual([
      0, 5_000, 7_000, 9_000,
    ])
  })

  it('gives a server in trouble a second', async () => {
    expect(await passesIn10s(250, async (_clock, n) => n > 9)).toEqual([
      ...[0, 1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 7_000, 8_000, 9_000],
      ...[9_250, 9_500, 9_750],
    ])
  })

  it('goes on at its pace when the time of the machine is set back', async () => {
    let offset = 0
    const clock = new VirtualClock(1_000_000)
    const end = new AbortController()
    let passes = 0
    const jumping = { now: () => clock.now() - offset, sleep: clock.sleep.bind(clock) }
    const looping = runInterval(
      jumping,
      SECOND,
      async () => {
        passes++
        offset += 3_600_000
        return true
      },
      end.signal,
    )
    await clock.advance(10 * SECOND)
    expect(passes).toBe(11)
    end.abort()
    await looping
  })
})
