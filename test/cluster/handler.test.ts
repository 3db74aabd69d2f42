import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { freePort } from '../support/cluster/ports.js'
import { type OnCluster, openNamespace, startPods } from '../support/on-cluster.js'
import { type Behaviour, response, say, type TestServer } from '../support/servers.js'

const cluster = inject('cluster')
const HOME = { selector: { app: 'helloworld', role: 'active' }, annotations: {} }
/** A burst of three failing probes in half a second instead of two, in three if they hang. */
const FAST = ['--period', '250ms', '--health-timeout', '1s']

describe.skipIf(!cluster)('node handler on a real API server', () => {
  let world: OnCluster
  let pods: readonly TestServer[]

  beforeEach(async () => {
    world = await openNamespace(cluster as NonNullable<typeof cluster>)
    await world.addService({ name: 'helloworld' })
    pods = [await world.addPod('helloworld-0'), await world.addPod('helloworld-1')]
  })
  afterEach(() => world.close())

  const expectRequests = async (expected: readonly string[]) => {
    const requests = await world.takeRequests()
    if (requests !== undefined) expect(requests).toEqual(expected) // else: a cluster without an audit log of ours
  }

  it('makes a first pod active, and then has nothing to write', async () => {
    const first = await world.run()
    expect(first.stdout).toContain('Enabling helloworld-0\n')
    expect(first).toMatchObject({ code: 0, stderr: '' })
    expect(await world.actives()).toEqual(['helloworld-0'])
    await world.takeRequests()

    const steady = await world.run()
    expect(steady.stdout).toContain('helloworld-0 is the active pod\nhelloworld-1 is the passive pod\n')
    expect(steady.stdout).toContain(
      'Active pod HTTP response: 200\nPassive pod HTTP response: 200\nActive node passed healthcheck\n',
    )
    expect(steady.code).toBe(0)
    await expectRequests(['list services', 'list pods'])
  })

  it('hands over at the defaults, in 3 LISTs, 4 PATCHes and an Event, and is calm after that', async () => {
    await world.run()
    await pods[0]?.behave('error')
    await world.takeRequests()
    const { stdout, code } = await world.run()
    expect(stdout).toContain(
      'Active pod HTTP response: 500\nPassive pod HTTP response: 200\nDetected application health failure\n',
    )
    expect(stdout).toContain('Enabling helloworld-1\n')
    expect(stdout).toContain('pod/helloworld-0 patched\npod/helloworld-1 patched\n')
    expect(code).toBe(0)
    expect(await world.actives()).toEqual(['helloworld-1'])
    expect(await world.service('helloworld')).toEqual(HOME)
    await expectRequests([
      ...['list services', 'list pods', 'patch services/helloworld', 'patch pods/helloworld-0'],
      ...['list services', 'patch pods/helloworld-1', 'patch services/helloworld'],
      'create events',
    ])
    expect(await world.run()).toMatchObject({ code: 0 })
    await expectRequests(['list services', 'list pods'])
  })

  it.each<[string, Behaviour, string]>([
    ['refuses connections', 'refuse', 'connection refused'],
    ['hangs', 'hang', 'no answer within 1s'],
    ['drips its body for ever', 'drip', 'body unfinished after 1s'],
    ['answers 500', 'error', '500'],
    ['resets connections', 'reset', 'connection reset'],
  ])('hands over when the active pod %s', async (_what, behaviour, result) => {
    await world.run()
    await pods[0]?.behave(behaviour)
    const { group, code } = await world.report(FAST)
    expect(group).toMatchObject({
      decision: 'failover',
      active: { before: 'helloworld-0', after: 'helloworld-1' },
      latch: 'latched',
    })
    expect(group.reason.text).toContain(`3 times in a row (${result})`)
    expect(code).toBe(0)
    expect(await world.actives()).toEqual(['helloworld-1'])
  })

  it('hands over at once when the active pod is deleted', async () => {
    await world.run()
    await world.admin.delete(`${world.api}/pods/helloworld-0`)
    const { group } = await world.report()
    expect(group).toMatchObject({
      decision: 'failover',
      reason: { code: 'active-gone' },
      active: { after: 'helloworld-1' },
    })
  })

  it('hands over at once when the active pod is recreated under the same name', async () => {
    await world.run()
    await world.admin.delete(`${world.api}/pods/helloworld-0`)
    await world.addPod('helloworld-0')
    const { group } = await world.report()
    expect(group).toMatchObject({ decision: 'failover', active: { before: null } })
    expect(await world.actives()).toHaveLength(1)
  })

  it('hands over at once when the active pod is terminating, which nobody can patch away', async () => {
    await world.run()
    await world.admin.patch(`${world.api}/pods/helloworld-0`, { metadata: { finalizers: ['example.com/hold'] } })
    await world.admin.delete(`${world.api}/pods/helloworld-0`)
    const { group } = await world.report()
    expect(group).toMatchObject({ decision: 'failover', active: { after: 'helloworld-1' } })
    expect(await world.actives()).toEqual(['helloworld-1'])
    await world.admin.patch(`${world.api}/pods/helloworld-0`, { metadata: { finalizers: null } })
  })

  it('hands over at once when the active pod is not Ready, without probing it', async () => {
    await world.run()
    const before = pods[0]?.requests
    await world.setStatus('helloworld-0', { ready: false })
    const { group } = await world.report()
    expect(group).toMatchObject({ decision: 'failover', reason: { code: 'active-not-ready' } })
    expect(pods[0]?.requests).toBe(before)
  })

  it('brings two actives that were made by hand back to one', async () => {
    await world.run()
    await world.label('helloworld-1', { role: 'active' })
    const { group, code } = await world.report()
    expect(group).toMatchObject({ decision: 'repair' })
    expect(code).toBe(0)
    expect(await world.actives()).toHaveLength(1)
  })

  it('refuses a role that every pod carries from its template', async () => {
    await world.label('helloworld-0', { role: 'active' })
    await world.label('helloworld-1', { role: 'active' })
    const { stdout, code } = await world.run()
    expect(stdout).toContain('the label is probably in their pod template')
    expect(code).toBe(1)
    expect(await world.actives()).toHaveLength(2)
  })

  it('leaves the active pod alone when the other one fails as well', async () => {
    await world.run()
    await Promise.all(pods.map((pod) => pod.behave('error')))
    const { stdout, code } = await world.run(FAST)
    expect(stdout).toContain('Passive pod failing health check as well... leaving active pod enabled\n')
    expect(code).toBe(1)
    expect(await world.actives()).toEqual(['helloworld-0'])
  })

  it('chooses among three, by name with numbers as numbers', async () => {
    await world.addPod('helloworld-10')
    await world.addPod('helloworld-2')
    await world.run()
    await Promise.all([pods[0]?.behave('error'), pods[1]?.behave('error')])
    const { group } = await world.report(FAST)
    expect(group.active).toEqual({ before: 'helloworld-0', after: 'helloworld-2' })
  })

  it('names a Service with a bad annotation, leaves its pods untouched, and serves the others', async () => {
    await world.addService({
      name: 'bad',
      selector: { app: 'bad', role: 'active' },
      annotations: { 'active-passive/health-check': 'htp://:80/' },
    })
    await world.addPod('bad-0', 'ok', { labels: { app: 'bad' } })
    const { stdout, code } = await world.run()
    expect(stdout).toContain(
      `service ${world.namespace}/bad: annotation active-passive/health-check is wrong: "htp://:80/" begins with "htp://"`,
    )
    expect(code).toBe(1)
    expect(await world.labels('bad-0')).toEqual({ app: 'bad' })
    expect(await world.actives()).toEqual(['helloworld-0'])
  })

  it('honours the checks that annotations ask for', async () => {
    await world.run()
    await world.annotateService('helloworld', {
      'active-passive/health-check': 'http://:http/',
      'active-passive/health-body': 'helloworld-1',
    })
    const { group } = await world.report(FAST)
    expect(group).toMatchObject({ decision: 'failover', active: { after: 'helloworld-1' } })
    await world.annotateService('helloworld', {
      'active-passive/health-check': 'tcp://:http',
      'active-passive/health-body': null,
    })
    expect((await world.run()).stdout).toContain('Active pod TCP connection: open')
    await world.annotateService('helloworld', { 'active-passive/health-check': 'ready' })
    expect((await world.run()).stdout).toContain('Active pod state: Ready')
  })

  it('follows what the pods say of themselves: by a dialogue, and by JSON', async () => {
    await world.run()
    const says = (role: string) => say(response(200, JSON.stringify({ role })))
    await Promise.all([pods[0]?.behave(says('replica')), pods[1]?.behave(says('primary'))])
    await world.annotateService('helloworld', {
      'active-passive/health-check': 'tcp://:http',
      'active-passive/health-send': 'GET / HTTP/1.0\\r\\n\\r\\n',
      'active-passive/health-expect': '"primary"\nHTTP/1.1 200',
    })
    const first = await world.run(FAST)
    expect(first.stdout).toContain('Active pod TCP connection: open, but not the expected answer: "*/1.1 200 Status')
    expect(first.stdout).toContain('Passive pod TCP connection: open, with the expected answer\n')
    expect(await world.actives()).toEqual(['helloworld-1'])

    await Promise.all([pods[0]?.behave(says('primary')), pods[1]?.behave(says('replica'))])
    await world.annotateService('helloworld', {
      'active-passive/health-check': 'http://:http/',
      'active-passive/health-json': 'role=primary',
      'active-passive/health-send': null,
      'active-passive/cooldown': '0s',
    })
    const { stdout } = await world.run(FAST)
    expect(stdout).toContain('Active pod HTTP response: 200, but role is "replica"')
    expect(stdout).toContain('annotation active-passive/health-expect has no effect')
    expect(await world.actives()).toEqual(['helloworld-0'])
  })

  it('ignores what a Service named active-passive puts into the environment', async () => {
    const env = {
      ACTIVE_PASSIVE_PORT: 'tcp://10.96.0.7:8080',
      ACTIVE_PASSIVE_SERVICE_HOST: '10.96.0.7',
      ACTIVE_PASSIVE_PORT_8080_TCP: 'tcp://10.96.0.7:8080',
      AP_PORT: 'tcp://10.96.0.7:8080',
    }
    expect(await world.run([], env)).toMatchObject({ code: 0, stderr: '' })
  })

  it('takes -n once for each namespace, with and without the word run', async () => {
    const { namespace } = world
    for (const args of [
      ['-n', namespace, 'run'],
      ['run', '-n', namespace],
      ['-n', namespace, '-n', 'kube-public', 'run'],
    ]) {
      const { stdout, code, stderr } = await world.run(args)
      expect([stderr, stdout.includes(`${namespace}/helloworld`)]).toEqual(['', true])
      expect(code).toBe(args.includes('kube-public') ? 3 : 0) // no rights there, and the others are served
    }
    expect(await world.run(['-n', namespace, '--deadline', '20s', '--deadline', '30s'])).toMatchObject({
      code: 2,
      stdout: '',
    })
    expect((await world.run(['statsu'])).stderr).toContain('unknown command "statsu"')
  })
})

describe.skipIf(!cluster)('node handler with pods of a controller', () => {
  let world: OnCluster
  let servers: readonly TestServer[] = []
  let port: number

  beforeEach(async () => {
    world = await openNamespace(cluster as NonNullable<typeof cluster>)
    await world.addService({ name: 'helloworld' })
    port = await freePort()
  })
  afterEach(async () => {
    await Promise.all(servers.map((server) => server.close()))
    await world.close()
  })

  const template = () => ({
    metadata: { labels: { app: 'helloworld' } },
    spec: {
      schedulerName: 'none',
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'app', image: 'helloworld', readinessProbe: { httpGet: { port, path: '/health' } } }],
    },
  })
  const selector = { matchLabels: { app: 'helloworld' } }

  it('hands over between pods of a Deployment', async () => {
    const spec = { replicas: 2, selector, template: template() }
    await world.admin.post(`/apis/apps/v1/namespaces/${world.namespace}/deployments`, {
      metadata: { name: 'helloworld' },
      spec,
    })
    servers = await startPods(world, 2, port)
    await world.run()
    const [active] = await world.actives()
    await servers.find(({ name }) => name === active)?.behave('error')
    const { group } = await world.report(FAST)
    expect(group).toMatchObject({ decision: 'failover', active: { before: active } })
    expect(await world.actives()).toEqual([group.active.after])
    expect(group.active.after).not.toBe(active)
  })

  it('hands over when a StatefulSet has put a new pod in the place of the active one', async () => {
    const spec = {
      replicas: 3,
      selector,
      serviceName: 'helloworld',
      podManagementPolicy: 'Parallel',
      template: template(),
    }
    await world.admin.post(`/apis/apps/v1/namespaces/${world.namespace}/statefulsets`, {
      metadata: { name: 'helloworld' },
      spec,
    })
    servers = await startPods(world, 3, port)
    await world.run()
    expect(await world.actives()).toEqual(['helloworld-0'])
    await world.admin.delete(`${world.api}/pods/helloworld-0`)
    const { group } = await world.report()
    expect(group).toMatchObject({ decision: 'failover', active: { before: null } })
    expect(await world.actives()).toHaveLength(1)
  })
})
