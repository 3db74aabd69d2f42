/** What a step asks a registry before it publishes, and when it takes "no" for an answer. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { published } from '../../release/registry.mjs'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

const manifest = { schemaVersion: 2, config: { digest: 'sha256:1' } }
const body = JSON.stringify(manifest)
const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`
const unknown = (code: string): string => JSON.stringify({ errors: [{ code }] })

let answer: Answer
let server: Server
let host: string
beforeAll(async () => {
  server = createServer((request, response) => answer(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  host = `localhost:${(server.address() as AddressInfo).port}`
})
afterEach(() => vi.unstubAllEnvs())
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
})

const ask = (how: Answer, seconds?: number) => {
  answer = how
  return published(`${host}/a/b`, '0.1.0', { isPlain: true, ...(seconds && { seconds }) })
}
const status = (code: number, text = ''): Answer => {
  return (_, response) => response.writeHead(code).end(text)
}

test('a manifest that is there has the digest of its bytes', async () => {
  const asked: (string | undefined)[] = []
  const found = await ask(({ url, headers }, response) => {
    asked.push(url, `${headers.accept}`.split(', ')[0])
    response.end(body)
  })
  expect(found).toEqual({ digest, manifest })
  expect(asked).toEqual(['/v2/a/b/manifests/0.1.0', 'application/vnd.oci.image.index.v1+json'])
})

test.each(['MANIFEST_UNKNOWN', 'NAME_UNKNOWN', 'NOT_FOUND'])('%s says that the tag is free', async (code) => {
  expect(await ask(status(404, unknown(code)))).toBeUndefined()
})

test.each([
  ['a 404 that no registry wrote', 404, '<html>Not found</html>', 'status 404'],
  ['a 404 about something else', 404, unknown('DENIED'), 'status 404'],
  ['a 500', 500, '', 'status 500'],
  ['a 403', 403, unknown('DENIED'), 'status 403: log in by `docker login localhost:'],
  ['a 401 that asks for nothing', 401, '', 'status 401: log in by `docker login localhost:'],
])('%s does not say that the tag is free', async (_, code, text, message) => {
  await expect(ask(status(code, text))).rejects.toThrow(`http://${host}/v2/a/b/manifests/0.1.0: ${message}`)
})

test('a registry that hangs is not waited for', async () => {
  await expect(ask(() => undefined, 0.1)).rejects.toThrow(
    `http://${host}/v2/a/b/manifests/0.1.0: no answer within 0.1 s`,
  )
})

test('a registry that is not there is named', async () => {
  await expect(published('127.0.0.1:1/a', '1', { isPlain: true })).rejects.toThrow(
    'http://127.0.0.1:1/v2/a/manifests/1:',
  )
})

/** Has `docker login` note a user for this registry. */
async function withLogin(folder: string): Promise<string> {
  const auth = Buffer.from('user:word').toString('base64')
  await writeFile(join(folder, 'config.json'), JSON.stringify({ auths: { [host]: { auth } } }))
  vi.stubEnv('DOCKER_CONFIG', folder)
  return `Basic ${auth}`
}

test.each([
  ['for a token', 'a token'],
  ['itself', 'the login'],
])('a registry that asks for a login is shown it %s', async (_, what) => {
  const folder = await mkdtemp(join(tmpdir(), 'active-passive-login-'))
  try {
    const basic = await withLogin(folder)
    const wanted = what === 'a token' ? 'Bearer secret' : basic
    const challenge =
      what === 'a token'
        ? `Bearer realm="http://${host}/token",service="s",scope="repository:a/b:pull"`
        : 'Basic realm="s"'
    const found = await ask(({ url, headers }, response) => {
      if (url === '/token?service=s&scope=repository%3Aa%2Fb%3Apull' && headers.authorization === basic) {
        response.end(JSON.stringify({ token: 'secret' }))
      } else if (headers.authorization === wanted) response.end(body)
      else response.writeHead(401, { 'www-authenticate': challenge }).end()
    })
    expect(found).toEqual({ digest, manifest })
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('a login that is good for no token is told', async () => {
  await expect(
    ask(({ url }, response) => {
      const isToken = url?.startsWith('/token')
      response.writeHead(isToken ? 403 : 401, { 'www-authenticate': `Bearer realm="http://${host}/token",service="s"` })
      response.end()
    }),
  ).rejects.toThrow(`http://${host}/token?service=s: status 403: log in by \`docker login ${host}\``)
})
