import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Expired, KubeError } from '../../../handler/kube/port.js'
import { follow, type Interruption, SILENCE_MS } from '../../../handler/serve/watch/follow.js'
import { MINUTE, SECOND } from '../../support/builders.js'
import { VirtualClock } from '../../support/virtual-clock.js'
import { FakeWatchable, unreachable } from '../../support/watchables.js'

describe('follow', () => {
  let clock: VirtualClock
  let source: FakeWatchable<string>
  let told: string[]
  let interruptions: Interruption['reason'][]
  let end: AbortController
  let following: Promise<void>

  beforeEach(() => {
    clock = new VirtualClock()
    source = new FakeWatchable()
    told = []
    interruptions = []
    end = new AbortController()
  })
  afterEach(async () => {
    end.abort()
    await clock.advance(0)
    await following
    expect(source.open).toBe(0)
  })

  const begin = async () => {
    const follower = {
      listed: (all: readonly string[]) => void told.push(`listed ${all.join(' ')}`),
      changed: (object: string) => void told.push(`changed ${object}`),
      deleted: (object: string) => void told.push(`deleted ${object}`),
      connected: (_is: boolean, why?: Interruption) => void (why && interruptions.push(why.reason)),
    }
    following = follow(source, follower, { clock, random: () => 1 }, end.signal)
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
    source.end()
    await clock.advance(0)
    await bookmark('12')
    source.end()
    await clock.advance(0)
    expect(source.watches).toEqual(['1', '8', '12'])
    expect(source.lists).toBe(1)
    expect(interruptions).toEqual(['ended', 'ended'])
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

  it('comes more slowly to a server that ends each watch at once', async () => {
    await begin()
    for (let n = 0; n < 200; n++) {
      source.end()
      await clock.advance(100)
    }
    expect(source.watches.length).toBeLessThan(10)
    expect(source.lists).toBe(1)
  })

  it('says nothing of a watch that it ends itself', async () => {
    await begin()
    end.abort()
    await clock.advance(0)
    await following
    expect(interruptions).toEqual([])
  })
})
