// Passes that serve what somebody has named.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { PassOptions } from '../../handler/pass/pass.js'
import type { Target } from '../../handler/pass/scope.js'
import { exitCode } from '../../handler/report/exit-code.js'
import type { Report } from '../../handler/report/report.js'
import { type InProcess, NAMESPACE, startInProcess } from '../support/in-process.js'

let world: InProcess
beforeEach(async () => {
  world = await startInProcess()
  world.addService({ name: 'app-headless', selector: { app: 'helloworld' }, spec: { clusterIP: 'None' } })
  world.addService({ name: 'mail', selector: { app: 'mail', role: 'active' } })
  world.addPod({ name: 'mail-0', labels: { app: 'mail' } })
  world.addPod({ name: 'mail-1', labels: { app: 'mail' } })
  addElsewhere('other')
  await world.pass({ namespaces: [NAMESPACE, 'other'] })
  world.api.clearRequests()
})
afterEach(() => world.close())

/** A Service `app` with pods `a` and `b` in another namespace. */
function addElsewhere(namespace: string) {
  for (const resource of ['services', 'pods'] as const) {
    for (const { metadata, spec, status } of world.api.store.list(resource, NAMESPACE)) {
      if (!['app', 'a', 'b'].includes(metadata.name)) continue
      const { name, labels = {} } = metadata
      world.api.store.create(resource, { metadata: { name, namespace, labels }, spec, status } as never)
    }
  }
}

const alert = (named: Omit<Target, 'otherwise'>): Target => ({ namespace: NAMESPACE, ...named, otherwise: 'all' })
const asked = (service: string, namespace?: string): Target => ({ namespace, service, otherwise: 'not-found' })

/** What a pass for these served, and the LISTs that it took. */
async function serve(targets: readonly Target[], options: Partial<Omit<PassOptions, 'settings'>> = {}) {
  const report: Report = await world.pass({ targets, ...options })
  const served = report.groups.map(({ namespace, services }) => `${namespace}/${services.join(',')}`)
  const lists = world.api.requests.map(
    ({ path, query }) =>
      `${path.replace('/api/v1/namespaces/', '').replace('/api/v1/', '')} ${query.labelSelector ?? ''}`,
  )
  world.api.clearRequests()
  return { report, served, lists: lists.map((list) => list.trim()) }
}

describe('an alert', () => {
  it('for a Service serves its group: two LISTs, of which one reads its pods only', async () => {
    const { served, lists } = await serve([alert({ service: 'app' })])
    expect(served).toEqual(['default/app'])
    expect(lists).toEqual(['default/services', 'default/pods app=helloworld'])
  })

  it.each([
    ['a pod', { pod: 'b' }],
    ['a pod and a headless Service of another name', { service: 'app-headless', pod: 'a' }],
    ['a pod and a Service that is not there', { service: 'app-metrics', pod: 'a' }],
  ])('for %s serves the group of the pod: two LISTs', async (_what, named) => {
    const { served, lists } = await serve([alert(named)])
    expect(served).toEqual(['default/app'])
    expect(lists).toEqual(['default/services', 'default/pods'])
  })

  it('for a Service that is managed goes by that, whatever pod it names', async () => {
    expect((await serve([alert({ service: 'mail', pod: 'a' })])).served).toEqual(['default/mail'])
  })

  it.each([
    ['an unknown Service', { service: 'unknown' }],
    ['an unknown pod', { pod: 'unknown-0' }],
    ['a Service that is not managed', { service: 'app-headless' }],
    ['unknown names', { service: 'unknown', pod: 'unknown-0' }],
  ])('for %s serves the whole scope: two LISTs', async (_what, named) => {
    const { report, served, lists } = await serve([alert(named)])
    expect(served).toEqual(['default/app', 'default/mail'])
    expect(lists).toEqual(['default/services', 'default/pods'])
    expect(exitCode(report)).toBe(0)
  })

  it('acts on the group that it names, and on no other', async () => {
    world.health.set('a', '500').set('mail-0', '500')
    await serve([alert({ pod: 'a' })])
    expect(world.actives()).toEqual(['b', 'mail-0'])
  })

  it('with others for the same group and one for another serves each once: two LISTs', async () => {
    const targets = [{ service: 'app' }, { pod: 'a' }, { pod: 'b' }, { service: 'mail' }].map(alert)
    const { served, lists } = await serve(targets)
    expect(served).toEqual(['default/app', 'default/mail'])
    expect(lists).toHaveLength(2)
  })
})

describe('a Service that is asked for by name', () => {
  it.each([
    ['unknown', /there is no such Service in namespace default/],
    ['app-headless', /it does not have role: active in its selector/],
  ])('and is not managed is in the report: %s', async (name, message) => {
    const { report, lists } = await serve([asked(name)])
    expect(report.groups).toMatchObject([
      {
        services: [name],
        decision: { kind: 'error' },
        faults: [{ code: 'not-found', message: expect.stringMatching(message) }],
      },
    ])
    expect(exitCode(report)).toBe(1)
    expect(lists.filter((list) => list.startsWith('default/services'))).toHaveLength(1)
  })

  it('is served though another is unknown, and that one is reported', async () => {
    const { served } = await serve([asked('app'), asked('unknown')])
    expect(served).toEqual(['default/app', 'default/unknown'])
  })

  it('is reported as unknown though another wish is for everything: two LISTs', async () => {
    const { served, lists } = await serve([asked('unknown'), { otherwise: 'all' }])
    expect(served).toEqual(['default/app', 'default/mail', 'default/unknown'])
    expect(lists).toHaveLength(2)
  })
})

describe('in a scope of several namespaces', () => {
  const namespaces = [NAMESPACE, 'other']

  it('an alert reads the one that it names: two LISTs', async () => {
    const { served, lists } = await serve([alert({ namespace: 'other', service: 'app' })], { namespaces })
    expect(served).toEqual(['other/app'])
    expect(lists).toEqual(['other/services', 'other/pods app=helloworld'])
  })

  it('an alert for something unknown in one of them serves all, and reads each once', async () => {
    const { served, lists } = await serve([alert({ namespace: 'other', service: 'unknown' })], { namespaces })
    expect(served.sort()).toEqual(['default/app', 'default/mail', 'other/app'])
    expect(lists.sort()).toEqual(['default/pods', 'default/services', 'other/pods app=helloworld', 'other/services'])
  })

  it('an alert for a namespace that is not among them serves all', async () => {
    const { served, lists } = await serve([alert({ namespace: 'foreign', service: 'app' })], { namespaces })
    expect(served.sort()).toEqual(['default/app', 'default/mail', 'other/app'])
    expect(lists.some((list) => list.startsWith('foreign'))).toBe(false)
  })

  it('alerts for two of them serve both groups: two LISTs each', async () => {
    const targets = [alert({ service: 'mail' }), alert({ namespace: 'other', pod: 'a' })]
    const { served, lists } = await serve(targets, { namespaces })
    expect(served).toEqual(['default/mail', 'other/app'])
    expect(lists).toHaveLength(4)
  })

  it('a Service that is asked for without its namespace is served wherever it is', async () => {
    expect((await serve([asked('app')], { namespaces })).served).toEqual(['default/app', 'other/app'])
    expect((await serve([asked('mail')], { namespaces })).served).toEqual(['default/mail'])
  })
})

describe('in all namespaces', () => {
  it('an alert reads the one that it names: two LISTs', async () => {
    const { served, lists } = await serve([alert({ namespace: 'other', pod: 'b' })], { namespaces: 'all' })
    expect(served).toEqual(['other/app'])
    expect(lists).toEqual(['other/services', 'other/pods app=helloworld'])
  })

  it('an alert for something unknown serves all, each group once', async () => {
    const { served } = await serve([alert({ namespace: 'other', pod: 'unknown' })], { namespaces: 'all' })
    expect(served.sort()).toEqual(['default/app', 'default/mail', 'other/app'])
  })
})
