import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../../handler/kube/auth/config.js'
import { environmentProxy } from '../../../handler/kube/auth/environment-proxy.js'
import { connect } from '../../../handler/kube/client.js'
import { UsageError } from '../../../handler/util/errors.js'
import { startHttpProxy, startSocksProxy } from './proxies.js'
import { DECISIONS } from './proxy-decisions.js'
import { folderOf, kubeconfig, never, startRecorder, trusted } from './support.js'

const PROXY = 'http://proxy.example:3128'
const NAME = 'api.example.invalid'

describe('whether a request goes through the proxy of the environment', () => {
  it.each(DECISIONS)('%s with NO_PROXY=%s: %s', (server, NO_PROXY, expected) => {
    const proxy = environmentProxy(server, { HTTPS_PROXY: PROXY, HTTP_PROXY: PROXY, NO_PROXY })
    expect(proxy).toBe(expected === 'proxy' ? PROXY : undefined)
  })

  it.each([
    ['HTTPS_PROXY is for https://', 'https', { HTTPS_PROXY: PROXY }, PROXY],
    ['and not for http://', 'http', { HTTPS_PROXY: PROXY }, undefined],
    ['HTTP_PROXY is for http://', 'http', { HTTP_PROXY: PROXY }, PROXY],
    ['and not for https://', 'https', { HTTP_PROXY: PROXY, ALL_PROXY: PROXY }, undefined],
    ['small letters will do', 'https', { https_proxy: PROXY }, PROXY],
    ['capitals go first', 'https', { HTTPS_PROXY: PROXY, https_proxy: 'http://other' }, PROXY],
    ['unless they are empty', 'https', { HTTPS_PROXY: '', https_proxy: PROXY }, PROXY],
    ['so it is with no_proxy', 'https', { HTTPS_PROXY: PROXY, NO_PROXY: '', no_proxy: '*' }, undefined],
    ['whose capitals go first', 'https', { HTTPS_PROXY: PROXY, NO_PROXY: 'x', no_proxy: '*' }, PROXY],
    ['a host and a port are of http://', 'https', { HTTPS_PROXY: 'proxy.example:3128' }, PROXY],
    ['a host alone too', 'https', { HTTPS_PROXY: '10.0.0.1' }, 'http://10.0.0.1'],
    ['with a user before it', 'https', { HTTPS_PROXY: 'me:pw@proxy:1' }, 'http://me:pw@proxy:1'],
    ['https:// is spoken', 'https', { HTTPS_PROXY: 'https://proxy' }, 'https://proxy'],
    ['SOCKS too', 'https', { HTTPS_PROXY: 'socks5://proxy' }, 'socks5://proxy'],
    ['what is wrong does not matter where it is not used', 'https', { HTTP_PROXY: '::', https_proxy: '' }, undefined],
    ['nor where NO_PROXY says so', 'https', { HTTPS_PROXY: '::', NO_PROXY: '*' }, undefined],
  ] as const)('%s', (_name, scheme, env, expected) => {
    expect(environmentProxy(`${scheme}://${NAME}`, env)).toBe(expected)
  })

  it.each([
    ['another protocol', 'ftp://me:secret@proxy'],
    ['no host', 'http://'],
    ['no host but a user', 'http://me:secret@'],
    ['a port that is none', 'http://me:secret@proxy:port'],
    ['half a scheme', 'http:/me:secret@proxy'],
    ['a typing error', 'htp//me:secret@proxy'],
    ['a line feed', 'http://me:secret@proxy\n'],
    ['a user that can not be decoded', 'http://me:secret%zz@proxy'],
  ])('%s is a usage error that names the variable, and shows nothing of it', (_name, value) => {
    for (const name of ['HTTPS_PROXY', 'https_proxy']) {
      const ask = () => environmentProxy(`https://${NAME}`, { [name]: value })
      expect(ask).toThrow(UsageError)
      expect(ask).toThrow(
        new UsageError(
          `${name} is no http://, https:// or socks5:// URL and no HOST:PORT: set it to the proxy, or unset it`,
        ),
      )
    }
  })

  it('a CGI program does not believe HTTP_PROXY, which its client may have set', () => {
    const env = { HTTP_PROXY: PROXY, HTTPS_PROXY: PROXY, REQUEST_METHOD: 'GET' }
    expect(() => environmentProxy(`http://${NAME}`, env)).toThrow(/^HTTP_PROXY is not used where REQUEST_METHOD is set/)
    expect(environmentProxy(`https://${NAME}`, env)).toBe(PROXY)
  })
})

describe('the proxy of the environment', () => {
  const user = { token: 'secret' }
  const open = async (kind: 'tls' | 'http', cluster: object, env: Readonly<Record<string, string>>) => {
    const server = await startRecorder(kind)
    const url = `${kind === 'tls' ? 'https' : 'http'}://${NAME}:${server.port}`
    const trust = kind === 'tls' ? { ...trusted, 'tls-server-name': 'localhost' } : {}
    const folder = await folderOf({ config: kubeconfig({ server: url, cluster: { ...trust, ...cluster }, user }) })
    const config = loadConfig({ kubeconfig: `${folder}/config`, env })
    return { server, url, config, kube: connect(config, { retryDelayMs: 1 }) }
  }

  it.each([
    ['http', startHttpProxy],
    ['socks5', startSocksProxy],
    ['socks5h', startSocksProxy],
  ] as const)('of the scheme %s leads to a server whose name only it knows', async (scheme, start) => {
    const proxy = await start()
    const { server, kube } = await open('tls', {}, { HTTPS_PROXY: `${scheme}://${proxy.authority}` })
    await kube.listPods({}, never)
    await kube.listPods({}, never)
    expect(proxy.asked).toEqual([`${NAME}:${server.port}`])
    expect(server.seen).toMatchObject(Array(2).fill({ authorization: 'Bearer secret' }))
  })

  it('leads to a server of http://, for which it is asked for the whole URL', async () => {
    const proxy = await startHttpProxy()
    const { server, url, kube } = await open('http', {}, { http_proxy: proxy.authority })
    await kube.listPods({ namespace: 'shop' }, never)
    expect(proxy.asked).toEqual([expect.stringContaining(`${url}/api/v1/namespaces/shop/pods?`)])
    expect(server.headers[0]).toContainEqual(['host', `${NAME}:${server.port}`])
  })

  it('is not used where the cluster names its own', async () => {
    const [own, other] = [await startHttpProxy(), await startHttpProxy()]
    const cluster = { 'proxy-url': `http://${own.authority}` }
    const { kube } = await open('tls', cluster, { HTTPS_PROXY: other.authority })
    await kube.listPods({}, never)
    expect([own.asked.length, other.asked.length]).toEqual([1, 0])
  })

  it('is named in an error, without its password', async () => {
    const proxy = await startHttpProxy('127.0.0.1', 407)
    const { url, kube } = await open('tls', {}, { HTTPS_PROXY: `http://me:password@${proxy.authority}` })
    await expect(kube.listPods({}, never)).rejects.toMatchObject({
      code: 'unreachable',
      message: `could not list pods in all namespaces: no answer from ${url} through the proxy ${proxy.authority}: Bad response: 407`,
    })
  })

  it('is not what a credential plugin is told: that is the proxy-url of the cluster', async () => {
    const { config } = await open('tls', {}, { HTTPS_PROXY: PROXY })
    expect(config.getCurrentCluster()?.proxyUrl).toBeUndefined()
  })
})
