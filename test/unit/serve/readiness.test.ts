import { describe, expect, it } from 'vitest'
import { refusalOf } from '../../../handler/serve/reachability.js'
import { NOT_READY_MS, Readiness, SAY_AGAIN_MS, TRY_AGAIN_MS, UNTRIED_MS } from '../../../handler/serve/readiness.js'

const MINUTE = 60_000
const served = (atMs = 0) => {
  const readiness = new Readiness(0)
  readiness.served(atMs)
  return readiness
}

describe('a replica', () => {
  it('is not ready, and says why at once, until the API server has served something', () => {
    const readiness = new Readiness(0)
    expect(readiness.health(0)).toMatchObject({
      ready: false,
      alive: true,
      why: expect.stringMatching(/not reached yet/),
    })
    readiness.refused(1, 'no answer')
    expect(readiness.health(1)).toEqual({ ready: false, alive: true, why: 'no answer' })
    expect(readiness.logLines(1)).toEqual([{ level: 'warn', msg: 'not ready: no answer' }])
    readiness.served(2)
    expect(readiness.health(2)).toMatchObject({ ready: true, alive: true })
    expect(readiness.logLines(2)).toEqual([{ level: 'info', msg: expect.stringMatching(/^ready: /) }])
    expect(readiness.logLines(3)).toEqual([])
  })

  it('is not ready after two minutes of refusals, and well again at once', () => {
    const readiness = served()
    for (let atMs = 1_000; atMs <= 1_000 + 20 * MINUTE; atMs += 1_000) {
      readiness.refused(atMs, 'may not list\n pods')
      const ready = atMs < 1_000 + NOT_READY_MS
      expect(readiness.health(atMs)).toMatchObject({ ready, why: 'may not list pods' })
    }
    readiness.served(21 * MINUTE)
    expect(readiness.health(21 * MINUTE)).toMatchObject({ ready: true, alive: true })
  })

  it('is alive however long the API server serves nothing: a restart would find the same token', () => {
    const readiness = served()
    readiness.refused(0, 'may not list pods')
    expect(readiness.health(24 * 60 * MINUTE)).toEqual({ ready: false, alive: true, why: 'may not list pods' })
    expect(readiness.logLines(24 * 60 * MINUTE).map(({ level }) => level)).toEqual(['warn'])
    expect(new Readiness(0).health(24 * 60 * MINUTE).alive, 'one that has never reached it').toBe(true)
  })

  it('is ready where something is served among refusals', () => {
    const readiness = served()
    for (let atMs = 0; atMs < 10 * MINUTE; atMs += MINUTE) {
      readiness.refused(atMs, 'no')
      expect(readiness.health(atMs + MINUTE - 1).ready).toBe(true)
      readiness.served(atMs + MINUTE - 1)
    }
  })

  it('wants to try where nothing was tried for a minute, and sooner while nothing is served', () => {
    const readiness = new Readiness(0)
    expect(readiness.wantsTry(0)).toBe(true)
    readiness.served(0)
    expect(readiness.wantsTry(UNTRIED_MS - 1)).toBe(false)
    expect(readiness.wantsTry(UNTRIED_MS)).toBe(true)
    readiness.refused(UNTRIED_MS, 'no')
    expect(readiness.wantsTry(UNTRIED_MS + TRY_AGAIN_MS - 1)).toBe(false)
    expect(readiness.wantsTry(UNTRIED_MS + TRY_AGAIN_MS)).toBe(true)
  })

  it('is not alive while a part of it hangs, and says so once, with what happens next', () => {
    const readiness = served()
    expect(readiness.health(MINUTE, 'it hangs')).toEqual({ ready: true, alive: false, why: 'it hangs' })
    const line = {
      level: 'error',
      msg: 'not alive: it hangs. The livenessProbe of jobs/serve has this container restarted.',
    }
    expect(readiness.logLines(MINUTE, 'it hangs')).toEqual([line])
    expect(readiness.logLines(2 * MINUTE, 'it hangs')).toEqual([])
    expect(readiness.health(3 * MINUTE)).toMatchObject({ ready: true, alive: true })
  })

  it('makes no more of a time that jumps back than that', () => {
    const readiness = served(1_000 * MINUTE)
    readiness.refused(1_000 * MINUTE, 'no')
    expect(readiness.wantsTry(0)).toBe(false)
    expect(readiness.wantsTry(TRY_AGAIN_MS)).toBe(true)
    expect(readiness.health(0).ready).toBe(true)
    expect(readiness.health(NOT_READY_MS).ready).toBe(false)
  })
})

describe('the log', () => {
  /** What it says of refusals, one a second. */
  const linesOf = (readiness: Readiness, fromMs: number, lastMs: number, why: (second: number) => string) => {
    const lines: string[] = []
    for (let atMs = fromMs; atMs < fromMs + lastMs; atMs += 1_000) {
      readiness.refused(atMs, why(atMs / 1_000))
      lines.push(...readiness.logLines(atMs).map(({ msg }) => msg))
    }
    return lines
  }

  it('has the reason every few minutes', () => {
    const lines = linesOf(served(), 0, NOT_READY_MS + 2 * SAY_AGAIN_MS + 1_000, () => 'no')
    expect(lines).toEqual(['not ready: no', 'not ready: no', 'not ready: no'])
  })

  it('has it whenever its text changes, though not endlessly', () => {
    const readiness = served()
    linesOf(readiness, 0, NOT_READY_MS, () => 'no')
    expect(linesOf(readiness, NOT_READY_MS, 10_000, (second) => (second % 2 === 0 ? 'no' : 'never'))).toEqual([
      'not ready: no',
      'not ready: never',
    ])
    expect(linesOf(readiness, NOT_READY_MS + 10_000, 60_000, (second) => `no ${second}`)).toHaveLength(3)
  })

  it('has nothing of what was over before anybody was told that it is not ready', () => {
    const readiness = served()
    expect(linesOf(readiness, 0, MINUTE, () => 'no')).toEqual([])
    readiness.served(MINUTE)
    expect(readiness.logLines(MINUTE)).toEqual([])
  })
})

describe('a pass', () => {
  const fault = (code: string, message = 'may not list services') => ({ code, object: 'o', message, remedy: 'R.' })
  const group = (services: string[], ...faults: object[]) => ({ namespace: 'a', services, faults })
  const reportOf = (groups: readonly object[], complete: readonly string[] = [], scope: unknown = ['a', 'b']) =>
    ({ groups, complete, scope }) as unknown as Parameters<typeof refusalOf>[0]
  const denied = fault('denied')

  it('of nothing but refused namespaces was refused', () => {
    const groups = [group([], denied), group([], fault('unreachable', 'b'))]
    expect(refusalOf(reportOf(groups), true)).toBe('o: may not list services. R.')
  })

  it.each([
    ['that has nothing to serve', []],
    ['with a namespace that is refused among others', [group([], denied), group(['app'])]],
    ['with a group that is refused among others', [group(['app']), group(['mail'], denied)]],
    ['whose only group is refused, as by an admission policy of its namespace,', [group(['app'], denied)]],
    ['with another error', [group(['app'], fault('overlap'))]],
  ])('%s was served', (_what, groups) => {
    expect(refusalOf(reportOf(groups), true)).toBeUndefined()
  })

  it('for some groups tells only of what could not be read of all that is served', () => {
    const unread = [group([], denied)]
    expect(refusalOf(reportOf([group(['app'], denied)]), false)).toBeUndefined()
    expect(refusalOf(reportOf(unread), false), 'one of two namespaces').toBeUndefined()
    expect(refusalOf(reportOf(unread, [], 'all'), false), 'one of all namespaces').toBeUndefined()
    expect(refusalOf(reportOf(unread, [], ['a']), false), 'the only one').toBeDefined()
    expect(refusalOf(reportOf([{ ...group([], denied), namespace: undefined }], [], 'all'), false)).toBeDefined()
  })

  it('was served where it has read a namespace that has no groups', () => {
    expect(refusalOf(reportOf([group([], denied)], ['other']), true)).toBeUndefined()
  })
})
