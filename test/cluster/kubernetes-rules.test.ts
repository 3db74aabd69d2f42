import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import type { KubeObject } from '../support/cluster/client.js'
import { until } from '../support/cluster/poll.js'
import { freePort } from '../support/cluster/ports.js'
import { type OnCluster, openNamespace } from '../support/on-cluster.js'
import { podStatus } from '../support/pods.js'
import { startServer, type TestServer } from '../support/servers.js'

const cluster = inject('cluster')

interface Slice extends KubeObject {
  readonly ports: readonly { readonly port: number }[] | null
  readonly endpoints: readonly { readonly addresses: readonly string[] }[] | null
}

describe.skipIf(!cluster)('where Kubernetes has a rule of its own,', () => {
  let world: OnCluster
  let servers: TestServer[]

  beforeEach(async () => {
    world = await openNamespace(cluster as NonNullable<typeof cluster>)
    servers = []
  })
  afterEach(async () => {
    await Promise.all(servers.map((server) => server.close()))
    await world.close()
  })

  const serve = async (...args: Parameters<typeof startServer>) => {
    const server = await startServer(...args)
    servers.push(server)
    return server
  }
  const createPod = async (spec: object, status: object, labels: object = { app: 'helloworld' }) => {
    const common = { schedulerName: 'none', automountServiceAccountToken: false }
    await world.admin.post(`${world.api}/pods`, { metadata: { name: 'web-0', labels }, spec: { ...common, ...spec } })
    await world.admin.patch(`${world.api}/pods/web-0/status`, { status })
  }

  it('a port’s name that a container and a native sidecar share is the container’s, as in the EndpointSlice', async () => {
    const app = await serve('ok', { name: 'app' })
    const mesh = await serve('error', { name: 'mesh' })
    const named = ({ name, port }: TestServer) => ({
      name,
      image: name,
      ports: [{ name: 'http', containerPort: port }],
    })
    await createPod(
      { initContainers: [{ ...named(mesh), restartPolicy: 'Always' }], containers: [named(app)] },
      podStatus({}),
    )
    await world.addService({
      name: 'side',
      annotations: { 'active-passive/health-check': 'http://:http/health' },
      // There is no node: the controller takes a pod of none only for a Service that publishes what is not ready.
      spec: { ports: [{ port: 80, targetPort: 'http' }], publishNotReadyAddresses: true },
    })

    expect(await world.run()).toMatchObject({ code: 0 })
    expect(await world.actives()).toEqual(['web-0'])
    const steady = await world.run()
    expect(steady.stdout).toContain('Active pod HTTP response: 200\n')
    expect(steady.code).toBe(0)
    expect([app.requests > 0, mesh.requests]).toEqual([true, 0])

    // An EndpointSlice takes no loopback address.
    await world.setStatus('web-0', { ip: '10.244.0.7' })
    const ports = await until('an EndpointSlice with the pod', async () => {
      const path = `/apis/discovery.k8s.io/v1/namespaces/${world.namespace}/endpointslices`
      const { items } = await world.admin.get<{ items: readonly Slice[] }>(path)
      return items.find(({ endpoints }) => endpoints?.some(({ addresses }) => addresses.includes('10.244.0.7')))?.ports
    })
    expect(ports).toMatchObject([{ port: app.port }])
  })

  it('a readinessProbe’s named port is its own container’s', async () => {
    const app = await serve()
    const other = await serve('error')
    const readinessProbe = { httpGet: { port: 'http', path: '/health' } }
    await createPod(
      {
        containers: [
          { name: 'other', image: 'other', ports: [{ name: 'http', containerPort: other.port }] },
          { name: 'app', image: 'app', ports: [{ name: 'http', containerPort: app.port }], readinessProbe },
        ],
      },
      podStatus({}),
    )
    await world.addService({ name: 'web' })
    expect(await world.run()).toMatchObject({ code: 0 })
    expect((await world.run()).stdout).toContain('Active pod HTTP response: 200\n')
    expect([app.requests > 0, other.requests]).toEqual([true, 0])
  })

  it('of a pod with two addresses the primary one is probed', async () => {
    const port = await freePort()
    const primary = await serve('ok', { host: '::1', port })
    const secondary = await serve('error', { host: '127.0.0.1', port })
    const readinessProbe = { httpGet: { port, path: '/health' } }
    await createPod(
      { containers: [{ name: 'app', image: 'app', readinessProbe }] },
      { ...podStatus({ ip: '::1' }), podIPs: [{ ip: '::1' }, { ip: '127.0.0.1' }] },
    )
    await world.addService({ name: 'web' })
    expect(await world.run()).toMatchObject({ code: 0 })
    expect((await world.run()).stdout).toContain('Active pod HTTP response: 200\n')
    expect([primary.requests > 0, secondary.requests]).toEqual([true, 0])
  })

  it('labels are selected by empty values, by keys with a slash, and by the words of selectors', async () => {
    const { port } = await serve()
    const labels = { app: 'helloworld', canary: '', 'example.com/a.b_c-d': 'in', in: 'notin', notin: '' }
    await createPod({ containers: [{ name: 'app', image: 'app' }] }, podStatus({}), labels)
    const { canary: _, ...lacking } = labels
    await world.addPod('without', 'ok', { labels: lacking })
    await world.addService({
      name: 'web',
      selector: { ...labels, role: 'active' },
      annotations: { 'active-passive/health-check': `http://:${port}/` },
    })
    const { code } = await world.run()
    expect(code).toBe(0)
    expect(await world.actives()).toEqual(['web-0'])
    expect((await world.labels('without')).role).toBeUndefined()
  })

  it('a patient readinessProbe is run with our patience, and that is said', async () => {
    const readinessProbe = { httpGet: { port: 'http', path: '/health' }, failureThreshold: 40 }
    const [first] = [
      await world.addPod('a', 'ok', { readinessProbe }),
      await world.addPod('b', 'ok', { readinessProbe }),
    ]
    await world.addService({ name: 'web' })
    await world.run()
    await first.behave('error')
    const { group, code } = await world.report(['--period', '250ms'])
    expect(group).toMatchObject({ decision: 'failover', active: { before: 'a', after: 'b' } })
    expect(group.warnings).toEqual([
      'pod a, b: the readinessProbe has failureThreshold 40, which is not taken: failures (3) decides; ' +
        'annotation active-passive/failures on the Service makes it more patient',
    ])
    expect(code).toBe(0)

    await world.annotateService('web', { 'active-passive/failures': '40' })
    expect((await world.report()).group.warnings).toEqual([])
  })
})
