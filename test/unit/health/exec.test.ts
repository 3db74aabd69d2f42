import { Agent } from 'node:http'
import { describe, expect, it, vi } from 'vitest'
import { execBy } from '../../../handler/health/exec.js'
import type { ProbeResult } from '../../../handler/health/probe-result.js'
import { connectCommands } from '../../../handler/kube/exec.js'
import { openWebSocket } from '../../../handler/kube/web-socket.js'
import { MAX_COMMAND_BYTES } from '../../../handler/settings/check.js'
import { aPod } from '../../support/builders.js'
import {
  type Answer,
  declines,
  type ExecServer,
  exited,
  notRun,
  SUCCESS,
  says,
  startExecServer,
} from '../../support/exec-server.js'
import { startHttpProxy } from '../kube/proxies.js'
import { base64, clientCertificate, type Draft, load, never, trusted } from '../kube/support.js'

const FAST = { retryDelayMs: 1 }
const pod = aPod('db-0', { namespace: 'shop' })
const target = { kind: 'exec', pod, container: 'db', command: ['pg_isready', '-q', 'a b&c'] } as const

interface Run {
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  readonly draft?: Partial<Draft>
  readonly files?: Readonly<Record<string, string>>
}

async function probe(server: Pick<ExecServer, 'url'>, { timeoutMs = 5_000, signal, draft, files }: Run = {}) {
  const config = await load({ server: server.url, ...draft }, files)
  const { ms, ...result } = await execBy(connectCommands(config, FAST))(target, timeoutMs, signal ?? never)
  expect(ms).toBeLessThan(timeoutMs + 500)
  return result
}

/** The result of one check against a server that answers so. No connection stays open. */
async function against(answer: Answer, run: Run = {}): Promise<Omit<ProbeResult, 'ms'>> {
  const server = await startExecServer('http', answer)
  const result = await probe(server, run)
  await vi.waitFor(() => expect(server.open.size).toBe(0))
  return result
}

const channel = (number: number, text: string) => Buffer.concat([Buffer.from([number]), Buffer.from(text)])

describe('a command in a container', () => {
  it.each([
    ['empty words', ['a', ...Array(MAX_COMMAND_BYTES - 1).fill('')]],
    ['short words', Array(MAX_COMMAND_BYTES / 2).fill('%')],
    ['one word', ['%'.repeat(MAX_COMMAND_BYTES)]],
  ])('that is as long as it may be fits into a request: %s', async (_, command) => {
    const server = await startExecServer('http', says(SUCCESS))
    const commands = connectCommands(await load({ server: server.url }), FAST)
    expect(await execBy(commands)({ ...target, command }, 5_000, never)).toMatchObject({ healthy: true })
    expect(new URL(server.asked[0]?.url ?? '', server.url).searchParams.getAll('command')).toEqual(command)
  })

  it('is asked for word by word, without a shell, in its container, by the newest protocol first', async () => {
    const server = await startExecServer('http', says(SUCCESS))
    await probe(server)
    const [{ url, headers } = { url: '', headers: {} }] = server.asked
    const { pathname, searchParams } = new URL(url, server.url)
    expect(pathname).toBe('/api/v1/namespaces/shop/pods/db-0/exec')
    expect([...searchParams]).toEqual([
      ['container', 'db'],
      ['stdout', 'true'],
      ['stderr', 'true'],
      ...target.command.map((word) => ['command', word]),
    ])
    expect(headers['sec-websocket-protocol']).toBe('v5.channel.k8s.io,v4.channel.k8s.io')
    expect(headers['sec-websocket-extensions']).toBeUndefined()
  })

  it.each([
    ['exits with 0', says(SUCCESS), 'exit code 0'],
    ['exits with 0, by the protocol of older servers', says(SUCCESS, { protocol: 'v4.channel.k8s.io' }), 'exit code 0'],
    ['says something and exits with 0', says(SUCCESS, { stdout: 'accepting\n' }), 'exit code 0: accepting'],
  ])('passes if it %s', async (_, answer, text) => {
    expect(await against(answer)).toEqual({ healthy: true, text })
  })

  it.each([
    ['exits with 1', says(exited(1)), 'exit code 1'],
    [
      'says why on stderr, in its last line',
      says(exited(2), { stdout: 'one\n', stderr: 'two\nFATAL: starting up\n\n' }),
      'exit code 2: FATAL: starting up',
    ],
    ['writes what a terminal obeys', says(exited(1), { stdout: '\u001b[31mred' }), 'exit code 1: \\u{1b}[31mred'],
    ['shows a secret', says(exited(1), { stderr: 'postgres://me:hunter2@db' }), 'exit code 1: postgres://…@db'],
    ['writes a long line', says(exited(1), { stderr: 'x y'.repeat(300) }), `exit code 1: ${'x y'.repeat(33)}x…`],
    [
      'writes a word whose beginning is forgotten',
      says(exited(1), { stderr: `${'x'.repeat(5_000)} y` }),
      'exit code 1: … y',
    ],
    ['is killed', says(exited(137)), 'exit code 137'],
    [
      'is not there',
      says(notRun('exec failed: unable to start container process: exec: "pg": executable file not found in $PATH')),
      'command not found in the container',
    ],
    ['fails with the code of a success', says({ ...exited(0), message: 'odd' }), 'odd'],
    ['fails without a code', says({ status: 'Failure' }), 'no exit code'],
    ['fails with a code that is none', says({ ...exited('no'), message: 'odd' }), 'odd'],
    ['fails with odd causes', says({ status: 'Failure', message: 'odd', details: { causes: [null, 3] } }), 'odd'],
    ['never says how it ended', { speak: (socket) => socket.close() }, 'the connection ended before the command'],
    ['is cut off', { speak: (socket) => socket.terminate() }, 'the connection ended before the command'],
    [
      'ends with a status that is no JSON',
      {
        speak: (socket) => {
          socket.send(channel(3, '{'))
          socket.close()
        },
      },
      'the connection ended before the command',
    ],
    [
      'ends with a status without end',
      {
        speak: (socket) => {
          for (let n = 0; n < 3; n++) socket.send(channel(3, '{'.repeat(30_000)))
        },
      },
      'no exit code',
    ],
    [
      'sends one message that is too long',
      { speak: (socket) => socket.send(channel(1, 'x'.repeat(2_000_000))) },
      'the connection ended before the command',
    ],
    [
      'writes without end',
      {
        speak: (socket) => {
          const more = () => socket.readyState === socket.OPEN && socket.send(channel(1, 'y\n'.repeat(16_000)), more)
          more()
        },
      },
      'more than 1 MiB of output',
    ],
  ] satisfies [string, Answer, string][])('fails if it %s', async (_, answer, text) => {
    expect(await against(answer)).toEqual({ healthy: false, text })
  })

  it('passes if its status comes in pieces, beside empty messages, texts and unknown channels', async () => {
    const speak: Extract<Answer, { speak: unknown }>['speak'] = (socket) => {
      for (const number of [0, 1, 2, 3, 9, 255]) socket.send(Buffer.from([number]))
      socket.send('')
      socket.send(channel(3, '{"status":'))
      socket.send(channel(3, '"Success"}'))
    }
    expect(await against({ speak })).toEqual({ healthy: true, text: 'exit code 0' })
  })

  it('fails if it hangs: neither the pod nor its node has answered', async () => {
    const result = await against({ speak: () => {} }, { timeoutMs: 100 })
    expect(result).toEqual({ healthy: false, text: 'no exit within 100ms', reached: false })
  })

  it.each([
    ['no answer, as of a node that is lost', () => {}],
    ['a refusal without an end', (socket) => void socket.write('HTTP/1.1 403 No\r\ncontent-length: 1000\r\n\r\n{')],
  ] satisfies [string, Extract<Answer, { raw: unknown }>['raw']][])('fails if there is %s', async (_, raw) => {
    const result = await against({ raw }, { timeoutMs: 100 })
    expect(result).toEqual({ healthy: false, text: 'no answer within 100ms', reached: false })
  })

  it('ends at once when it is interrupted', async () => {
    const stop = new AbortController()
    const answer: Answer = { speak: () => stop.abort() }
    expect(await against(answer, { signal: stop.signal })).toMatchObject({ healthy: false, text: 'interrupted' })
  })

  it('opens no connection when it was interrupted before', async () => {
    const server = await startExecServer('http', says(SUCCESS))
    const shown = { headers: {}, agent: new Agent() }
    const opened = openWebSocket(server.url, ['v5.channel.k8s.io'], shown, () => {}, AbortSignal.abort())
    await expect(opened).rejects.toThrow('aborted')
    expect(server.asked).toEqual([])
  })

  it.each([
    ['404', declines(404, { message: 'pods "db-0" not found' }), { text: 'the pod is gone' }],
    [
      '400',
      declines(400, { message: 'container db is not valid for pod db-0' }),
      { text: 'container db is not valid for pod db-0' },
    ],
    [
      '500',
      declines(500, { message: 'error dialing backend: dial tcp 10.0.0.1:10250: i/o timeout' }),
      {
        text: 'kubelet not reached: error dialing backend: dial tcp 10.0.0.1:10250: i/o timeout',
        reached: false,
      },
    ],
    [
      'the same in its Status',
      says(notRun('error dialing backend: dial tcp 10.0.0.1:10250: i/o timeout')),
      {
        text: 'kubelet not reached: error dialing backend: dial tcp 10.0.0.1:10250: i/o timeout',
        reached: false,
      },
    ],
  ] satisfies [string, Answer, object][])(
    'fails if the pod or its node is the reason: %s',
    async (_, answer, result) => {
      expect(await against(answer)).toEqual({ healthy: false, ...result })
    },
  )
})

describe('a command that the API server does not run', () => {
  const forbidden = `pods "db-0" is forbidden: User "u" cannot get resource "pods/exec" in API group "" in the namespace "shop"`

  it.each([
    [
      '403',
      declines(403, { message: forbidden }),
      {
        code: 'denied',
        message: `may not get pods/exec in namespace shop: ${forbidden}`,
        remedy: expect.stringContaining('- {apiGroups: [""], resources: [pods/exec], verbs: [create, get]}'),
      },
    ],
    [
      '403 for the second verb, of which Kubernetes says nothing more',
      declines(403, { message: 'pods "db-0" is forbidden: ' }),
      { code: 'denied', remedy: expect.stringContaining('verbs: [create, get]}') },
    ],
    [
      '403 of admission',
      declines(403, { message: 'pods "db-0" is forbidden: ValidatingAdmissionPolicy x denied request: no' }),
      { code: 'denied', remedy: 'An admission policy or webhook refused it, or failed: look there.' },
    ],
    [
      '500 of a webhook that does not answer',
      declines(500, { message: 'Internal error occurred: failed calling webhook "a.example": dial tcp 10.0.0.1:443' }),
      { code: 'denied', remedy: 'An admission policy or webhook refused it, or failed: look there.' },
    ],
    [
      '400 of a webhook',
      declines(400, { message: 'admission webhook "a.example" denied the request: no' }),
      { code: 'denied' },
    ],
    ['500 of a storage without a leader', declines(500, { message: 'etcdserver: leader changed' }), { code: 'failed' }],
    ['401', declines(401, { message: 'Unauthorized' }), { code: 'unauthenticated' }],
    ['429', declines(429, { message: 'slow down' }), { code: 'failed', remedy: expect.stringContaining('too much') }],
    ['503', declines(503, 'no healthy upstream'), { code: 'failed', remedy: 'Look at the API server.' }],
    ['404 of a proxy', declines(404, '<html>'), { code: 'failed', remedy: expect.stringContaining('no API server') }],
    ['200', declines(200, 'welcome'), { code: 'failed', remedy: expect.stringContaining('no API server') }],
    ['302', declines(302, '', { location: 'http://127.0.0.1:1/' }), { code: 'failed' }],
    ['another protocol', says(SUCCESS, { protocol: 'base64.channel.k8s.io' }), { code: 'unreachable' }],
    ['no protocol', says(SUCCESS, { protocol: '' }), { code: 'unreachable' }],
    ['something that is not HTTP', { raw: (socket) => void socket.end('hello\r\n\r\n') }, { code: 'unreachable' }],
    ['a reset', { raw: (socket) => void socket.resetAndDestroy() }, { code: 'unreachable' }],
    ['an end', { raw: (socket) => void socket.end() }, { code: 'unreachable' }],
  ] satisfies [string, Answer, object][])('is not checked, and says why: %s', async (_, answer, unmade) => {
    const { reached, ...result } = await against(answer)
    expect(result).toEqual({
      healthy: false,
      text: expect.stringMatching(/^not checked: ./),
      unmade: expect.anything(),
    })
    expect(result.unmade).toMatchObject(unmade)
  })

  it('is not checked if nobody listens', async () => {
    const result = await probe({ url: 'http://127.0.0.1:1' })
    expect(result).toMatchObject({ healthy: false, unmade: { code: 'unreachable' } })
  })
})

describe('the request for a command', () => {
  it('shows a refused token again once, as it is in its file by then', async () => {
    const server = await startExecServer('http', declines(401, { message: 'Unauthorized' }), says(SUCCESS))
    const result = await probe(server, { draft: { user: { token: 'secret' } } })
    expect(result).toEqual({ healthy: true, text: 'exit code 0' })
    expect(server.asked.map(({ headers }) => headers.authorization)).toEqual(['Bearer secret', 'Bearer secret'])
  })

  it('trusts the authority, and shows the certificate and whom to act as, over TLS', async () => {
    const server = await startExecServer('tls', says(SUCCESS))
    const user = { ...clientCertificate, as: 'jane', 'as-groups': ['a', 'b'] }
    const result = await probe(server, { draft: { cluster: trusted, user } })
    expect(result).toEqual({ healthy: true, text: 'exit code 0' })
    const [{ headers, hasCertificate } = { headers: {}, hasCertificate: false }] = server.asked
    expect(hasCertificate).toBe(true)
    expect(headers).toMatchObject({ 'impersonate-user': 'jane', 'impersonate-group': 'a, b' })
    expect(headers['user-agent']).toMatch(/^active-passive\//)
  })

  it('goes to no server with another certificate', async () => {
    const server = await startExecServer('tls', says(SUCCESS))
    expect(await probe(server)).toMatchObject({ unmade: { code: 'unreachable' } })
    expect(server.asked).toEqual([])
  })

  it('goes through the proxy to a server of HTTPS', async () => {
    const server = await startExecServer('tls', says(SUCCESS))
    const proxy = await startHttpProxy()
    const cluster = { ...trusted, 'proxy-url': `http://me:p%40ss@${proxy.authority}` }
    expect(await probe(server, { draft: { cluster } })).toEqual({ healthy: true, text: 'exit code 0' })
    expect(proxy.asked).toEqual([`127.0.0.1:${server.port}`])
    expect(new Set(proxy.authorizations)).toEqual(new Set([`Basic ${base64('me:p@ss')}`]))
  })

  it('leaves as many connections as it was made at once: none', async () => {
    const server = await startExecServer('http', says(SUCCESS))
    const exec = execBy(connectCommands(await load({ server: server.url }), FAST))
    const results = await Promise.all(Array.from({ length: 60 }, () => exec(target, 5_000, never)))
    expect(results.every(({ healthy }) => healthy)).toBe(true)
    await vi.waitFor(() => expect(server.open.size).toBe(0))
  })
})
