import { expect, onTestFinished, test } from 'vitest'
import { probeHttp } from '../../../handler/health/http.js'
import { differenceIn } from '../../../handler/health/json-body.js'
import { parseFacts } from '../../../handler/settings/json-facts.js'
import { response, say, startServer } from '../../support/servers.js'

const difference = (body: unknown, facts: string) =>
  differenceIn(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), parseFacts(facts) ?? [])

test.each<[unknown, string]>([
  [{ status: 'UP' }, 'status=UP'],
  [{ status: '' }, 'status='],
  [{ components: { db: { status: 'UP' } }, checks: [{ ok: true }] }, 'components.db.status=UP\nchecks.0.ok=true'],
  [{ lag: 0, ratio: 1, none: null }, 'lag=0\nratio=1.0\nnone=null'],
  [{ 'a.b': { 'x=y': 'c=d' } }, 'a\\.b.x\\=y=c=d'],
  [['first'], '0=first'],
  [JSON.parse('{"__proto__": {"x": 1}}'), '__proto__.x=1'],
])('%j is what %j says', (body, facts) => {
  expect(difference(body, facts)).toBeUndefined()
})

test.each<[unknown, string, string]>([
  [{ status: 'DOWN' }, 'status=UP', 'status is "DOWN"'],
  [{ status: 'up' }, 'status=UP', 'status is "up"'],
  [{ ok: 'UP', db: { ok: false } }, 'ok=UP\ndb.ok=true', 'db.ok is false'],
  [{ ok: true }, 'ok=1', 'ok is true'],
  [{ lag: 10 }, 'lag=1', 'lag is 10'],
  [{ lag: 0 }, 'lag=', 'lag is 0'],
  [{ status: { code: 'UP' } }, 'status=[object Object]', 'status is an object'],
  [{ status: ['UP'] }, 'status=UP', 'status is an array'],
  [{ status: null }, 'status.code=UP', 'no "status.code"'],
  [{ state: 'UP' }, 'status=UP', 'no "status"'],
  [['UP'], 'length=1', 'no "length"'],
  [{}, 'constructor.name=Object', 'no "constructor.name"'],
  [{}, 'toString=', 'no "toString"'],
  ['"UP"', 'status=UP', 'no "status"'],
  ['UP', 'status=UP', 'no JSON'],
  ['', 'status=UP', 'no JSON'],
  ['{"status":"UP"', 'status=UP', 'no JSON'],
  ['['.repeat(2 ** 16), 'status=UP', 'no JSON'],
  [{ status: 'token=s3cret' }, 'status=UP', 'status is "token=…"'],
  [{ status: 'x'.repeat(100) }, 'status=UP', `status is "${'x'.repeat(60)}…"`],
])('%j is not what %j says', (body, facts, text) => {
  expect(difference(body, facts)).toBe(text)
})

test('A probe asks for the status, the text and the JSON, and reads 64 KiB of it', async () => {
  const padded = (bytes: number) => `{"status":"UP","pad":"${'x'.repeat(bytes - 24)}"}`
  const found = async (status: number, body: string, text?: string) => {
    const server = await startServer(say(response(status, body)))
    onTestFinished(() => server.close())
    const json = parseFacts('status=UP') ?? []
    const check = { url: server.url, headers: [], statuses: [[200, 200]], redirects: 'none', json } as const
    const all = text === undefined ? check : { ...check, body: text }
    const { healthy, text: says } = await probeHttp(all, 30_000, new AbortController().signal)
    return [healthy, says]
  }
  expect(await found(200, '{"status":"UP"}')).toEqual([true, '200'])
  expect(await found(200, '{"status":"DOWN"}')).toEqual([false, '200, but status is "DOWN"'])
  expect(await found(503, '{"status":"UP"}')).toEqual([false, '503'])
  expect(await found(200, '{"status":"UP"}', '"DOWN"')).toEqual([false, '200, but not the expected body'])
  expect(await found(200, padded(2 ** 16))).toEqual([true, '200'])
  expect(await found(200, padded(2 ** 16 + 1))).toEqual([false, '200, but its JSON is longer than 64 KiB'])
})
