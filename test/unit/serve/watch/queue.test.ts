import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CLAIM } from '../../../../handler/kube/keys.js'
import type { Pod, Service } from '../../../../handler/kube/port.js'
import { GroupCache, type GroupEvent } from '../../../../handler/serve/watch/cache.js'
import { GroupQueue } from '../../../../handler/serve/watch/queue.js'
import { aPod, aService, MINUTE, SECOND } from '../../../support/builders.js'
import { VirtualClock } from '../../../support/virtual-clock.js'

const active = aPod('a', { labels: { role: 'active' } })
const passive = aPod('b', { labels: { role: 'passive' } })
const notReady = { ...active, ready: false }
const sealed = { ...active, labels: passive.labels }
const promoted = { ...passive, labels: active.labels }
const home = aService('web')
const claimed = aService('web', { annotations: { [CLAIM]: 'token b' } })

describe('who looks after a group in need', () => {
  let clock: VirtualClock
  let groups: GroupCache
  let queue: GroupQueue
  let stop: AbortController
  /** When passes began. */
  let passes: number[]
  /** What a pass does, and how long it takes. */
  let pass: () => Promise<void>

  beforeEach(() => {
    clock = new VirtualClock()
    groups = new GroupCache('role')
    groups.servicesListed(undefined, [home])
    groups.podsListed(undefined, [active, passive])
    stop = new AbortController()
    passes = []
    pass = async () => {}
    const begin = async () => {
      passes.push(clock.now())
      await pass()
    }
    queue = new GroupQueue(groups, begin, { clock, random: () => 0.5 }, stop.signal)
  })
  afterEach(async () => {
    stop.abort()
    await clock.run(queue.drained())
  })

  const tell = async (events: readonly GroupEvent[]) => {
    queue.add(events)
    await clock.advance(0)
  }
  const pods = (...changed: readonly Pod[]) => tell(changed.flatMap((pod) => groups.podChanged(pod)))
  const service = (changed: Service) => tell(groups.serviceChanged(changed))

  it.each([
    ['is not Ready any more', notReady],
    ['is being deleted', { ...active, terminating: true }],
    ['has ended', { ...active, phase: 'Failed' }],
  ])('makes a pass at once when the active pod %s', async (_name, pod) => {
    await pods(pod)
    expect(passes).toEqual([0])
  })

  it('makes a pass at once when the active pod was deleted', async () => {
    await tell(groups.podDeleted(active))
    expect(passes).toEqual([0])
  })

  it('makes none for a swap of somebody else, in whatever order the watches tell of it', async () => {
    await service(claimed)
    await pods(sealed)
    await clock.advance(20)
    await pods(promoted)
    await service(home)
    await clock.advance(MINUTE)
    await pods({ ...promoted, labels: passive.labels })
    await service(claimed)
    await pods(active)
    await clock.advance(20)
    await service(home)
    await clock.advance(MINUTE)
    expect(passes).toEqual([])
  })

  it('waits for a swap that has only sealed, and makes a pass when nothing comes of it', async () => {
    await pods(sealed)
    await clock.advance(99)
    expect(passes).toEqual([])
    await clock.advance(1)
    expect(passes).toEqual([100])
  })

  it('releases a claim that stays for a second, and leaves alone those that follow one another', async () => {
    await service(claimed)
    for (let n = 0; n < 10; n++) {
      await clock.advance(900)
      await service(aService('web', { annotations: { [CLAIM]: `token-${n} b` } }))
    }
    expect(passes).toEqual([])
    await clock.advance(1_500)
    expect(passes).toHaveLength(1)
    await service(home)
    await clock.advance(MINUTE)
    expect(passes).toHaveLength(1)
  })

  it('does not wait for a claim whose maker does not see that the active pod has gone', async () => {
    await service(claimed)
    await clock.advance(300)
    await tell(groups.podDeleted(active))
    expect(passes).toEqual([300])
  })

  it('tries again ever more slowly while passes do not help, up to every half a minute', async () => {
    await pods(notReady)
    await clock.advance(SECOND)
    expect(passes).toEqual([0, 250, 750])
    await clock.advance(MINUTE)
    const before = passes.length
    await clock.advance(10 * MINUTE)
    expect(passes.length - before).toBe(20)
    await pods(promoted, sealed)
    await clock.advance(10 * MINUTE)
    expect(passes.length - before).toBe(20)
  })

  it('tries at once when a pod becomes able to take over, however long it has waited', async () => {
    const unable = { ...passive, ready: false }
    await pods(unable, sealed, { ...sealed, ready: false })
    await clock.advance(10 * MINUTE)
    const before = passes.length
    expect(before).toBeGreaterThan(20)
    await clock.advance(SECOND)
    await pods(passive)
    expect(passes.slice(before)).toEqual([clock.now()])
    await clock.advance(SECOND)
    expect(passes.length - before).toBeGreaterThan(1) // and from there as if it were the first time
  })

  it('makes one more pass at once for what happens during a pass', async () => {
    pass = () => clock.sleep(500)
    await pods(notReady)
    await clock.advance(100)
    await pods(promoted, sealed) // the pass has helped, but before it has ended
    await pods({ ...promoted, ready: false }, { ...sealed, ready: true })
    await clock.advance(400)
    expect(passes).toEqual([0, 500])
  })

  it('makes none after the end, and ends when the pass under way does', async () => {
    pass = () => clock.sleep(500)
    await pods(notReady)
    stop.abort()
    let ended = false
    const end = queue.drained().then(() => {
      ended = true
    })
    await clock.advance(499)
    expect(ended).toBe(false)
    await clock.advance(MINUTE)
    await end
    expect(passes).toEqual([0])
  })

  it('looks after groups side by side', async () => {
    pass = () => clock.sleep(MINUTE)
    await service(aService('db', { selector: { app: 'db', role: 'active' } }))
    const db = aPod('db', { labels: { app: 'db', role: 'active' } })
    await pods(db, aPod('db-1', { labels: { app: 'db' } }))
    await pods(notReady)
    await clock.advance(SECOND)
    await pods({ ...db, terminating: true })
    expect(passes).toEqual([0, 1_000])
  })
})
