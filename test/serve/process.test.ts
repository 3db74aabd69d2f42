// `node handler serve` as a process: where it listens, whom it lets in, what it refuses to start with.
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { aWebhook } from '../support/alerts.js'
import { runHandler } from '../support/handler.js'
import { startInProcess } from '../support/in-process.js'
import { type ServeOptions, type Serving, startServing } from '../support/serve.js'
import { testCert, testKey } from '../support/tls.js'

vi.setConfig({ testTimeout: 120_000 }) // of a machine that is busy with other things

let serving: Serving | undefined
afterEach(async () => {
  await serving?.close()
  serving = undefined
})

async function serve(options?: ServeOptions): Promise<Serving> {
  serving = await startServing(options)
  return serving
}

/** An address of this machine that others could reach. */
const outside = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address

const answersAt = (host: string, port: number) =>
  fetch(`http://${host}:${port}/healthz`).then(
    (response) => response.ok,
    () => false,
  )

describe('serve', () => {
  it('takes an alert and answers with the report of the pass', async () => {
    const { url, world } = await serve()
    const response = await fetch(`${url}/alertmanager`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(aWebhook([{ namespace: 'default', service: 'app' }])),
    })
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ groups: [{ services: ['app'], active: { after: 'a' } }] })
    expect(world.actives()).toEqual(['a'])
  })

  it('answers an alert for a namespace that it does not serve, and says that it made no pass', async () => {
    const { url, world, stderr } = await serve()
    const response = await fetch(`${url}/alertmanager`, {
      method: 'POST',
      body: JSON.stringify(aWebhook([{ namespace: 'elsewhere', service: 'app' }])),
    })
    expect(response.status).toBe(200)
    expect(world.actives()).toEqual([])
    await expect.poll(stderr).toContain('an alert is for namespace "elsewhere", which is not served here: no pass')
  })

  it('keeps idle connections for longer than the 60 s of common load balancers', async () => {
    const { url } = await serve()
    const { headers } = await fetch(`${url}/healthz`)
    expect(headers.get('keep-alive')).toBe('timeout=65')
  })

  it('without a token file listens on loopback only, and says so', async () => {
    const { port, stderr } = await serve()
    expect(stderr()).toMatch(/listening on http:\/\/127\.0\.0\.1:\d+ \(on loopback only: there is no --token-file\)/)
    expect(await answersAt('127.0.0.1', port)).toBe(true)
    if (outside) expect(await answersAt(outside, port)).toBe(false)
  })

  it.each([
    ['with a token file', ['--token-file', 'FOLDER/token']],
    ['told --insecure', ['--insecure']],
  ])('%s listens everywhere', async (_what, args) => {
    const { port } = await serve({ args, files: { token: 'secret' } })
    for (const host of ['127.0.0.1', outside ?? '127.0.0.1']) expect(await answersAt(host, port)).toBe(true)
  })

  it('with a token file lets in who shows one of its tokens, and says whom it did not let in', async () => {
    const { url, stderr } = await serve({
      args: ['--token-file', 'FOLDER/token'],
      files: { token: 'secret\n\nother\n' },
    })
    const run = (path: string, headers: Readonly<Record<string, string>> = {}) =>
      fetch(`${url}${path}`, { method: 'POST', headers }).then(({ status }) => status)
    expect(await run('/run')).toBe(401)
    expect(await run('/run', { authorization: 'Bearer wrong' })).toBe(401)
    expect(await run('/run?token=secret')).toBe(401)
    for (const token of ['secret', 'other']) expect(await run('/run', { authorization: `Bearer ${token}` })).toBe(200)
    expect(stderr()).toContain(
      'POST /run: no bearer token: send the header Authorization: Bearer TOKEN: answered with 401',
    )
  })

  it('is not led astray by what a Service named ap puts into its environment', async () => {
    const { stderr } = await serve({ env: { AP_PORT: 'tcp://1.2.3.4:80', AP_PORT_80_TCP_ADDR: '1.2.3.4' } })
    expect(stderr()).toContain('listening on http://127.0.0.1:')
  })
})

describe('serve ends with 2, and says why, for', () => {
  const files = { token: 'secret', empty: '', cert: testCert, key: testKey, 'other-key': 'no key' }

  it.each([
    [
      'a token file that is not there',
      ['--token-file', 'FOLDER/none'],
      /--token-file \S+none: cannot be read: there is no such file/,
    ],
    ['an empty token file', ['--token-file', 'FOLDER/empty'], /--token-file \S+empty: is empty/],
    ['a certificate without its key', ['--tls-cert', 'FOLDER/cert'], /go together: --tls-key is missing/],
    ['a key without its certificate', ['--tls-key', 'FOLDER/key'], /go together: --tls-cert is missing/],
    [
      'a certificate that is not there',
      ['--tls-cert', 'FOLDER/none', '--tls-key', 'FOLDER/key'],
      /--tls-cert \S+none: cannot be read/,
    ],
    [
      'an empty certificate',
      ['--tls-cert', 'FOLDER/empty', '--tls-key', 'FOLDER/key'],
      /--tls-cert \S+empty: is empty/,
    ],
    [
      'a key that is none',
      ['--tls-cert', 'FOLDER/cert', '--tls-key', 'FOLDER/other-key'],
      /no certificate with its key/,
    ],
    ['an interval that is none', ['--interval', 'often'], /--interval: "often" should be a duration of at least 10ms/],
    ['an interval that is too short', ['--interval', '0s'], /--interval: "0s" should be/],
  ])('%s', async (_what, args, why) => {
    const error = await startServing({ args, files }).catch((error: unknown) => error)
    expect((error as Error).message).toMatch(/^serve ended with 2: active-passive: /)
    expect((error as Error).message).toMatch(why)
    expect((error as Error).message.trim().split('\n')).toHaveLength(1)
  })

  it('a port that is taken', async () => {
    const { folder } = await serve()
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as { readonly port: number }
    const run = await runHandler(['serve', '--port', `${port}`, '--kubeconfig', `${folder}/kubeconfig`], {})
    other.close()
    expect(run).toMatchObject({ code: 2, stdout: '' })
    expect(run.stderr).toBe(`active-passive: --port ${port}: cannot be listened on: something else listens there\n`)
  })

  it.each([
    [['serve', '--port', '65536'], /--port: "65536" should be a port number/],
    [['run', '--port', '1'], /--port is no flag of run: serve takes it/],
    [['--interval', '2s'], /--interval is no flag of run: serve takes it/],
  ])('%j', async (args, why) => {
    const run = await runHandler(args, {})
    expect(run.code).toBe(2)
    expect(run.stderr).toMatch(why)
  })
})

describe('a misspelled variable', () => {
  it.each(['run', 'serve'])('ends %s with 2 before anything is sent', async (command) => {
    const world = await startInProcess()
    const folder = await mkdtemp(join(tmpdir(), 'active-passive-variables-'))
    const kubeconfig = join(folder, 'kubeconfig')
    await writeFile(kubeconfig, world.api.kubeconfig)
    const run = await runHandler([command], { AP_KUBECONFIG: kubeconfig, AP_DRYRUN: 'true' })
    const { requests } = world.api
    await world.close()
    await rm(folder, { recursive: true })
    expect(run).toMatchObject({ code: 2, stdout: '' })
    expect(run.stderr).toBe('active-passive: AP_DRYRUN is no variable of this program: did you mean AP_DRY_RUN?\n')
    expect(requests).toEqual([])
  })
})
