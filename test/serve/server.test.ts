// The Node server around a `fetch` of the test's: its limits, and whom it cuts off to keep to them.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { describe, expect, it, vi } from 'vitest'
import { limitConnections } from '../../handler/serve/http/connections.js'
import { startServer } from '../../handler/serve/http/server.js'
import { aRequest, converse, statuses } from '../support/raw-http.js'
import { testCert, testKey } from '../support/tls.js'

vi.setConfig({ testTimeout: 120_000 }) // of a machine that is busy with other things

const poll = { timeout: 30_000 }

describe('beyond the limit of connections', () => {
  /** A server for three connections, on each of which a path `/held` is answered when the test says so. */
  async function start() {
    const server = createServer()
    const connections = limitConnections(server, 3)
    const held: (() => void)[] = []
    server.on('request', ({ url, socket }, response) => {
      const answered = connections.requestBegins(socket)
      const answer = () => {
        response.end('hello')
        answered?.()
      }
      if (url === '/held') held.push(answer)
      else answer()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const open: Socket[] = []
    const client = async (path?: string) => {
      const caller = await converse(port, path === undefined ? '' : aRequest(`GET ${path}`))
      open.push(caller.socket)
      let isCut = false
      void caller.ended.then(() => {
        isCut = true
      })
      return { ...caller, isCut: () => isCut }
    }
    const close = async () => {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    }
    return { client, close, held }
  }

  it('the one goes that has been silent for longest, and never one that is owed an answer', async () => {
    const { client, close, held } = await start()
    const owed = await client('/held')
    await expect.poll(() => held.length, poll).toBe(1)
    const answered = await client('/')
    await answered.answers(1)
    const silent = await client()
    answered.send(aRequest('GET /'))
    await answered.answers(2)

    const fourth = await client('/')
    await fourth.answers(1)
    await expect.poll(silent.isCut, poll).toBe(true)
    const fifth = await client('/')
    await fifth.answers(1)
    await expect.poll(answered.isCut, poll).toBe(true)

    held[0]?.()
    expect(statuses(await owed.answers(1))).toEqual([200])
    expect(fourth.isCut() || fifth.isCut()).toBe(false)
    await close()
  })

  it('one that is owed an answer stays, though that to its next request is written', async () => {
    const { client, close, held } = await start()
    const owed = await client()
    owed.send(aRequest('GET /held') + aRequest('GET /'))
    await expect.poll(() => held.length, poll).toBe(1)
    for (let i = 0; i < 5; i++) await (await client('/')).answers(1)
    held[0]?.()
    expect(statuses(await owed.answers(2))).toEqual([200, 200])
    await close()
  })
})

describe('beyond the limit of TLS connections', () => {
  it('those go that are silent or in the middle of a handshake, and never one that is owed an answer', async () => {
    const server = createTlsServer({ cert: testCert, key: testKey })
    const connections = limitConnections(server, 2)
    const held: (() => void)[] = []
    server.on('request', ({ socket }, response) => {
      const answered = connections.requestBegins(socket)
      held.push(() => {
        response.end('hello')
        answered?.()
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const shake = async () => {
      const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
      socket.on('error', () => {}) // of one that is cut off
      await once(socket, 'secureConnect')
      return { socket, closed }
    }
    const owed = await shake()
    owed.socket.write(aRequest('GET /', { Connection: 'close' }))
    await expect.poll(() => held.length, poll).toBe(1)
    const unshaken = await converse(port)
    const silent = await shake()
    await unshaken.ended
    const last = await shake()
    silent.socket.resume()
    await silent.closed

    held[0]?.()
    expect(String((await once(owed.socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 200 /)
    const closed = once(server, 'close')
    server.close()
    connections.close(1_000)
    last.socket.resume()
    owed.socket.resume()
    await Promise.all([last.closed, owed.closed, closed])
  })
})

describe('a server that is closed', () => {
  const listen = (fetch: (request: Request) => Promise<Response>) =>
    startServer({ port: 0, host: '127.0.0.1', certificate: undefined, fetch })
  const portOf = ({ url }: { readonly url: string }) => Number(new URL(url).port)

  it('lets a long answer that is on its way be taken', async () => {
    const server = await listen(async () => new Response('x'.repeat(50_000_000)))
    const caller = await converse(portOf(server), aRequest('GET /'))
    await caller.answers(1)
    caller.socket.pause()
    const closed = server.close()
    caller.socket.resume()
    expect((await caller.ended).length).toBeGreaterThan(50_000_000)
    await closed
  })

  it('does not wait for ever for a client that takes no answer', async () => {
    const server = await listen(async () => new Response('x'.repeat(50_000_000)))
    const caller = await converse(portOf(server), aRequest('GET /'))
    await caller.answers(1)
    caller.socket.pause()
    await server.close()
    caller.socket.destroy()
  })

  it('tells who gets an answer after that to come no more, and accepts nobody else', async () => {
    let answer: ((response: Response) => void) | undefined
    const server = await listen(
      () =>
        new Promise((resolve) => {
          answer = resolve
        }),
    )
    const caller = await converse(portOf(server), aRequest('GET /'))
    await expect.poll(() => answer, poll).toBeDefined()
    const closed = server.close()
    const refused = connect({ port: portOf(server), host: '127.0.0.1' })
    expect((await once(refused, 'error'))[0]).toMatchObject({ code: 'ECONNREFUSED' })
    answer?.(new Response('hello'))
    expect(await caller.ended).toMatch(/connection: close[\s\S]*hello$/i)
    await closed
  })
})
