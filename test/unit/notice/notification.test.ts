import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Message } from '../../../handler/notice/message.js'
import { notifier, problemOf } from '../../../handler/notice/notification.js'
import { openNotifier } from '../../../handler/notice/notifier.js'
import { parseNotifyUrl } from '../../../handler/notice/notify-url.js'
import { systemClock } from '../../../handler/util/clock.js'
import { type Behaviour, response, startServer, type TestServer } from '../../support/servers.js'
import { startHttpProxy } from '../kube/proxies.js'

const SECRET = 'T0SECRET/B0SECRET'
const message: Message = {
  ...{ text: 'default/web: FailedOver: b is active', namespace: 'default', service: 'web', handover: null },
  ...{ trouble: null, dryRun: false },
}
const never = new AbortController().signal
/** The limit comes at once when the server was asked. */
const late = (server: TestServer) => ({
  sleep: async (_ms: number, signal?: AbortSignal) => {
    while (server.accepted === 0 && !signal?.aborted) await new Promise((resolve) => setTimeout(resolve, 1))
  },
})

describe('a notification', () => {
  let server: TestServer
  beforeEach(async () => {
    server = await startServer('ok')
  })
  afterEach(() => server.close())
  const at = (text: string) => new URL(`${text}/services/${SECRET}`)
  const send = (url = at(server.url), clock: Pick<typeof systemClock, 'sleep'> = systemClock, env = {}) =>
    notifier({ url }, env, clock)(message, never)

  it('is one POST of JSON, and ends with the status, whatever the body is', async () => {
    const bodies: string[] = []
    await server.behave((socket, { head }) => {
      socket.on('data', (chunk) => bodies.push(chunk.toString()))
      bodies.push(head)
      socket.write(response(204, '', { 'Content-Length': '1000' }))
    })
    expect(await send()).toBeUndefined()
    expect(server.requests).toBe(1)
    expect(bodies[0]).toMatch(/^POST \/services\/T0SECRET\/B0SECRET HTTP\/1\.1\r\n/)
    expect(bodies[0]).toContain('content-type: application/json')
  })

  it.each([
    ['error', 'it was answered with status 500'],
    ['redirect-away', 'it was answered with status 302, a redirect, which is not followed'],
    ['redirect-loop', 'it was answered with status 302, a redirect, which is not followed'],
    ['refuse', 'no connection (ECONNREFUSED)'],
    ['close', 'no connection (ECONNRESET)'],
    ['reset', 'no connection (ECONNRESET)'],
    ['garbage', 'no connection (HPE_'],
    ['flood-headers', 'no connection (HPE_HEADER_OVERFLOW)'],
  ] as const satisfies readonly (readonly [Behaviour, string])[])(
    'to a server that does %s fails in one warning without the URL',
    async (behaviour, why) => {
      await server.behave(behaviour)
      const warning = await send()
      expect(warning).toContain(`the notification failed: ${why}`)
      expect(warning).not.toMatch(/SECRET|127\.0\.0\.1|192\.0\.2/)
      expect(server.requests).toBeLessThanOrEqual(1)
    },
  )

  it.each(['hang', 'silent', 'informational', 'drip-headers'] as const)(
    'to a server that does %s is given up after three seconds in all',
    async (behaviour) => {
      await server.behave(behaviour)
      expect(await send(undefined, late(server))).toBe('the notification failed: no answer within 3 s')
      await server.idle()
    },
  )

  it('fails where the certificate is not trusted, without a name of it', async () => {
    const tls = await startServer('ok', { tls: true })
    const warning = await send(at(tls.url))
    await tls.close()
    expect(warning).toMatch(/^the notification failed: no connection \([A-Z_]+\)$/)
    expect(tls.requests).toBe(0)
  })

  it('shows a user and a password to the server, and to nobody else', async () => {
    const url = at(server.url)
    Object.assign(url, { username: 'me', password: 'pass' })
    expect(await send(url)).toBeUndefined()
    expect(server.lastRequest?.head).toContain(`uthorization: Basic ${Buffer.from('me:pass').toString('base64')}`)
  })

  it('goes through the proxy that the environment names', async () => {
    const proxy = await startHttpProxy()
    const url = at(server.url.replace('127.0.0.1', 'chat.example'))
    expect(await send(url, systemClock, { HTTP_PROXY: `http://${proxy.authority}` })).toBeUndefined()
    expect(proxy.asked).toEqual([url.href])
  })
})

describe('the file of the URL', () => {
  let folder: string
  let server: TestServer
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'notify-'))
    server = await startServer('ok')
  })
  afterEach(async () => {
    await server.close()
    await rm(folder, { recursive: true })
  })
  const source = () => ({ file: join(folder, 'url'), flag: '--notify-url-file' })
  const content = (text: string) => writeFile(source().file, text)

  it('is read again for each notification', async () => {
    const notify = notifier(source(), {}, systemClock)
    expect(await notify(message, never)).toBe(
      `the notification failed: the file of --notify-url-file, ${JSON.stringify(source().file)}, cannot be read: there is no such file. It should hold the URL to send to`,
    )
    await content(`${server.url}/${SECRET}\n`)
    expect(await notify(message, never)).toBeUndefined()
  })

  it.each([
    '',
    '\n',
    'ftp://example.com/SECRET',
    'SECRET',
    'https://',
    'https://a SECRET',
    `https://a/${'x'.repeat(20_000)}`,
  ])('with %j is a warning that names the file, and not what is in it', async (text) => {
    await content(text)
    const problem = await problemOf(source())
    expect(problem).toContain(
      `there are no notifications: the file of --notify-url-file, "${source().file}", should hold one`,
    )
    expect(problem).not.toContain('SECRET')
  })

  it('that cannot be read is told of at once, and stops nothing', async () => {
    const warnings: string[] = []
    expect(await openNotifier(source(), {}, (text) => warnings.push(text))).toBeTypeOf('function')
    expect(warnings).toEqual([expect.stringContaining('cannot be read: there is no such file')])
    expect(await openNotifier(undefined, {}, () => {})).toBeUndefined()
  })
})

describe('a URL', () => {
  it.each([' https://a.example/x\n', 'http://[::1]:80/', 'HTTPS://A'])('may be %j', (text) => {
    expect(parseNotifyUrl(text)?.protocol).toMatch(/^https?:$/)
  })
  it.each(['file:///etc/passwd', 'javascript:alert(1)', '//a', 'https:///x', 'http://%zz/'])('is not %j', (text) => {
    expect(parseNotifyUrl(text)).toBeUndefined()
  })
})
