/** The bundle leaves parts of the client library out and loads others late: what users see of that. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pageOf } from '../../../release/facts.mjs'
import { repository } from '../../support/handler.js'
import { startHttpProxy, startSocksProxy } from './proxies.js'
import { type Draft, EXEC, folderOf, isAlive, kubeconfig, plugin, startRecorder, trusted } from './support.js'

let dist: string
beforeAll(async () => {
  dist = await mkdtemp(join(tmpdir(), 'dist-'))
  await promisify(execFile)(process.execPath, ['build.mjs', dist], { cwd: repository })
})
afterAll(() => rm(dist, { recursive: true }))

it('names the pages of this version', async () => {
  const text = await readFile(join(dist, 'program.cjs'), 'utf8')
  expect(text.includes(`${pageOf('docs/errors.md')}#`)).toBe(true)
})

const run = async (
  draft: Draft,
  files: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
) => {
  const folder = await folderOf({ ...files, config: kubeconfig(draft) })
  const child = spawn(process.execPath, [join(dist, 'main.cjs'), '--kubeconfig', join(folder, 'config'), ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (text) => {
    stdout += text
  })
  child.stderr.on('data', (text) => {
    stderr += text
  })
  const [code] = await once(child, 'close')
  return { code, stdout, stderr, folder }
}

const HTTPS = 'https://127.0.0.1:1'

describe('the bundle', () => {
  it.each(['oidc', 'gcp', 'azure'])('refuses auth-provider %s in one line and exits 2', async (name) => {
    const { code, stdout, stderr } = await run({ server: HTTPS, user: { 'auth-provider': { name, config: {} } } })
    expect(stderr).toMatch(
      new RegExp(`^active-passive: kubeconfig \\S+: user "test": auth-provider "${name}" is not supported: .*\n$`),
    )
    expect([code, stdout]).toEqual([2, ''])
  })

  it('refuses a plugin that is not there in one line and exits 2', async () => {
    const { code, stderr } = await run({ server: HTTPS, user: { exec: { command: 'no-such-plugin' } } })
    expect(stderr).toMatch(/^active-passive: kubeconfig \S+: user "test": its credential plugin "no-such-plugin" .*\n$/)
    expect(code).toBe(2)
  })

  it.each([
    ['exits non-zero', 'echo "log in first" >&2; exit 1', 'exited with 1: log in first'],
    ['prints garbage', 'echo hello', 'printed no ExecCredential'],
  ])('says in its report that a plugin %s, and exits 3', async (_name, script, said) => {
    const user = { exec: { ...EXEC, command: './login' } }
    const { code, stdout, stderr } = await run({ server: HTTPS, user }, { login: plugin(script) })
    expect(stdout).toContain(`could not list services in namespace default: no credentials for ${HTTPS}: `)
    expect(stdout).toContain(said)
    expect([code, stderr]).toEqual([3, ''])
  })

  it('ends by the deadline when a plugin hangs, and leaves none behind', async () => {
    const started = performance.now()
    const user = { exec: { ...EXEC, command: './login' } }
    const login = plugin('echo $$ > "$(dirname "$0")/pid"; exec sleep 1000')
    const { code, stdout, folder } = await run({ server: HTTPS, user }, { login }, ['--deadline', '10s'])
    expect(performance.now() - started).toBeLessThan(10_000)
    expect(stdout).toContain('no credentials')
    expect(code).toBe(3)
    const pid = Number(await readFile(join(folder, 'pid'), 'utf8'))
    await expect.poll(() => isAlive(pid)).toBe(false)
  })

  it.each([
    ['an HTTP', startHttpProxy, 'http'],
    ['a SOCKS', startSocksProxy, 'socks5'],
  ] as const)('goes through %s proxy', async (_name, start, scheme) => {
    const server = await startRecorder('tls')
    const proxy = await start()
    const cluster = { ...trusted, 'proxy-url': `${scheme}://${proxy.authority}` }
    const { code, stderr } = await run({ server: server.url, cluster, user: { token: 'secret' } })
    expect([code, stderr]).toEqual([0, ''])
    expect(proxy.asked).toEqual([`127.0.0.1:${server.port}`])
    expect(server.seen).toEqual([{ authorization: 'Bearer secret', certificate: false }])
  })

  it.each([
    ['an HTTP', startHttpProxy, 'http'],
    ['a SOCKS', startSocksProxy, 'socks5'],
  ] as const)('goes through %s proxy of the environment, as another user', async (_name, start, scheme) => {
    const server = await startRecorder('tls')
    const proxy = await start()
    const cluster = { ...trusted, 'tls-server-name': 'localhost' }
    const user = { token: 'secret', as: 'duty-officer', 'as-groups': ['failover-operators', 'night-shift'] }
    const draft = { server: `https://api.example.invalid:${server.port}`, cluster, user }
    const env = { HTTPS_PROXY: `${scheme}://${proxy.authority}`, NO_PROXY: '10.0.0.0/8,.svc' }
    const { code, stderr } = await run(draft, {}, [], env)
    expect([code, stderr]).toEqual([0, ''])
    expect(proxy.asked).toEqual([`api.example.invalid:${server.port}`])
    expect(server.headers[0]?.filter(([name]) => name.startsWith('impersonate-'))).toEqual([
      ['impersonate-user', 'duty-officer'],
      ['impersonate-group', 'failover-operators'],
      ['impersonate-group', 'night-shift'],
    ])
  })

  it('refuses a proxy of the environment that is none in one line, without its password, and exits 2', async () => {
    const draft = { server: 'https://api.example.invalid' }
    const { code, stdout, stderr } = await run(draft, {}, [], { https_proxy: 'ftp://me:password@proxy' })
    expect(stderr).toMatch(/^active-passive: https_proxy is no http:\/\/, https:\/\/ or socks5:\/\/ URL .*\n$/)
    expect(stderr).not.toContain('password')
    expect([code, stdout]).toEqual([2, ''])
  })
})
