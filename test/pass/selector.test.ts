// --selector: which groups a pass serves. It narrows the scope only; whose pods are whose is judged on all Services.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseLabelSelector } from '../../handler/pass/selector.js'
import { type InProcess, startInProcess } from '../support/in-process.js'

describe('a pass with a selector', () => {
  let world: InProcess
  beforeEach(async () => {
    world = await startInProcess([])
  })
  afterEach(() => world.close())

  const label = (name: string, labels: Record<string, string>) =>
    world.api.store.update('services', 'default', name, (service) => {
      service.metadata.labels = labels
    })
  const pass = (text: string) => world.pass({ selector: parseLabelSelector(text), isNamed: true })

  test('serves the groups of which a Service has the labels, and writes to no other', async () => {
    world.addService({ name: 'db', selector: { app: 'db', role: 'active' } })
    world.addPod({ name: 'a' })
    world.addPod({ name: 'd', labels: { app: 'db' } })
    label('db', { tier: 'data' })
    const { groups } = await pass('tier=data')
    expect(groups.map(({ services }) => services)).toEqual([['db']])
    expect(world.actives()).toEqual(['d'])
  })

  test('finds that a pod is in two groups, though only one of them is selected', async () => {
    world.addService({ name: 'db', selector: { duty: 'db', role: 'active' } })
    world.addPod({ name: 'a', labels: { duty: 'db' } })
    label('db', { tier: 'data' })
    const { groups } = await pass('tier=data')
    expect(groups).toMatchObject([{ decision: { kind: 'error', fault: { code: 'overlap' } } }])
    expect(world.actives()).toEqual([])
  })

  test('says that nothing is selected', async () => {
    label('app', { tier: 'web' })
    const { groups } = await pass('tier=data')
    expect(groups).toMatchObject([
      {
        decision: {
          kind: 'error',
          fault: {
            code: 'nothing-in-scope',
            message:
              'of its Services (1) 0 match "tier=data" (--selector), and none of these is managed, so that nothing is kept active',
          },
        },
      },
    ])
    expect(world.takeRequests().filter((request) => request.startsWith('PATCH'))).toEqual([])
  })
})
