import { generateKeyPairSync } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { loadConfig } from '../../../handler/kube/auth/config.js'
import { connect } from '../../../handler/kube/client.js'
import type { Kube } from '../../../handler/kube/port.js'
import { until } from '../../support/cluster/poll.js'
import { testCert, testKey } from '../../support/tls.js'
import {
  API_VERSION,
  answers,
  clientCertificate,
  EMPTY_LIST,
  EXEC,
  folderOf,
  isAlive,
  kubeconfig,
  load,
  never,
  plugin,
  startRecorder,
  trusted,
} from './support.js'

const list = (kube: Kube, signal: AbortSignal = never) => kube.listPods({ namespace: 'shop' }, signal)

const advance = (ms: number) => vi.setSystemTime(Date.now() + ms)
afterEach(() => vi.useRealTimers())

describe('a token', () => {
  it('is sent as it stands in the kubeconfig', async () => {
    const server = await startRecorder('http')
    await list(connect(await load({ server: server.url, user: { token: 'secret' } })))
    expect(server.seen).toEqual([{ authorization: 'Bearer secret', certificate: false }])
  })

  it('is in no error, however much of one is shown', async () => {
    const server = await startRecorder('http', (_request, response) => void response.destroy())
    const kube = connect(await load({ server: server.url, user: { token: 'secret' } }), { retryDelayMs: 1 })
    const error = await list(kube).catch((error: unknown) => error)
    expect(server.seen[0]?.authorization).toContain('secret')
    expect(inspect(error, { depth: null })).not.toContain('secret')
  })

  it('of a pod is read again when it has rotated', async () => {
    const server = await startRecorder('tls')
    const account = 'var/run/secrets/kubernetes.io/serviceaccount'
    const root = await folderOf({ [`${account}/ca.crt`]: testCert, [`${account}/token`]: 'first\n' })
    const env = { HOME: root, KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(server.port) }
    const kube = connect(loadConfig({ env, root }))
    await list(kube)
    await writeFile(join(root, account, 'token'), 'second\n')
    await list(kube)
    expect(server.seen.map(({ authorization }) => authorization)).toEqual(['Bearer first', 'Bearer second'])
    expect(server.accepted).toBe(1)
  })

  it('in a file that the kubeconfig names goes before one in the kubeconfig, and is read again', async () => {
    const server = await startRecorder('http')
    const folder = await folderOf({
      config: kubeconfig({ server: server.url, user: { token: 'other', tokenFile: 'token' } }),
      token: 'first\n',
    })
    const kube = connect(loadConfig({ kubeconfig: join(folder, 'config'), env: {} }))
    await list(kube)
    await writeFile(join(folder, 'token'), 'second')
    await list(kube)
    expect(server.seen.map(({ authorization }) => authorization)).toEqual(['Bearer first', 'Bearer second'])
  })

  it('whose file is being replaced is what it was until then', async () => {
    const server = await startRecorder('http')
    const config = await load({ server: server.url, user: { tokenFile: 'token' } }, { token: 'first' })
    const file: string = config.getCurrentUser()?.authProvider.config.tokenFile
    const kube = connect(config)
    await list(kube)
    for (const content of ['', 'sec\nfirst\n']) {
      await writeFile(file, content)
      await list(kube)
    }
    await rm(file)
    await list(kube)
    await writeFile(file, 'second\n')
    await list(kube)
    const seen = server.seen.map(({ authorization }) => authorization)
    expect(seen).toEqual([...Array(4).fill('Bearer first'), 'Bearer second'])
  })

  it('that is void is read again at once', async () => {
    const server = await startRecorder('http')
    const config = await load({ server: server.url, user: { tokenFile: 'token' } }, { token: 'first' })
    server.answer = async ({ headers }, response) => {
      if (headers.authorization !== 'Bearer first') return response.end(EMPTY_LIST)
      await writeFile(config.getCurrentUser()?.authProvider.config.tokenFile, 'second')
      return response.writeHead(401).end('{}')
    }
    expect(await list(connect(config, { retryDelayMs: 60_000 }))).toEqual([])
    expect(server.seen).toHaveLength(2)
  })

  it('whose file has vanished is a refusal that names the file, and nothing is sent', async () => {
    const server = await startRecorder('http')
    const config = await load({ server: server.url, user: { tokenFile: 'token' } }, { token: 't' })
    const kube = connect(config)
    await rm(config.getCurrentUser()?.authProvider.config.tokenFile)
    await expect(list(kube)).rejects.toMatchObject({
      code: 'unauthenticated',
      message: expect.stringMatching(/^could not list pods in namespace shop: no credentials for .*ENOENT.*token'$/),
    })
    expect(server.seen).toEqual([])
    expect(kube.requests).toBe(0)
  })
})

describe('a client certificate', () => {
  it('is shown from data', async () => {
    const server = await startRecorder('tls')
    await list(connect(await load({ server: server.url, cluster: trusted, user: clientCertificate })))
    expect(server.seen).toEqual([{ authorization: undefined, certificate: true }])
  })

  it('is shown from files, and read again when they change', async () => {
    const server = await startRecorder('tls')
    const config = await load(
      {
        server: server.url,
        cluster: { 'certificate-authority': 'ca' },
        user: { 'client-certificate': 'cert', 'client-key': 'key' },
      },
      { ca: testCert, cert: testCert, key: testKey },
    )
    const kube = connect(config)
    await list(kube)
    await list(kube)
    expect(server.accepted).toBe(1)
    await writeFile(config.getCurrentUser()?.certFile ?? '', `${testCert}\n`)
    await list(kube)
    expect(server.seen.every(({ certificate }) => certificate)).toBe(true)
    expect(server.accepted).toBe(2)
  })

  it('whose files do not belong together for a moment is what it was until then', async () => {
    const server = await startRecorder('tls')
    const config = await load(
      { server: server.url, cluster: trusted, user: { 'client-certificate': 'cert', 'client-key': 'key' } },
      { cert: testCert, key: testKey },
    )
    const kube = connect(config)
    await list(kube)
    const otherKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    await writeFile(config.getCurrentUser()?.keyFile ?? '', otherKey.export({ type: 'pkcs8', format: 'pem' }))
    await list(kube)
    await rm(config.getCurrentUser()?.certFile ?? '')
    await list(kube)
    expect(server.seen.map(({ certificate }) => certificate)).toEqual([true, true, true])
    expect(server.accepted).toBe(1)
  })

  it('that changes does not cut off what is under way on the older connection', async () => {
    let answerFirst: (() => void) | undefined
    const server = await startRecorder('tls', (_request, response) => {
      if (server.seen.length === 1) answerFirst = () => response.end(EMPTY_LIST)
      else response.end(EMPTY_LIST)
    })
    const config = await load(
      { server: server.url, cluster: trusted, user: { 'client-certificate': 'cert', 'client-key': 'key' } },
      { cert: testCert, key: testKey },
    )
    const kube = connect(config)
    const first = list(kube)
    await expect.poll(() => answerFirst).toBeDefined()
    await writeFile(config.getCurrentUser()?.certFile ?? '', `${testCert}\n`)
    await list(kube)
    answerFirst?.()
    await expect(first).resolves.toEqual([])
    expect(server.seen).toHaveLength(2)
    await expect.poll(() => server.open.size).toBe(1)
  })
})

describe('whom we trust', () => {
  it.each([
    ['an unknown authority', {}, /certificate/, 'Check certificate-authority and tls-server-name'],
    [
      'a certificate for another name',
      { ...trusted, 'tls-server-name': 'kubernetes.example' },
      /does not match certificate's altnames/,
      'Check certificate-authority and tls-server-name',
    ],
  ])('is not %s: the error says where to look', async (_name, cluster, message, remedy) => {
    const server = await startRecorder('tls')
    const kube = connect(await load({ server: server.url, cluster, user: { token: 'secret' } }))
    await expect(list(kube)).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(message),
      remedy: expect.stringContaining(remedy),
    })
    expect(server.seen).toEqual([])
    expect(kube.requests).toBe(1)
  })

  it.each([
    ['the name that tls-server-name says', { ...trusted, 'tls-server-name': 'localhost' }],
    ['anybody with insecure-skip-tls-verify', { 'insecure-skip-tls-verify': true }],
  ])('is %s', async (_name, cluster) => {
    const server = await startRecorder('tls')
    await expect(list(connect(await load({ server: server.url, cluster })))).resolves.toEqual([])
  })

  it('does not depend on there being a user', async () => {
    const server = await startRecorder('tls')
    const config = await load({ server: server.url, cluster: trusted, user: null })
    await expect(list(connect(config))).resolves.toEqual([])
    expect(server.seen).toEqual([{ authorization: undefined, certificate: false }])
  })
})

describe('a credential plugin', () => {
  const start = async (script: string, { exec = {}, tls = false, timeoutMs = 20_000 } = {}) => {
    const server = await startRecorder(tls ? 'tls' : 'http')
    const config = await load(
      {
        server: server.url,
        cluster: tls ? trusted : {},
        user: { exec: { ...EXEC, command: './login', ...exec } },
      },
      { login: plugin(script) },
    )
    const folder = dirname(config.getCurrentUser()?.exec.command)
    const file = (name: string) => readFile(join(folder, name), 'utf8')
    return {
      server,
      kube: connect(config, { pluginTimeoutMs: timeoutMs }),
      config,
      file,
      runs: async () => (await file('runs')).split('\n').length - 1,
      change: (script: string) => writeFile(join(folder, 'login'), plugin(script)),
    }
  }
  const tokens = ({ seen }: { seen: readonly { authorization: string | undefined }[] }) =>
    seen.map(({ authorization }) => authorization)

  it('is asked once, however many requests begin together, until its token expires', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const until = (ms: number) => new Date(Date.now() + ms).toISOString()
    const { server, kube, runs, change } = await start(answers({ token: 'a', expirationTimestamp: until(60_000) }))
    await Promise.all([list(kube), list(kube), list(kube)])
    advance(59_000)
    await list(kube)
    expect(await runs()).toBe(1)
    await change(answers({ token: 'b', expirationTimestamp: until(600_000) }))
    advance(2_000)
    await list(kube)
    expect(await runs()).toBe(2)
    expect(tokens(server)).toEqual([...Array(4).fill('Bearer a'), 'Bearer b'])
  })

  it('is asked again when the API server does not accept its token, without an expiry as with one', async () => {
    const { server, kube, runs, change } = await start(answers({ token: 'old' }))
    await list(kube)
    await list(kube)
    expect(await runs()).toBe(1)
    await change(answers({ token: 'new' }))
    server.answer = ({ headers }, response) =>
      headers.authorization === 'Bearer old' ? response.writeHead(401).end('{}') : response.end(EMPTY_LIST)
    await Promise.all([list(kube), list(kube)])
    expect(tokens(server)).toEqual([...Array(4).fill('Bearer old'), 'Bearer new', 'Bearer new'])
    expect(await runs()).toBe(2)
  })

  it('may give a client certificate: another one has connections of its own', async () => {
    const certificate = (cert: string) =>
      answers({
        clientCertificateData: cert,
        clientKeyData: testKey,
        expirationTimestamp: '2000-01-01T00:00:00Z',
      })
    const { server, kube, change } = await start(certificate(testCert), { tls: true })
    await list(kube)
    await list(kube)
    expect(server.accepted).toBe(1)
    await change(certificate(`${testCert}\n`))
    await list(kube)
    expect(server.accepted).toBe(2)
    expect(server.seen.every((one) => one.certificate)).toBe(true)
  })

  it('is told what kubectl tells it, its arguments and variables, and that nobody is there to answer', async () => {
    const script = `printf '%s|' "$@" "$REGION" > "$(dirname "$0")/args"
echo "$KUBERNETES_EXEC_INFO" > "$(dirname "$0")/info"
cat > /dev/null\n${answers({ token: 't' })}`
    const exec = { args: ['get', 'a token'], env: [{ name: 'REGION', value: 'eu' }], provideClusterInfo: true }
    const { server, kube, file } = await start(script, { exec, tls: true })
    await list(kube)
    expect(await file('args')).toBe('get|a token|eu|')
    const cluster = { server: server.url, ...trusted, config: null }
    const info = { kind: 'ExecCredential', apiVersion: API_VERSION, spec: { cluster, interactive: false } }
    expect(await file('info')).toBe(`${JSON.stringify(info)}\n`)
  })

  it.each([
    ['exits non-zero', 'echo "session expired: log in" >&2; exit 3', 'exited with 3: session expired: log in'],
    ['exits without a word', 'exit 1', 'exited with 1: it said nothing'],
    ['prints garbage', 'echo secret-garbage', 'printed no ExecCredential with a token or a certificate'],
    ['prints other JSON', 'echo \'{"token":"secret"}\'', 'printed no ExecCredential with a token or a certificate'],
    ['prints null', 'echo null', 'printed no ExecCredential'],
    ['gives a certificate without its key', answers({ clientCertificateData: 'x' }), 'printed no ExecCredential'],
    ['is killed', 'kill -9 $$', 'was ended by SIGKILL'],
    ['hangs', 'exec sleep 1000', 'gave no answer within 0.2s'],
    ['prints without end', 'exec yes', 'printed more than an ExecCredential'],
  ])('that %s leaves us without credentials, which is said without what it printed', async (name, script, said) => {
    const exec = { args: ['--token', 'secret'] }
    const { server, kube } = await start(script, { exec, timeoutMs: name === 'hangs' ? 200 : 10_000 })
    const error = await list(kube).catch((error: unknown) => error)
    expect(error).toMatchObject({
      code: 'unauthenticated',
      message: expect.stringContaining(`could not list pods in namespace shop: no credentials for ${server.url}: `),
      remedy: 'Check the user of the context: its plugin, or its files.',
    })
    expect(error).toMatchObject({ message: expect.stringMatching(/: credential plugin \/\S+\/login /) })
    expect((error as Error).message).toContain(said)
    expect((error as Error).message).not.toContain('secret')
    expect(server.seen).toEqual([])
  })

  it('that has failed is asked again by the next request', async () => {
    const { kube, change } = await start('exit 1')
    await expect(list(kube)).rejects.toThrow('exited with 1')
    await change(answers({ token: 't' }))
    await expect(list(kube)).resolves.toEqual([])
  })

  it('is not run for a request that is told to stop before it begins', async () => {
    const { kube, runs } = await start(answers({ token: 't' }))
    await expect(list(kube, AbortSignal.abort())).rejects.toMatchObject({ code: 'unreachable' })
    await list(kube)
    expect(await runs()).toBe(1)
  })

  it('that hangs is killed when nobody waits for it any more, and not before', async () => {
    const { kube, file } = await start('echo $$ > "$(dirname "$0")/pid"; exec sleep 1000')
    const [one, other] = [new AbortController(), new AbortController()]
    const waiting = [list(kube, one.signal), list(kube, other.signal)].map((list) => list.catch((error) => error))
    const pid = await until(
      'the plugin has said its pid',
      async () => Number(await file('pid').catch(() => '')) || undefined,
    )
    one.abort()
    expect(await waiting[0]).toMatchObject({ message: expect.stringContaining('no time left') })
    expect(process.kill(pid, 0)).toBe(true)
    other.abort()
    expect(await waiting[1]).toMatchObject({ message: expect.stringContaining('no time left') })
    await expect.poll(() => isAlive(pid)).toBe(false)
  })
})
