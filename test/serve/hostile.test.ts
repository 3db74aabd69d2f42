// What rude clients send to the real process: it is answered or cut off, takes bounded memory, and alerts are served.
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { aWebhook } from '../support/alerts.js'
import { aRequest, converse, statuses } from '../support/raw-http.js'
import { type Serving, startServing } from '../support/serve.js'

vi.setConfig({ testTimeout: 120_000 }) // of a machine that is busy with other things

const TOKEN = 'secret'
const MIB = 1024 * 1024
/** The limit in jobs/serve/deployment.yaml. */
const MEMORY_LIMIT_MIB = 512
/** In a container with this limit, Node gives its heap half; outside of one, garbage would wait for much longer. */
const NODE_OPTIONS = `--max-old-space-size=${MEMORY_LIMIT_MIB / 2}`

let serving: Serving
beforeAll(async () => {
  serving = await startServing({
    args: ['--token-file', 'FOLDER/token'],
    env: { NODE_OPTIONS },
    files: { token: TOKEN },
  })
})
afterAll(async () => {
  const mib = await serving.peakMemoryMib()
  await serving.close()
  console.log(`serve took ${Math.round(mib)} MiB at most`)
  expect(mib).toBeLessThan(MEMORY_LIMIT_MIB)
})

const bearer = { Authorization: `Bearer ${TOKEN}` }
const json = { ...bearer, 'Content-Type': 'application/json' }
const alert = JSON.stringify(aWebhook([{ namespace: 'default', service: 'app' }]))

/** An alert over a connection of its own, sent again when it is cut off, as Alertmanager does. */
async function sendAlertAgain(): Promise<{ readonly status: number; readonly tries: number }> {
  for (let tries = 1; ; tries++) {
    const response = await fetch(`${serving.url}/alertmanager`, {
      method: 'POST',
      headers: { ...json, connection: 'close' },
      body: alert,
    }).catch(() => undefined)
    await response?.arrayBuffer()
    if (response || tries === 10) return { status: response?.status ?? 0, tries }
  }
}

/** Nothing is in the way of this one. */
async function sendAlert(): Promise<number> {
  const { status, tries } = await sendAlertAgain()
  expect(tries).toBe(1)
  return status
}

/** Of this process: whoever may open few files opens fewer connections. */
function openFilesLimit(): number {
  const [, , hard] = /^Max open files\s+(\d+)\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
  return Number(hard)
}

const say = async (text: string) => (await converse(serving.port, text)).ended

describe('without a token', () => {
  it.each([
    ['none', {}],
    ['a wrong one', { Authorization: 'Bearer wrong' }],
    ['one in the query', {}, '?token=secret'],
    ['two headers, of which the second is right', { Authorization: 'Bearer wrong\r\nAuthorization: Bearer secret' }],
  ])('%s: 401, and the API server is asked for nothing', async (_what, headers, query = '') => {
    await sendAlert()
    serving.world.api.clearRequests()
    const close = { Connection: 'close', ...headers }
    expect(statuses(await say(aRequest(`POST /run${query}`, close)))).toEqual([401])
    expect(statuses(await say(aRequest(`GET /status${query}`, close)))).toEqual([401])
    expect(statuses(await say(aRequest(`POST /alertmanager${query}`, close, alert)))).toEqual([401])
    expect(serving.world.api.requests).toEqual([])
  })

  it('a body is not waited for', async () => {
    const caller = await converse(serving.port, aRequest('POST /alertmanager', { 'Content-Length': '1000000' }, '{'))
    expect(statuses(await caller.answers(1))).toEqual([401])
    caller.socket.destroy()
  })
})

describe('a body of', () => {
  const post = (body: string) => fetch(`${serving.url}/alertmanager`, { method: 'POST', headers: json, body })

  it('4 MiB is served, and its sender sees that', async () => {
    for (let i = 0; i < 20; i++) expect((await post('x'.repeat(4 * MIB))).status).toBe(200)
  })

  it('4 MiB in chunks is served, and its sender sees that', async () => {
    const chunk = `${(64 * 1024).toString(16)}\r\n${'x'.repeat(64 * 1024)}\r\n`
    const caller = await converse(
      serving.port,
      aRequest('POST /alertmanager', { ...json, 'Transfer-Encoding': 'chunked' }),
    )
    for (let i = 0; i < 64; i++) caller.send(chunk)
    caller.send('0\r\n\r\n')
    expect(statuses(await caller.answers(1))).toEqual([200])
    caller.send(aRequest('GET /healthz', { Connection: 'close' })) // the connection is in order
    expect(statuses(await caller.ended)).toEqual([200, 200])
  })

  it('4 MiB that waits for 100 Continue is served', async () => {
    const head = { ...json, 'Content-Length': `${4 * MIB}`, Expect: '100-continue' }
    const caller = await converse(serving.port, aRequest('POST /alertmanager', head))
    expect(statuses(await caller.answers(2))).toEqual([100, 200])
    caller.socket.destroy()
  })

  it('1 MiB of brackets is 400', async () => {
    for (const body of ['['.repeat(MIB), `${'['.repeat(MIB / 2)}${']'.repeat(MIB / 2)}`]) {
      expect((await post(body)).status).toBe(400)
    }
    const nested = `${'{"labels":'.repeat(50_000)}{}${'}'.repeat(50_000)}`
    expect((await post(`{"version": "4", "alerts": [${nested}]}`)).status).toBe(200)
  })

  it('1,500 alerts that take 1.4 MB is served by a pass over all groups, packed or not', async () => {
    const description = 'What has happened, at length. '.repeat(22)
    const labels = Array.from({ length: 1_500 }, (_, i) => ({ namespace: 'default', pod: `unknown-${i}`, description }))
    const body = JSON.stringify(aWebhook(labels))
    expect(body.length).toBeGreaterThan(1.2 * MIB)
    const packed = { method: 'POST', headers: { ...json, 'Content-Encoding': 'gzip' }, body: gzipSync(body) }
    for (const response of [await post(body), await fetch(`${serving.url}/alertmanager`, packed)]) {
      expect(response.status).toBe(200)
      expect(await response.json()).toMatchObject({ groups: [{ services: ['app'] }] })
    }
  })

  it('nearly 1 MiB, sent by a hundred at once, is served or asked for again', async () => {
    const labels = Array.from({ length: 1_000 }, (_, i) => ({
      namespace: 'default',
      pod: `unknown-${i}`,
      x: 'x'.repeat(700),
    }))
    const body = JSON.stringify(aWebhook(labels))
    const answers = await Promise.all(Array.from({ length: 100 }, () => post(body)))
    const counts = [200, 503].map((status) => answers.filter((answer) => answer.status === status).length)
    expect((counts[0] ?? 0) + (counts[1] ?? 0)).toBe(100)
    expect(counts[0]).toBeGreaterThan(0)
    for (const { status, headers } of answers) if (status === 503) expect(headers.get('retry-after')).toBe('1')
    console.log(`${body.length} bytes by a hundred at once: ${counts[0]} served, ${counts[1]} asked for again`)
  })
})

describe.each(['/switchover', '/pause', '/resume'])('%s', (route) => {
  it('takes no body: one of 64 MiB is thrown away, and one that does not come is not waited for', async () => {
    const unknown = `${route}?service=nobody`
    const headers = { ...bearer, connection: 'close' }
    const body = new Uint8Array(64 * MIB)
    const response = await fetch(`${serving.url}${unknown}`, { method: 'POST', headers, body })
    expect(response.status).toBe(404)
    const caller = await converse(serving.port, aRequest(`POST ${unknown}`, { ...bearer, 'Content-Length': '9' }, '{'))
    expect(statuses(await caller.answers(1))).toEqual([404])
    caller.socket.destroy()
  })
})

describe('what is no proper request', () => {
  it.each<readonly [string, string, readonly number[]]>([
    ['no HTTP', 'hello\r\n\r\n', [400]],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', [400]],
    ['a path that is no URL', aRequest('GET http://[::', bearer), [400]],
    ['a URL with a password', aRequest('GET http://a:b@localhost/healthz', bearer), [400]],
    ['a path that climbs', aRequest('GET /../../etc/passwd', bearer), [404]],
    ['one that climbs in escapes', aRequest('GET /healthz/%2e%2e/%2e%2e/etc/passwd', bearer), [404]],
    ['another server', aRequest('GET http://example.com/', bearer), [404]],
    ['a path that looks like another server', aRequest('POST //example.com/run', bearer), [404]],
    ['another scheme', aRequest('GET file:///etc/passwd', bearer), [404]],
    ['TRACE', aRequest('TRACE /healthz', bearer), [501]],
    ['OPTIONS *', aRequest('OPTIONS *', bearer), [404]],
    ['OPTIONS', aRequest('OPTIONS /run', bearer), [405]],
    ['CONNECT', aRequest('CONNECT example.com:443', bearer), []],
    ['an unknown method', aRequest('STEAL /run', bearer), [400]],
    ['no host', 'GET /healthz HTTP/1.1\r\n\r\n', [400]],
    ['an upgrade', aRequest('GET /healthz', { Upgrade: 'websocket', Connection: 'upgrade, close' }), [200]],
    ['an expectation that nobody meets', aRequest('POST /run', { ...bearer, Expect: 'wonders' }), [417]],
    ['a header of 32 KiB', aRequest('GET /healthz', { 'X-Long': 'x'.repeat(32 * 1024) }), [431]],
    [
      '10,000 headers',
      aRequest('GET /healthz', Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`X-${i}`, 'x']))),
      [431],
    ],
    ['a path of 32 KiB', aRequest(`GET /${'x'.repeat(32 * 1024)}`), [431]],
    ['a header with a null', aRequest('GET /healthz', { 'X-Odd': 'a\0b' }), [400]],
    ['a folded header', aRequest('GET /healthz', { 'X-Odd': 'a\n b' }), [400]],
    ['a length that is no number', aRequest('POST /run', { ...bearer, 'Content-Length': 'many' }), [400]],
    ['a negative length', aRequest('POST /run', { ...bearer, 'Content-Length': '-1' }), [400]],
    ['two lengths', aRequest('POST /run', { ...bearer, 'Content-Length': '5\r\nContent-Length: 6' }, 'hello'), [400]],
    ['an endless length', aRequest('POST /run', { ...bearer, 'Content-Length': '9'.repeat(30) }), [400]],
    [
      'a length and chunks',
      aRequest('POST /run', { ...bearer, 'Transfer-Encoding': 'chunked' }, '0\r\n\r\nGET /status HTTP/1.1\r\n\r\n'),
      [400],
    ],
    ['chunks in disguise', aRequest('POST /run', { ...bearer, 'Transfer-Encoding': 'xchunked' }), [400]],
    [
      'chunks after something else',
      aRequest('POST /run', { ...bearer, 'Transfer-Encoding': 'chunked, identity' }),
      [400],
    ],
    [
      'a chunk without a length',
      aRequest('POST /alertmanager', { ...json, 'Transfer-Encoding': 'chunked' }, '').concat('zz\r\n'),
      [400],
    ],
  ])('%s is answered once, or cut off', async (_what, text, answers) => {
    const caller = await converse(serving.port, text)
    const heard =
      answers.length === 0 ? await caller.ended : await caller.answers(answers.length).catch(() => caller.heard())
    expect(statuses(heard).filter((status) => status !== 100)).toEqual(answers)
    caller.socket.destroy()
    expect(await sendAlert()).toBe(200)
  })
})

describe('pipelined requests', () => {
  it('are answered each, in order', async () => {
    const texts = [
      aRequest('GET /healthz'),
      aRequest('POST /alertmanager', json, alert),
      aRequest('GET /nowhere'),
      aRequest('POST /run'),
      aRequest('GET /healthz', { Connection: 'close' }),
    ]
    expect(statuses(await say(texts.join('')))).toEqual([200, 200, 404, 401, 200])
  })

  it('by the thousand are cut off', async () => {
    const rude = await Promise.all(Array.from({ length: 20 }, () => converse(serving.port)))
    for (const { socket, send } of rude) {
      socket.pause()
      send(aRequest('GET /metrics').repeat(2_000))
    }
    for (let i = 0; i < 10; i++) expect(await sendAlert()).toBe(200)
    for (const { socket, ended } of rude) {
      socket.resume()
      expect(statuses(await ended).length).toBeLessThan(2_000)
    }
  })
})

describe('thousands of connections that say nothing', () => {
  it('shut nobody out', async () => {
    const count = Math.min(10_000, openFilesLimit() - 1_000)
    const silent: Socket[] = []
    let tries = 0
    let alerts = 0
    const flood = (async () => {
      while (silent.length < count) {
        const batch = Array.from({ length: 100 }, () => connect({ port: serving.port, host: '127.0.0.1' }))
        silent.push(...batch)
        await Promise.all(
          batch.map((socket) => new Promise((done) => socket.once('connect', done).once('error', done))),
        )
      }
      return 'over'
    })()
    while ((await Promise.race([flood, 'on'])) === 'on' || alerts < 20) {
      const sent = await sendAlertAgain()
      expect(sent.status).toBe(200)
      tries += sent.tries
      alerts++
    }
    console.log(`${count} silent connections; meanwhile ${alerts} alerts were answered in ${tries} tries`)
    const open = () => silent.filter(({ destroyed }) => !destroyed).length
    await expect.poll(open, { timeout: 30_000 }).toBeLessThanOrEqual(1_000)
    for (const socket of silent) socket.destroy()
  })
})

describe('slow clients', () => {
  it('are cut off, whether it is the headers or the body that they drip', async () => {
    const head = await converse(serving.port, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n')
    const body = await converse(serving.port, aRequest('POST /alertmanager', { ...json, 'Content-Length': '1000' }))
    const silent = await converse(serving.port)
    const drip = setInterval(() => {
      if (head.socket.writable) head.send('X-Drip: x\r\n')
      if (body.socket.writable) body.send(' ')
    }, 200)
    const [headHeard, bodyHeard] = await Promise.all([head.ended, body.ended, silent.ended])
    clearInterval(drip)
    expect(statuses(headHeard)).toEqual([408])
    expect(statuses(bodyHeard)).toEqual([503]) // Alertmanager would not send it again after a 408
    expect(await sendAlert()).toBe(200)
  })
})
