import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { objectOf } from '../../handler/kube/recording.js'
import { exitCode } from '../../handler/report/exit-code.js'
import type { Report } from '../../handler/report/report.js'
import { changesIn } from '../../handler/serve/telemetry/changes.js'
import { type InProcess, NAMESPACE, startInProcess } from '../support/in-process.js'

let world: InProcess
beforeEach(async () => {
  world = await startInProcess()
})
afterEach(() => world.close())

/** The same Service and pods in another namespace, which no pass has seen. */
function copyTo(namespace: string): void {
  for (const resource of ['services', 'pods'] as const)
    for (const { metadata, spec, status } of world.api.store.list(resource, NAMESPACE))
      world.api.store.create(resource, {
        metadata: { name: metadata.name, namespace, labels: { app: 'helloworld' } },
        spec,
        status,
      } as never)
}

const claim = ['GET services', 'GET pods', 'PATCH service/app']
const swapOf = (sealed: string, winner: string) => [
  ...claim,
  `PATCH pod/${sealed}`,
  'GET services',
  `PATCH pod/${winner}`,
  'PATCH service/app',
]

describe('a pass', () => {
  it('makes a first pod active, and has nothing to write after that', async () => {
    const first = await world.pass()
    expect(first.groups[0]).toMatchObject({ decision: { kind: 'first' }, activeAfter: 'a', latch: 'claimed' })
    expect(world.takeRequests()).toEqual(swapOf('b', 'a'))
    expect(world.actives()).toEqual(['a'])

    const steady = await world.pass()
    expect(steady.groups[0]).toMatchObject({ decision: { kind: 'keep' }, activeAfter: 'a', writes: [] })
    expect(world.takeRequests()).toEqual(['GET services', 'GET pods'])
    expect(world.api.connections).toBe(2) // one for each of the two passes
  })

  it('hands over in 3 LISTs and 4 PATCHes, and the next pass writes nothing though the old pod still fails', async () => {
    await world.pass()
    world.health.set('a', '500')
    world.takeRequests()
    const report = await world.pass()
    expect(report.groups[0]).toMatchObject({ decision: { kind: 'failover' }, activeAfter: 'b', latch: 'latched' })
    expect(world.takeRequests()).toEqual(swapOf('a', 'b'))
    expect(report.requests).toBe(7)
    expect(world.labels('a')).toMatchObject({ role: 'passive' })
    expect(world.annotations('a')).toMatchObject({ 'active-passive/epoch': '2', 'active-passive/failures': '1' })
    expect(world.service('app')).toEqual({ selector: { app: 'helloworld', role: 'active' }, annotations: {} })

    expect((await world.pass()).groups[0]?.writes).toEqual([])
    expect(world.takeRequests()).toEqual(['GET services', 'GET pods'])
  })

  it('goes without the latch where Services may not be patched, and says what that costs and what would spare it', async () => {
    await world.pass()
    world.health.set('a', '500')
    world.api.intercept(({ method, path }) =>
      method === 'PATCH' && path.includes('/services/')
        ? {
            kind: 'answer',
            status: 403,
            body: { message: 'services "app" is forbidden: User "u" cannot patch resource' },
          }
        : undefined,
    )
    world.takeRequests()
    const report = await world.pass()
    expect(world.takeRequests()).toEqual([...claim, 'PATCH pod/a', 'PATCH pod/b'])
    expect(report.groups[0]).toMatchObject({ activeAfter: 'b', latch: 'refused', faults: [] })
    expect(report.groups[0]?.warnings.join()).toContain('resources: [services], verbs: [patch]')
    expect(exitCode(report)).toBe(0)
  })

  it('asks for nothing of Services but to list them where the latch is off, and has nothing to warn of', async () => {
    const settings = { latch: false }
    await world.pass({ settings })
    world.health.set('a', '500')
    world.takeRequests()
    const report = await world.pass({ settings })
    expect(world.takeRequests()).toEqual(['GET services', 'GET pods', 'PATCH pod/a', 'PATCH pod/b'])
    expect(report.groups[0]).toMatchObject({ activeAfter: 'b', latch: 'off', faults: [], warnings: [] })
    expect(world.actives()).toEqual(['b'])
  })

  it('pins the Service to the old pod while the labels change', async () => {
    await world.pass()
    world.health.set('a', '500')
    const seen: string[] = []
    world.api.store.on(({ resource }) => {
      if (seen.length < 5) seen.push(`${resource} ${JSON.stringify(world.service('app').selector)} ${world.actives()}`)
    })
    const uid = world.labels('a')['active-passive/pod']
    await world.pass()
    expect(seen).toEqual([
      `services {"app":"helloworld","active-passive/pod":"${uid}"} a`,
      `pods {"app":"helloworld","active-passive/pod":"${uid}"} `,
      `pods {"app":"helloworld","active-passive/pod":"${uid}"} b`,
      'services {"app":"helloworld","role":"active"} b',
    ])
  })

  it.each(['constructor', 'toString'])(
    'moves a role label that is called %s, as what every object inherits',
    async (roleLabel) => {
      const selector = { app: 'helloworld', [roleLabel]: 'active' }
      const other = await startInProcess([])
      other.api.store.update('services', NAMESPACE, 'app', (service) => {
        service.spec = { selector, ports: [{ port: 80 }] }
      })
      other.addPod({ name: 'a' })
      other.addPod({ name: 'b', annotations: {} })
      const roles = () =>
        ['a', 'b'].map((pod) => Object.entries(other.labels(pod)).find(([key]) => key === roleLabel)?.[1])

      const dry = await other.pass({ roleLabel, dryRun: true })
      expect(dry.groups[0]).toMatchObject({ decision: { kind: 'first' }, warnings: [] })
      expect(roles()).toEqual([undefined, undefined])
      expect((await other.pass({ roleLabel })).groups[0]).toMatchObject({ activeAfter: 'a', faults: [] })
      expect(roles()).toEqual(['active', 'passive'])

      other.health.set('a', '500')
      expect((await other.pass({ roleLabel })).groups[0]).toMatchObject({
        activeAfter: 'b',
        latch: 'latched',
        faults: [],
      })
      expect(roles()).toEqual(['passive', 'active'])
      expect(other.service('app')).toEqual({ selector, annotations: {} })
      expect((await other.pass({ roleLabel })).groups[0]?.writes).toEqual([])
      await other.close()
    },
  )

  it('hands over though an epoch holds what the API server writes in another way than JSON.stringify', async () => {
    await world.pass()
    world.api.store.update('pods', NAMESPACE, 'b', ({ metadata }) => {
      metadata.annotations = { 'active-passive/epoch': '<1>&\u2028' }
    })
    world.health.set('a', '500')
    expect((await world.pass()).groups[0]).toMatchObject({ activeAfter: 'b', faults: [] })
  })

  it('says of a Service port that no check goes to how it could be checked, once, until it is', async () => {
    const ports = [80, 9090].map((targetPort, n) => ({ port: 80 + n, targetPort: n ? targetPort : 'http' }))
    world.api.store.update('services', NAMESPACE, 'app', (service) => {
      service.spec = { ...(service.spec as object), ports }
    })
    const news = changesIn()
    const reports = [await world.pass(), await world.pass()]
    for (const report of reports) {
      expect(report.groups[0]?.warnings).toEqual([expect.stringMatching(/^no check goes to port 9090 .*tcp:\/\/:9090/)])
      expect(exitCode(report)).toBe(0)
    }
    const isTold = (report: Report) => news(report, true).some(({ msg }) => msg.includes('no check goes to port 9090'))
    expect(reports.map(isTold)).toEqual([true, false])
    world.health.set('a', '500')
    const after = await world.pass()
    expect([after.groups[0]?.activeAfter, after.groups[0]?.warnings]).toEqual(['b', reports[0]?.groups[0]?.warnings])

    world.api.store.update('services', NAMESPACE, 'app', ({ metadata }) => {
      metadata.annotations = { 'active-passive/health-check': 'probe\ntcp://:9090\n' }
    })
    const checked = (await world.pass()).groups[0]
    expect(checked?.warnings).toEqual([])
    expect(checked?.members[0]?.verdict).toMatchObject({ evidence: 'check', check: { kind: 'several' } })
  })

  it('says that a check names a port which no pod has, and goes on by the kubelets’ word', async () => {
    await world.pass()
    world.api.store.update('services', NAMESPACE, 'app', ({ metadata }) => {
      metadata.annotations = { 'active-passive/health-check': 'http://:htp/' }
    })
    for (let n = 0; n < 4; n++) {
      const report = await world.pass()
      const [group] = report.groups
      expect(group?.activeAfter).toBe('a')
      expect(group?.faults.map(({ code }) => code)).toEqual(['check-cannot-pass'])
      expect(exitCode(report)).toBe(1)
    }
    world.api.store.update('pods', NAMESPACE, 'a', (pod) => {
      pod.status = { ...(pod.status as object), conditions: [{ type: 'Ready', status: 'False' }] }
    })
    const [moved] = (await world.pass()).groups
    expect([moved?.activeAfter, moved?.decision.kind]).toEqual(['b', 'failover'])
  })

  it('leaves a failed active alone when no other pod is healthy', async () => {
    await world.pass()
    world.health.set('a', '500').set('b', '500')
    const report = await world.pass()
    expect(report.groups[0]).toMatchObject({ decision: { kind: 'blocked' }, activeAfter: 'a' })
    expect(exitCode(report)).toBe(1)
    expect(world.actives()).toEqual(['a'])
    await world.pass()
    world.takeRequests()
    await world.pass()
    expect(world.takeRequests()).toEqual(['GET services', 'GET pods'])
  })

  it('counts over passes where one pass may not probe often enough', async () => {
    await world.pass()
    world.health.set('a', '500')
    const settings = { failures: 3, probes: 1, period: 0 }
    const first = await world.pass({ settings })
    expect(first.groups[0]?.decision.kind).toBe('count')
    expect(exitCode(first)).toBe(0)
    expect(world.annotations('a')['active-passive/failures']).toBe('1')
    await world.pass({ settings })
    const third = await world.pass({ settings })
    expect(third.groups[0]).toMatchObject({ decision: { kind: 'failover' }, activeAfter: 'b' })
  })

  it('serves a group of two Services as one, and claims both', async () => {
    world.addService({ name: 'app-metrics' })
    await world.pass({ services: [{ name: 'app' }] })
    expect(world.takeRequests().filter((request) => request.startsWith('PATCH service'))).toEqual([
      'PATCH service/app',
      'PATCH service/app-metrics',
      'PATCH service/app',
      'PATCH service/app-metrics',
    ])
  })

  it('leaves a group with a bad annotation untouched, and serves the others', async () => {
    world.addService({
      name: 'bad',
      selector: { app: 'other', role: 'active' },
      annotations: { 'active-passive/failures': 'many' },
    })
    world.addPod({ name: 'other-0', labels: { app: 'other' } })
    const report = await world.pass()
    expect(report.groups.map(({ services, decision }) => [services[0], decision.kind])).toEqual([
      ['app', 'first'],
      ['bad', 'error'],
    ])
    expect(report.groups[1]?.faults[0]?.message).toContain('"many"')
    expect(world.labels('other-0')).toEqual({ app: 'other' })
    expect(exitCode(report)).toBe(1)
  })

  it('refuses a role that is in the pod template, and touches nothing', async () => {
    const other = await startInProcess([])
    other.addPod({ name: 'a', labels: { role: 'active' } })
    other.addPod({ name: 'b', labels: { role: 'active' } })
    const report = await other.pass()
    expect(report.groups[0]?.faults[0]?.code).toBe('role-in-template')
    expect(other.actives()).toEqual(['a', 'b'])
    expect(other.takeRequests()).toEqual(['GET services', 'GET pods'])
    await other.close()
  })

  it('brings two actives back to one where one of them has an epoch', async () => {
    await world.pass()
    world.api.store.update('pods', NAMESPACE, 'b', ({ metadata }) => {
      metadata.labels = { ...(metadata.labels as object), role: 'active' }
    })
    world.api.store.update('pods', NAMESPACE, 'b', ({ metadata }) => {
      metadata.annotations = {}
    })
    const report = await world.pass()
    expect(report.groups[0]).toMatchObject({ decision: { kind: 'repair' }, activeBefore: ['a', 'b'], activeAfter: 'a' })
    expect(world.actives()).toEqual(['a'])
  })

  it('labels a new pod passive, and pins an active that somebody else has made, once each', async () => {
    const other = await startInProcess([])
    other.addPod({ name: 'a', labels: { role: 'active' } })
    other.addPod({ name: 'b' })
    await other.pass()
    const uid = other.api.store.get('pods', NAMESPACE, 'a')?.metadata.uid
    expect(other.labels('a')).toMatchObject({ role: 'active', 'active-passive/pod': uid })
    expect(other.labels('b')).toMatchObject({ role: 'passive' })
    other.takeRequests()
    await other.pass()
    expect(other.takeRequests()).toEqual(['GET services', 'GET pods'])
    await other.close()
  })

  it('reads the whole scope once where there are several groups', async () => {
    for (const n of [1, 2, 3]) {
      world.addService({ name: `db-${n}`, selector: { app: `db-${n}`, role: 'active' } })
      world.addPod({ name: `db-${n}-0`, labels: { app: `db-${n}` } })
    }
    await world.pass()
    world.takeRequests()
    await world.pass()
    expect(world.takeRequests()).toEqual(['GET services', 'GET pods'])
  })

  it('finds nothing to do in a namespace without managed Services, and asks for no pods', async () => {
    const report = await world.pass({ namespaces: ['empty'] })
    expect(report.groups).toEqual([])
    expect(exitCode(report)).toBe(0)
    expect(world.takeRequests()).toEqual(['GET services'])
  })

  it('tells once of a Service that is not there, however often it is named', async () => {
    const twice = [{ name: 'nowhere' }, { namespace: 'default', name: 'nowhere' }, { name: 'nowhere' }]
    const { groups } = await world.pass({ services: twice })
    expect(groups.map(({ services }) => services)).toEqual([['nowhere']])
  })

  it('says which Service it was asked for and cannot find', async () => {
    world.addService({ name: 'plain', selector: { app: 'helloworld' } })
    const report = await world.pass({ services: [{ name: 'app' }, { name: 'nowhere' }, { name: 'plain' }] })
    const faults = report.groups.flatMap((group) => group.faults)
    expect(faults.map(({ code, object }) => [code, object])).toEqual([
      ['not-found', 'service default/nowhere'],
      ['not-found', 'service default/plain'],
    ])
    expect(exitCode(report)).toBe(1)
  })

  it('reports the release of a leftover claim under its own namespace, not under a namesake in another', async () => {
    await world.pass()
    copyTo('other')
    await world.pass({ namespaces: 'all' })
    const leftover = { 'active-passive/swap': 'left over' }
    world.api.store.update('services', 'other', 'app', ({ metadata }) => {
      metadata.annotations = leftover
    })
    for (const dryRun of [true, false]) {
      const { groups } = await world.pass({ namespaces: 'all', dryRun })
      expect(groups.map(({ namespace, writes }) => [namespace, writes.map(({ name }) => name)])).toEqual([
        ['default', []],
        ['other', expect.arrayContaining(['app'])],
      ])
    }
  })

  it('writes nothing in a dry run and takes the same path', async () => {
    const before = JSON.stringify([world.api.store.list('pods'), world.api.store.list('services')])
    const report = await world.pass({ dryRun: true })
    expect(report.groups[0]).toMatchObject({ decision: { kind: 'first' } })
    expect(report.groups[0]?.writes.map((write) => `${objectOf(write)} ${write.result}`)).toEqual([
      'service/app dry run',
      'pod/b dry run',
      'pod/a dry run',
      'service/app dry run',
    ])
    expect(JSON.stringify([world.api.store.list('pods'), world.api.store.list('services')])).toBe(before)
    expect(exitCode(report)).toBe(1)
  })

  it('writes nothing to a paused group', async () => {
    const other = await startInProcess()
    other.api.store.update('services', NAMESPACE, 'app', ({ metadata }) => {
      metadata.annotations = { 'active-passive/pause': 'true' }
    })
    const report = await other.pass()
    expect(report.groups[0]?.decision.kind).toBe('paused')
    expect(exitCode(report)).toBe(1) // no pod is active, and none will be
    expect(other.takeRequests()).toEqual(['GET services', 'GET pods'])
    await other.close()
  })

  it('serves the other namespaces when one may not be read', async () => {
    world.api.intercept(({ path }) =>
      path.includes('/namespaces/secret/')
        ? { kind: 'answer', status: 403, body: { message: 'User "u" cannot list resource' } }
        : undefined,
    )
    const report = await world.pass({ namespaces: ['secret', NAMESPACE] })
    expect(report.groups.map(({ namespace, decision }) => [namespace, decision.kind])).toEqual([
      ['secret', 'error'],
      [NAMESPACE, 'first'],
    ])
    expect(report.groups[0]?.faults[0]).toMatchObject({
      message: expect.stringContaining('list services in namespace secret'),
      remedy: expect.stringContaining('- {apiGroups: [""], resources: [services], verbs: [list]}'),
    })
    expect(exitCode(report)).toBe(3)
  })
})
