import { describe, expect, test } from 'vitest'
import { formatDuration, parseDuration } from '../../../handler/util/duration.js'

describe('parseDuration', () => {
  test.each([
    ['0', 0],
    ['0s', 0],
    ['500ms', 500],
    ['2s', 2_000],
    ['1.5s', 1_500],
    ['0.25s', 250],
    ['1m', 60_000],
    ['1m30s', 90_000],
    ['1h', 3_600_000],
    ['1h2m3s4ms', 3_723_004],
    ['1h1ms', 3_600_001],
    ['90m', 5_400_000],
    ['010s', 10_000],
    ['576h', 2_073_600_000],
    ['1.1s', 1_100],
    ['4.35s', 4_350],
    ['0.6ms', 1],
  ])('reads %s as %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  test.each([
    '',
    ' ',
    '1',
    '00',
    '5000',
    's',
    '-1s',
    '+1s',
    '1 s',
    ' 1s',
    '1s ',
    '1s\n',
    '1S',
    '1d',
    '1us',
    '1s1m',
    '1s1s',
    '1.s',
    '.5s',
    '1e3s',
    '1,5s',
    '0x1s',
    'Infinityh',
    'NaNs',
    '576h1ms',
    `${'9'.repeat(400)}h`,
    '١s',
  ])('refuses %j', (text) => {
    expect(parseDuration(text)).toBeUndefined()
  })

  test('refuses a long text that is none at once', () => {
    const startedAt = performance.now()
    expect(parseDuration(`${'1'.repeat(100_000)}x`)).toBeUndefined()
    expect(performance.now() - startedAt).toBeLessThan(2_000)
  })
})

describe('formatDuration', () => {
  test.each([
    [0, '0s'],
    [0.4, '0s'],
    [1, '1ms'],
    [500, '500ms'],
    [999.6, '1s'],
    [1_500, '1.5s'],
    [2_000, '2s'],
    [59_999, '59.999s'],
    [60_000, '1m'],
    [90_000, '1m30s'],
    [3_600_000, '1h'],
    [3_661_001, '1h1m1.001s'],
  ])('shows %d ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })

  test('is read back to the millisecond', () => {
    for (let ms = 0; ms < 400_000_000; ms = Math.ceil(ms * 1.01) + 1) expect(parseDuration(formatDuration(ms))).toBe(ms)
  })
})
