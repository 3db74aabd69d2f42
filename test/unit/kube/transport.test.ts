import { createServer as createHttpServer } from 'node:http'
import { createServer, type Socket } from 'node:net'
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { connect } from '../../../handler/kube/client.js'
import type { Kube, Pod } from '../../../handler/kube/port.js'
import { requestLimits } from '../../../handler/kube/transport.js'
import { type Api, type Fault, startApi } from '../../support/api/server.js'
import { podDraft } from '../../support/pods.js'
import { response } from '../../support/servers.js'
import { startTcpProxy } from '../../support/tcp-proxy.js'
import { EMPTY_LIST, listen, load, never } from './support.js'

const FAST = { retryDelayMs: 1, readTimeoutMs: 2_000 }

const status = (code: number, headers: Record<string, string> = {}): Fault => ({
  kind: 'answer',
  status: code,
  body: { kind: 'Status', message: `status ${code}`, details: {}, code },
  headers,
})

describe('the transport', () => {
  let api: Api
  let config: KubeConfig
  let kube: Kube
  let pod: Pod

  beforeEach(async () => {
    api = await startApi()
    config = new KubeConfig()
    config.loadFromString(api.kubeconfig)
    const draft = podDraft({ name: 'a', port: 80 })
    api.store.create('pods', { ...draft, metadata: { ...draft.metadata, namespace: 'shop' } })
    const [listed] = await list(connect(config))
    pod = listed as Pod
    api.clearRequests()
    kube = connect(config, FAST)
  })
  afterEach(() => api.close())

  const list = (through: Kube = kube, signal = never) => through.listPods({ namespace: 'shop' }, signal)
  const patch = (through: Kube = kube, signal = never) =>
    through.patchPodMetadata(pod, { uid: pod.uid, annotations: { a: '1' } }, signal)
  /** These faults, one for each request, then none. */
  const plan = (...faults: Fault[]) => api.intercept(() => faults.shift())

  it('keeps its connection from one request to the next', async () => {
    const before = api.connections
    for (let round = 0; round < 10; round++) {
      await list()
      await patch()
    }
    expect(api.requests).toHaveLength(20)
    expect(api.connections - before).toBe(1)
  })

  it('opens no more than 16 connections, whatever is asked at once', async () => {
    const before = api.connections
    await Promise.all(Array.from({ length: 50 }, () => list()))
    expect(api.connections - before).toBeLessThanOrEqual(16)
  })

  it('keeps the connection after a refusal', async () => {
    const before = api.connections
    plan(status(403), status(422))
    await expect(list()).rejects.toThrow()
    await patch()
    await list()
    expect(api.connections - before).toBe(1)
  })

  it('says who it is and takes JSON', async () => {
    const seen: unknown[] = []
    api.intercept(({ userAgent, headers }) => void seen.push(userAgent, headers.accept, headers.authorization))
    await list()
    expect(seen).toEqual([expect.stringMatching(/^active-passive\//), 'application/json', 'Bearer in-process'])
  })

  describe.each<[string, Fault]>([
    ['429', status(429)],
    ['500', status(500)],
    ['502', status(502)],
    ['503', status(503)],
    ['504', status(504)],
    ['a reset', { kind: 'reset' }],
  ])('on %s', (_name, fault) => {
    it('sends a read again, twice, and counts what it sent', async () => {
      plan(fault, fault)
      await expect(list()).resolves.toMatchObject([{ name: 'a' }])
      expect(api.requests).toHaveLength(3)
      expect(kube.requests).toBe(3)
    })

    it('gives a read up after the third time', async () => {
      plan(fault, fault, fault, fault)
      await expect(list()).rejects.toMatchObject({ name: 'KubeError' })
      expect(kube.requests).toBe(3)
    })

    it('never sends a write again', async () => {
      plan(fault)
      expect((await patch()).kind).toBe(fault.kind === 'answer' && fault.status === 429 ? 'throttled' : 'unknown')
      expect(api.requests).toHaveLength(1)
      expect(kube.requests).toBe(1)
    })
  })

  it.each([400, 403, 404, 410, 422])('sends a read once on %d', async (code) => {
    plan(status(code))
    await expect(list()).rejects.toMatchObject({ name: 'KubeError' })
    expect(kube.requests).toBe(1)
  })

  describe('after a 401', () => {
    it('sends a read or a write again, once, over another connection: it may lead to another API server', async () => {
      const before = api.connections
      plan(status(401))
      expect(await list()).toHaveLength(1)
      plan(status(401))
      expect(await patch()).toMatchObject({ kind: 'applied' })
      expect(kube.requests).toBe(4)
      expect(api.connections - before).toBe(3)
      plan(status(401), status(401), status(401), status(401))
      await expect(list()).rejects.toMatchObject({ code: 'unauthenticated', message: expect.stringContaining('401') })
      expect(await patch()).toMatchObject({ kind: 'unauthenticated' })
      expect(kube.requests).toBe(8)
    })

    it('sends nothing again when there is no time left to wait, and says 401', async () => {
      const stop = new AbortController()
      const slow = connect(config, { retryDelayMs: 60_000 })
      api.intercept(() => {
        setImmediate(() => setTimeout(() => stop.abort(), 50))
        return status(401)
      })
      expect(await patch(slow, stop.signal)).toMatchObject({ kind: 'unauthenticated' })
      expect(slow.requests).toBe(1)
    })
  })

  it('waits before a read is sent again for as long as the API server says', async () => {
    plan(status(429, { 'retry-after': '1' }))
    const started = performance.now()
    await list()
    expect(performance.now() - started).toBeGreaterThanOrEqual(990)
  })

  it('gives a read up when it would have to wait longer than a read may take', async () => {
    plan(status(429, { 'retry-after': '60' }))
    await expect(list()).rejects.toMatchObject({
      message: 'could not list pods in namespace shop: status 429: status 429',
      remedy: 'The API server has too much to do: try again later.',
    })
  })

  it('limits a read that gets no answer, each of the three times', async () => {
    api.intercept(() => ({ kind: 'hang' }))
    await expect(list(connect(config, { ...FAST, readTimeoutMs: 50 }))).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining(`no answer from ${api.url}: Timeout awaiting 'request' for 50ms`),
    })
    expect(api.requests).toHaveLength(3)
  })

  it('sends a read again on a connection of its own when the one it had is dead: the idle ones may be too', async () => {
    const { hostname, port } = new URL(api.url)
    const proxy = await startTcpProxy(hostname, Number(port))
    onTestFinished(() => proxy.close())
    const through = connect(await load({ server: `http://127.0.0.1:${proxy.port}` }), { ...FAST, firstSilenceMs: 200 })
    await Promise.all([1, 2, 3, 4].map(() => list(through)))
    expect(proxy.connections).toBe(4)
    proxy.hold()
    const started = performance.now()
    await list(through)
    expect(performance.now() - started).toBeLessThan(FAST.readTimeoutMs)
    expect(proxy.connections).toBe(5)
    expect(through.requests).toBe(6)
  })

  it('gives a server that is slow to answer more time when a read is sent again', async () => {
    const server = createHttpServer((_request, response) => void setTimeout(() => response.end(EMPTY_LIST), 300))
    const { port } = await listen(server)
    const through = connect(await load({ server: `http://127.0.0.1:${port}` }), { ...FAST, firstSilenceMs: 50 })
    expect(await list(through)).toEqual([])
    expect(through.requests).toBe(2)
  })

  it('limits a write that gets no answer: it may have been applied', async () => {
    api.intercept(() => ({ kind: 'hang', applied: true }))
    expect(await patch(connect(config, { writeTimeoutMs: 50 }))).toMatchObject({
      kind: 'unknown',
      error: { code: 'unreachable' },
    })
    expect(api.requests).toHaveLength(1)
    expect(api.store.get('pods', 'shop', 'a')?.metadata.annotations).toEqual({ a: '1' })
  })

  describe('told to stop', () => {
    const outOfTime = { code: 'unreachable', message: expect.stringMatching(/: no time left$/) }

    it('before it begins, sends nothing', async () => {
      await expect(list(kube, AbortSignal.abort())).rejects.toMatchObject(outOfTime)
      expect(await patch(kube, AbortSignal.abort())).toMatchObject({ kind: 'unknown', error: outOfTime })
      expect(api.requests).toHaveLength(0)
      expect(kube.requests).toBe(0)
    })

    it.each<[string, Fault]>([
      ['while there is no answer', { kind: 'hang' }],
      ['while it waits to send again', status(429, { 'retry-after': '2' })],
    ])('%s, ends at once', async (_name, fault) => {
      const stop = new AbortController()
      api.intercept(() => fault)
      const reading = list(kube, stop.signal).catch((error) => error)
      await expect.poll(() => api.requests.length).toBe(1)
      await expect.poll(() => api.requests[0]?.status).toBe(fault.kind === 'answer' ? 429 : 0)
      const started = performance.now()
      stop.abort()
      expect(await reading).toMatchObject(outOfTime)
      expect(performance.now() - started).toBeLessThan(500)
      expect(api.requests).toHaveLength(1)
    })

    it('during a write, does not know what became of it', async () => {
      const stop = new AbortController()
      api.intercept(() => ({ kind: 'hang', applied: true }))
      const writing = patch(kube, stop.signal)
      await expect.poll(() => api.requests.length).toBe(1)
      stop.abort()
      expect(await writing).toMatchObject({ kind: 'unknown', error: outOfTime })
    })
  })
})

describe('a server that closes an idle connection in the moment of its next use', () => {
  /** Answers the first request of a connection, and closes it when the second one comes. */
  const start = async (close: (socket: Socket) => void) => {
    let requests = 0
    const server = createServer((socket) => {
      let used = 0
      socket.on('data', () => {
        requests++
        if (++used > 1) close(socket)
        else socket.write(response(200, EMPTY_LIST, { Connection: 'keep-alive' }))
      })
    })
    const { port, count } = await listen(server)
    const kube = connect(await load({ server: `http://127.0.0.1:${port}` }), FAST)
    await kube.listPods({}, never)
    return { kube, requests: () => requests, connections: count }
  }
  const pod = { namespace: 'shop', name: 'a', uid: 'u' } as Pod

  it.each([
    ['resets', (socket: Socket) => void socket.resetAndDestroy()],
    ['ends', (socket: Socket) => void socket.end()],
  ])('and %s it: a read is sent again on another one, a write is not', async (_name, close) => {
    const { kube, requests, connections } = await start(close)
    await expect(kube.listPods({}, never)).resolves.toEqual([])
    expect([requests(), connections()]).toEqual([3, 2])
    expect(await kube.patchPodMetadata(pod, { uid: 'u' }, never)).toMatchObject({
      kind: 'unknown',
      error: { code: 'unreachable' },
    })
    expect([requests(), connections()]).toEqual([4, 2])
  })
})

describe('a server that is no HTTP server', () => {
  it.each([
    ['says something else', 'SSH-2.0-OpenSSH_9.9\r\n'],
    ['closes in the middle of its answer', response(200, EMPTY_LIST, { 'Content-Length': '1000' })],
    ['says nothing', ''],
  ])('and %s, is unreachable', async (_name, text) => {
    const { port } = await listen(createServer((socket) => void socket.once('data', () => socket.end(text))))
    const kube = connect(await load({ server: `http://127.0.0.1:${port}` }), FAST)
    await expect(kube.listPods({}, never)).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/^could not list pods in all namespaces: no answer from http:\S+: ./),
    })
  })

  it('nor speaks TLS where https was asked for: the error says where to look', async () => {
    const { port } = await listen(createServer((socket) => void socket.once('data', () => socket.end('HTTP/1.1 400'))))
    const kube = connect(await load({ server: `https://127.0.0.1:${port}` }), FAST)
    await expect(kube.listPods({}, never)).rejects.toMatchObject({
      code: 'unreachable',
      remedy: expect.stringContaining('Check certificate-authority'),
    })
  })
})

describe('--request-timeout', () => {
  it.each([
    ['is not given', undefined, {}],
    ['is 3 s', 3_000, { readTimeoutMs: 3_000, writeTimeoutMs: 3_000, firstSilenceMs: 3_000 }],
    ['is a minute', 60_000, { readTimeoutMs: 60_000, writeTimeoutMs: 60_000, firstSilenceMs: 5_000 }],
    ['is 0', 0, { readTimeoutMs: 2 ** 31 - 1, writeTimeoutMs: 2 ** 31 - 1, firstSilenceMs: 5_000 }],
  ])('%s', (_, ms, limits) => {
    expect(requestLimits(ms)).toEqual(limits)
  })

  it('ends a write that is not answered, and a read after its last attempt', async () => {
    const server = createServer(() => {})
    const { port } = await listen(server)
    const kube = connect(await load({ server: `http://127.0.0.1:${port}` }), { ...requestLimits(50), retryDelayMs: 1 })
    await expect(kube.listPods({ namespace: 'shop' }, never)).rejects.toThrow(/50 ?ms/)
    expect(kube.requests).toBe(3)
    const pod = { namespace: 'shop', name: 'a', uid: '1' } as Pod
    const written = await kube.patchPodMetadata(pod, { uid: '1', annotations: {} }, never)
    expect(written).toMatchObject({ kind: 'unknown', error: { message: expect.stringMatching(/50 ?ms/) } })
  })
})
