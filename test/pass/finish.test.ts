import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { exitCode } from '../../handler/report/exit-code.js'
import type { ApiRequest, Fault } from '../support/api/server.js'
import * as says from '../support/api/status.js'
import { type InProcess, NAMESPACE, startInProcess } from '../support/in-process.js'

const HOME = { app: 'helloworld', role: 'active' }

let world: InProcess
beforeEach(async () => {
  world = await startInProcess(['a', 'b', 'c'])
  await world.pass()
  world.health.set('a', '500')
  world.takeRequests()
})
afterEach(() => world.close())

/** Meddles with the requests from the nth to the mth of this kind. */
function onRequests(
  kind: string,
  [from, to]: readonly [number, number],
  meddle: (request: ApiRequest) => Fault | undefined,
) {
  let seen = 0
  world.api.intercept((request) => {
    if (!`${request.method} ${request.path}`.endsWith(kind)) return undefined
    seen++
    return seen >= from && seen <= to ? meddle(request) : undefined
  })
}

const unavailable = (): Fault => ({ kind: 'answer', status: 503, body: {} })
const unauthorized = (): Fault => ({ kind: 'answer', ...says.unauthorized() })
const busy = (): Fault => ({ kind: 'answer', status: 429, body: {}, headers: { 'retry-after': '0' } })
/** A policy that lets this pod be anything but active. */
const refusePromotions = (pod: string, times: number) =>
  onRequests(`/pods/${pod}`, [1, times], ({ body }) =>
    JSON.stringify(body).includes('"active"')
      ? { kind: 'answer', status: 403, body: { message: 'not this one' } }
      : undefined,
  )
const patchesOf = (pod: string) => world.takeRequests().filter((request) => request === `PATCH pod/${pod}`)
/** Somebody else writes the first annotation, or a foreign epoch: the seal of this pod is lost. */
const overtake = (pod: string): undefined => {
  world.api.store.update('pods', NAMESPACE, pod, ({ metadata }) => {
    metadata.annotations = { ...(metadata.annotations as object), 'active-passive/epoch': '5' }
  })
}

describe('once a pod is sealed, a swap is finished:', () => {
  it('the check is read again when the API server fails it', async () => {
    onRequests('/services', [2, 8], unavailable)
    const report = await world.pass()
    expect(world.actives()).toEqual(['b'])
    expect(exitCode(report)).toBe(0)
  })

  it('the pods are read again when the API server fails that, after a lost promotion', async () => {
    onRequests('/pods/b', [1, 1], () => void world.api.store.finalise('pods', NAMESPACE, 'b') as undefined)
    onRequests('/pods', [2, 8], unavailable)
    await world.pass()
    expect(world.actives()).toEqual(['c'])
  })

  it.each([
    ['the claim', '/services/app', [1, 4]],
    ['the check', '/services', [2, 6]],
    ['the seal', '/pods/a', [1, 4]],
    ['the promotion', '/pods/b', [1, 6]],
    ['the release', '/services/app', [2, 9]],
  ] as const)('%s that is answered 401, again and again, says nothing of the pods', async (_what, kind, which) => {
    onRequests(kind, which, unauthorized)
    const report = await world.pass()
    expect(world.actives()).toEqual(['b'])
    expect(report.groups[0]).toMatchObject({ activeAfter: 'b', latch: 'latched', faults: [] })
    expect(world.service('app').selector).toEqual(HOME)
  })

  it('a promotion that is answered 401 is asked again, and nothing is sealed again', async () => {
    onRequests('/pods/b', [1, 6], unauthorized)
    await world.pass()
    expect(patchesOf('a')).toHaveLength(1)
  })

  it('a promotion that the API server is too busy for is asked again, and nothing is sealed again', async () => {
    onRequests('/pods/b', [1, 3], busy)
    const report = await world.pass()
    expect(world.actives()).toEqual(['b'])
    expect(patchesOf('a')).toHaveLength(1)
    expect(report.groups[0]).toMatchObject({ activeAfter: 'b', latch: 'latched' })
  })

  it('the check is read again when it hangs', async () => {
    onRequests('/services', [2, 2], () => ({ kind: 'hang' }))
    const report = await world.pass({ deadlineMs: 10_000 })
    expect(world.actives()).toEqual(['b'])
    expect(exitCode(report)).toBe(0)
  })

  it.each([
    ['once', 1],
    ['for good', 99],
  ])('a promotion that is refused %s goes to the next candidate, and is reported', async (_how, times) => {
    refusePromotions('b', times)
    const report = await world.pass()
    expect(world.actives()).toEqual(['c'])
    expect(report.groups[0]).toMatchObject({
      decision: { kind: 'failover', reason: { text: expect.stringContaining('could not be enabled: c was') } },
      activeAfter: 'c',
      latch: 'latched',
      faults: [{ code: 'denied', message: expect.stringContaining('not this one') }],
    })
    expect(exitCode(report)).toBe(3)
  })

  it('the old pod gets the role back where every promotion is refused', async () => {
    world.health.set('c', '500')
    refusePromotions('b', 99)
    const report = await world.pass()
    expect(world.actives()).toEqual(['a'])
    expect(exitCode(report)).toBe(3)
  })

  it('the cluster is read again after a seal without an answer, however the API server fails that', async () => {
    onRequests('/pods/a', [1, 1], () => ({ kind: 'reset', applied: true }))
    onRequests('/services', [2, 9], unavailable)
    const report = await world.pass()
    expect(world.actives()).toEqual(['b'])
    expect(exitCode(report)).toBe(0)
  })

  it('by a pass that finds its claim replaced, though it was told to stop', async () => {
    const stop = new AbortController()
    onRequests('/services', [2, 2], () => {
      stop.abort()
      world.api.store.update('services', NAMESPACE, 'app', ({ metadata }) => {
        metadata.annotations = { 'active-passive/swap': 'another b' }
      })
      return undefined
    })
    const report = await world.pass({}, { stop: stop.signal })
    expect(world.actives()).toEqual(['b'])
    expect(world.service('app').selector).toEqual(HOME)
    expect(exitCode(report)).toBe(1) // it was told to stop
  })

  it('a promotion that took place without an answer is what it is: a failover, settled and latched', async () => {
    onRequests('/pods/b', [1, 1], () => ({ kind: 'reset', applied: true }))
    const report = await world.pass()
    expect(report.groups[0]).toMatchObject({
      decision: { kind: 'failover' },
      activeBefore: ['a'],
      activeAfter: 'b',
      latch: 'latched',
    })
  })
})

describe('what cannot be sealed', () => {
  it('leaves the old pod active: it is sealed last', async () => {
    onRequests('/pods/c', [1, 9], () => ({ kind: 'answer', status: 403, body: { message: 'no' } }))
    const report = await world.pass()
    expect(world.actives()).toEqual(['a'])
    expect(report.groups[0]).toMatchObject({ activeAfter: 'a', faults: [{ code: 'denied' }] })
    expect(exitCode(report)).toBe(3)
    expect(world.service('app').selector).toEqual(HOME)
  })
})

describe('before the active pod is sealed, a pass that is told to stop', () => {
  it('and loses a seal leaves the active pod as it is', async () => {
    const stop = new AbortController()
    onRequests('/pods/c', [1, 1], () => {
      stop.abort()
      return overtake('c')
    })
    await world.pass({}, { stop: stop.signal })
    expect(world.actives()).toEqual(['a'])
    expect(world.service('app').selector).toEqual(HOME)
  })
})

describe('while the cluster is read, a pass that is told to stop', () => {
  it.each(['/services', '/pods'])('says so, and not that the API server did not answer: %s', async (resource) => {
    const stop = new AbortController()
    onRequests(resource, [1, 1], () => {
      stop.abort()
      return { kind: 'hang' }
    })
    const report = await world.pass({}, { stop: stop.signal })
    expect(report.groups).toMatchObject([
      { namespace: NAMESPACE, faults: [{ code: 'interrupted', object: 'namespace default' }] },
    ])
    expect(exitCode(report)).toBe(1)
  })
})

describe('a pod that has recovered', () => {
  it('starts with no failures when it is promoted: one bad probe does not fail it over again', async () => {
    const settings = { failures: 3, probes: 3, period: 0 }
    world.health.set('a', '200').set('b', '500').set('c', '500')
    await world.pass({ settings })
    expect(world.annotations('b')['active-passive/failures']).toBe('3')
    world.health.set('a', '500').set('b', '200')
    await world.pass({ settings })
    expect(world.actives()).toEqual(['b'])
    expect(world.annotations('b')['active-passive/failures']).toBe('0')
    world.takeRequests()
    expect((await world.pass({ settings })).groups[0]?.writes).toEqual([])
    world.health.set('b', '500').set('c', '200')
    expect((await world.pass({ settings: { ...settings, probes: 1 } })).groups[0]?.decision.kind).toBe('count')
  })
})

describe('a claim that is left and cannot be released', () => {
  beforeEach(() => {
    world.api.store.update('services', NAMESPACE, 'app', ({ metadata }) => {
      metadata.annotations = { 'active-passive/swap': 'left b' }
    })
    world.health.delete('a')
    world.addService({ name: 'other', selector: { app: 'other', role: 'active' } })
    world.addPod({ name: 'other-0', labels: { app: 'other' } })
  })

  it('holds up no other group, and is named with what the API server said', async () => {
    onRequests('/services/app', [1, 999], () => ({ kind: 'answer', status: 500, body: { message: 'out of order' } }))
    const report = await world.pass()
    expect(world.labels('other-0').role).toBe('active')
    const fault = report.groups.find(({ services }) => services.includes('app'))?.faults[0]
    expect(fault).toMatchObject({ code: 'latched', message: expect.stringContaining('out of order') })
    expect(fault?.remedy).toContain('kubectl patch service app -n default')
  })

  it('is named with that also when the last request was cut off', async () => {
    onRequests('/services/app', [1, 1], () => ({ kind: 'answer', status: 500, body: { message: 'out of order' } }))
    onRequests('/services/app', [1, 999], () => ({ kind: 'hang' }))
    const report = await world.pass()
    const fault = report.groups.find(({ services }) => services.includes('app'))?.faults[0]
    expect(fault).toMatchObject({ code: 'latched', message: expect.stringContaining('out of order') })
  })

  it('is named when a rival has left it in the middle of this pass', async () => {
    world.api.store.update('services', NAMESPACE, 'app', ({ metadata }) => {
      metadata.annotations = {}
    })
    world.health.set('a', '500')
    onRequests('/services/app', [1, 999], () => ({ kind: 'answer', status: 403, body: { message: 'no' } }))
    onRequests('/pods/c', [1, 1], () => {
      world.api.store.update('services', NAMESPACE, 'app', ({ metadata }) => {
        metadata.annotations = { 'active-passive/swap': 'rival b' }
      })
      return overtake('c')
    })
    const report = await world.pass()
    expect(report.groups[0]?.faults.map(({ code }) => code)).toContain('latched')
    expect(exitCode(report)).toBe(1)
  })

  it('is named even if the pods cannot be read', async () => {
    onRequests('/services/app', [1, 999], () => ({ kind: 'answer', status: 403, body: { message: 'no' } }))
    onRequests('/pods', [1, 999], () => ({ kind: 'answer', status: 403, body: { message: 'no' } }))
    const report = await world.pass()
    expect(report.groups[0]?.faults.map(({ code }) => code)).toEqual(['denied', 'latched'])
    expect(exitCode(report)).toBe(3)
  })
})

describe('a claim without a pin', () => {
  it('is taken off a Service that its user has given up meanwhile, and nothing else is done to it', async () => {
    world.health.delete('a')
    world.api.store.update('services', NAMESPACE, 'app', ({ metadata, ...service }) => {
      metadata.annotations = { 'active-passive/swap': 'left b', 'active-passive/managed': 'false' }
      ;(service.spec as { selector: object }).selector = { app: 'helloworld' }
    })
    await world.pass()
    expect(world.service('app')).toEqual({
      selector: { app: 'helloworld' },
      annotations: { 'active-passive/managed': 'false' },
    })
  })
})

describe('a claimed Service whose user has emptied the selector', () => {
  it.each([
    ['with the pin in it', { 'active-passive/pod': 'uid' }],
    ['wholly', {}],
  ])('%s is released without the role: alone it would select other groups too', async (_what, selector) => {
    world.api.store.update('services', NAMESPACE, 'app', ({ metadata, ...service }) => {
      metadata.annotations = { 'active-passive/swap': 'left b' }
      ;(service.spec as { selector: object }).selector = selector
    })
    await world.pass()
    expect(world.service('app')).toEqual({ selector: undefined, annotations: {} })
  })
})

describe('a Service whose webhook is out of order', () => {
  it('goes without the latch: the webhook comes before anything is stored', async () => {
    const message = 'Internal error occurred: failed calling webhook "x.example.com": connection refused'
    onRequests('/services/app', [1, 999], () => ({ kind: 'answer', status: 500, body: { kind: 'Status', message } }))
    const report = await world.pass()
    expect(world.actives()).toEqual(['b'])
    expect(report.groups[0]).toMatchObject({ latch: 'refused', faults: [] })
    expect(report.groups[0]?.warnings.join()).toContain('failed calling webhook')
  })
})

describe('Services that publish addresses which are not ready', () => {
  it('have the ready check mean Ready all the same', async () => {
    const other = await startInProcess([])
    other.addService({ name: 'db', selector: { app: 'db', role: 'active' }, spec: { publishNotReadyAddresses: true } })
    other.addPod({ name: 'db-0', ready: false, labels: { app: 'db' }, readinessProbe: { exec: { command: ['true'] } } })
    other.addPod({ name: 'db-1', labels: { app: 'db' }, readinessProbe: { exec: { command: ['true'] } } })
    await other.pass()
    expect(other.actives()).toEqual(['db-1'])
    await other.close()
  })

  it('have a pod that is not Ready judged by its check', async () => {
    const other = await startInProcess([])
    other.addService({ name: 'db', selector: { app: 'db', role: 'active' }, spec: { publishNotReadyAddresses: true } })
    other.addPod({ name: 'db-0', ready: false, labels: { app: 'db' } })
    await other.pass()
    expect(other.probed).toEqual(['db-0'])
    expect(other.actives()).toEqual(['db-0'])
    await other.close()
  })
})

describe('counts', () => {
  it('are written again when the API server was too busy', async () => {
    onRequests('/pods/a', [1, 2], busy)
    await world.pass({ settings: { failures: 3, probes: 1 } })
    expect(world.annotations('a')['active-passive/failures']).toBe('1')
  })
})
