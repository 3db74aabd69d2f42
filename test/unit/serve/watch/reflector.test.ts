import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Expired, KubeError } from '../../../../handler/kube/port.js'
import { Heartbeats } from '../../../../handler/serve/heartbeats.js'
import { type Interruption, runReflector, SILENCE_MS, STEADY_MS } from '../../../../handler/serve/watch/reflector.js'
import { MINUTE, SECOND } from '../../../support/builders.js'
import { VirtualClock } from '../../../support/virtual-clock.js'
import { FakeWatchable, type Step, unreachable } from '../../../support/watchables.js'

describe('a reflector', () => {
  let clock: VirtualClock
  let source: FakeWatchable<string>
  let told: string[]
  let interruptions: Interruption['reason'][]
  let steady: number
  let heartbeats: Heartbeats
  let end: AbortController
  let following: Promise<void>

  beforeEach(() => {
    clock = new VirtualClock()
    source = new FakeWatchable()
    told = []
    interruptions = []
    steady = 0
    heartbeats = new Heartbeats(() => clock.now())
    end = new AbortController()
  })
  afterEach(async () => {
    end.abort()
    await clock.advance(0)
    await following
    expect(source.open).toBe(0)
  })

  const begin = async () => {
    const store = {
      replaced: (all: readonly string[]) => void told.push(`listed ${all.join(' ')}`),
      changed: (object: string) => void told.push(`changed ${object}`),
      deleted: (object: string) => void told.push(`deleted ${object}`),
      connected: (_is: boolean, why?: Interruption) => void (why && interruptions.push(why.reason)),
      steady: () => void steady++,
      begins: (withinMs: number) => heartbeats.beat('it', withinMs),
    }
    following = runReflector(source, store, { clock, random: () => 1 }, end.signal)
    await clock.advance(0)
  }
  const change = async (kind: 'changed' | 'deleted', object: string, resourceVersion: string) => {
    source.emit({ kind, object, resourceVersion })
    await clock.advance(0)
  }
  const bookmark = async (resourceVersion: string) => {
    source.emit({ kind: 'bookmark', resourceVersion })
    await clock.advance(0)
  }
  const finish = async () => {
    source.end()
    await clock.advance(0)
  }
  const fail = async (error: Error) => {
    source.fail(error)
    await clock.advance(0)
  }

  it('lists, and tells of what changes after that', async () => {
    source.objects = ['a', 'b']
    source.resourceVersion = '7'
    await begin()
    await change('changed', 'a2', '8')
    await bookmark('9')
    await change('deleted', 'b', '10')
    expect(told).toEqual(['listed a b', 'changed a2', 'deleted b'])
    expect(source.watches).toEqual(['7'])
  })

  it('goes on where the last change or bookmark was when the server ends the watch', async () => {
    await begin()
    await change('changed', 'a', '8')
    await clock.advance(MINUTE)
    await finish()
    await bookmark('12')
    await clock.advance(MINUTE)
    await finish()
    expect(source.watches).toEqual(['1', '8', '12'])
    expect(source.lists).toBe(1)
    expect(interruptions).toEqual(['ended', 'ended'])
  })

  it('lists again at once when what was good for a while has expired, be it while nobody watched', async () => {
    await begin()
    await bookmark('8')
    await clock.advance(MINUTE)
    await fail(new Expired())
    expect([source.lists, source.open]).toEqual([2, 1])
    await clock.advance(MINUTE)
    source.refuseWatch.push(new Expired())
    await finish()
    expect([source.lists, source.open]).toEqual([3, 1])
    await clock.advance(MINUTE)
    source.refuseWatch.push(unreachable, unreachable, new Expired())
    await fail(unreachable)
    await clock.advance(0.5 * SECOND + SECOND + 2 * SECOND)
    expect([source.lists, source.open]).toEqual([4, 1])
  })

  it('lists again when the server does not know the version any more, told by the answer or by the watch', async () => {
    await begin()
    source.resourceVersion = '20'
    source.objects = ['c']
    source.refuseWatch.push(new Expired())
    source.end()
    await clock.advance(MINUTE)
    expect(source.watches).toEqual(['1', '1', '20'])
    await fail(new Expired())
    expect(told).toEqual(['listed ', 'listed c', 'listed c'])
    expect(source.watches).toEqual(['1', '1', '20', '20'])
  })

  it('leaves a connection that says nothing for too long, and goes on where it was', async () => {
    await begin()
    await bookmark('5')
    await clock.advance(SILENCE_MS - 1)
    expect(source.watches).toEqual(['1'])
    await clock.advance(1)
    expect(source.watches).toEqual(['1', '5'])
    expect(source.lists).toBe(1)
    expect(source.open).toBe(1)
    expect(interruptions).toEqual(['silent'])
  })

  it('lists again when a watch says nothing from its beginning on', async () => {
    await begin()
    source.resourceVersion = '20'
    await clock.advance(SILENCE_MS)
    expect(source.watches).toEqual(['1', '20'])
    expect(source.lists).toBe(2)
  })

  it('asks ever more slowly whom nobody answers, up to every 10 s, and quickly again after an answer', async () => {
    source.refuseWatch.push(...Array.from({ length: 30 }, () => unreachable))
    await begin()
    await clock.advance(8 * SECOND)
    const soon = source.watches.length
    expect(soon).toBeGreaterThan(3)
    expect(soon).toBeLessThan(7)
    await clock.advance(MINUTE)
    expect(source.watches.length - soon).toBeGreaterThanOrEqual(6)
    expect(source.watches.length - soon).toBeLessThanOrEqual(7)
    await clock.advance(10 * MINUTE)
    expect(source.open).toBe(1)
    const before = source.watches.length
    await change('changed', 'a', '2')
    await fail(unreachable)
    await clock.advance(SECOND)
    expect(source.watches.length).toBe(before + 1)
  })

  it('lists no more often than it watches when the list is refused', async () => {
    source.refuseList.push(...Array.from({ length: 1_000 }, () => new KubeError('denied', 'may not list', '')))
    await begin()
    await clock.advance(10 * MINUTE)
    expect(source.lists).toBeLessThan(70)
    expect(source.watches).toEqual([])
  })

  const changed: Step<string> = { kind: 'changed', object: 'a', resourceVersion: '1' }
  const marked: Step<string> = { kind: 'bookmark', resourceVersion: '1' }
  const ended: Step<string> = { kind: 'end' }
  const failed: Step<string> = { kind: 'error', error: unreachable }
  const expired: Step<string> = { kind: 'error', error: new Expired() }
  it.each<readonly [string, readonly Step<string>[]]>([
    ['ends', [ended]],
    ['ends after a bookmark', [marked, ended]],
    ['ends after a change', [changed, ended]],
    ['breaks', [failed]],
    ['breaks after a bookmark', [marked, failed]],
    ['says is expired', [expired]],
    ['says is expired after a change', [changed, expired]],
  ])('comes more slowly to a server whose every watch %s, however long an answer takes', async (_name, opening) => {
    source.opening = opening
    for (const takes of ['listTakes', 'watchTakes'] as const) source[takes] = () => clock.sleep(1_100, end.signal)
    await begin()
    await clock.advance(MINUTE)
    const before = source.watches.length
    expect(before).toBeLessThan(11)
    await clock.advance(10 * MINUTE)
    expect(source.watches.length - before).toBeLessThan(56) // 11 s each
    expect(source.watches.length - before).toBeGreaterThan(45)
    expect(source.lists).toBeLessThanOrEqual(source.watches.length)
    expect(steady).toBe(0)
    source.opening = []
    await clock.advance(MINUTE)
    expect([source.open, steady]).toEqual([1, 1])
  })

  it('comes more slowly to a server that takes its time to refuse a list', async () => {
    source.listTakes = () => clock.sleep(15 * SECOND, end.signal)
    source.refuseList.push(...Array.from({ length: 100 }, () => unreachable))
    await begin()
    await clock.advance(MINUTE)
    await clock.advance(10 * MINUTE)
    expect(source.lists).toBeLessThan(30)
  })

  it('lists again only after a pause when what it has just listed has expired', async () => {
    source.opening = [expired]
    await begin()
    await clock.advance(0.5 * SECOND - 1)
    expect([source.lists, source.watches.length]).toEqual([1, 1])
    await clock.advance(1)
    expect([source.lists, source.watches.length]).toEqual([2, 2])
  })

  it('leaves a server alone for as long as it wants, but no longer than half a minute', async () => {
    const busy = (retryAfterMs: number) => new KubeError('failed', 'busy', '', { retryAfterMs })
    source.refuseWatch.push(busy(10 * SECOND), busy(60 * MINUTE))
    await begin()
    await clock.advance(10 * SECOND - 1)
    expect(source.watches).toHaveLength(1)
    await clock.advance(1)
    expect(source.watches).toHaveLength(2)
    await clock.advance(30 * SECOND - 1)
    expect(source.watches).toHaveLength(2)
    await clock.advance(1)
    expect(source.open).toBe(1)
  })

  it('gives a sign at least every few minutes while nobody answers, refuses or is silent, and none when it hangs', async () => {
    source.refuseList.push(...Array.from({ length: 200 }, () => unreachable))
    await begin()
    for (let minute = 0; minute < 60; minute++) {
      await clock.advance(MINUTE)
      expect(heartbeats.late()).toBeUndefined()
    }
    source.listTakes = () => new Promise(() => {})
    await fail(new Expired())
    await clock.advance(6 * MINUTE)
    expect(heartbeats.late()).toBeUndefined()
    await clock.advance(2 * MINUTE)
    expect(heartbeats.late()).toBe('no sign for minutes of it: something hangs')
    following = Promise.resolve() // it never ends
  })

  it('says that a watch works when it has stood for a while', async () => {
    await begin()
    await bookmark('8')
    await clock.advance(STEADY_MS - 1)
    expect(steady).toBe(0)
    await clock.advance(1)
    expect(steady).toBe(1)
    await clock.advance(MINUTE)
    expect(steady).toBe(1)
  })

  it('says nothing of a watch that it ends itself', async () => {
    await begin()
    end.abort()
    await clock.advance(0)
    await following
    expect(interruptions).toEqual([])
  })
})
