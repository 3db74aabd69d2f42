import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { defaultNamespace, loadConfig } from '../../../handler/kube/auth/config.js'
import { UsageError } from '../../../handler/util/errors.js'
import { testCert, testKey } from '../../support/tls.js'
import { clientCertificate, type Draft, folderOf, kubeconfig, load } from './support.js'

const HTTPS = 'https://127.0.0.1:6443'

const serverOf = (options: Parameters<typeof loadConfig>[0]) => loadConfig(options).getCurrentCluster()?.server

describe('a kubeconfig', () => {
  it('is the file of --kubeconfig before the files of KUBECONFIG before the one in the home folder', async () => {
    const folder = await folderOf({
      given: kubeconfig({ server: 'https://given' }),
      named: kubeconfig({ server: 'https://named' }),
      '.kube/config': kubeconfig({ server: 'https://home' }),
    })
    const env = { HOME: folder, KUBECONFIG: join(folder, 'named') }
    expect(serverOf({ kubeconfig: join(folder, 'given'), env })).toBe('https://given')
    expect(serverOf({ env })).toBe('https://named')
    expect(serverOf({ env: { HOME: folder } })).toBe('https://home')
    expect(serverOf({ env: { HOME: folder, KUBECONFIG: '' } })).toBe('https://home')
  })

  it('is merged from several files, of which the first to name a thing wins and missing ones are skipped', async () => {
    const folder = await folderOf({
      one: kubeconfig({ server: 'https://one', context: { namespace: 'first' } }, 'shared'),
      two: kubeconfig({ server: 'https://two' }, 'shared'),
      three: kubeconfig({ server: 'https://three' }, 'other'),
    })
    const KUBECONFIG = ['absent', 'one', 'two', 'three'].map((name) => join(folder, name)).join(':')
    const config = loadConfig({ env: { KUBECONFIG } })
    expect(config.getCurrentCluster()?.server).toBe('https://one')
    expect(defaultNamespace(config)).toBe('first')
    expect(serverOf({ context: 'other', env: { KUBECONFIG } })).toBe('https://three')
  })

  it('may have its context in one file and the cluster and the user of it in others', async () => {
    const { clusters, users, contexts } = JSON.parse(kubeconfig({ server: HTTPS }))
    const folder = await folderOf({
      context: JSON.stringify({ contexts }),
      cluster: JSON.stringify({ clusters, 'current-context': 'test' }),
      user: JSON.stringify({ users }),
    })
    const KUBECONFIG = ['context', 'cluster', 'user'].map((name) => join(folder, name)).join(':')
    expect(serverOf({ env: { KUBECONFIG } })).toBe(HTTPS)
  })

  it('names its certificates and its token file relative to its own folder', async () => {
    const config = await load(
      {
        server: HTTPS,
        cluster: { 'certificate-authority': 'pki/ca.crt' },
        user: { 'client-certificate': 'pki/user.crt', 'client-key': 'pki/user.key', tokenFile: 'token' },
      },
      { 'pki/ca.crt': testCert, 'pki/user.crt': testCert, 'pki/user.key': testKey, token: 't' },
    )
    expect(config.getCurrentCluster()?.caFile).toMatch(/^\/.*\/pki\/ca.crt$/)
    expect(config.getCurrentUser()?.certFile).toMatch(/^\/.*\/pki\/user.crt$/)
    expect(config.getCurrentUser()?.authProvider.config.tokenFile).toMatch(/^\/.*\/token$/)
  })

  it('may hold entries that make no sense as long as the context does not need them', async () => {
    const { clusters, users, contexts, ...rest } = JSON.parse(kubeconfig({ server: HTTPS }))
    const text = JSON.stringify({
      ...rest,
      clusters: [{ name: 'broken', cluster: {} }, null, ...clusters],
      users: [{ name: 'gone', user: null }, { user: {} }, ...users],
      contexts: [{ name: 'empty' }, ...contexts],
    })
    const folder = await folderOf({ config: text })
    expect(serverOf({ kubeconfig: join(folder, 'config'), env: {} })).toBe(HTTPS)
  })

  it('says which namespace applies, `default` when it does not', async () => {
    expect(defaultNamespace(await load({ server: HTTPS, context: { namespace: 'shop' } }))).toBe('shop')
    expect(defaultNamespace(await load({ server: HTTPS }))).toBe('default')
  })

  it('does not care for variables that a Service of our name puts into pods', async () => {
    const folder = await folderOf({ config: kubeconfig({ server: HTTPS }) })
    const env = {
      KUBECONFIG: join(folder, 'config'),
      ACTIVE_PASSIVE_PORT: 'tcp://10.0.0.1:80',
      ACTIVE_PASSIVE_SERVICE_HOST: '10.0.0.1',
      KUBERNETES_PORT: 'tcp://10.0.0.2:443',
    }
    expect(serverOf({ env })).toBe(HTTPS)
  })
})

describe('the text of a kubeconfig', () => {
  const loadBytes = async (...bytes: readonly Buffer[]) => {
    const folder = await folderOf({})
    const file = join(folder, 'config')
    await writeFile(file, Buffer.concat(bytes))
    return loadConfig({ kubeconfig: file, env: {} })
  }
  const yaml = `# für PowerShell
defaults: &defaults {as: jörg, as-uid: 2024-01-01}
clusters: [{name: c, cluster: {server: "${HTTPS}", insecure-skip-tls-verify: yes}}]
contexts: [{name: c, context: {cluster: c, user: u, namespace: läden}}]
users: [{name: u, user: {<<: *defaults, token: "yes"}}]
current-context: c
`.replaceAll('\n', '\r\n')
  const little = Buffer.from(yaml, 'utf16le')

  it.each([
    ['UTF-8', [Buffer.from(yaml)]],
    ['UTF-8 with its mark', [Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(yaml)]],
    ['UTF-16, little end first, as PowerShell writes it', [Buffer.from([0xff, 0xfe]), little]],
    ['UTF-16, big end first', [Buffer.from([0xfe, 0xff]), Buffer.from(little).swap16()]],
  ])('may be in %s', async (_name, bytes) => {
    const config = await loadBytes(...bytes)
    expect(defaultNamespace(config)).toBe('läden')
    expect(config.getCurrentCluster()).toMatchObject({ server: HTTPS, skipTLSVerify: true })
    expect(config.getCurrentUser()).toMatchObject({ token: 'yes', given: { as: 'jörg', 'as-uid': '2024-01-01' } })
  })

  it.each([
    ['UTF-8', [Buffer.from(yaml, 'latin1')], 'is no text in UTF-8: save it as UTF-8'],
    ['UTF-16', [Buffer.from([0xff, 0xfe]), little, Buffer.from('x')], 'is no text in UTF-16LE: save it as UTF-8'],
  ])('that begins as %s and goes on otherwise is refused', async (_name, bytes, message) => {
    await expect(loadBytes(...bytes)).rejects.toThrow(new RegExp(`^kubeconfig \\S+/config: ${message}$`))
  })
})

describe('a kubeconfig that cannot work is a usage error, in one line that names the file', () => {
  const failing = async (text: string | undefined, context?: string) => {
    const folder = await folderOf(text === undefined ? {} : { config: text })
    const kubeconfig = join(folder, 'config')
    const error = await Promise.resolve()
      .then(() => loadConfig({ kubeconfig, context, env: { PATH: folder } }))
      .catch((error: unknown) => error)
    expect(error).toBeInstanceOf(UsageError)
    const { message } = error as UsageError
    expect(message).not.toContain('\n')
    expect(message).toContain(`kubeconfig ${kubeconfig}`)
    return message.replaceAll(folder, '')
  }

  const { 'current-context': _, ...contextless } = JSON.parse(kubeconfig({ server: HTTPS }))
  const { clusters: __, ...clusterless } = JSON.parse(kubeconfig({ server: HTTPS }))
  const { users: ___, ...userless } = JSON.parse(kubeconfig({ server: HTTPS }))

  it.each([
    ['a file that is not there', undefined, 'there is no such file'],
    ['broken YAML', 'clusters: [\n  - {', 'missed comma between flow collection entries (2:3)'],
    ['a file of something else', 'hello', 'is no kubeconfig'],
    ['an empty file', '', 'it has no current-context and no contexts. Name another with --kubeconfig'],
    ['no current-context', JSON.stringify(contextless), 'it has no current-context. Choose one with --context: test'],
    [
      'a current-context that is not there',
      JSON.stringify({ ...contextless, 'current-context': 'old' }),
      'its current-context "old" is not in it. Choose one with --context: test',
    ],
    ['no such cluster', JSON.stringify(clusterless), 'context "test" names cluster "test", which is not in it'],
    ['no such user', JSON.stringify(userless), 'context "test" names user "test", which is not in it'],
  ])('%s', async (_name, text, expected) => {
    expect(await failing(text)).toContain(expected)
  })

  it('a --context that is not there: the error names those that are', async () => {
    const message = await failing(kubeconfig({ server: HTTPS }), 'prod')
    expect(message).toBe('--context prod: not in kubeconfig /config, which has: test')
  })

  it.each<[string, Draft, string]>([
    ['a server without a scheme', { server: 'localhost:6443' }, '"localhost:6443" is no http:// or https:// URL'],
    [
      'a server that is not encrypted',
      { server: 'http://10.0.0.1:8080', cluster: { 'insecure-skip-tls-verify': false } },
      'is not encrypted: to use it all the same, set insecure-skip-tls-verify',
    ],
    [
      'a proxy that is none',
      { server: HTTPS, cluster: { 'proxy-url': 'ftp://secret@proxy' } },
      'cluster "test": proxy-url is no http://, https:// or socks5:// URL',
    ],
    [
      'an authority that is not there',
      { server: HTTPS, cluster: { 'certificate-authority': 'ca.crt' } },
      'cluster "test": certificate-authority: ENOENT: no such file or directory, open \'/ca.crt\'',
    ],
    [
      'an authority that is none',
      { server: HTTPS, cluster: { 'certificate-authority-data': 'AAAA' } },
      'cluster "test": certificate-authority is no PEM',
    ],
    [
      'a certificate without its key',
      { server: HTTPS, user: { ...clientCertificate, 'client-key-data': undefined } },
      'user "test": client-certificate and client-key are of use only together',
    ],
    [
      'a certificate that is none',
      { server: HTTPS, user: { ...clientCertificate, 'client-certificate-data': 'AAAA' } },
      'user "test": client-certificate and client-key: error:',
    ],
    [
      'a token file that is not there',
      { server: HTTPS, user: { tokenFile: 'token' } },
      'user "test": tokenFile: ENOENT: no such file or directory, open \'/token\'',
    ],
    ...['oidc', 'gcp', 'azure', 'other'].map((name): [string, Draft, string] => [
      `auth-provider ${name}`,
      { server: HTTPS, user: { 'auth-provider': { name, config: {} } } },
      `user "test": auth-provider "${name}" is not supported: use an exec credential plugin`,
    ]),
    [
      'a plugin that is not in PATH',
      { server: HTTPS, user: { exec: { command: 'aws-login', installHint: 'Get it\nfrom your admin.' } } },
      'its credential plugin "aws-login" can\'t be found, or may not be executed. Get it from your admin.',
    ],
    [
      'a plugin that is not there',
      { server: HTTPS, user: { exec: { command: './bin/login' } } },
      'its credential plugin "/bin/login" can\'t be found',
    ],
    [
      'a plugin that may not be executed',
      { server: HTTPS, user: { exec: { command: './config' } } },
      'its credential plugin "/config" can\'t be found, or may not be executed',
    ],
    ['a plugin without a command', { server: HTTPS, user: { exec: {} } }, 'its credential plugin "" can\'t be found'],
  ])('%s', async (_name, draft, expected) => {
    const message = await failing(kubeconfig(draft))
    expect(message).toContain(expected)
    expect(message).not.toContain('secret')
  })

  it('KUBECONFIG with no file that exists', () => {
    expect(() => loadConfig({ env: { KUBECONFIG: '/absent/a:/absent/b' } })).toThrow(
      new UsageError('KUBECONFIG=/absent/a:/absent/b: there is no such file'),
    )
  })
})

describe('in a pod', () => {
  const ACCOUNT = 'var/run/secrets/kubernetes.io/serviceaccount'
  const account = { [`${ACCOUNT}/ca.crt`]: testCert, [`${ACCOUNT}/token`]: 't\n', [`${ACCOUNT}/namespace`]: 'shop\n' }
  const pod = async (env: Readonly<Record<string, string>>, files: Readonly<Record<string, string>> = account) => {
    const root = await folderOf(files)
    return () => loadConfig({ env: { HOME: root, ...env }, root })
  }

  it('the service account says where, as whom and in which namespace', async () => {
    const config = (await pod({ KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '6443' }))()
    expect(config.getCurrentCluster()).toMatchObject({ server: 'https://10.96.0.1:6443', skipTLSVerify: false })
    expect(defaultNamespace(config)).toBe('shop')
  })

  it('the port is 443 where only the host is known', async () => {
    const config = (await pod({ KUBERNETES_SERVICE_HOST: '10.96.0.1' }))()
    expect(config.getCurrentCluster()?.server).toBe('https://10.96.0.1:443')
  })

  it('the host may be an IPv6 address', async () => {
    const config = (await pod({ KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' }))()
    expect(config.getCurrentCluster()?.server).toBe('https://[fd00::1]:443')
  })

  it('a kubeconfig goes before the service account', async () => {
    const files = { ...account, '.kube/config': kubeconfig({ server: HTTPS }) }
    const config = (await pod({ KUBERNETES_SERVICE_HOST: '10.96.0.1' }, files))()
    expect(config.getCurrentCluster()?.server).toBe(HTTPS)
  })

  const NOTHING = { clusters: null, users: null, contexts: null, 'current-context': '', preferences: {} }

  it.each([
    ['is empty', ''],
    ['says nothing', '# nothing\n---\n'],
    [
      'is what kubectl writes when all has been deleted',
      JSON.stringify({ apiVersion: 'v1', kind: 'Config', ...NOTHING }),
    ],
    ['chooses no context', JSON.stringify({ ...JSON.parse(kubeconfig({ server: HTTPS })), 'current-context': '' })],
  ])('a kubeconfig that %s leaves it to the service account, wherever the file is named', async (_name, text) => {
    const root = await folderOf({ ...account, '.kube/config': text })
    const file = join(root, '.kube/config')
    const env = { HOME: root, KUBERNETES_SERVICE_HOST: '10.96.0.1' }
    for (const options of [{ env }, { env: { ...env, KUBECONFIG: file } }, { env, kubeconfig: file }]) {
      const config = loadConfig({ ...options, root })
      expect(config.getCurrentCluster()?.server).toBe('https://10.96.0.1:443')
      expect(defaultNamespace(config)).toBe('shop')
    }
    expect(() => loadConfig({ env: { HOME: root }, root })).toThrow(/^kubeconfig \S+: it has no current-context/)
    expect(() => loadConfig({ env, context: 'prod', root })).toThrow(/^--context prod: not in kubeconfig /)
  })

  it.each([
    ['a context that is not in it', { 'current-context': 'old' }, 'its current-context "old" is not in it'],
    ['a cluster that is not in it', { clusters: [] }, 'names cluster "test", which is not in it'],
  ])('a kubeconfig that chooses %s is an error: the service account is somebody else', async (_name, change, said) => {
    const text = JSON.stringify({ ...JSON.parse(kubeconfig({ server: HTTPS })), ...change })
    const start = await pod({ KUBERNETES_SERVICE_HOST: '10.96.0.1' }, { ...account, '.kube/config': text })
    expect(start).toThrow(said)
  })

  it('its namespace is meant by a context of a kubeconfig that names none, and POD_NAMESPACE says it too', async () => {
    const namespace = async (context: object, env: Readonly<Record<string, string>> = {}) => {
      const files = { ...account, '.kube/config': kubeconfig({ server: HTTPS, context }) }
      return defaultNamespace((await pod({ KUBERNETES_SERVICE_HOST: '10.96.0.1', ...env }, files))())
    }
    expect(await namespace({})).toBe('shop')
    expect(await namespace({}, { POD_NAMESPACE: 'other' })).toBe('other')
    expect(await namespace({ namespace: 'default' })).toBe('default')
  })

  it('the proxy of the environment leads to the API server, as from anywhere', async () => {
    const env = { KUBERNETES_SERVICE_HOST: '10.96.0.1', HTTPS_PROXY: 'proxy:3128' }
    expect((await pod(env))().getCurrentCluster()).toMatchObject({ environmentProxy: 'http://proxy:3128' })
    const exempt = (await pod({ ...env, NO_PROXY: '10.96.0.0/12' }))()
    expect(exempt.getCurrentCluster()).not.toHaveProperty('environmentProxy')
  })

  it.each([
    ['no folder of a service account', { KUBERNETES_SERVICE_HOST: '10.96.0.1' }, {}],
    ['no variable that names the API server', {}, account],
  ])('%s: a usage error that says what to name', async (_name, env, files) => {
    const start = await pod(env as Record<string, string>, files as Record<string, string>)
    expect(start).toThrow(UsageError)
    expect(start).toThrow('no cluster: there is no kubeconfig (--kubeconfig, KUBECONFIG or ~/.kube/config)')
  })

  it('a service account without its token is a usage error', async () => {
    const { [`${ACCOUNT}/token`]: _, ...files } = account
    const start = await pod({ KUBERNETES_SERVICE_HOST: '10.96.0.1' }, files)
    expect(start).toThrow(/^the service account of this pod: user "inClusterUser": tokenFile: ENOENT/)
  })

  it('a --context is not there', async () => {
    const root = await folderOf(account)
    const env = { HOME: root, KUBERNETES_SERVICE_HOST: '10.96.0.1' }
    expect(() => loadConfig({ context: 'prod', env, root })).toThrow(
      '--context prod: not in the service account of this pod, which has: inClusterContext',
    )
  })
})
