// The package as others use it: the programs in docs/functions.md and docs/library.md run as they stand there, against
// the built package.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { aWebhook } from '../support/alerts.js'
import { repository } from '../support/handler.js'
import { type InProcess, startInProcess } from '../support/in-process.js'

const run = promisify(execFile)
const TIMEOUT_MS = 120_000

/** Code by the name that its first line says. */
const blocks = new Map(
  ['docs/functions.md', 'docs/library.md'].flatMap((page) =>
    [...readFileSync(join(repository, page), 'utf8').matchAll(/```js\n\/\/ (\S+)\n([\s\S]*?)```/g)].map(
      ([, name = '', code = '']) => [name, code] as const,
    ),
  ),
)

/** A folder with a package that depends on this one. */
let folder: string
let world: InProcess
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'active-passive-function-'))
  await mkdir(join(folder, 'node_modules'))
  await symlink(repository, join(folder, 'node_modules/active-passive'))
  await writeFile(join(folder, 'token'), 'secret')
  for (const [name, code] of blocks) await writeFile(join(folder, name), code)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

beforeEach(async () => {
  world = await startInProcess()
  await writeFile(join(folder, 'kubeconfig'), world.api.kubeconfig)
})
afterEach(() => world.close())

/** Runs a program next to the adapters. @returns what it says on stdout, from JSON */
async function node(program: string, env: Readonly<Record<string, string>> = {}): Promise<unknown> {
  const { PATH = '', HOME = '' } = process.env
  const configured = {
    AP_KUBECONFIG: join(folder, 'kubeconfig'),
    AP_TOKEN_FILE: join(folder, 'token'),
    AP_HEALTH_CHECK: 'ready',
  }
  await writeFile(join(folder, 'program.mjs'), program)
  const { stdout } = await run(process.execPath, ['program.mjs'], {
    cwd: folder,
    env: { PATH, HOME, ...configured, ...env },
  })
  // Reports of passes come before it.
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
}

const message = JSON.stringify(aWebhook([{ namespace: 'default', service: 'app' }]))
const constants = `const message = ${JSON.stringify(message)}; const bearer = 'Bearer secret'
const say = (value) => process.stdout.write(JSON.stringify(value) + '\\n', () => process.exit())\n`

describe('the adapter for', () => {
  it('Node serves the routes', { timeout: TIMEOUT_MS }, async () => {
    const said = await node(
      `import net from 'node:net'
      const { listen } = net.Server.prototype
      const listening = new Promise((resolve) => {
        net.Server.prototype.listen = function (...args) {
          return listen.apply(this, args).once('listening', () => resolve(this.address().port))
        }
      })
      await import('./server.mjs')
      ${constants}
      const url = 'http://127.0.0.1:' + (await listening)
      const headers = { authorization: bearer, 'content-type': 'application/json' }
      const send = (path, init) => fetch(url + path, init).then(({ status }) => status)
      say([
        await send('/alertmanager', { method: 'POST', headers, body: message }),
        await send('/alertmanager', { method: 'POST', headers, body: 'x'.repeat(2 ** 23) }),
        await send('/alertmanager', { method: 'POST', body: message }),
        await send('/run?service=app', { method: 'POST', headers }),
        await send('/healthz'),
        await send('/readyz'),
        await send('/nowhere'),
        await send('//x/run', { method: 'POST', headers }),
      ])`,
      { PORT: '0' },
    )
    expect(said).toEqual([200, 200, 401, 200, 200, 200, 404, 404])
    expect(world.actives()).toEqual(['a'])
  })

  it('CloudEvents takes both modes', { timeout: TIMEOUT_MS }, async () => {
    const said = await node(
      `import { onEvent } from './cloudevents.mjs'
      ${constants}
      const send = (headers, body) =>
        onEvent(new Request('http://localhost/', { method: 'POST', headers: { authorization: bearer, ...headers }, body }))
      const attributes = { specversion: '1.0', type: 'alert', source: '/alerts', id: '1' }
      const prefixed = Object.fromEntries(Object.entries(attributes).map(([name, value]) => ['ce-' + name, value]))
      const structured = { 'content-type': 'application/cloudevents+json; charset=utf-8' }
      const answers = [
        await send({ ...prefixed, 'content-type': 'application/json' }, message),
        await send(structured, JSON.stringify({ ...attributes, data: JSON.parse(message) })),
        await send(structured, JSON.stringify({ ...attributes, data_base64: btoa(message) })),
        await send(structured, JSON.stringify(attributes)),
        await send(structured, JSON.stringify({ ...attributes, data_base64: 7 })),
        await send(structured, 'null'),
        await send(structured, '{'),
        await send({ ...structured, authorization: 'Bearer wrong' }, '{}'),
      ]
      say([answers.map(({ status }) => status), await answers[1].json()])`,
    )
    expect(said).toEqual([
      [200, 200, 200, 400, 400, 400, 400, 401],
      expect.objectContaining({ groups: [expect.anything()] }),
    ])
    expect(world.actives()).toEqual(['a'])
  })

  it('Lambda takes events of version 2.0', { timeout: TIMEOUT_MS }, async () => {
    const said = await node(
      `import { handler } from './lambda.mjs'
      ${constants}
      const event = (method, rawPath, rest) => ({
        version: '2.0',
        rawPath,
        rawQueryString: '',
        headers: { authorization: bearer, 'content-type': 'application/json', 'content-length': '1' },
        requestContext: { http: { method, path: rawPath } },
        isBase64Encoded: false,
        ...rest,
      })
      const answers = [
        await handler(event('POST', '/alertmanager', { body: message })),
        await handler(event('POST', '/alertmanager', { body: btoa(message), isBase64Encoded: true })),
        await handler(event('POST', '/run', { rawQueryString: 'service=app' })),
        await handler(event('GET', '/status')),
        await handler(event('GET', '/healthz', { headers: {}, body: '' })),
        await handler(event('HEAD', '/healthz', { headers: {}, body: 'x' })),
        await handler(event('POST', '/run', { headers: {} })),
      ]
      say([answers.map(({ statusCode }) => statusCode), answers[0].headers, JSON.parse(answers[0].body).groups.length])`,
    )
    expect(said).toEqual([[200, 200, 200, 200, 200, 200, 401], { 'content-type': 'application/json' }, 1])
    expect(world.actives()).toEqual(['a'])
  })

  it('a host that calls the default export, or its fetch', { timeout: TIMEOUT_MS }, async () => {
    const said = await node(
      `import plain from './plain.mjs'
      ${constants}
      const request = (path) => new Request('http://localhost' + path, { method: 'POST', headers: { authorization: bearer } })
      say([(await plain(request('/run'))).status, (await plain.fetch(request('/run?service=app'), {}, {})).status])`,
    )
    expect(said).toEqual([200, 200])
  })

  it('every code block of the documents is run here', () => {
    expect([...blocks.keys()].sort()).toEqual([
      'cloudevents.mjs',
      'lambda.mjs',
      'one-pass.mjs',
      'plain.mjs',
      'server.mjs',
    ])
  })
})

describe('the default export', () => {
  const call = `const request = (path, method = 'POST') =>
    new Request('http://localhost' + path, { method, headers: { authorization: bearer } })
    const statuses = async (...requests) => (await Promise.all(requests.map((one) => handle(one)))).map(({ status }) => status)\n`

  it('creates no server, and connects to nothing before it is called', { timeout: TIMEOUT_MS }, async () => {
    const said = await node(
      `import http from 'node:http'
      import https from 'node:https'
      import net from 'node:net'
      import { syncBuiltinESMExports } from 'node:module'
      const created = []
      for (const [name, module] of Object.entries({ http, https, net })) {
        module.createServer = () => { created.push(name); throw new Error('no server') }
        module.Server = new Proxy(module.Server, { construct: () => { created.push(name); throw new Error('no server') } })
      }
      const { connect } = net.Socket.prototype
      let connected = 0
      net.Socket.prototype.connect = function (...args) { connected++; return connect.apply(this, args) }
      syncBuiltinESMExports()
      const { default: handle } = await import('active-passive')
      ${constants}${call}
      const early = connected
      const answers = await statuses(request('/run'), request('/metrics', 'GET'), request('/status', 'GET'))
      say({ answers, created, early, isConnected: connected > 0 })`,
    )
    expect(said).toEqual({ answers: [200, 200, 200], created: [], early: 0, isConnected: true })
  })

  it('is ready when the API server answers, and lets its process end when that does not', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const ready = `import handle from 'active-passive'
      ${constants}${call}
      process.stdout.write(JSON.stringify(await statuses(request('/readyz', 'GET'), request('/readyz', 'GET'))))`
    expect(await node(ready)).toEqual([200, 200])
    expect(world.takeRequests()).toEqual(['GET services', 'GET pods'])
    const restore = world.api.intercept(() => ({ kind: 'reset' }))
    expect(await node(ready)).toEqual([503, 503])
    restore()
  })

  it('does not hold the code of a server', async () => {
    const files = new Set(['index.js'])
    for (const file of files) {
      const code = await readFile(join(repository, 'dist', file), 'utf8')
      expect(code).not.toMatch(/createServer|listenOn|\.listen\(/)
      for (const [, other = ''] of code.matchAll(/"\.\/(index-\w+\.js)"/g)) files.add(other)
    }
    expect(files.size).toBeGreaterThan(1)
  })

  it('without a token lets nobody in who could start a pass, unless it is told to', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const program = `import handle from 'active-passive'
      ${constants}${call}
      say(await statuses(request('/run'), request('/status', 'GET'), request('/healthz', 'GET')))`
    expect(await node(program, { AP_TOKEN_FILE: '' })).toEqual([401, 401, 200])
    expect(await node(program, { AP_TOKEN_FILE: '', AP_INSECURE: 'true' })).toEqual([200, 200, 200])
  })

  it('that is configured wrongly answers 500, and is right once that is put right', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const said = await node(
      `import { writeFile } from 'node:fs/promises'
      import { createFunction } from 'active-passive'
      ${constants}
      const errors = []
      const handle = createFunction({ ...process.env, AP_TOKEN_FILE: 'later' }, { info() {}, warn() {}, error: (text) => errors.push(text) })
      ${call}
      const before = await statuses(request('/run'), request('/healthz', 'GET'))
      await writeFile('later', 'secret')
      say([before, await statuses(request('/run')), errors])`,
    )
    expect(said).toEqual([
      [500, 500],
      [200],
      ['--token-file later: cannot be read: there is no such file. It should hold one token a line'],
    ])
  })

  it('with a misspelled variable answers 500 and says which was meant', { timeout: TIMEOUT_MS }, async () => {
    const said = await node(
      `import { createFunction } from 'active-passive'
      ${constants}
      const errors = []
      const env = { ...process.env, AP_INSECURE: 'true', AP_NAMESPACES: 'a' }
      const handle = createFunction(env, { info() {}, warn() {}, error: (text) => errors.push(text) })
      ${call}
      say([await statuses(request('/run')), errors])`,
    )
    expect(said).toEqual([[500], ['AP_NAMESPACES is no variable of this program: did you mean AP_NAMESPACE?']])
    expect(world.api.requests).toEqual([])
  })
})

describe('as a library', () => {
  it('a program makes one pass', { timeout: TIMEOUT_MS }, async () => {
    const { PATH = '', HOME = '' } = process.env
    const env = { PATH, HOME, KUBECONFIG: join(folder, 'kubeconfig') }
    await run(process.execPath, ['one-pass.mjs'], { cwd: folder, env }).then(
      () => expect.unreachable('no pod is active: a dry run ends with 1'),
      (error: { readonly code: number; readonly stdout: string }) => {
        expect(error.code).toBe(1)
        expect(error.stdout).toMatch(/^app {2}first no pod is active/)
        expect(error.stdout).toContain('default/app:\n')
      },
    )
    expect(world.actives()).toEqual([])
  })
})
