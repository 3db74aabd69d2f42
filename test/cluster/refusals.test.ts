import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { freePort } from '../support/cluster/ports.js'
import { runHandler } from '../support/handler.js'
import { type OnCluster, openNamespace } from '../support/on-cluster.js'
import { onPort, throughProxy } from '../support/tcp-proxy.js'

const cluster = inject('cluster')

describe.skipIf(!cluster)('node handler and the connection to the API server', () => {
  let world: OnCluster
  beforeEach(async () => {
    world = await openNamespace(cluster as NonNullable<typeof cluster>)
    await world.addService({ name: 'helloworld' })
    await world.addPod('helloworld-0')
    await world.addPod('helloworld-1')
  })
  afterEach(() => world.close())

  it('opens no more than two connections in a steady pass', async () => {
    await world.run()
    const { proxy, kubeconfig } = await throughProxy(world.kubeconfig)
    const { code } = await runHandler(['--kubeconfig', kubeconfig], {})
    expect(code).toBe(0)
    expect(proxy.connections).toBeGreaterThan(0)
    expect(proxy.connections).toBeLessThanOrEqual(2)
    await proxy.close()
  })

  it.each(['text', 'json'])(
    'exits 3 when nobody listens there, without the password of the URL: %s',
    async (output) => {
      const port = await freePort()
      const kubeconfig = await onPort(world.kubeconfig, port, 'me:pa55word@')
      const { stdout, code } = await runHandler(['--kubeconfig', kubeconfig, '--deadline', '10s', '-o', output], {})
      expect(stdout).toContain(
        `could not list services in namespace ${world.namespace}: no answer from https://…@127.0.0.1:${port}`,
      )
      expect(stdout).not.toContain('pa55word')
      expect(code).toBe(3)
    },
  )

  it('exits 3 by the deadline when the server takes connections and never answers', async () => {
    const server = createServer(() => {})
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const { stdout, code } = await runHandler(
      ['--kubeconfig', await onPort(world.kubeconfig, port), '--deadline', '10s', '-o', 'json'],
      {},
    )
    const { durationMs } = JSON.parse(stdout) as { durationMs: number }
    expect(durationMs).toBeLessThanOrEqual(10_000)
    expect(code).toBe(3)
    server.close()
  })
})
