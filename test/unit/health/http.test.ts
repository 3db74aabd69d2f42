import { spawn } from 'node:child_process'
import { getEventListeners, once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { TLSSocket } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { type HttpCheck, probeHttp } from '../../../handler/health/http.js'
import { fields, frame, plain, secure } from '../../support/odd-servers.js'
import {
  type Behaviour,
  response,
  say,
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

/** Every test ends with no connection left, however it went. */
afterEach(async () => {
  vi.unstubAllEnvs()
  const servers = started.splice(0)
  try {
    await Promise.all(servers.map((server) => server.idle()))
  } finally {
    await Promise.all(servers.map((server) => server.close()))
  }
})

const check = (server: TestServer, rest: Partial<HttpCheck> = {}): HttpCheck => ({
  url: `${server.url}/health`,
  headers: [],
  statuses: [[200, 399]],
  redirects: 'same-host',
  ...rest,
})

const probe = (server: TestServer, rest: Partial<HttpCheck> = {}, timeoutMs = longMs, signal = never()) =>
  probeHttp(check(server, rest), timeoutMs, signal)

const never = () => new AbortController().signal
const lines = (server: TestServer) => server.lastRequest?.head.split('\r\n') ?? []

describe.each([
  ['by http', false],
  ['by https, with a certificate that nobody trusts,', true],
])('a probe %s', (_, tls) => {
  test('of a pod that answers is healthy and says the status', async () => {
    const server = await start('ok', { tls })
    const { ms, ...found } = await probe(server)
    expect(found).toEqual({ healthy: true, text: '200' })
    expect(ms).toSatisfy(Number.isInteger)
    expect(server.lastRequest?.path).toBe('/health')
  })

  test.skipIf(!hasIpv6)('reaches an IPv6 address', async () => {
    const server = await start('ok', { tls, host: '::1' })
    expect(await probe(server)).toMatchObject({ healthy: true, text: '200' })
    expect(lines(server)).toContain(`Host: [::1]:${server.port}`)
  })

  test.each<[Behaviour, string]>([
    ['error', '500'],
    ['flood-headers', 'headers too long'],
    ['reset', 'connection reset'],
    ['reset-body', 'body cut short'],
    ['close', 'connection closed'],
    ['short', 'body cut short'],
    ['garbage', 'not HTTP'],
    ['redirect-loop', 'more than 9 redirects'],
    ['refuse', 'connection refused'],
  ])('of a pod that does this finds it unhealthy without waiting for the timeout: %s', async (behaviour, text) => {
    const { ms, ...found } = await probe(await start(behaviour, { tls }))
    expect(found).toEqual({ healthy: false, text })
    expect(ms).toBeLessThan(longMs / 3)
  })

  test.each<[Behaviour, number, string]>([
    ['silent', 200, 'no answer within 200ms'],
    ['hang', 200, 'no answer within 200ms'],
    ['drip-headers', 200, 'no answer within 200ms'],
    ['informational', 200, 'no answer within 200ms'],
    ['hang-body', 600, 'body unfinished after 600ms'],
    ['drip', 600, 'body unfinished after 600ms'],
  ])('of a pod that does this ends at the timeout: %s', async (behaviour, timeoutMs, text) => {
    const server = await start(behaviour, { tls })
    const { ms, ...found } = await probe(server, {}, timeoutMs)
    expect(found).toEqual({ healthy: false, text })
    expect(ms).toBeGreaterThanOrEqual(timeoutMs - 5)
    expect(ms).toBeLessThan(5_000)
    await expect.poll(() => server.accepted).toBe(1)
    await server.idle()
    expect(server.accepted).toBe(1) // no retry
  })

  test.each<Behaviour>(['silent', 'hang', 'hang-body', 'drip', 'informational'])(
    'is interrupted at once when its pod does this: %s',
    async (behaviour) => {
      const controller = new AbortController()
      const server = await start(behaviour, { tls })
      const result = probe(server, {}, longMs, controller.signal)
      setTimeout(() => controller.abort(), 150)
      const { ms, ...found } = await result
      expect(found).toEqual({ healthy: false, text: 'interrupted' })
      expect(ms).toBeLessThan(5_000)
      await expect.poll(() => server.accepted).toBe(1)
    },
  )

  test('of a pod with a body of 1 GiB does not read it', async () => {
    expect(await probe(await start('flood', { tls }))).toMatchObject({ healthy: true, text: '200' })
  })

  test('looks for a text in 64 KiB of the body, and waits for no more', async () => {
    const lazy = (bytes: number) =>
      start((socket) => socket.write(response(200, '.'.repeat(bytes), { 'Content-Length': '1000000' })), { tls })
    expect(await probe(await lazy(65_536), { body: '.' })).toMatchObject({ healthy: true, text: '200' })
    expect(await probe(await lazy(65_535), { body: '.' }, 600)).toMatchObject({
      healthy: false,
      text: 'body unfinished after 600ms',
    })
  })
})

describe('a probe', () => {
  test('does not connect when it is interrupted before it begins', async () => {
    const server = await start('ok')
    expect(await probe(server, {}, longMs, AbortSignal.abort())).toMatchObject({ healthy: false, text: 'interrupted' })
    expect(server.accepted).toBe(0)
  })

  test('takes a connection of its own each time', async () => {
    const server = await start('ok')
    for (let n = 1; n <= 3; n++) {
      await probe(server)
      expect(server.accepted).toBe(n)
    }
    expect(lines(server)).toContain('Connection: close')
  })

  test('goes to the pod and not to a proxy from the environment', async () => {
    for (const name of ['http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY']) vi.stubEnv(name, 'http://127.0.0.1:1')
    vi.stubEnv('NODE_USE_ENV_PROXY', '1')
    expect(await probe(await start('ok'))).toMatchObject({ healthy: true })
  })

  test('leaves no listener on the signal, which any number of probes may share without a warning', async () => {
    const { signal } = new AbortController()
    const warnings: Error[] = []
    const warn = (warning: Error) => warnings.push(warning)
    process.on('warning', warn)
    const server = await start('ok')
    const loop = await start('redirect-loop')
    const probes = Array.from({ length: 60 }, (_, n) => probe(n % 2 ? server : loop, {}, longMs, signal))
    expect(getEventListeners(signal, 'abort')).toHaveLength(60)
    await Promise.all(probes)
    await new Promise(setImmediate)
    process.off('warning', warn)
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
    expect(warnings).toEqual([])
  })

  test('leaves nothing behind that keeps the process alive', async () => {
    const servers = await Promise.all(
      (['ok', 'error', 'flood', 'redirect-loop', 'short'] as const).map((b) => start(b)),
    )
    const program = `
      import { probeHttp } from ${JSON.stringify(new URL('../../../handler/health/http.ts', import.meta.url).href)}
      for (const check of ${JSON.stringify(servers.map((server) => check(server)))}) {
        process.stdout.write((await probeHttp(check, 3_600_000, new AbortController().signal)).text + ';')
      }`
    const cwd = fileURLToPath(new URL('../../../', import.meta.url))
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', program], {
      cwd,
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 15_000,
    })
    let said = ''
    child.stdout.on('data', (chunk) => {
      said += chunk
    })
    const [code, killedBy] = await once(child, 'close')
    expect({ code, killedBy, said }).toEqual({
      code: 0,
      killedBy: null,
      said: '200;500;200;more than 9 redirects;body cut short;',
    })
  })

  test.each([
    ['nonsense', 'invalid URL'],
    ['http://127.0.0.1:99999/', 'invalid port'],
    ['http://127.0.0.1/%zz', 'invalid URL'],
    ['ftp://127.0.0.1/', 'neither http nor https'],
  ])('of %s is unhealthy and does not throw', async (url, text) => {
    const found = await probeHttp({ url, headers: [], statuses: [[200, 200]], redirects: 'none' }, longMs, never())
    expect(found).toMatchObject({ healthy: false, text })
  })

  test('names no server to TLS, whatever the Host header: the kubelet goes by the IP', async () => {
    const names: unknown[] = []
    const server = await start(
      (socket) => {
        names.push((socket as TLSSocket).servername)
        socket.end(response(200, ''))
      },
      { tls: true },
    )
    expect(await probe(server, { headers: [['Host', 'app.example']] })).toMatchObject({ healthy: true })
    expect(names).toEqual([false])
  })

  test('by https of a pod that speaks http says that TLS failed', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const found = await probeHttp({ url, headers: [], statuses: [[200, 200]], redirects: 'none' }, longMs, never())
    server.close()
    expect(found).toMatchObject({ healthy: false, text: expect.stringMatching(/^TLS: [a-z ]+$/) })
  })

  test('by http of a pod that speaks https is unhealthy', async () => {
    const server = await start('ok', { tls: true })
    const found = await probe(server, { url: server.url.replace('https', 'http') })
    expect(found).toMatchObject({ healthy: false, text: 'connection closed' })
  })
})

test.skipIf(process.platform !== 'linux')('a probe of a pod that drops packets ends at the timeout', async () => {
  const hole = await startBlackHole()
  onTestFinished(hole.close)
  for (const scheme of ['http', 'https']) {
    const url = `${scheme}://${hole.host}:${hole.port}/`
    const found = await probeHttp({ url, headers: [], statuses: [[200, 200]], redirects: 'none' }, 200, never())
    expect(found).toMatchObject({ healthy: false, text: 'no answer within 200ms', reached: false })
  }
})

describe('the answer', () => {
  test.each([
    [199, false],
    [200, true],
    [204, true],
    [299, true],
    [300, false],
    [418, true],
    [419, false],
  ])('%d is accepted by the ranges 200-299 and 418: %s', async (status, healthy) => {
    const server = await start(say(response(status, '')))
    expect(
      await probe(server, {
        statuses: [
          [200, 299],
          [418, 418],
        ],
      }),
    ).toMatchObject(
      // A 1xx is no answer: the connection ends without one.
      { healthy, text: status < 200 ? 'connection closed' : `${status}` },
    )
  })

  test.each([
    ['the body holds the text', 'state: größer', 'größer', true],
    ['the body is another one', 'state: fine', 'größer', false],
    ['the text ends with the 64 KiB', `${'.'.repeat(65_532)}fine${'.'.repeat(9_999)}`, 'fine', true],
    ['the text goes on after the 64 KiB', `${'.'.repeat(65_533)}fine${'.'.repeat(9_999)}`, 'fine', false],
    ['the text is in a body of just 64 KiB', `${'.'.repeat(65_532)}fine`, 'fine', true],
  ])('where %s', async (_, sent, body, healthy) => {
    const text = healthy ? '200' : '200, but not the expected body'
    expect(await probe(await start(say(response(200, sent))), { body })).toMatchObject({ healthy, text })
  })

  test('with the right body and the wrong status is unhealthy', async () => {
    expect(await probe(await start('error', { name: 'fine' }), { body: 'fine' })).toMatchObject({
      healthy: false,
      text: '500',
    })
  })

  test('with the right body that never ends is unhealthy', async () => {
    expect(await probe(await start('hang-body', { name: 'fine' }), { body: 'fine' }, 600)).toMatchObject({
      healthy: false,
      text: 'body unfinished after 600ms',
    })
  })
})

describe('a server that means harm', () => {
  const flood = (frames: Buffer) => (socket: Socket) => {
    const pour = () => {
      while (!socket.destroyed && socket.write(frames));
      socket.once('drain', pour)
    }
    socket.write(frame(4, 0, 0))
    pour()
  }
  const hint = Buffer.concat(Array(100).fill(frame(1, 4, 1, fields([':status', '103']))))
  const ping = Buffer.concat(Array(100).fill(frame(2, 0, 1, '\0\0\0\0\x10')))

  test.each([
    ['informational answers', hint, 'headers too long'],
    ['frames that mean nothing', ping, 'too many frames'],
  ])('with %s without end, over HTTP/2, is not listened to for long', async (_what, frames, text) => {
    const server = await secure(flood(frames), { ALPNProtocols: ['h2'] })({ plain: 0, tls: 0 })
    onTestFinished(server.close)
    const url = `https://127.0.0.1:${server.port}/`
    const found = await probeHttp({ url, headers: [], statuses: [[200, 200]], redirects: 'none' }, longMs, never())
    expect(found).toMatchObject({ healthy: false, text })
  })

  test('with heads of 9 MB and no end costs many probes little memory', async () => {
    const head = Buffer.from(`HTTP/1.1 200 OK\r\n${`X: ${'x'.repeat(1_000)}\r\n`.repeat(9_000)}`)
    const interrupted = new AbortController()
    let sent = 0
    const server = await plain((socket) => {
      socket.write(head, () => ++sent)
    })({ plain: 0, tls: 0 })
    onTestFinished(server.close)
    const held = () => process.memoryUsage().arrayBuffers / 2 ** 20
    const before = held()
    const target = { url: `http://127.0.0.1:${server.port}/`, headers: [], statuses: [], redirects: 'none' } as const
    const probes = Array.from({ length: 16 }, () => probeHttp(target, longMs, interrupted.signal))
    await expect.poll(() => sent, { timeout: longMs }).toBe(probes.length)
    const grown = held() - before
    interrupted.abort()
    await Promise.all(probes)
    expect(grown, 'MiB, of 138 that were sent').toBeLessThan(60)
  })
})

test('the request names the kubelet, for servers that admit no other, and us', async () => {
  const server = await start('ok')
  await probe(server)
  expect(lines(server)).toEqual([
    'GET /health HTTP/1.1',
    `Host: 127.0.0.1:${server.port}`,
    expect.stringMatching(/^User-Agent: kube-probe\/1\.\d+ active-passive\/\S+$/),
    'Accept: */*',
    'Connection: close',
  ])
})

describe('a redirect', () => {
  test('is the answer where none is to be followed', async () => {
    const server = await start('redirect-loop')
    const found = await probe(server, { redirects: 'none', statuses: [[200, 200]] })
    expect(found).toMatchObject({ healthy: false, text: '302' })
    expect(server.requests).toBe(1)
  })

  test('to another host is the answer', async () => {
    const server = await start('redirect-away')
    expect(await probe(server)).toMatchObject({ healthy: true, text: '302' })
    expect(await probe(server, { statuses: [[200, 299]] })).toMatchObject({ healthy: false, text: '302' })
  })

  test('that comes slowly each time ends at the timeout of the whole', async () => {
    const server = await start((socket, { path }) =>
      setTimeout(() => socket.end(response(302, '', { Location: path })), 200),
    )
    expect(await probe(server, {}, 1_000)).toMatchObject({ healthy: false, text: 'no answer within 1s' })
    expect(server.requests).toBeGreaterThan(0)
    expect(server.requests).toBeLessThanOrEqual(5)
  })

  test('to a URL that would take long to read is unhealthy', async () => {
    const location = `/${'\xe9'.repeat(200_000)}`
    const server = await start(say(response(302, '', { Location: location })))
    expect(await probe(server)).toMatchObject({ healthy: false, text: 'Location too long' })
  })

  test.each([
    ['http://[bad', 'invalid URL'],
    ['ftp://127.0.0.1/', 'neither http nor https'],
  ])('to %s is unhealthy', async (location, text) => {
    const server = await start(say(response(302, '', { Location: location })))
    expect(await probe(server)).toMatchObject({ healthy: false, text })
  })
})
