import { getEventListeners, once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import { probeTcp } from '../../../handler/health/tcp.js'
import {
  type Behaviour,
  startBlackHole,
  startServer,
  type TestServer,
  type TestServerOptions,
} from '../../support/servers.js'

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
)
const longMs = 30_000

const started: TestServer[] = []

async function start(behaviour: Behaviour, options?: TestServerOptions): Promise<TestServer> {
  const server = await startServer(behaviour, options)
  started.push(server)
  return server
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.close()))
})

test.each<Behaviour>(['ok', 'silent', 'hang'])(
  'a port that accepts connections is open, whatever comes after: %s',
  async (behaviour) => {
    const server = await start(behaviour)
    const { ms, ...found } = await probeTcp(server, longMs, new AbortController().signal)
    expect(found).toEqual({ healthy: true, text: 'open' })
    expect(ms).toSatisfy(Number.isInteger)
    await expect.poll(() => server.accepted).toBe(1)
    await server.idle()
  },
)

test('a port whose connections are reset at once is open: somebody accepted them', async () => {
  const server = createServer((socket) => socket.resetAndDestroy()).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const { signal } = new AbortController()
  const found = await Promise.all(
    Array.from({ length: 50 }, () => probeTcp({ host: '127.0.0.1', port }, longMs, signal)),
  )
  expect(found.filter(({ healthy }) => !healthy)).toEqual([])
})

test.skipIf(!hasIpv6)('a port of an IPv6 address is open', async () => {
  const server = await start('ok', { host: '::1' })
  expect(await probeTcp(server, longMs, new AbortController().signal)).toMatchObject({ healthy: true, text: 'open' })
})

test('a port that nobody listens on is refused, and open when somebody does again', async () => {
  const server = await start('ok')
  const { signal } = new AbortController()
  await server.behave('refuse')
  expect(await probeTcp(server, longMs, signal)).toMatchObject({ healthy: false, text: 'connection refused' })
  await server.behave('ok')
  expect(await probeTcp(server, longMs, signal)).toMatchObject({ healthy: true, text: 'open' })
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
})

test('a probe that is interrupted before it begins does not connect', async () => {
  const server = await start('ok')
  const found = await probeTcp(server, longMs, AbortSignal.abort())
  expect(found).toEqual({ healthy: false, text: 'interrupted', ms: 0 })
  expect(server.accepted).toBe(0)
})

test('an impossible port is unhealthy and does not throw', async () => {
  const found = await probeTcp({ host: '127.0.0.1', port: 99_999 }, longMs, new AbortController().signal)
  expect(found).toMatchObject({ healthy: false, text: 'invalid port' })
})

test.skipIf(process.platform !== 'linux')(
  'a port that drops packets gives no answer, and waiting can be interrupted',
  async () => {
    const hole = await startBlackHole()
    onTestFinished(hole.close)
    const sockets = () => process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP')).length
    const before = sockets()
    const controller = new AbortController()
    const { ms, ...found } = await probeTcp(hole, 200, controller.signal)
    const waiting = probeTcp(hole, longMs, controller.signal)
    setTimeout(() => controller.abort(), 50)
    const interrupted = await waiting
    expect(found).toEqual({ healthy: false, text: 'no answer within 200ms', reached: false })
    expect(ms).toBeLessThan(5_000)
    expect(interrupted).toMatchObject({ healthy: false, text: 'interrupted' })
    await expect.poll(sockets).toBe(before)
  },
)
