// The certificate that is shown, and its renewal while the server runs.
import { once } from 'node:events'
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { readCertificate, watchCertificate } from '../../handler/serve/http/certificates.js'
import { type RunningServer, startServer } from '../../handler/serve/http/server.js'
import { createAuthority } from '../support/cluster/certificates.js'
import { aRequest } from '../support/raw-http.js'
import { startServing } from '../support/serve.js'
import { testCert, testKey } from '../support/tls.js'

vi.setConfig({ testTimeout: 120_000 }) // of a machine that is busy with other things

const poll = { timeout: 30_000 }

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'active-passive-tls-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function shake(port: number): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  return socket
}

async function nameShown(port: number): Promise<unknown> {
  const socket = await shake(port)
  const { CN } = socket.getPeerCertificate().subject
  socket.destroy()
  return CN
}

async function heard(socket: TLSSocket, text: string): Promise<string> {
  let answer = ''
  socket.setEncoding('latin1').on('data', (more: string) => {
    answer += more
  })
  socket.write(text)
  await once(socket, 'end')
  return answer
}

describe('renewed files', () => {
  const files = () => ({ cert: join(folder, 'cert'), key: join(folder, 'key') })
  let server: RunningServer
  let endWatch: () => void
  let port: number
  let warnings: string[]
  beforeEach(async () => {
    await write(testCert, testKey)
    const certificate = await readCertificate(files())
    server = await startServer({ port: 0, host: '127.0.0.1', certificate, fetch: async () => new Response('hello') })
    port = Number(new URL(server.url).port)
    warnings = []
    const warn = (text: string) => void warnings.push(text)
    endWatch = watchCertificate(files(), certificate, (renewed) => server.renew(renewed), warn, 10)
  })
  afterEach(async () => {
    endWatch()
    await server.close()
  })

  /** All at once, as Kubernetes does with the files of a Secret: who reads it finds no half of it. */
  async function replace(file: string, text: string): Promise<void> {
    await writeFile(`${file}.next`, text)
    await rename(`${file}.next`, file)
  }

  async function write(cert: string, key: string): Promise<void> {
    await replace(files().cert, cert)
    await replace(files().key, key)
  }

  async function renewed(): Promise<readonly [cert: string, key: string]> {
    const { certFile, keyFile } = await (await createAuthority(join(folder, 'ca'))).issue('renewed', {
      commonName: 'renewed',
    })
    return [await readFile(certFile, 'utf8'), await readFile(keyFile, 'utf8')]
  }

  it('are shown to connections that begin after that, and those that are open go on', async () => {
    const open = await shake(port)
    expect(await nameShown(port)).toBe('localhost')
    await write(...(await renewed()))
    await expect.poll(() => nameShown(port), poll).toBe('renewed')
    expect(await heard(open, aRequest('GET /', { Connection: 'close' }))).toMatch(/200 OK[\s\S]*hello/)
  })

  it.each([
    ['half written', async () => write((await renewed())[0], testKey), /no certificate with its key/],
    ['empty', async () => write('', testKey), /is empty, which should hold PEM/],
    ['gone', async () => rm(files().key), /cannot be read: there is no such file/],
  ])('that are %s change nothing, which is said once, until they are whole', async (_what, spoil, why) => {
    await spoil()
    await expect.poll(() => warnings.length, poll).toBeGreaterThan(0)
    expect(await nameShown(port)).toBe('localhost')
    expect(warnings.at(-1)).toMatch(/the certificate read before is still shown$/)
    expect(warnings.at(-1)).toMatch(why)
    const said = warnings.length
    await write(...(await renewed()))
    await expect.poll(() => nameShown(port), poll).toBe('renewed')
    expect(new Set(warnings).size).toBe(warnings.length)
    expect(warnings.length - said).toBeLessThanOrEqual(1) // the pair may be read between its two files
  })
})

describe('serve over TLS', () => {
  const args = ['--tls-cert', 'FOLDER/cert', '--tls-key', 'FOLDER/key']
  const files = { cert: testCert, key: testKey }

  it('answers, and ends promptly though handshakes are unfinished and connections idle or silent', async () => {
    const serving = await startServing({ args, files })
    try {
      expect(serving.url).toMatch(/^https:/)
      const idle = await shake(serving.port)
      idle.write(aRequest('GET /healthz'))
      await once(idle, 'data')
      const silent = await shake(serving.port)
      const unshaken = connectTcp({ port: serving.port, host: '127.0.0.1' })
      await once(unshaken, 'connect')
      for (const socket of [idle, silent, unshaken]) socket.resume().on('error', () => {})
      const ends = [idle, silent, unshaken].map((socket) => once(socket, 'close'))
      const answer = await heard(await shake(serving.port), aRequest('GET /healthz', { Connection: 'close' }))
      expect(answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*ok\n$/)
      expect(await serving.stop()).toMatchObject({ code: 0 })
      await Promise.all(ends)
    } finally {
      await serving.close()
    }
  })

  it('cuts off who speaks no TLS', async () => {
    const serving = await startServing({ args, files })
    try {
      const plain = connectTcp({ port: serving.port, host: '127.0.0.1' })
      plain.on('error', () => {})
      plain.resume().write(aRequest('GET /healthz'))
      await once(plain, 'close')
      expect(await nameShown(serving.port)).toBe('localhost')
    } finally {
      await serving.close()
    }
  })
})
