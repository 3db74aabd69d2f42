import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { progressLine, showProgress } from '../../../handler/util/progress.js'

const ERASED = '\r\u001b[K'

function terminal(columns = 80) {
  const written: string[] = []
  return { isTTY: true, columns, written, write: (text: string) => written.push(text) }
}

describe('the line of long work', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('is not drawn in the first second, then when it has changed, and is gone at the end', () => {
    const stream = terminal()
    const progress = showProgress(stream, {}, (seconds) => `work, ${seconds} s`)
    vi.advanceTimersByTime(999)
    expect(stream.written).toEqual([])
    vi.advanceTimersByTime(2_001)
    expect(stream.written).toEqual([1, 2, 3].map((seconds) => `${ERASED}work, ${seconds} s`))
    progress.done()
    expect(stream.written.at(-1)).toBe(ERASED)
    const { length } = stream.written
    vi.advanceTimersByTime(60_000)
    progress.tick()
    progress.done()
    expect(stream.written).toHaveLength(length)
  })

  it('leaves no byte of work that is over within a second', () => {
    const stream = terminal()
    const progress = showProgress(stream, {}, () => 'work')
    vi.advanceTimersByTime(900)
    progress.done()
    expect(stream.written).toEqual([])
  })

  it('is drawn by work that leaves timers no turn, and not more often than five times a second', () => {
    const stream = terminal()
    let n = 0
    const progress = showProgress(stream, {}, () => `${n}`)
    vi.setSystemTime(Date.now() + 5_000)
    vi.advanceTimersByTime(1_000)
    stream.written.length = 0
    for (n = 1; n <= 1_000; n++) progress.tick()
    expect(stream.written.length).toBeLessThanOrEqual(1)
    progress.done()
  })

  it('is drawn again after something else was printed', () => {
    const stream = terminal()
    const progress = showProgress(stream, {}, () => 'same')
    vi.advanceTimersByTime(1_000)
    progress.erase()
    progress.erase()
    vi.advanceTimersByTime(200)
    expect(stream.written).toEqual([`${ERASED}same`, ERASED, `${ERASED}same`])
    progress.done()
  })

  it.each<readonly [string, object, Record<string, string>]>([
    ['stderr is no terminal', { isTTY: undefined }, {}],
    ['CI is set', {}, { CI: 'true' }],
    ['the terminal cannot rewrite a line', {}, { TERM: 'dumb' }],
  ])('is never drawn where %s', (_, stream, env) => {
    const one = { ...terminal(), ...stream }
    const progress = showProgress(one, env, () => 'work')
    vi.advanceTimersByTime(60_000)
    progress.tick()
    progress.done()
    expect(one.written).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('its text', () => {
  it.each([
    ['abcdef', 10, 'abcdef'],
    ['abcdef', 6, 'abcde'],
    ['abcdef', 1, ''],
    ['a\nb\u001b[31m', 80, 'a\\nb\\u{1b}[31m'],
    ['\u{1f600}\u{1f600}\u{1f600}', 3, '\u{1f600}\u{1f600}'],
  ])('%j in %i columns', (text, columns, line) => {
    expect(progressLine(text, columns)).toBe(line)
  })

  it('is cut to 80 columns where the terminal does not say how wide it is', () => {
    expect(progressLine('x'.repeat(200), 0)).toHaveLength(79)
    expect(progressLine('x'.repeat(200))).toHaveLength(79)
  })
})
