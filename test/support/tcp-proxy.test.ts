import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from './cluster/poll.js'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.js'

/** Says back what it hears. */
const echo = createServer((socket) => void socket.on('error', () => {}).pipe(socket))
let proxy: TcpProxy
let client: Socket
let heard: string

beforeEach(async () => {
  echo.listen(0, '127.0.0.1')
  await once(echo, 'listening')
  proxy = await startTcpProxy('127.0.0.1', (echo.address() as AddressInfo).port)
  client = connect(proxy.port, '127.0.0.1')
  heard = ''
  client
    .on('error', () => {})
    .on('data', (data) => {
      heard += data
    })
})
afterEach(async () => {
  client.destroy()
  await proxy.close()
  await new Promise((resolve) => echo.close(resolve))
})

const say = async (text: string) => {
  const before = heard.length
  client.write(text)
  await until('an echo', () => heard.length === before + text.length || undefined, { everyMs: 1 })
}

describe('a proxy that is told to cut', () => {
  it.each(['request', 'answer'] as const)(
    'lets half of one %s pass, after as many as it was told',
    async (direction) => {
      proxy.cutIn(direction, 2)
      await say('first,')
      await say('second,')
      const closed = once(client, 'close')
      client.write('third.')
      await closed
      expect(heard).toBe(direction === 'answer' ? 'first,second,thi' : 'first,second,')
      expect(proxy.cuts).toEqual({ request: 0, answer: 0, [direction]: 1 })
    },
  )

  it('cuts one connection alone', async () => {
    await say('here')
    proxy.cutIn('request', 0)
    const other = connect(proxy.port, '127.0.0.1')
    other.on('error', () => {}).write('other')
    await once(other, 'close')
    await say('still here')
  })
})

it('a proxy that is told to delay lets everything through, in its order', async () => {
  proxy.delay(20)
  const begin = performance.now()
  for (const text of ['a', 'b', 'c']) client.write(text)
  await until('all', () => heard.length === 3 || undefined)
  expect(heard).toBe('abc')
  expect(performance.now() - begin).toBeGreaterThan(39)
})
