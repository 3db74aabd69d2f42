/** Whatever a server answers, and wherever a probe is sent: the verdict and the requests are those of the kubelet's own code. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type HttpCheck, probeHttp } from '../../handler/health/http.js'
import { planCheck } from '../../handler/health/plan.js'
import { DEFAULT_SETTINGS } from '../../handler/settings/settings.js'
import { aPod } from '../support/builders.js'
import { findReference } from '../support/cluster/binaries.js'
import { type Reference, startReference } from '../support/reference.js'
import { limit, parameters } from './runs.js'

// That it is missing is said by kubernetes.test.ts.
const program = findReference()
const TIMEOUT_MS = 30_000
const FINE = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'

/** Texts of one character a byte, made of the pieces that parsers stumble over, and of any bytes. */
const pieces = (...all: readonly string[]) => {
  const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code))
  return fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...all) }, { weight: 1, arbitrary: byte })
}
const joined = (piece: fc.Arbitrary<string>, maxLength: number) =>
  fc.array(piece, { maxLength }).map((parts) => parts.join(''))

const mostly = (usual: string, piece: fc.Arbitrary<string>, maxLength = 4) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(usual) }, { weight: 2, arbitrary: joined(piece, maxLength) })

const LENGTH = 'Content-Length: 4\r\n'
const CHUNKED = 'Transfer-Encoding: chunked\r\n'
const heads = fc
  .tuple(
    mostly('HTTP/1.1', pieces('HTTP/', '1.', '1', '0', '2', '9')),
    mostly(' ', pieces(' ', '\t', '  ')),
    mostly('200', pieces('2', '0', '-', '+', '204', '304', '302', '100')),
    mostly(' OK', pieces(' ', 'OK', '\r', '\xff')),
    mostly('\r\n', pieces('\r\n', '\n', '\r', ' ')),
    joined(
      pieces(
        LENGTH,
        CHUNKED,
        'A: b\r\n',
        'A : b\n',
        ' c\r\n',
        'Content-Length:',
        ' 4',
        '+',
        ':',
        ' ',
        '\r\n',
        'Trailer: X\r\n',
      ),
      5,
    ),
    mostly('\r\n', pieces('\r\n', '\n', '\r')),
  )
  .map((parts) => parts.join(''))
const bodies = fc.oneof(
  fc.constant('fine'),
  fc.constant('4\r\nfine\r\n0\r\n\r\n'),
  joined(pieces('4', '\r\n', 'fine', '0', '\n', ';x', ' ', 'A', 'X: y\r\n', '\r\n\r\n'), 12),
)
const answers = fc
  .tuple(fc.oneof({ weight: 4, arbitrary: fc.constant('') }, { weight: 1, arbitrary: heads }), heads, bodies)
  .map((parts) => parts.join(''))

const paths = joined(
  pieces(
    ...'/?#%:@[].~*+&=;,!\'()"<>\\^`{|} ',
    '%2F',
    '%zz',
    '//',
    '..',
    '/.',
    'a',
    'ü',
    'http:',
    '127.0.0.1',
    '::1',
    '%25',
    '80',
  ),
  8,
)

/** Each of many probes has a number, which its headers tell the server. */
async function startServer(answerTo: (n: number, isFirst: boolean) => string) {
  let asked = new Map<number, string[]>()
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    socket.on('error', () => {}).on('close', () => open.delete(socket))
    let head = ''
    socket.on('data', (chunk) => {
      head += chunk.toString('latin1')
      if (!head.includes('\r\n\r\n')) return
      const n = Number(/^X-N: (\d+)/m.exec(head)?.[1])
      const lines = asked.get(n) ?? []
      asked.set(n, [...lines, head.replace(/^User-Agent: .*$/m, '')])
      head = ''
      socket.end(Buffer.from(answerTo(n, lines.length === 0), 'latin1'))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    take: () => {
      const taken = asked
      asked = new Map()
      return taken
    },
    close: () => {
      for (const socket of open) socket.destroy()
      server.close()
    },
  }
}

describe.skipIf(program === undefined)('as the kubelet has it,', limit, () => {
  let reference: Reference
  beforeAll(() => {
    reference = startReference(program as string)
  })
  afterAll(() => reference.close())

  /** Probes with all of these paths at once, first the kubelet's and then ours. */
  async function compare(
    of: readonly string[],
    pathOf: (n: number) => string,
    answerTo: Parameters<typeof startServer>[0],
  ) {
    const server = await startServer(answerTo)
    try {
      const runs = of.map((_, n) => {
        const httpHeaders = [{ name: 'X-N', value: `${n}` }]
        const readinessProbe = { httpGet: { port: server.port, path: pathOf(n), httpHeaders } }
        return { podIP: '127.0.0.1', container: { name: 'app', readinessProbe }, timeoutMs: TIMEOUT_MS }
      })
      const kubelets = await reference.probe(runs)
      const kubeletAsked = server.take()
      const ours = await Promise.all(of.map((_, n) => probeHttp(checkOf(server.port, pathOf(n), n), TIMEOUT_MS, never)))
      const asked = server.take()
      const found = of.map((text, n) => ({ text, healthy: ours[n]?.healthy, asked: asked.get(n) }))
      const expected = of.map((text, n) => {
        const result = kubelets[n]?.result
        return { text, healthy: result === 'success' || result === 'warning', asked: kubeletAsked.get(n) }
      })
      // Of many hundred, only those that differ are to be read.
      const differ = of.flatMap((_, n) => (isDeepStrictEqual(found[n], expected[n]) ? [] : [n]))
      expect(differ.map((n) => found[n])).toEqual(differ.map((n) => expected[n]))
      const passed = found.filter(({ healthy }) => healthy).length
      expect(Math.min(passed, of.length - passed), 'both verdicts').toBeGreaterThan(0)
    } finally {
      server.close()
    }
  }

  const sample = (arbitrary: fc.Arbitrary<string>) => [
    ...new Set(fc.sample(arbitrary, parameters(400) as fc.Parameters<string>)),
  ]

  test('whatever a server answers', async () => {
    const all = sample(answers)
    await compare(
      all,
      (n) => `/${n}`,
      (n, isFirst) => (isFirst ? (all[n] ?? '') : FINE),
    )
  })

  test('wherever a path leads', async () => {
    const all = sample(paths)
    await compare(
      all,
      (n) => all[n] || '/',
      () => FINE,
    )
  })

  test('wherever a redirect leads', async () => {
    const all = sample(paths)
    const to = (n: number) => `HTTP/1.1 302 F\r\nLocation: ${Buffer.from(all[n] ?? '').toString('latin1')}\r\n\r\n`
    await compare(
      all,
      () => '/a/b?c#d',
      (n, isFirst) => (isFirst ? to(n) : FINE),
    )
  })
})

const never = new AbortController().signal

function checkOf(port: number, path: string, n: number): HttpCheck {
  const readinessProbe = {
    kind: 'http',
    scheme: 'http',
    port,
    path,
    headers: [['X-N', `${n}`]],
    timeoutMs: 1_000,
  } as const
  const pod = aPod('web-0', { ip: '127.0.0.1', containers: [{ name: 'app', ports: [], readinessProbe }] })
  const [target] = planCheck(pod, DEFAULT_SETTINGS, []).targets
  if (target?.kind !== 'http') throw new Error('no HTTP probe')
  return target
}
