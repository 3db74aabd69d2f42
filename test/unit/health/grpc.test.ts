/** A gRPC check means what the kubelet's does: its own code and ours ask the same servers, rude ones and real ones. */
import { once } from 'node:events'
import { createServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { probeGrpc } from '../../../handler/health/grpc.js'
import { findReference, goVersion } from '../../support/cluster/binaries.js'
import type { OddServer } from '../../support/odd-servers.js'
import { type GrpcServer, type ProbeVerdict, type Reference, startReference } from '../../support/reference.js'
import { startBlackHole, startServer } from '../../support/servers.js'
import { reportSkipped } from '../../support/skipped.js'
import { testCert, testKey } from '../../support/tls.js'
import { GRPC_CASES, type GrpcCase } from './grpc-cases.js'

const program = findReference()
if (program === undefined) {
  reportSkipped(
    'NO REFERENCE of the kubelet’s gRPC probe: our verdicts are compared with what is written in the table only, and ' +
      `with no real gRPC server. Build it once with \`npm run cluster -- --build\` (needs Go ≥ ${goVersion}).`,
  )
}

/** On a machine that is busy. */
const ANSWERS_WITHIN_MS = 30_000
const WAITS_FOR_MS = 1_000
const host = '127.0.0.1'

interface Asked {
  readonly port: number
  readonly service?: string
  readonly isTls?: boolean
  readonly timeoutMs?: number
}

const { signal } = new AbortController()
const ours = ({ port, service = '', isTls = false, timeoutMs = ANSWERS_WITHIN_MS }: Asked) =>
  probeGrpc({ kind: 'grpc', host, port, service, isTls }, timeoutMs, signal)

const runOf = ({ port, service = '', timeoutMs = ANSWERS_WITHIN_MS }: Asked) => ({
  podIP: host,
  container: { name: 'app', readinessProbe: { grpc: { port, service } } },
  timeoutMs,
})

let reference: Reference | undefined
beforeAll(() => {
  if (program !== undefined) reference = startReference(program)
})
afterAll(() => reference?.close())

const kubelets = async (asked: readonly Asked[]): Promise<readonly ProbeVerdict[]> =>
  (await reference?.probe(asked.map(runOf))) ?? []

const isOursWaiting = ({ waits }: GrpcCase) => waits === 'ours' || waits === 'both'

describe('of a server that is rude:', () => {
  const servers: OddServer[] = []
  const oursFound = new Map<GrpcCase, Awaited<ReturnType<typeof ours>>>()
  const kubeletFound = new Map<GrpcCase, boolean>()

  beforeAll(async () => {
    servers.push(...(await Promise.all(GRPC_CASES.map(({ start }) => start({ plain: 0, tls: 0 })))))
    const portOf = (n: number) => servers[n]?.port ?? 0
    const known = GRPC_CASES.flatMap((one, n) => (one.tls ? [] : [{ one, asked: { ...one, port: portOf(n) } }]))
    const verdicts = await kubelets(
      known.map(({ one: { waits }, asked }) => {
        const isWaiting = waits === 'kubelet' || waits === 'both'
        return { ...asked, timeoutMs: isWaiting ? WAITS_FOR_MS : ANSWERS_WITHIN_MS }
      }),
    )
    for (const [n, { result }] of verdicts.entries()) {
      const { one } = known[n] ?? {}
      if (one) kubeletFound.set(one, result === 'success')
    }
    const ask = async (isWaiting: boolean) => {
      const found = GRPC_CASES.map(async (one, n) => {
        if (isOursWaiting(one) !== isWaiting) return
        const timeoutMs = isWaiting ? WAITS_FOR_MS : ANSWERS_WITHIN_MS
        oursFound.set(one, await ours({ ...one, isTls: one.tls === true, port: portOf(n), timeoutMs }))
      })
      await Promise.all(found)
    }
    await ask(false)
    await ask(true) // on its own: what comes before the silence must come in time
  }, 60_000)
  afterAll(() => Promise.all(servers.map((server) => server.close())))

  test.each(GRPC_CASES.map((one) => [one.name, one] as const))('%s', (_name, one) => {
    const { passes, text } = one
    if (kubeletFound.has(one)) expect(kubeletFound.get(one), 'the kubelet').toBe(passes)
    const { healthy, text: said, reached } = oursFound.get(one) ?? {}
    expect({ healthy, said, reached }).toEqual({
      ...{ healthy: one.ours ?? passes, reached: undefined },
      said: isOursWaiting(one) ? `${text} ${WAITS_FOR_MS / 1_000}s` : text,
    })
  })

  test('no probe leaves a connection', async () => {
    const open = () => GRPC_CASES.flatMap(({ name }, n) => (servers[n]?.connections ? [name] : []))
    await expect.poll(open, { timeout: 10_000 }).toEqual([])
  })
})

test.skipIf(process.platform !== 'linux')('A pod that does not answer at all is not reached', async () => {
  const hole = await startBlackHole()
  onTestFinished(() => hole.close())
  const target = { kind: 'grpc', host: hole.host, port: hole.port, service: '', isTls: false } as const
  const found = await probeGrpc(target, 200, signal)
  expect(found).toMatchObject({ healthy: false, text: 'no answer within 200ms', reached: false })
})

test('It ends at once when it is interrupted', async () => {
  const server = await startServer('silent')
  onTestFinished(() => server.close())
  const controller = new AbortController()
  const result = probeGrpc(
    { kind: 'grpc', host, port: server.port, service: '', isTls: false },
    ANSWERS_WITHIN_MS,
    controller.signal,
  )
  await expect.poll(() => server.accepted).toBe(1)
  controller.abort()
  expect(await result).toMatchObject({ healthy: false, text: 'interrupted' })
  await server.idle()
})

const REAL = {
  SERVING: { health: { '': 'SERVING', db: 'NOT_SERVING', 'größe/2': 'SERVING', odd: 'UNKNOWN' } },
  NOT_SERVING: { health: { '': 'NOT_SERVING' } },
  none: {},
  TLS: { health: { '': 'SERVING', db: 'NOT_SERVING' }, certificate: testCert, key: testKey },
} as const satisfies Record<string, GrpcServer>

/** `undefined`: the kubelet has no such probe. */
const WORDS: readonly (readonly [keyof typeof REAL, service: string, text: string, kubelet: boolean | undefined])[] = [
  ['SERVING', '', 'SERVING', true],
  ['SERVING', 'größe/2', 'SERVING', true],
  ['SERVING', 'db', 'NOT_SERVING', false],
  ['SERVING', 'odd', 'UNKNOWN', false],
  ['SERVING', 'cache', 'service "cache" is not known (NOT_FOUND)', false],
  ['NOT_SERVING', '', 'NOT_SERVING', false],
  ['none', '', 'no health service (UNIMPLEMENTED)', false],
  ['TLS', '', 'SERVING', undefined],
  ['TLS', 'db', 'NOT_SERVING', undefined],
]

describe.skipIf(program === undefined)('of a real server:', () => {
  const ports = new Map<string, number>()
  const started: GrpcServer[] = Object.values(REAL)
  beforeAll(async () => {
    const all = (await reference?.serveGrpc(started)) ?? []
    for (const [n, name] of Object.keys(REAL).entries()) ports.set(name, all[n] ?? 0)
  })

  test.each(WORDS)('%s %s', async (name, service, text, kubelet) => {
    const asked = { port: ports.get(name) ?? 0, service, isTls: name === 'TLS' }
    expect(await ours(asked)).toMatchObject({ healthy: text === 'SERVING', text })
    if (kubelet === undefined) return
    const [verdict] = await kubelets([asked])
    expect(verdict?.result, verdict?.output).toBe(kubelet ? 'success' : 'failure')
  })

  test('TLS where there is none, and none where there is', async () => {
    const plain = await ours({ port: ports.get('SERVING') ?? 0, isTls: true })
    expect(plain).toMatchObject({ healthy: false, text: expect.stringMatching(/^TLS: /) })
    const tls = await ours({ port: ports.get('TLS') ?? 0 })
    expect(tls).toMatchObject({ healthy: false, text: expect.stringMatching(/^(no HTTP\/2|connection closed)$/) })
  })
})

/** Which version of Kubernetes asks, and what each can unpack, is the only difference. */
function requestOf(headers: Readonly<Record<string, unknown>>, body: string) {
  const { 'user-agent': agent, 'grpc-timeout': limit, 'grpc-accept-encoding': _, ...rest } = headers
  expect(limit).toMatch(/^\d{1,8}[munSMH]$/)
  expect(agent).toMatch(/^kube-probe\/1\.\d+/)
  return { ...rest, body }
}

test.skipIf(program === undefined)('The request is the one that the kubelet sends', async () => {
  const asked: ReturnType<typeof requestOf>[] = []
  const server = createServer()
  server.on('stream', async (stream: ServerHttp2Stream, headers) => {
    const chunks = await stream.toArray()
    asked.push(requestOf(headers, Buffer.concat(chunks).toString('hex')))
    stream.respond({ ':status': 404 }, { endStream: true })
  })
  server.listen(0, host)
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  for (const service of ['', 'db', 'größe', 'x'.repeat(300)]) {
    await kubelets([{ port, service }])
    await ours({ port, service })
    const [first, second] = asked.splice(0)
    expect(first).toBeDefined()
    expect(second).toEqual(first)
  }
})
