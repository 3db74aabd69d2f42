import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { findBinaries } from './binaries.js'
import { type Kube, kube } from './client.js'
import { type ControlPlane, startControlPlane } from './control-plane.js'
import type { Change } from './history.js'
import { type Observer, observe } from './observer.js'
import { until } from './poll.js'
import { createNamespace } from './users.js'

const cluster = inject('cluster')

describe.skipIf(cluster === undefined)('the observer', () => {
  const admin = cluster?.kubeconfig ?? ''
  const namespace = `observer-${Date.now().toString(36)}`
  const world = createWorld(() => kube(admin), namespace)
  let observer: Observer
  beforeAll(async () => {
    await createNamespace(admin, namespace)
    await world.pod('there', { app: 'old' })
    observer = await observe(admin, namespace)
  })
  afterAll(async () => {
    await observer?.stop()
    await kube(admin).delete(`/api/v1/namespaces/${namespace}`)
  })

  test('knows what was there when it began', async () => {
    await observer.caughtUp()
    expect(summary(observer.history)).toEqual(['pod there'])
  })

  test('has seen every write when it has caught up, objects of a moment included', async () => {
    for (let round = 0; round < 10; round++) {
      await world.pod('moment', { app: 'moment' })
      await world.label('moment', { role: 'active' })
      await world.deletePod('moment')
      await observer.caughtUp()
      const told = ['pod moment', 'pod moment active', 'pod moment terminating', 'pod moment deleted']
      expect(summary(observer.history).slice(-4)).toEqual(told)
    }
    expect(observer.maxActives).toBe(1)
    expect(observer.instantsWithTwoActives).toEqual([])
  })

  test('puts pods and Services into the one order in which they were written', async () => {
    for (let round = 0; round < 5; round++) {
      await world.pod(`pod-${round}`, {})
      await world.service(`service-${round}`, { app: 'none' })
    }
    await observer.caughtUp()
    const names = [0, 1, 2, 3, 4].flatMap((round) => [`pod pod-${round}`, `service service-${round}`])
    expect(summary(observer.history).slice(-10)).toEqual(names)
  })

  test('finds two actives that lasted for one write', async () => {
    await world.pod('a', { app: 'two', role: 'active' })
    await world.pod('b', { app: 'two' })
    await world.label('b', { role: 'active' })
    await world.label('a', { role: 'passive' })
    await observer.caughtUp()
    expect(observer.maxActives).toBe(2)
    expect(observer.instantsWithTwoActives).toEqual([{ revision: expect.any(Number), pods: ['a', 'b'] }])
  })

  test('finds a managed Service that selected two pods, also while the role is out of its selector', async () => {
    await world.service('all', { app: 'two' })
    await world.service('managed', { app: 'two', role: 'active' })
    await world.select('managed', { role: null })
    await world.select('managed', { role: 'active' })
    await observer.caughtUp()
    const found = observer.instantsWhenServiceSelectsTwo
    expect(found).toEqual([{ revision: expect.any(Number), service: 'managed', pods: ['a', 'b'] }])
  })

  test('counts no pod that has finished', async () => {
    const before = observer.instantsWithTwoActives.length
    await world.pod('finished', { app: 'two', role: 'passive' })
    await world.status('finished', 'Succeeded')
    await world.label('finished', { role: 'active' })
    await observer.caughtUp()
    expect(observer.instantsWithTwoActives).toHaveLength(before)
  })
})

describe.skipIf(findBinaries() === undefined)('the observer of an API server that comes and goes', () => {
  let plane: ControlPlane
  beforeAll(async () => {
    plane = await startControlPlane()
  })
  afterAll(() => plane?.stop())

  test('misses nothing', { timeout: 60_000 }, async () => {
    const namespace = 'restarted'
    const world = createWorld(() => kube(plane.kubeconfig), namespace)
    await createNamespace(plane.kubeconfig, namespace)
    const observer = await observe(plane.kubeconfig, namespace)
    await world.pod('kept', {})
    await world.pod('removed', {})
    await observer.caughtUp()
    await plane.stopApiServer()
    const started = plane.startApiServer()
    // Written as soon as the API server takes writes, when the watches are seldom back yet.
    await until('the first write', () => world.deletePod('removed').catch(() => undefined), { everyMs: 1 })
    for (let round = 1; round <= 20; round++) await world.label('kept', { round: String(round) })
    await started
    await world.label('kept', { role: 'active' })
    await observer.caughtUp()
    const rounds = observer.history.map(({ object }) => object.metadata.labels?.round).filter((round) => round)
    expect(rounds).toEqual([...Array.from({ length: 20 }, (_, index) => String(index + 1)), '20'])
    const told = summary(observer.history)
    expect(told.slice(0, 4)).toEqual(['pod kept', 'pod removed', 'pod removed terminating', 'pod removed deleted'])
    expect(told.at(-1)).toBe('pod kept active')
    await observer.stop()
  })
})

function createWorld(api: () => Kube, namespace: string) {
  const path = (kind: string, name = ''): string => `/api/v1/namespaces/${namespace}/${kind}${name && `/${name}`}`
  const spec = { schedulerName: 'none', terminationGracePeriodSeconds: 0, containers: [{ name: 'app', image: 'none' }] }
  return {
    pod: (name: string, labels: Record<string, string>) =>
      api().post(path('pods'), { metadata: { name, labels }, spec }),
    service: (name: string, selector: Record<string, string>) =>
      api().post(path('services'), { metadata: { name }, spec: { selector, ports: [{ port: 80 }] } }),
    label: (pod: string, labels: Record<string, string>) => api().patch(path('pods', pod), { metadata: { labels } }),
    status: (pod: string, phase: string) => api().patch(`${path('pods', pod)}/status`, { status: { phase } }),
    select: (service: string, selector: Record<string, string | null>) =>
      api().patch(path('services', service), { spec: { selector } }),
    deletePod: (name: string) => api().delete(path('pods', name)),
  }
}

function summary(history: readonly Change[]): readonly string[] {
  return history.map(({ kind, object, deleted }) => {
    const role = object.metadata.labels?.role
    const state = deleted ? 'deleted' : object.metadata.deletionTimestamp ? 'terminating' : role
    return [kind, object.metadata.name, ...(state ? [state] : [])].join(' ')
  })
}
