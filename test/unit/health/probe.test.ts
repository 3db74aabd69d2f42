import { expect, onTestFinished, test } from 'vitest'
import { type Limit, limited } from '../../../handler/health/limit.js'
import type { Plan } from '../../../handler/health/plan.js'
import { probe, probeWith } from '../../../handler/health/probe.js'
import type { ProbeTarget } from '../../../handler/health/targets.js'
import { aPod } from '../../support/builders.js'
import { response, startBlackHole, startServer, type TestServer } from '../../support/servers.js'

const planOf = (targets: readonly ProbeTarget[]): Plan => ({
  ...{ kind: 'http', pod: aPod('web-0'), evidence: 'check', timeoutMs: 200, targets },
})
const { signal } = new AbortController()

test('Of a pod with thousands of containers no more are probed at once than a pod may hold up, and none after a failure', async () => {
  const server = await startServer('hang')
  onTestFinished(() => server.close())
  const request = { headers: [], statuses: [[200, 399]], redirects: 'none' } as const
  const target: ProbeTarget = { kind: 'http', url: `http://127.0.0.1:${server.port}/`, ...request }
  const result = await probe(planOf(Array.from({ length: 2_000 }, () => target)), 200, signal)
  expect(result).toMatchObject({ healthy: false, text: 'no answer within 200ms' })
  expect(server.accepted).toBeLessThanOrEqual(16)
})

test('Of several checks the one that fails is named, without its query; where all pass each is', async () => {
  const server = await startServer('ok')
  onTestFinished(() => server.close())
  const { port } = server
  const open: ProbeTarget = { kind: 'tcp', host: '127.0.0.1', port }
  const http = (path: string): ProbeTarget => ({
    ...{ kind: 'http', url: `http://127.0.0.1:${port}${path}`, headers: [], redirects: 'none' },
    statuses: [[path.startsWith('/bad') ? 500 : 200, 599]],
  })
  const several = (...targets: ProbeTarget[]) =>
    probe({ ...planOf(targets), kind: 'several' }, 5_000, signal).then(({ healthy, text }) => [healthy, text])
  expect(await several(http('/a?key=s3cret'), open)).toEqual([true, `http :${port}/a: 200, tcp :${port}: open`])
  expect(await several(open, http('/bad?key=s3cret'), http('/bad2'))).toEqual([false, `http :${port}/bad: 200`])
  expect(await several(open, { kind: 'unusable', text: 'no container port named "x"' })).toEqual([
    false,
    'no container port named "x"',
  ])
  expect(await several(...Array.from({ length: 9 }, () => open))).toEqual([
    true,
    `${`tcp :${port}: open, `.repeat(8)}…`,
  ])
})

test.skipIf(process.platform !== 'linux')(
  'A pod is not reached when nothing of all that it was asked has an answer; a refusal is one',
  async () => {
    const hole = await startBlackHole()
    const server = await startServer('refuse')
    onTestFinished(() => Promise.all([hole.close(), server.close()]).then(() => {}))
    const drops: ProbeTarget = { kind: 'tcp', host: hole.host, port: hole.port }
    const refuses: ProbeTarget = { kind: 'tcp', host: '127.0.0.1', port: server.port }
    const unknown: ProbeTarget = { kind: 'unusable', text: 'no container port named "x"' }
    const reached = async (...targets: ProbeTarget[]) => (await probe(planOf(targets), 200, signal)).reached
    expect(await reached(drops)).toBe(false)
    expect(await reached(drops, drops)).toBe(false)
    expect(await reached(unknown, drops)).toBe(false)
    expect(await reached(refuses)).toBeUndefined()
    expect(await reached(drops, refuses)).toBeUndefined()
    expect(await reached(unknown)).toBeUndefined()
  },
)

test.each([
  ['EHOSTUNREACH', false],
  ['ENETUNREACH', false],
  ['ETIMEDOUT', false],
  ['EMFILE', false],
  ['ECONNREFUSED', undefined],
  ['ECONNRESET', undefined],
  ['EPROTO', undefined],
  ['ERR_SOCKET_BAD_PORT', undefined],
])('Of an error on the way to a pod it is known whose word it is: %s', async (code, reached) => {
  const fail = async () => {
    throw Object.assign(new Error(code), { code })
  }
  expect((await limited(1_000, signal, fail)).reached).toBe(reached)
  const failLater = async (limit: Limit) => {
    limit.isReached = true
    return fail()
  }
  expect((await limited(1_000, signal, failLater)).reached).toBeUndefined()
})

test('Each container of a pod has to pass, and the first that fails is named', async () => {
  const server = await startServer('ok')
  onTestFinished(() => server.close())
  const open: ProbeTarget = { kind: 'tcp', host: '127.0.0.1', port: server.port }
  const all = Array.from({ length: 40 }, () => open)
  expect(await probe(planOf(all), 5_000, signal)).toMatchObject({ healthy: true })
  await expect.poll(() => server.accepted).toBe(40)
  const bad = (text: string): ProbeTarget => ({ kind: 'unusable', text })
  const failed = [...all.slice(0, 30), bad('first'), ...all, bad('second')]
  expect(await probe(planOf(failed), 5_000, signal)).toMatchObject({ healthy: false, text: 'first' })
})

test.skipIf(process.platform !== 'linux')(
  'What comes back of commands is told apart from what comes back of addresses',
  async () => {
    const hole = await startBlackHole()
    const server = await startServer('ok')
    onTestFinished(() => Promise.all([hole.close(), server.close()]).then(() => {}))
    const drops: ProbeTarget = { kind: 'tcp', host: hole.host, port: hole.port }
    const open: ProbeTarget = { kind: 'tcp', host: '127.0.0.1', port: server.port }
    const run = (word: string): ProbeTarget => ({
      ...{ kind: 'exec', pod: aPod('web-0'), container: 'main', command: [word] },
    })
    const commands = probeWith(async ({ command: [word = ''] }) => {
      if (word === 'refused') return { healthy: false, text: word, ms: 1, unmade: expect.anything() }
      return { healthy: word === 'true', text: word, ms: 1, ...(word === 'hangs' ? { reached: false } : {}) }
    })
    const heard = async (...targets: ProbeTarget[]) => {
      const result = await commands(planOf(targets), 200, signal)
      return [result.reached, result.heard]
    }
    expect(await heard(run('true'))).toEqual([undefined, { 'api-server': true }])
    expect(await heard(run('false'))).toEqual([undefined, { 'api-server': true }])
    expect(await heard(run('hangs'))).toEqual([false, { 'api-server': false }])
    expect(await heard(open, run('true'))).toEqual([undefined, { address: true, 'api-server': true }])
    expect(await heard(drops, run('true'))).toEqual([undefined, { address: false, 'api-server': true }])
    expect(await heard(drops, run('hangs'))).toEqual([false, { address: false, 'api-server': false }])
    expect(await heard(drops, run('refused'))).toEqual([false, undefined])
    expect(await heard(open, drops)).toEqual([undefined, undefined])
  },
)

test('A success that took too long is a failure, each of several checks by itself; the pod was reached all the same', async () => {
  const prompt = await startServer('ok')
  const late = await startServer((socket) => void setTimeout(() => socket.end(response(200, 'ok')), 150))
  onTestFinished(() => Promise.all([prompt.close(), late.close()]).then(() => {}))
  const http = ({ url }: TestServer): ProbeTarget => ({
    ...{ kind: 'http', url, headers: [], statuses: [[200, 200]], redirects: 'none' },
  })
  const slow = await probe({ ...planOf([http(late)]), slowMs: 100 }, 5_000, signal)
  expect(slow).toEqual({ healthy: false, text: `200, but slow: ${slow.ms}ms of at most 100ms`, ms: slow.ms })
  expect(slow.ms).toBeGreaterThan(100)
  const several = { ...planOf([http(prompt), http(late)]), kind: 'several', slowMs: 140 } as const
  expect((await probe(several, 5_000, signal)).text).toMatch(/^http :\d+\/: 200, but slow: \d+ms of at most 140ms$/)
  expect(await probe({ ...several, slowMs: 4_000 }, 5_000, signal)).toMatchObject({ healthy: true })
})

test('Each of several probes has its own result and milliseconds, but none is told of what was not probed', async () => {
  const server = await startServer('ok')
  onTestFinished(() => server.close())
  const { port, url } = server
  const open: ProbeTarget = { kind: 'tcp', host: '127.0.0.1', port }
  const http = (status: number): ProbeTarget => ({
    ...{ kind: 'http', url: `${url}/a?key=s3cret`, headers: [], statuses: [[status, status]], redirects: 'none' },
  })
  const probesOf = async (...targets: ProbeTarget[]) =>
    (await probe(planOf(targets), 5_000, signal)).probes?.map(({ target, result, ms }) => [target, result, ms >= 0])
  const passed = [`tcp :${port}`, 'open', true]
  const answered = [`http :${port}/a`, '200', true]
  expect(await probesOf(open, http(200))).toEqual([passed, answered])
  expect(await probesOf(open, http(500))).toEqual([passed, answered])
  expect(await probesOf({ kind: 'unusable', text: 'no container port named "x"' }, open)).toEqual([passed])
  expect(await probesOf(open)).toBeUndefined()
  expect(await probesOf(...Array.from({ length: 40 }, () => open))).toHaveLength(16)
})
