// The routes, as a function from request to response, over the in-process API.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { readServeOptions } from '../../handler/cli/options.js'
import { type App, createApp } from '../../handler/serve/app.js'
import { LATE_MS } from '../../handler/serve/heartbeats.js'
import { type Guard, guardedBy } from '../../handler/serve/http/bearer-token.js'
import { BODY_LIMIT } from '../../handler/serve/http/body.js'
import { aGrafanaWebhook, aWebhook } from '../support/alerts.js'
import { type InProcess, startInProcess } from '../support/in-process.js'
import { keepLog } from '../support/logs.js'

vi.setConfig({ testTimeout: 120_000 }) // of a machine that is busy with other things

let world: InProcess
let app: App
let folder: string
let guard: Guard
const log = keepLog()
/** By default. */
const DEADLINE_MS = 40_000
const warnings = () => log.said('warn', 'error')

function appFor({ api }: InProcess) {
  const config = new KubeConfig()
  config.loadFromString(api.kubeconfig)
  return [readServeOptions({}, {}), config, guard, log] as const
}

beforeEach(async () => {
  world = await startInProcess()
  folder = await mkdtemp(join(tmpdir(), 'active-passive-routes-'))
  await writeFile(join(folder, 'token'), 'secret')
  log.clear()
  guard = await guardedBy(join(folder, 'token'), log.warn)
  app = createApp(...appFor(world), { probe: async () => ({ healthy: true, text: '200', ms: 1 }) })
})
afterEach(async () => {
  await app.close()
  await world.close()
  await rm(folder, { recursive: true, force: true })
})

const bearer = { authorization: 'Bearer secret' }
const json = { ...bearer, 'content-type': 'application/json' }

function send(method: string, path: string, headers: Readonly<Record<string, string>> = bearer, body?: string) {
  return app.fetch(new Request(`http://localhost${path}`, { method, headers, ...(body === undefined ? {} : { body }) }))
}

const post = (message: unknown, headers: Readonly<Record<string, string>> = json) =>
  send('POST', '/alertmanager', headers, typeof message === 'string' ? message : JSON.stringify(message))

function stream(body: ReadableStream): Promise<Response> {
  const init = { method: 'POST', headers: json, body, duplex: 'half' } as const
  return app.fetch(new Request('http://localhost/alertmanager', init))
}

const errorOf = async (response: Response) => ((await response.json()) as { readonly error: string }).error

describe('POST /alertmanager', () => {
  it('makes a pass for the group that the alert names, and answers with its report', async () => {
    const response = await post(aWebhook([{ namespace: 'default', service: 'app' }]))
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(await response.json()).toMatchObject({
      groups: [{ namespace: 'default', services: ['app'], decision: 'first', active: { before: null, after: 'a' } }],
      summary: expect.any(String),
      requests: 8,
    })
    expect(world.actives()).toEqual(['a'])
  })

  it("does the same for Grafana's webhook", async () => {
    const response = await post(aGrafanaWebhook([{ namespace: 'default', service: 'app' }]))
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ groups: [{ services: ['app'], decision: 'first' }] })
    expect(world.actives()).toEqual(['a'])
  })

  it.each([
    ['Alertmanager', aWebhook],
    ['Grafana', aGrafanaWebhook],
  ] as const)(
    'sends nothing to the API server for alerts that are resolved, as %s tells them',
    async (_who, message) => {
      const response = await post(message([{ namespace: 'default', service: 'app' }], 'resolved'))
      expect(response.status).toBe(200)
      expect(await response.json()).toMatchObject({ groups: [], summary: 'no pass: no alert is firing' })
      expect(world.api.requests).toEqual([])
    },
  )

  it('answers 200 when the pass was completed, whatever the health', async () => {
    for (const name of ['a', 'b']) world.api.store.finalise('pods', 'default', name)
    world.addPod({ name: 'c', phase: 'Pending', ready: false })
    const response = await post(aWebhook([{}]))
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ groups: [{ decision: 'blocked' }] })
  })

  it.each([
    ['what is no JSON', '{', /no JSON/],
    ['a megabyte of brackets', '['.repeat(1024 * 1024), /no JSON/],
    ['half a megabyte of lists', `${'['.repeat(500_000)}${']'.repeat(500_000)}`, /JSON object/],
    ['an empty body', '', /no JSON/],
    ['another message', '{"text": "hello"}', /version is missing/],
  ])('refuses %s, and says so in the log', async (_what, body, why) => {
    const response = await post(body)
    expect(response.status).toBe(400)
    expect(await errorOf(response)).toMatch(why)
    expect(world.api.requests).toEqual([])
    expect(warnings()).toEqual([expect.stringMatching(/^POST \/alertmanager: .*: answered with 400/)])
  })

  const message = aWebhook([{ namespace: 'default', service: 'mail' }])
  const big = { ...message, padding: 'x'.repeat(BODY_LIMIT) }
  it.each<readonly [string, Uint8Array | string, Readonly<Record<string, string>>, RegExp]>([
    ['is longer than it may be', JSON.stringify(big), {}, /longer than/],
    ['is that long when it is unpacked', gzipSync(JSON.stringify(big)), { 'content-encoding': 'gzip' }, /longer than/],
    ['is packed in an unknown way', Buffer.of(1, 2, 3), { 'content-encoding': 'zstd' }, /content-encoding is "zstd"/],
    ['is not what its header says', Buffer.of(1, 2, 3), { 'content-encoding': 'gzip' }, /content-encoding is "gzip"/],
    ['was cut off', JSON.stringify(message).slice(0, -5), {}, /no whole JSON/],
    ['is of another version', JSON.stringify({ ...message, version: '5' }), {}, /version is "5"/],
    ['has an alert without labels', JSON.stringify({ ...message, alerts: [{ status: 'firing' }] }), {}, /labels/],
  ])('serves all groups for a message that %s, and says so in the log', async (_what, body, headers, why) => {
    world.addService({ name: 'mail', selector: { app: 'mail', role: 'active' } })
    const init = { method: 'POST', headers: { ...json, ...headers }, body }
    const response = await app.fetch(new Request('http://localhost/alertmanager', init as RequestInit))
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ groups: [{ services: ['app'] }, { services: ['mail'] }] })
    expect(warnings()).toEqual([expect.stringMatching(/^POST \/alertmanager: .*: a pass over all groups serves it$/)])
    expect(warnings()[0]).toMatch(why)
  })

  it.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['identity', (bytes: Buffer) => bytes],
    ['gzip', (bytes: Buffer) => bytes], // undone by the host already
  ])('reads a message that is packed by %s', async (encoding, pack) => {
    world.addService({ name: 'mail', selector: { app: 'mail', role: 'active' } })
    const body = pack(Buffer.from(JSON.stringify(message)))
    const init = { method: 'POST', headers: { ...json, 'content-encoding': encoding }, body }
    const response = await app.fetch(new Request('http://localhost/alertmanager', init as RequestInit))
    expect(await response.json()).toMatchObject({ groups: [{ services: ['mail'] }] })
    expect(warnings()).toEqual([])
  })

  it('makes no pass for a namespace that is not served, answers 200, and says so once in a minute', async () => {
    for (let n = 0; n < 3; n++) {
      const response = await post(aWebhook([{ namespace: 'else\nwhere', service: 'app' }]))
      expect(response.status).toBe(200)
      expect(await response.json()).toMatchObject({
        groups: [],
        summary: expect.stringMatching(/^no pass: .*not served/),
      })
    }
    expect(world.api.requests).toEqual([])
    expect(warnings()).toEqual([
      expect.stringMatching(/an alert is for namespace "else\\nwhere", which is not served here/),
    ])
    const both = await post(
      aWebhook([
        { namespace: 'elsewhere', service: 'app' },
        { namespace: 'default', pod: 'a' },
      ]),
    )
    expect(await both.json()).toMatchObject({ groups: [{ services: ['app'] }] })
  })

  it('reads no more of a body without an end than it may, and answers meanwhile', async () => {
    let sent = 0
    const chunk = new Uint8Array(64 * 1024)
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent += chunk.byteLength
        controller.enqueue(chunk)
      },
    })
    const response = await stream(body)
    expect(response.status).toBe(200)
    await expect.poll(() => sent > 16 * 1024 * 1024, { timeout: 15_000 }).toBe(true)
    expect(sent).toBeLessThan(24 * 1024 * 1024)
  })

  it('asks for a body that is cut short again', async () => {
    const body = new ReadableStream({ pull: (controller) => controller.error(new Error('cut')) })
    const response = await stream(body)
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toBe('1')
    expect(await errorOf(response)).toMatch(/cut short/)
  })

  it.each(['application/json; charset=utf-8', 'text/plain', 'application/x-www-form-urlencoded', 'nonsense'])(
    'takes the content type %j',
    async (type) => {
      expect((await post(aWebhook([], 'resolved'), { ...bearer, 'content-type': type })).status).toBe(200)
    },
  )
})

describe('POST /run', () => {
  it('makes a pass over the whole scope', async () => {
    const response = await send('POST', '/run')
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ groups: [{ services: ['app'], decision: 'first' }] })
  })

  it.each(['app', 'default/app', 'default%2Fapp'])('makes one for service=%s', async (service) => {
    world.addService({ name: 'mail', selector: { app: 'mail', role: 'active' } })
    const response = await send('POST', `/run?service=${service}`)
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ groups: [{ services: ['app'], decision: 'first' }] })
  })

  it('reports a Service that is not there, and answers 200 all the same', async () => {
    const response = await send('POST', '/run?service=unknown&service=app')
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({
      groups: [{ services: ['app'] }, { services: ['unknown'], decision: 'error', error: { code: 'not-found' } }],
    })
  })

  it.each([
    ['service=', /service="" should be NAME or NAMESPACE\/NAME/],
    ['service=a/b/c', /service="a\/b\/c" should be/],
    ['service=../app', /should be/],
    ['service=App', /should be/],
    ['service=app&dry-run=true', /unknown parameter "dry-run"/],
  ])('refuses ?%s', async (query, why) => {
    const response = await send('POST', `/run?${query}`)
    expect(response.status).toBe(400)
    expect(await errorOf(response)).toMatch(why)
    expect(world.api.requests).toEqual([])
  })
})

describe('GET /status', () => {
  it('says what a pass would do, and writes nothing', async () => {
    const response = await send('GET', '/status')
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ groups: [{ services: ['app'], decision: 'first' }] })
    expect(world.api.requests.filter(({ method }) => method !== 'GET')).toEqual([])
    expect(world.actives()).toEqual([])
  })
})

describe('an API server that', () => {
  it.each([
    ['refuses the LIST', { kind: 'answer', status: 403, body: { message: 'no' } }],
    ['resets connections', { kind: 'reset' }],
  ] as const)('%s makes it 503, with the report', async (_what, fault) => {
    world.api.intercept(() => fault)
    for (const [method, path] of [
      ['POST', '/run'],
      ['GET', '/status'],
    ] as const) {
      const response = await send(method, path)
      expect(response.status).toBe(503)
      expect(await response.json()).toMatchObject({ groups: [{ decision: 'error' }] })
    }
    const response = await post(aWebhook([{ namespace: 'default', service: 'app' }]))
    expect(response.status).toBe(503)
  })

  it('refuses the patch of a pod makes it 503', async () => {
    world.api.intercept(({ method, path }) =>
      method === 'PATCH' && path.includes('/pods/')
        ? { kind: 'answer', status: 403, body: { message: 'no' } }
        : undefined,
    )
    expect((await post(aWebhook([{ namespace: 'default', service: 'app' }]))).status).toBe(503)
  })
})

describe('the token', () => {
  const guarded = [
    ['POST', '/alertmanager'],
    ['POST', '/run'],
    ['GET', '/status'],
  ] as const

  it.each(guarded)('guards %s %s', async (method, path) => {
    for (const [where, headers] of [
      [path, {}],
      [path, { authorization: 'Bearer wrong' }],
      [`${path}?token=secret`, {}],
      [`${path}?access_token=secret`, { 'x-token': 'secret', cookie: 'token=secret' }],
    ] as const) {
      const response = await send(method, where, headers)
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toBe('Bearer')
      expect(await errorOf(response)).not.toContain('secret')
    }
    expect(world.api.requests).toEqual([])
    expect(
      (await send(method, path, method === 'GET' ? bearer : json, method === 'GET' ? undefined : '{')).status,
    ).not.toBe(401)
  })

  it('says once a minute in the log what it refuses: an alert that Alertmanager sends no more', async () => {
    for (let n = 0; n < 3; n++) await post(aWebhook([{}]), { ...json, authorization: 'Bearer old' })
    expect(warnings()).toEqual(['POST /alertmanager: wrong bearer token: answered with 401, and not served'])
  })

  it.each(['/healthz', '/livez', '/readyz', '/metrics'])('is not asked for by GET %s', async (path) => {
    await app.reachability.untilReached()
    expect((await send('GET', path, {})).status).toBe(200)
  })
})

describe('other requests', () => {
  it.each([
    ['/alertmanager', ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'], 'POST'],
    ['/run', ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'], 'POST'],
    ['/status', ['POST', 'PUT', 'DELETE', 'OPTIONS'], 'GET, HEAD'],
    ['/metrics', ['POST', 'OPTIONS'], 'GET, HEAD'],
    ['/healthz', ['POST', 'OPTIONS'], 'GET, HEAD'],
    ['/livez', ['POST', 'OPTIONS'], 'GET, HEAD'],
    ['/readyz', ['POST', 'OPTIONS'], 'GET, HEAD'],
  ])('with another method are 405 on %s, which says what it takes', async (path, methods, allow) => {
    for (const method of methods) {
      const response = await send(method, path)
      expect(response.status).toBe(405)
      expect(response.headers.get('allow')).toBe(allow)
    }
    expect(world.api.requests).toEqual([])
  })

  it.each(['/', '/runs', '/run/', '/RUN', '/toString', '/__proto__', '/constructor', '/%72un', '//run'])(
    'for %s are 404',
    async (path) => {
      const response = await send('POST', path)
      expect(response.status).toBe(404)
      expect(await errorOf(response)).toContain('/alertmanager')
    },
  )
})

describe('GET /readyz', () => {
  it('is 503 until the API server was reached, and says in the log why', async () => {
    const restore = world.api.intercept(() => ({ kind: 'answer', status: 403, body: { message: 'not yet' } }))
    expect((await send('GET', '/readyz')).status).toBe(503)
    const reached = app.reachability.untilReached()
    await expect.poll(warnings, { timeout: 15_000 }).toEqual([expect.stringMatching(/^not ready: .*not yet/)])
    expect((await send('GET', '/readyz')).status).toBe(503)
    expect((await send('GET', '/healthz')).status).toBe(200)
    restore()
    await reached
    expect((await send('GET', '/readyz')).status).toBe(200)
  })

  it('is 503 where the API server serves nothing, though nobody asks for a pass; /livez stays 200', async () => {
    await app.close()
    let nowMs = 0
    // Ends at once whatever is waited for: only what the API server answers takes time.
    const clock = {
      now: () => nowMs,
      sleep: async (ms: number) => {
        nowMs += ms
        await setImmediate()
      },
    }
    app = createApp(...appFor(world), { clock })
    const attending = app.reachability.keepTrying()
    const statuses = async () =>
      Promise.all(['/healthz', '/readyz', '/livez'].map(async (path) => (await send('GET', path, {})).status))
    await expect.poll(statuses, { timeout: 15_000 }).toEqual([200, 200, 200])
    const restore = world.api.intercept(({ path }) =>
      path.endsWith('/pods') ? { kind: 'answer', status: 403, body: { message: 'taken\n\x1b[2Jaway' } } : undefined,
    )
    await expect.poll(statuses, { timeout: 15_000 }).toEqual([200, 503, 200])
    const why = await (await send('GET', '/readyz', {})).text()
    expect(why).toMatch(/^not ready: may not list pods in namespace default: .*taken \\u\{1b\}\[2Jaway.*\n$/)
    const said = () => warnings().filter((line) => `${line}\n` === why).length
    await expect.poll(said, { timeout: 15_000 }).toBeGreaterThan(3) // minutes lie between two of them
    expect(await statuses()).toEqual([200, 503, 200])
    expect(log.said('error')).toEqual([])
    restore()
    await expect.poll(statuses, { timeout: 15_000 }).toEqual([200, 200, 200])
    expect(log.said().at(-1)).toMatch(/^ready: /)
    await app.close()
    await attending
  })

  it('is 200 after a pass that the API server served', async () => {
    await send('POST', '/run')
    expect((await send('GET', '/readyz')).status).toBe(200)
  })
})

describe('while it shuts down', () => {
  it('wishes are refused with 503, for Alertmanager to send them elsewhere, and it is not ready', async () => {
    await app.reachability.untilReached()
    await app.close()
    for (const response of [await post(aWebhook([{}])), await send('POST', '/run'), await send('GET', '/status')]) {
      expect(response.status).toBe(503)
      expect(await errorOf(response)).toMatch(/shutting down/)
    }
    expect((await send('GET', '/readyz')).status).toBe(503)
    expect((await send('GET', '/healthz')).status).toBe(200)
  })

  it('a wish that waits is refused, and a pass that is cut short is 503 with its report', async () => {
    world.api.intercept(({ path }) => (path.endsWith('/services') ? { kind: 'hang' } : undefined))
    const [first, second] = [send('POST', '/run'), send('POST', '/run')]
    await expect.poll(() => world.api.requests.length, { timeout: 15_000 }).toBe(1)
    await app.close()
    expect((await first).status).toBe(503)
    expect(await (await first).json()).toHaveProperty('groups')
    expect((await second).status).toBe(503)
    expect(await errorOf(await second)).toMatch(/shutting down/)
    expect(world.api.requests).toHaveLength(1)
  })
})

describe('GET /metrics', () => {
  it('counts answers by route and status, whatever paths are asked for', async () => {
    await send('POST', '/run', {})
    await send('POST', '/run')
    for (const path of ['/x', '/y', '/__proto__']) await send('GET', path)
    const response = await send('GET', '/metrics', {})
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
    const lines = (await response.text())
      .split('\n')
      .filter((line) => line.startsWith('active_passive_http_requests_total'))
    expect(lines.sort()).toEqual([
      'active_passive_http_requests_total{route="/run",code="200"} 1',
      'active_passive_http_requests_total{route="/run",code="401"} 1',
      'active_passive_http_requests_total{route="other",code="404"} 3',
    ])
  })
})

describe('wishes that come together', () => {
  it('while a pass reads are done by one more; what it serves is awaited, and served once more for all', async () => {
    let listed = 0
    let go = () => {}
    const held = new Promise<void>((resolve) => {
      go = resolve
    })
    world.api.intercept(async ({ path }) => {
      if (!path.endsWith('/services') || ++listed > 1) return undefined
      await held
      return undefined
    })
    const first = send('POST', '/run')
    await expect.poll(() => listed, { timeout: 15_000 }).toBe(1)
    const others = Array.from({ length: 50 }, () => post(aWebhook([{ namespace: 'default', pod: 'a' }])))
    await setImmediate()
    expect(listed).toBe(1)
    go()
    expect((await first).status).toBe(200)
    const bodies = await Promise.all((await Promise.all(others)).map((response) => response.text()))
    expect(new Set(bodies).size).toBe(1)
    const lists = world.api.requests.filter(({ method, path }) => method === 'GET' && path.endsWith('/pods'))
    expect(lists).toHaveLength(3) // of the first pass, of the other, and of the group that the first was serving
  })
})

describe('GET /livez', () => {
  it('is 503 when the loop does not go on, and says so in the log; the other two stay as they are', async () => {
    await app.close()
    let nowMs = 0
    // Nobody who sleeps ever wakes.
    const sleep = (_ms: number, signal?: AbortSignal) =>
      new Promise<void>((resolve) => {
        if (signal?.aborted) resolve()
        signal?.addEventListener('abort', () => resolve(), { once: true })
      })
    app = createApp(...appFor(world), { clock: { now: () => nowMs, sleep } })
    const get = async (path: string) => {
      const response = await send('GET', path, {})
      return [response.status, (await response.text()).trimEnd()]
    }
    const looping = app.loop(2_000)
    await app.reachability.tryToReach()
    nowMs = DEADLINE_MS + LATE_MS
    expect(await get('/livez')).toEqual([200, 'ok'])
    nowMs++
    const why = 'not alive: no sign for minutes of the loop: something hangs'
    expect(await get('/livez')).toEqual([503, why])
    expect([await get('/healthz'), await get('/readyz')]).toEqual([
      [200, 'ok'],
      [200, 'ok'],
    ])
    await app.reachability.tryToReach()
    expect(log.said('error')).toEqual([expect.stringContaining(why)])
    await app.close()
    await looping
  })
})
