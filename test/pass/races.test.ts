import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { objectOf } from '../../handler/kube/recording.js'
import { exitCode } from '../../handler/report/exit-code.js'
import type { ApiRequest, Fault } from '../support/api/server.js'
import { dyingAt } from '../support/dying.js'
import { type InProcess, NAMESPACE, startInProcess } from '../support/in-process.js'

const HOME = { selector: { app: 'helloworld', role: 'active' }, annotations: {} }

let world: InProcess
/** The most pods that were active at once, and that the Service selected at once, since the start of a test. */
let most: { actives: number; selected: number }

beforeEach(async () => {
  world = await startInProcess(['a', 'b', 'c'])
  most = { actives: 0, selected: 0 }
  world.api.store.on(() => {
    const { selector } = world.service('app')
    const selects = (pod: string) => Object.entries(selector).every(([key, value]) => world.labels(pod)[key] === value)
    const pods = world.api.store.list('pods', NAMESPACE).map(({ metadata }) => metadata.name)
    most.actives = Math.max(most.actives, world.actives().length)
    most.selected = Math.max(most.selected, pods.filter(selects).length)
  })
  await world.pass()
  world.health.set('a', '500')
  world.takeRequests()
})
afterEach(async () => {
  expect(most).toEqual({ actives: 1, selected: 1 })
  await world.close()
})

/** Makes the nth request of this kind go wrong, once. */
function onRequest(kind: string, n: number, meddle: (request: ApiRequest) => Fault | undefined): void {
  let seen = 0
  world.api.intercept((request) => {
    const { method, path } = request
    return `${method} ${path}`.includes(kind) && ++seen === n ? meddle(request) : undefined
  })
}

const claimOfService = 'services/app'

/** Sets (or, with undefined, removes) annotations of the Service, as its user or another pass would. */
function annotate(changes: Readonly<Record<string, string | undefined>>): undefined {
  world.api.store.update('services', NAMESPACE, 'app', ({ metadata }) => {
    const entries = Object.entries({ ...(metadata.annotations as Record<string, string> | undefined), ...changes })
    metadata.annotations = Object.fromEntries(
      entries.filter((entry): entry is [string, string] => entry[1] !== undefined),
    )
  })
  return undefined
}
describe('a swap that somebody gets in the way of', () => {
  it('claims no other Service of the group when it has lost the first, so that somebody gets them all', async () => {
    world.addService({ name: 'app-metrics' })
    onRequest(`PATCH /api/v1/namespaces/default/${claimOfService}`, 1, () => annotate({ mine: 'kept' }))
    await world.pass()
    expect(world.actives()).toEqual(['b'])
    expect(world.takeRequests().filter((request) => request.includes('service'))).toEqual([
      ...['GET services', 'PATCH service/app'],
      ...['GET services', 'PATCH service/app', 'PATCH service/app-metrics'],
      ...['GET services', 'PATCH service/app', 'PATCH service/app-metrics'],
    ])
  })

  it('gives way when the Service has changed since it was read, and keeps the change', async () => {
    onRequest(`PATCH /api/v1/namespaces/default/${claimOfService}`, 1, () => annotate({ mine: 'kept' }))
    const report = await world.pass()
    expect(report.groups[0]?.writes[0]).toMatchObject({ kind: 'service', name: 'app', result: 'lost' })
    expect(world.actives()).toEqual(['b'])
    expect(world.service('app')).toEqual({ ...HOME, annotations: { mine: 'kept' } })
  })

  it('stops at a lost seal, reads again and decides anew', async () => {
    onRequest('PATCH /api/v1/namespaces/default/pods/c', 1, () => {
      world.api.store.update('pods', NAMESPACE, 'c', ({ metadata }) => {
        metadata.annotations = { ...(metadata.annotations as object), 'active-passive/epoch': '7' }
      })
      return undefined
    })
    const report = await world.pass()
    expect(report.groups[0]?.writes.map((write) => `${objectOf(write)} ${write.result}`)).toEqual([
      'service/app applied',
      'pod/c lost',
      'service/app applied',
      'service/app applied',
      ...['pod/c applied', 'pod/a applied', 'pod/b applied', 'service/app applied'],
    ])
    expect(world.actives()).toEqual(['b'])
    expect(world.annotations('b')['active-passive/epoch']).toBe('8')
    expect(world.service('app')).toEqual(HOME)
  })

  it('is not disturbed by changes that it does not test', async () => {
    onRequest('PATCH /api/v1/namespaces/default/pods/b', 1, () => {
      world.api.store.update('pods', NAMESPACE, 'b', ({ metadata }) => {
        metadata.annotations = { ...(metadata.annotations as object), other: 'written meanwhile' }
      })
      return undefined
    })
    await world.pass()
    expect(world.annotations('b')).toMatchObject({ other: 'written meanwhile', 'active-passive/epoch': '2' })
    expect(world.takeRequests()).toHaveLength(8)
  })

  it('promotes nobody under a claim that is no longer its own', async () => {
    onRequest('GET /api/v1/namespaces/default/services', 2, () => annotate({ 'active-passive/swap': undefined }))
    const report = await world.pass()
    expect(report.groups[0]?.writes.map((write) => `${objectOf(write)} ${write.result}`)).toEqual([
      ...['service/app applied', 'pod/c applied', 'pod/a applied', 'service/app lost', 'service/app applied'],
      ...['service/app applied', 'pod/a applied', 'pod/c applied', 'pod/b applied', 'service/app applied'],
    ])
    expect(world.actives()).toEqual(['b'])
    expect(world.service('app')).toEqual(HOME)
  })

  it('goes on to the next candidate when the winner is deleted before its promotion', async () => {
    onRequest(
      'PATCH /api/v1/namespaces/default/pods/b',
      1,
      () => void world.api.store.finalise('pods', NAMESPACE, 'b') as undefined,
    )
    const report = await world.pass()
    expect(report.groups[0]).toMatchObject({ activeAfter: 'c', latch: 'latched' })
    expect(world.takeRequests().filter((request) => request.startsWith('PATCH service'))).toHaveLength(2)
    expect(world.service('app')).toEqual(HOME)
  })

  it('gives the role back to the old pod when no candidate is left', async () => {
    world.health.set('c', '500')
    annotate({ 'active-passive/promote-unhealthy': 'false' })
    onRequest(
      'PATCH /api/v1/namespaces/default/pods/b',
      1,
      () => void world.api.store.finalise('pods', NAMESPACE, 'b') as undefined,
    )
    const report = await world.pass()
    expect(world.actives()).toEqual(['a'])
    expect(exitCode(report)).toBe(1)
  })

  it('takes the other pass for what it is: the work is done', async () => {
    onRequest(`PATCH /api/v1/namespaces/default/${claimOfService}`, 1, () => undefined)
    const reports = await Promise.all([world.pass(), world.pass(), world.pass()])
    expect(reports.map(exitCode)).toEqual([0, 0, 0])
    expect(reports.map(({ groups }) => groups[0]?.activeAfter)).toEqual(['b', 'b', 'b'])
    expect(world.service('app')).toEqual(HOME)
  })
})

describe('an answer that is lost', () => {
  const lost = { kind: 'reset', applied: true } as const
  const never = { kind: 'reset' } as const

  it.each([
    ['claim', 1, lost],
    ['claim', 1, never],
    ['release', 2, lost],
    ['release', 2, never],
  ])('of the %s (request %i to the Service, %o) leaves no claim behind', async (_what, n, fault) => {
    onRequest(`PATCH /api/v1/namespaces/default/${claimOfService}`, n, () => fault)
    const report = await world.pass()
    expect(world.actives()).toEqual(['b'])
    expect(world.service('app')).toEqual(HOME)
    expect(exitCode(report)).toBe(0)
  })

  it('of a claim makes the Service move on before any pod is touched, so that the claim cannot land later', async () => {
    const before = world.api.store.get('services', NAMESPACE, 'app')?.metadata.resourceVersion
    onRequest(`PATCH /api/v1/namespaces/default/${claimOfService}`, 1, () => never)
    let atFirstSeal: string | undefined
    onRequest('PATCH /api/v1/namespaces/default/pods/a', 1, () => {
      atFirstSeal = world.api.store.get('services', NAMESPACE, 'app')?.metadata.resourceVersion
      return undefined
    })
    await world.pass()
    expect(atFirstSeal).not.toBe(before)
    expect(world.takeRequests().slice(0, 6)).toEqual([
      ...['GET services', 'GET pods', 'PATCH service/app'],
      ...['GET services', 'PATCH service/app', 'PATCH service/app'],
    ])
  })

  it.each([
    ['a seal', 'pods/a', lost],
    ['a seal', 'pods/a', never],
    ['the promotion', 'pods/b', lost],
    ['the promotion', 'pods/b', never],
  ])('of %s (%s, %o) ends with one active and no claim', async (_what, pod, fault) => {
    onRequest(`PATCH /api/v1/namespaces/default/${pod}`, 1, () => fault)
    const report = await world.pass()
    expect(world.actives()).toHaveLength(1)
    expect(world.actives()).toEqual(['b'])
    expect(world.service('app')).toEqual(HOME)
    expect(exitCode(report)).toBe(0)
  })
})

describe('a pass that dies', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'at its request %i leaves nothing that the next pass does not put right',
    async (n) => {
      const dead = dyingAt(world.connect(), n)
      void world.pass({}, { kube: dead.kube })
      await dead.died
      await world.pass()
      expect(world.actives()).toEqual(['b'])
      expect(world.service('app')).toEqual(HOME)
      world.takeRequests()
      const calm = await world.pass()
      expect(calm.groups[0]?.writes).toEqual([])
    },
  )

  it('leaves a claim that the next pass releases before it reads the pods', async () => {
    const dead = dyingAt(world.connect(), 4)
    void world.pass({}, { kube: dead.kube })
    await dead.died
    world.takeRequests()
    await world.pass()
    expect(world.takeRequests().slice(0, 4)).toEqual(['GET services', 'GET services', 'PATCH service/app', 'GET pods'])
  })

  it('leaves a claim that is named, with the command that ends it, where Services may not be patched', async () => {
    const dead = dyingAt(world.connect(), 4)
    void world.pass({}, { kube: dead.kube })
    await dead.died
    world.api.intercept(({ method, path }) =>
      method === 'PATCH' && path.includes('/services/')
        ? { kind: 'answer', status: 403, body: { message: 'no' } }
        : undefined,
    )
    const report = await world.pass()
    expect(report.groups[0]?.faults[0]).toMatchObject({
      code: 'latched',
      remedy: expect.stringContaining(
        `kubectl patch service app -n default --type=merge -p '{"metadata":{"annotations":{"active-passive/swap":null}},"spec":{"selector":{"active-passive/pod":null,"role":"active"}}}'`,
      ),
    })
    expect(exitCode(report)).toBe(1)
  })

  it('leaves a claim alone that somebody else replaces while it waits', async () => {
    annotate({ 'active-passive/swap': 'one b' })
    onRequest('GET /api/v1/namespaces/default/services', 2, () => annotate({ 'active-passive/swap': 'two b' }))
    world.health.delete('a')
    await world.pass()
    expect(world.service('app').annotations).toEqual({ 'active-passive/swap': 'two b' })
  })

  it('leaves the claim of a paused group no longer than any other', async () => {
    annotate({ 'active-passive/swap': 'one b', 'active-passive/pause': 'true' })
    const { groups } = await world.pass()
    // No pod of a paused group is written: what was healed is noted on the Service.
    expect(world.service('app').annotations).toEqual({
      'active-passive/pause': 'true',
      'active-passive/healed': expect.stringMatching(/^claim \S+Z$/),
    })
    expect(groups[0]?.warnings.join()).toContain('released')
  })
})

describe('a pass that is told to stop', () => {
  it('before its first seal releases its claim and changes nothing', async () => {
    const stop = new AbortController()
    onRequest(`PATCH /api/v1/namespaces/default/${claimOfService}`, 1, () => void stop.abort() as undefined)
    const report = await world.pass({}, { stop: stop.signal })
    expect(world.actives()).toEqual(['a'])
    expect(world.service('app')).toEqual(HOME)
    expect(report.groups[0]?.faults[0]?.code).toBe('interrupted')
    expect(exitCode(report)).toBe(1)
  })

  it('after its first seal finishes the swap and releases', async () => {
    const stop = new AbortController()
    onRequest('PATCH /api/v1/namespaces/default/pods/a', 1, () => void stop.abort() as undefined)
    const report = await world.pass({}, { stop: stop.signal })
    expect(world.actives()).toEqual(['b'])
    expect(world.service('app')).toEqual(HOME)
    expect(exitCode(report)).toBe(1)
  })
})

describe('without the right to claim', () => {
  /** Two passes that want different winners, each with one pod sealed, neither promoted: then both go on. */
  it('two passes that have each sealed the other one’s winner never promote both', async () => {
    world.api.intercept(({ method, path }) =>
      method === 'PATCH' && path.includes('/services/')
        ? { kind: 'answer', status: 403, body: { message: 'no' } }
        : undefined,
    )
    world.api.store.finalise('pods', NAMESPACE, 'c')
    world.api.store.finalise('pods', NAMESPACE, 'a')
    world.addPod({ name: 'a' })
    const prefer = (name: string) => ({ settings: { prefer: [name] } })
    for (let round = 0; round < 8; round++) {
      world.health.set('a', '200').set('b', '200')
      await Promise.all([world.pass(prefer('a')), world.pass(prefer('b'))])
      expect(world.actives()).toHaveLength(1)
      for (const name of ['a', 'b']) {
        world.api.store.finalise('pods', NAMESPACE, name)
        world.addPod({ name })
      }
    }
  })
})
