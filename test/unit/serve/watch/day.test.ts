import { beforeEach, describe, expect, it } from 'vitest'
import type { Pod, Service } from '../../../../handler/kube/port.js'
import type { ServiceRef } from '../../../../handler/pass/scope.js'
import { Heartbeats } from '../../../../handler/serve/heartbeats.js'
import { runInterval } from '../../../../handler/serve/interval.js'
import { SILENCE_MS } from '../../../../handler/serve/watch/reflector.js'
import { watch } from '../../../../handler/serve/watch/watch.js'
import { DEFAULT_SETTINGS } from '../../../../handler/settings/settings.js'
import { aPod, aService, MINUTE, SECOND } from '../../../support/builders.js'
import { VirtualClock } from '../../../support/virtual-clock.js'
import { FakeWatchable } from '../../../support/watchables.js'

const DAY = 24 * 60 * MINUTE
const active = aPod('a', { labels: { role: 'active' } })
const passive = aPod('b', { labels: { role: 'passive' } })

describe('a day of quiet', () => {
  let clock: VirtualClock
  let services: FakeWatchable<Service>
  let pods: FakeWatchable<Pod>
  let passes: number
  let interruptions: number
  let end: AbortController
  let only: readonly ServiceRef[]
  let heartbeats: Heartbeats

  beforeEach(() => {
    clock = new VirtualClock()
    services = new FakeWatchable()
    services.objects = [aService('web')]
    pods = new FakeWatchable()
    pods.objects = [active, passive]
    passes = interruptions = 0
    heartbeats = new Heartbeats(() => clock.now())
    end = new AbortController()
    only = []
  })

  const begin = () =>
    watch(
      {
        ...{
          clock,
          random: () => 0.5,
          namespaces: ['default'],
          roleLabel: 'role',
          only: { services: only },
          defaults: DEFAULT_SETTINGS,
        },
        services: () => services,
        pods: () => pods,
        pass: async () => void passes++,
        connected: (_watch, _is, why) => void (why && interruptions++),
        steady: () => {},
        begins: ({ resource }, withinMs) => heartbeats.beat(resource, withinMs),
      },
      end.signal,
    )
  const requests = () => [services, pods].map(({ lists, watches }) => [lists, watches.length])

  it('takes one list and one watch of each kind', async () => {
    const watching = begin()
    for (let minute = 1; minute <= DAY / MINUTE; minute++) {
      await clock.advance(MINUTE)
      expect(heartbeats.late()).toBeUndefined()
      for (const kind of [services, pods]) kind.emit({ kind: 'bookmark', resourceVersion: String(minute) })
    }
    expect(requests()).toEqual([
      [1, 1],
      [1, 1],
    ])
    expect([passes, interruptions]).toEqual([0, 0])
    end.abort()
    await watching
    expect([services.open, pods.open]).toEqual([0, 0])
  })

  it('goes on when a watch dies without a word: what happened meanwhile is known soon after', async () => {
    const watching = begin()
    await clock.advance(MINUTE)
    pods.emit({ kind: 'bookmark', resourceVersion: '9' })
    services.emit({ kind: 'bookmark', resourceVersion: '9' })
    await clock.advance(SILENCE_MS)
    expect(pods.watches).toEqual(['1', '9'])
    pods.emit({ kind: 'changed', object: { ...active, ready: false }, resourceVersion: '10' })
    await clock.advance(1)
    expect(passes).toBe(1)
    expect(pods.lists).toBe(1)
    end.abort()
    await watching
  })

  it('makes no pass for the groups of Services that nobody has named, whatever becomes of them', async () => {
    only = [{ name: 'web' }]
    const db = { app: 'db', role: 'active' }
    services.objects = [aService('web'), aService('db', { selector: db })]
    pods.objects = [active, passive, aPod('db', { labels: { app: 'db' } })]
    const watching = begin()
    await clock.advance(MINUTE)
    pods.emit({ kind: 'changed', object: aPod('db', { labels: db, ready: false }), resourceVersion: '2' })
    pods.emit({ kind: 'changed', object: aPod('db-1', { labels: { app: 'db' } }), resourceVersion: '3' })
    await clock.advance(MINUTE)
    expect(passes).toBe(0)
    pods.emit({ kind: 'deleted', object: active, resourceVersion: '4' })
    await clock.advance(1)
    expect(passes).toBe(1)
    end.abort()
    await clock.advance(0)
    await watching
  })

  it('makes as many passes as there are intervals', async () => {
    let made = 0
    const looping = runInterval(
      clock,
      2 * SECOND,
      async () => {
        made++
        await clock.sleep(50)
        return true
      },
      end.signal,
    )
    await clock.advance(DAY - 1)
    expect(made).toBe(DAY / (2 * SECOND))
    end.abort()
    await looping
  })
})
