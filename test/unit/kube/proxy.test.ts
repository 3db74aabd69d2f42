import { describe, expect, it } from 'vitest'
import { connect } from '../../../handler/kube/client.js'
import { LIMITS, openTransport } from '../../../handler/kube/transport.js'
import { connectWatches } from '../../../handler/kube/watch.js'
import { startHttpProxy, startSocksProxy } from './proxies.js'
import { base64, load, never, startRecorder, trusted } from './support.js'

const user = { token: 'secret' }

describe('proxy-url', () => {
  it.each([
    ['tls', 'by CONNECT', (port: number) => [`127.0.0.1:${port}`]],
    ['http', 'by its whole URL', (port: number) => Array(2).fill(`http://127.0.0.1:${port}/api/v1/pods?limit=5000`)],
  ] as const)('leads through an HTTP proxy to %s, which is asked for %s, on one connection', async (kind, _, asked) => {
    const server = await startRecorder(kind)
    const proxy = await startHttpProxy()
    const cluster = { ...(kind === 'tls' && trusted), 'proxy-url': `http://me:p%40ss@${proxy.authority}` }
    const kube = connect(await load({ server: server.url, cluster, user }))
    await kube.listPods({}, never)
    await kube.listPods({}, never)
    expect(proxy.asked).toEqual(asked(server.port))
    expect(new Set(proxy.authorizations)).toEqual(new Set([`Basic ${base64('me:p@ss')}`]))
    expect(server.seen).toMatchObject(Array(2).fill({ authorization: 'Bearer secret' }))
    expect(server.accepted).toBe(1)
  })

  it.each(['tls', 'http'] as const)('leads through an HTTP proxy to an IPv6 address, over %s', async (kind) => {
    const server = await startRecorder(kind, undefined, '::1')
    const proxy = await startHttpProxy()
    const cluster = { ...(kind === 'tls' && trusted), 'proxy-url': `http://${proxy.authority}` }
    await connect(await load({ server: server.url, cluster, user })).listPods({}, never)
    expect(proxy.asked).toEqual([expect.stringContaining(`[::1]:${server.port}`)])
  })

  it.each([
    ['http', startHttpProxy],
    ['socks5', startSocksProxy],
  ] as const)('may be at an IPv6 address: %s', async (scheme, start) => {
    const server = await startRecorder('tls')
    const proxy = await start('::1')
    const cluster = { ...trusted, 'proxy-url': `${scheme}://${proxy.authority}` }
    await connect(await load({ server: server.url, cluster, user })).listPods({}, never)
    expect(proxy.asked).toEqual([`127.0.0.1:${server.port}`])
  })

  it('leads through a SOCKS proxy', async () => {
    const server = await startRecorder('tls')
    const proxy = await startSocksProxy()
    const cluster = { ...trusted, 'proxy-url': `socks5://${proxy.authority}` }
    const kube = connect(await load({ server: server.url, cluster, user }))
    await kube.listPods({}, never)
    await kube.listPods({}, never)
    expect(proxy.asked).toEqual([`127.0.0.1:${server.port}`])
    expect(server.seen).toMatchObject(Array(2).fill({ authorization: 'Bearer secret' }))
  })

  describe.each([
    ['an HTTP', startHttpProxy, 'http'],
    ['a SOCKS', startSocksProxy, 'socks5'],
  ] as const)('that is %s proxy', (_name, start, scheme) => {
    const IDLE_MS = 200
    const through = async (kind: 'tls' | 'http') => {
      const server = await startRecorder(kind)
      const { authority } = await start()
      const cluster = { ...(kind === 'tls' && trusted), 'proxy-url': `${scheme}://${authority}` }
      return { server, config: await load({ server: server.url, cluster, user }) }
    }

    it.each(['tls', 'http'] as const)('leaves a watch over %s alone that is quiet for long', async (kind) => {
      const { server, config } = await through(kind)
      const bookmark = `${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '9' } } })}\n`
      server.answer = (_request, response) => {
        response.write(bookmark)
        setTimeout(() => response.end(bookmark), 5 * IDLE_MS)
      }
      const pods = connectWatches(config, { idleMs: IDLE_MS }).pods('shop')
      let seen = 0
      for await (const _change of await pods.watch('7', never)) seen++
      expect(seen).toBe(2)
    })

    it.each(['tls', 'http'] as const)('keeps no connection over %s that is idle for long', async (kind) => {
      const { server, config } = await through(kind)
      const transport = openTransport(config, { ...LIMITS, idleMs: IDLE_MS })
      await transport.get('/', never)
      await expect.poll(() => server.open.size, { timeout: 10_000 }).toBe(0)
      await transport.get('/', never)
      expect(server.accepted).toBe(2)
    })
  })

  it('does not change whom we trust', async () => {
    const server = await startRecorder('tls')
    const proxy = await startHttpProxy()
    const kube = connect(
      await load({ server: server.url, cluster: { 'proxy-url': `http://${proxy.authority}` }, user }),
    )
    await expect(kube.listPods({}, never)).rejects.toMatchObject({ code: 'unreachable' })
    expect(server.seen).toEqual([])
  })

  it('that refuses is named in the error, without its password', async () => {
    const server = await startRecorder('tls')
    const proxy = await startHttpProxy('127.0.0.1', 407)
    const cluster = { ...trusted, 'proxy-url': `http://me:password@${proxy.authority}` }
    const kube = connect(await load({ server: server.url, cluster, user }))
    await expect(kube.listPods({}, never)).rejects.toMatchObject({
      code: 'unreachable',
      message: `could not list pods in all namespaces: no answer from ${server.url} through the proxy ${proxy.authority}: Bad response: 407`,
    })
  })
})
