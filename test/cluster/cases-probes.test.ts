// Servers that the kubelet finds ready, and that a client of HTTP or gRPC has to be as the kubelet's to find so.
import { beforeEach, describe, expect, inject, it } from 'vitest'
import {
  fields,
  frame,
  frames,
  hold,
  http2,
  type OddServer,
  plain,
  routes,
  type StartOdd,
} from '../support/odd-servers.js'
import { type OnCluster, openNamespace } from '../support/on-cluster.js'

const cluster = inject('cluster')
const FAST = ['--failures', '1']
const FINE = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
const PORTS = { plain: 0, tls: 0 }

/** Admits nobody but a kubelet. */
const KUBELETS_ONLY: StartOdd = http2(({ headers }, response) => {
  response.writeHead(/^kube-probe\//.test(headers['user-agent'] ?? '') ? 200 : 403)
  response.end()
})

/** Serves gRPC's health protocol, by TLS or without. */
const grpc = (tls: boolean) => {
  const headers = frame(1, 4, 1, fields([':status', '200'], ['content-type', 'application/grpc']))
  const serving = frame(0, 0, 1, '\0\0\0\0\x02\x08\x01')
  return frames([headers, serving, frame(1, 5, 1, fields(['grpc-status', '0']))], { tls })
}

/** @param readinessProbe to a port */
async function expectTakeover(
  { world, servers, start }: { readonly world: OnCluster; readonly servers: OddServer[]; readonly start: StartOdd },
  readinessProbe?: (port: number) => object,
  flags = FAST,
) {
  await world.addService({ name: 'helloworld' })
  for (const n of [0, 1]) {
    const ip = `127.0.1.${41 + n}`
    const server = await start(PORTS, ip)
    servers.push(server)
    const draft = { ip, ...(readinessProbe && { readinessProbe: readinessProbe(server.port) }) }
    await world.createPod({ name: `helloworld-${n}`, port: server.port }, draft)
  }
  expect((await world.report(flags)).group.active.after).toBe('helloworld-0')

  await servers[0]?.close()
  const { code, group } = await world.report(flags)
  expect(group).toMatchObject({ decision: 'failover', active: { after: 'helloworld-1' } })
  expect(group.reason.text).toContain('helloworld-1 passed its check')
  expect(code).toBe(0)
}

describe.skipIf(!cluster)('a readinessProbe', { timeout: 60_000 }, () => {
  let world: OnCluster
  const servers: OddServer[] = []
  beforeEach(async () => {
    world = await openNamespace(cluster as NonNullable<typeof cluster>)
    return async () => {
      await Promise.all(servers.splice(0).map((server) => server.close()))
      await world.close()
    }
  })

  it.each<[string, StartOdd, object]>([
    ['of HTTP/2 only', http2((_, response) => response.end('fine')), { path: '/health', scheme: 'HTTPS' }],
    ['that admits kubelets only', KUBELETS_ONLY, { path: '/', scheme: 'HTTPS' }],
    [
      'of a page of 12 KiB that never ends',
      plain(hold(`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(12_288)}`)),
      { path: '/page' },
    ],
    ['of //x, which is a host to the kubelet', plain(routes({ '/': FINE })), { path: '//x' }],
    [
      'of a whole URL, whose path alone counts',
      plain(routes({ '/a?b': FINE })),
      { path: 'http://other.example:1/a?b' },
    ],
  ])('%s passes: its pod takes over', async (_what, start, httpGet) => {
    await expectTakeover({ world, servers, start }, (port) => ({ httpGet: { ...httpGet, port } }))
  })

  it('of kind grpc passes: its pod takes over', async () => {
    await expectTakeover({ world, servers, start: grpc(false) }, (port) => ({ grpc: { port, service: 'db' } }))
  })

  it.each(['grpc', 'grpcs'])('is not needed where the check is %s, to a port by its name', async (scheme) => {
    const flags = [...FAST, `--health-check=${scheme}://:http/db`]
    await expectTakeover({ world, servers, start: grpc(scheme === 'grpcs') }, undefined, flags)
  })
})
