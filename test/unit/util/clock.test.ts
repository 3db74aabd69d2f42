import { afterEach, expect, test, vi } from 'vitest'
import { systemClock } from '../../../handler/util/clock.js'

afterEach(() => vi.restoreAllMocks())

// Newer Nodes warn on stderr of a negative delay, once for each process, and of one that is too large.
test.each([
  [-1, 0],
  [Number.NEGATIVE_INFINITY, 0],
  [Number.POSITIVE_INFINITY, 2 ** 31 - 1],
])('A sleep of %d ms sets a timer of %d', async (ms, expected) => {
  const timers = vi.spyOn(globalThis, 'setTimeout')
  const stop = new AbortController()
  const slept = systemClock.sleep(ms, stop.signal)
  stop.abort()
  await slept
  expect(timers.mock.calls.map(([, delay]) => delay)).toEqual([expected])
})
