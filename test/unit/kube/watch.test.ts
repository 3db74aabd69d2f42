import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { createServer as createSocketServer, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Change, Expired, KubeError, type Pod, type Watchable } from '../../../handler/kube/port.js'
import { connectWatches } from '../../../handler/kube/watch.js'
import { listen, load, never } from './support.js'

const event = (type: string, object: object) => `${JSON.stringify({ type, object })}\n`
const pod = (name: string, resourceVersion: string) => ({ kind: 'Pod', metadata: { name, resourceVersion } })

describe('a watch', () => {
  let answer: (response: ServerResponse, url: string) => void
  let pods: Watchable<Pod>
  /** Errors that nobody listens for, each of which would be the end of serve. */
  const uncaught: unknown[] = []
  const catchAll = (error: unknown) => void uncaught.push(error)

  beforeEach(async () => {
    process.on('uncaughtException', catchAll)
    const { port } = await listen(createServer(({ url = '' }, response) => answer(response, url)))
    pods = connectWatches(await load({ server: `http://127.0.0.1:${port}` })).pods('shop')
  })
  afterEach(() => {
    process.off('uncaughtException', catchAll)
    expect(uncaught.splice(0)).toEqual([])
  })

  /** Reads a watch to its end, and ends it as its reader does. */
  const read = async (signal = never) => {
    const end = new AbortController()
    const seen: Change<Pod>[] = []
    try {
      for await (const change of await pods.watch('7', AbortSignal.any([signal, end.signal]))) seen.push(change)
      return seen
    } finally {
      end.abort()
      await setImmediate() // for an error that nobody listens for
    }
  }
  const say = (status: number, ...lines: readonly string[]) => {
    answer = (response) => {
      response.writeHead(status)
      for (const line of lines) response.write(line)
      response.end()
    }
  }

  it('that is refused for its credential is asked for again, once, and tells that it was', async () => {
    let asked = 0
    const refuse = (times: number) => {
      asked = 0
      answer = (response) => {
        asked++
        if (asked <= times) response.writeHead(401).end('{}')
        else response.end(event('ADDED', pod('a', '8')))
      }
    }
    refuse(1)
    expect(await read()).toHaveLength(1)
    refuse(2)
    await expect(read()).rejects.toMatchObject({ code: 'unauthenticated' })
    expect(asked).toBe(2)
  })

  it('tells of changes and bookmarks until the server ends it', async () => {
    let asked = ''
    answer = (response, url) => {
      asked = url
      response.write(event('ADDED', pod('a', '8')))
      const [first, second] = [event('MODIFIED', pod('a', '9')), event('DELETED', pod('a', '10'))]
      response.write(first.slice(0, 20))
      response.end(first.slice(20) + second + event('BOOKMARK', pod('', '12')))
    }
    expect(await read()).toMatchObject([
      { kind: 'changed', object: { name: 'a' }, resourceVersion: '8' },
      { kind: 'changed', resourceVersion: '9' },
      { kind: 'deleted', object: { name: 'a' }, resourceVersion: '10' },
      { kind: 'bookmark', resourceVersion: '12' },
    ])
    const { pathname, searchParams } = new URL(asked, 'http://server')
    expect(pathname).toBe('/api/v1/namespaces/shop/pods')
    expect(Object.fromEntries(searchParams)).toMatchObject({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: '7',
    })
  })

  it.each([
    ['its answer', 410, '{"kind":"Status","code":410,"message":"too old"}'],
    ['an event', 200, event('ERROR', { kind: 'Status', code: 410, message: 'too old' })],
  ])('knows from %s that its version has expired', async (_name, status, line) => {
    say(status, line)
    await expect(read()).rejects.toThrow(Expired)
  })

  it.each([
    ['a refusal', 403, '{"kind":"Status","message":"no"}', 'may not watch pods in namespace shop: no'],
    ['an error', 500, 'oh', 'could not watch pods in namespace shop: status 500: oh'],
    ['an event with an error', 200, event('ERROR', { code: 500, message: 'etcd' }), 'status 500: etcd'],
    ['something else', 200, '<html>\n', 'answered with something else: <html>'],
    ['an event without a version', 200, event('MODIFIED', {}), 'answered with something else: {"type":"MODIFIED"'],
  ])('says what %s was', async (_name, status, line, message) => {
    say(status, line)
    const error = await read().catch((error: unknown) => error)
    expect(error).toBeInstanceOf(KubeError)
    expect((error as KubeError).message).toContain(message)
  })

  it.each([429, 503])('passes on when a server that answers %s wants to be asked again', async (status) => {
    answer = (response) => void response.writeHead(status, { 'Retry-After': '10' }).end()
    await expect(read()).rejects.toMatchObject({ code: 'failed', retryAfterMs: 10_000 })
    answer = (response) => void response.writeHead(status).end()
    await expect(read()).rejects.toMatchObject({ code: 'failed', retryAfterMs: undefined })
  })

  it.each([
    ['does not get on with the connection', 'https', () => {}],
    ['does not answer', 'http', () => {}],
    ['begins a refusal and does not end it', 'http', (socket) => socket.write('HTTP/1.1 500 Oh\r\n\r\nso')],
  ] as const satisfies readonly (readonly [string, string, (socket: Socket) => void])[])(
    'waits only so long for a server that %s',
    async (_name, scheme, behave) => {
      const { port, sockets } = await listen(createSocketServer((socket) => socket.once('data', () => behave(socket))))
      const server = `${scheme}://127.0.0.1:${port}`
      pods = connectWatches(await load({ server }), { readTimeoutMs: 100 }).pods('shop')
      await expect(read()).rejects.toMatchObject({
        code: 'unreachable',
        message: `could not watch pods in namespace shop: no answer from ${server}: no answer within 0.1 s`,
      })
      await expect.poll(() => sockets.size).toBe(0)
    },
  )

  it('says that there is no answer when the connection breaks', async () => {
    answer = (response) => {
      response.write(event('ADDED', pod('a', '8')), () => response.destroy())
    }
    await expect(read()).rejects.toMatchObject({ name: 'KubeError', code: 'unreachable' })
  })

  it('closes its connection when it is ended from here', async () => {
    const closed = new Promise<void>((resolve) => {
      answer = (response) => {
        response.write(event('ADDED', pod('a', '8')))
        void once(response, 'close').then(() => resolve())
      }
    })
    const end = new AbortController()
    for await (const change of await pods.watch('7', end.signal)) {
      expect(change.resourceVersion).toBe('8')
      break
    }
    await closed
    const other = read(end.signal)
    answer = () => end.abort()
    await expect(other).rejects.toMatchObject({ code: 'unreachable' })
  })
})
