import { beforeEach, describe, expect, it } from 'vitest'
import { KubeError } from '../../../../handler/kube/port.js'
import { Heartbeats, LATE_MS } from '../../../../handler/serve/heartbeats.js'
import { createMetrics, type Metrics } from '../../../../handler/serve/telemetry/metrics.js'
import { trackWatches } from '../../../../handler/serve/telemetry/watches.js'
import type { WatchName } from '../../../../handler/serve/watch/watch.js'

const pods: WatchName = { resource: 'pods', namespace: 'shop' }
const services: WatchName = { resource: 'services', namespace: 'shop' }

describe('what is told of the watches', () => {
  let metrics: Metrics
  let warnings: string[]
  let heartbeats: Heartbeats
  let nowMs: number
  let reached: string[]
  let status: ReturnType<typeof trackWatches>
  beforeEach(() => {
    metrics = createMetrics({ requests: () => 0, coalesced: () => 0 })
    warnings = []
    nowMs = 0
    reached = []
    heartbeats = new Heartbeats(() => nowMs)
    const apiServer = { served: () => void reached.push('served'), refused: (why: string) => void reached.push(why) }
    status = trackWatches(metrics, (message) => void warnings.push(message), apiServer, heartbeats)
  })
  /** A watch is answered, and breaks. */
  const breaks = (watch: WatchName, message = 'no answer') => {
    status.connected(watch, true)
    status.connected(watch, false, { reason: 'failed', error: new KubeError('failed', message, 'Look there.') })
  }
  const values = async (name: 'watchConnected' | 'watchRestarts') =>
    (await metrics[name].get()).values.map(({ labels, value }) => [...Object.values(labels), value])

  it('says once for each watch why it does not work, although it is answered each time', () => {
    for (let n = 0; n < 20; n++) for (const watch of [pods, services]) breaks(watch)
    expect(warnings).toEqual(Array(2).fill('watch: no answer. Look there.'))
  })

  it('is that the API server serves nothing where no watch is left, and not beside one that stands', () => {
    breaks(pods)
    expect(reached).toEqual(['served', 'watch: no answer. Look there.'])
    status.connected(services, true)
    breaks(pods)
    expect(reached.slice(2)).toEqual(['served', 'served'])
  })

  it('says it again after the watch has worked', () => {
    breaks(pods)
    breaks(services)
    status.steady(pods)
    breaks(pods)
    breaks(services)
    expect(warnings).toHaveLength(3)
  })

  it('says each of several reasons once, as long as they are few', () => {
    for (let n = 0; n < 10; n++) for (const message of ['refused', 'reset']) breaks(pods, message)
    expect(warnings).toEqual(['watch: refused. Look there.', 'watch: reset. Look there.'])
    for (let n = 0; n < 100; n++) breaks(pods, `no answer to request ${n}`)
    expect(warnings).toHaveLength(5)
  })

  it('says nothing of a watch that the server ends', () => {
    status.connected(pods, true)
    status.connected(pods, false, { reason: 'ended' })
    expect(warnings).toEqual([])
  })

  it('counts the watches that are connected, and those that are not any more', async () => {
    status.connected(pods, true)
    status.connected({ ...pods, namespace: 'other' }, true)
    status.connected(services, true)
    breaks(services)
    expect(await values('watchConnected')).toEqual([
      ['pods', 2],
      ['services', 0],
    ])
    expect(await values('watchRestarts')).toEqual([['failed', 1]])
  })

  it('is which of them gives no sign, by its name', () => {
    status.begins(pods, 1_000)
    status.begins({ resource: 'services', namespace: undefined }, 2_000)
    nowMs = 1_000 + LATE_MS
    expect(heartbeats.late()).toBeUndefined()
    nowMs++
    expect(heartbeats.late()).toBe('no sign for minutes of the watch of pods in namespace shop: something hangs')
    nowMs += 1_000
    expect(heartbeats.late()).toContain('namespace shop, the watch of services in all namespaces: ')
    status.begins(pods, 1_000)
    status.begins({ resource: 'services', namespace: undefined }, 1_000)
    expect(heartbeats.late()).toBeUndefined()
  })
})
