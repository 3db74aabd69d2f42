import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { findBinaries } from './binaries.js'
import { type Kube, kube } from './client.js'
import { type ControlPlane, startControlPlane } from './control-plane.js'
import type { Change } from './history.js'
import { type Observer, observe } from './observer.js'
import { createNamespace } from './users.js'

const cluster = inject('cluster')

describe.skipIf(cluster === undefined)('the observer', () => {
  const admin = cluster?.kubeconfig ?? ''
  const namespace = `observer-${Date.now().toString(36)}`
  const world = new World(() => kube(admin), namespace)
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
      await world.delete('pods', 'moment')
      await observer.caughtUp()
      expect(summary(observer.history).slice(-3)).toEqual(['pod moment', 'pod moment active', 'pod moment deleted'])
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
    const world = new World(() => kube(plane.kubeconfig), namespace)
    await createNamespace(plane.kubeconfig, namespace)
    const observer = await observe(plane.kubeconfig, namespace)
    await world.pod('kept', {})
    await world.pod('removed', {})
    await plane.stopApiServer()
    await plane.startApiServer()
    // The watch is not back yet, or just so: both of its ways to go on are taken.
    await world.delete('pods', 'removed')
    await world.label('kept', { role: 'active' })
    await world.pod('added', {})
    await observer.caughtUp()
    expect(summary(observer.history)).toEqual([
      'pod kept',
      'pod removed',
      'pod removed deleted',
      'pod kept active',
      'pod added',
    ])
    await observer.stop()
  })
})

class World {
  constructor(
    readonly api: () => Kube,
    readonly namespace: string,
  ) {}

  async pod(name: string, labels: Record<string, string>): Promise<void> {
    const spec = {
      schedulerName: 'none',
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'app', image: 'none' }],
    }
    await this.api().post(this.#path('pods'), { metadata: { name, labels }, spec })
  }

  async service(name: string, selector: Record<string, string>): Promise<void> {
    await this.api().post(this.#path('services'), { metadata: { name }, spec: { selector, ports: [{ port: 80 }] } })
  }

  async label(pod: string, labels: Record<string, string | null>): Promise<void> {
    await this.api().patch(`${this.#path('pods')}/${pod}`, { metadata: { labels } })
  }

  async status(pod: string, phase: string): Promise<void> {
    await this.api().patch(`${this.#path('pods')}/${pod}/status`, { status: { phase } })
  }

  async select(service: string, selector: Record<string, string | null>): Promise<void> {
    await this.api().patch(`${this.#path('services')}/${service}`, { spec: { selector } })
  }

  async delete(kind: string, name: string): Promise<void> {
    await this.api().delete(`${this.#path(kind)}/${name}`)
  }

  #path(kind: string): string {
    return `/api/v1/namespaces/${this.namespace}/${kind}`
  }
}

function summary(history: readonly Change[]): readonly string[] {
  return history.map(({ kind, object, deleted }) => {
    const role = object.metadata.labels?.role
    return [kind, object.metadata.name, ...(deleted ? ['deleted'] : role ? [role] : [])].join(' ')
  })
}
