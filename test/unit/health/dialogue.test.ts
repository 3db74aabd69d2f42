import { getEventListeners, once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { probeDialogue } from '../../../handler/health/dialogue.js'
import type { ProbeResult } from '../../../handler/health/probe-result.js'
import type { Dialogue } from '../../../handler/health/targets.js'

const shortMs = 300
const longMs = 30_000

/** Serves each connection like this, and fails the test if one is left open. */
async function serve(talk: (socket: Socket) => void): Promise<number> {
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
    socket.resume() // a connection whose end nobody reads stays open
    talk(socket)
  }).listen(0, '127.0.0.1')
  onTestFinished(async () => {
    await expect.poll(() => open.size, { timeout: 5_000 }).toBe(0)
    server.close()
  })
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function ask(
  talk: (socket: Socket) => void,
  { send = '', expect: texts = ['OK'] }: Partial<Dialogue>,
  timeoutMs = longMs,
): Promise<Omit<ProbeResult, 'ms'>> {
  const { signal } = new AbortController()
  const address = { kind: 'tcp', host: '127.0.0.1', port: await serve(talk) } as const
  const target = { ...address, dialogue: { send, expect: texts } }
  const { ms, ...found } = await probeDialogue(target, timeoutMs, signal)
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  return found
}

const passed = { healthy: true, text: 'open, with the expected answer' }

/** Answers what it is asked, and keeps the connection open. */
const answering = (answer: string) => (socket: Socket) => socket.on('data', () => socket.write(answer, 'latin1'))

function drip(socket: Socket, text: string): void {
  let n = 0
  const timer = setInterval(() => {
    if (n < text.length) socket.write(text.charAt(n++), 'latin1')
  }, 2)
  socket.on('close', () => clearInterval(timer))
}

function flood(socket: Socket): void {
  const more = () => {
    while (!socket.destroyed && socket.write('.'.repeat(2 ** 16)));
  }
  socket.on('drain', more)
  more()
}

test('What is sent reaches the server byte by byte, and its answer passes', async () => {
  const heard: Buffer[] = []
  const talk = (socket: Socket) =>
    socket.on('data', (chunk: Buffer) => {
      heard.push(chunk)
      socket.write('+PONG\r\n')
    })
  expect(await ask(talk, { send: '\x00\xff\r\nPING\r\n', expect: ['+PONG\r\n'] })).toEqual(passed)
  expect(Buffer.concat(heard)).toEqual(Buffer.from([0, 255, 13, 10, ...Buffer.from('PING\r\n')]))
})

test('Nothing is sent when nothing is to be: a banner is read', async () => {
  let asked = 0
  const talk = (socket: Socket) => {
    socket.on('data', () => asked++)
    socket.write('220 mail.example ESMTP\r\n')
  }
  expect(await ask(talk, { expect: ['220 '] })).toEqual(passed)
  expect(asked).toBe(0)
})

test('All of several texts have to come, in any order; a greeting before the question counts', async () => {
  const talk = (socket: Socket) => {
    socket.write('hello\r\n')
    answering('role:master\r\nloading:0\r\n')(socket)
  }
  expect(await ask(talk, { send: 'INFO\r\n', expect: ['loading:0', 'hello', 'role:master'] })).toEqual(passed)
  const some = await ask(talk, { send: 'INFO\r\n', expect: ['loading:0', 'role:slave'] }, shortMs)
  expect(some).toMatchObject({
    healthy: false,
    text: 'open, but not the expected answer within 300ms: "hello\\r\\nrole:master\\r\\nloading:0"',
  })
})

test('An answer that comes byte by byte is recognised, with binary zeros in it', async () => {
  const answer = 'S\0\0\0\x17in_hot_standby\0off\0'
  expect(await ask((socket) => drip(socket, answer), { expect: ['in_hot_standby\0off\0', 'S\0'] })).toEqual(passed)
})

test('Another answer is shown when the server closes after it, and when it resets', async () => {
  const said = { healthy: false, text: 'open, but not the expected answer: "role:slave"' }
  const talk = (end: (socket: Socket) => void) => (socket: Socket) => socket.write('role:slave\r\n', () => end(socket))
  expect(
    await ask(
      talk((socket) => socket.end()),
      { expect: ['role:master'] },
    ),
  ).toEqual(said)
  const reset = talk((socket) => setTimeout(() => socket.resetAndDestroy(), 50))
  expect(await ask(reset, { expect: ['role:master'] })).toEqual(said)
})

test.each<[string, (socket: Socket) => void, string]>([
  ['hangs', () => {}, 'no answer within 300ms'],
  ['closes', (socket) => socket.end(), 'closed before the expected answer'],
  ['resets', (socket) => socket.on('data', () => socket.resetAndDestroy()), 'connection reset'],
])('A server that %s has failed: nothing was said', async (_, talk, text) => {
  expect(await ask(talk, { send: 'PING\r\n' }, shortMs)).toEqual({ healthy: false, text })
})

test('A flood is read to 64 KiB', async () => {
  const { healthy, text } = await ask(flood, {})
  expect({ healthy, text }).toEqual({
    healthy: false,
    text: `open, but not the expected answer in 64 KiB: "${'.'.repeat(80)}…"`,
  })
})

test('A text at the end of 64 KiB is found, and one that begins there is not', async () => {
  const after = (bytes: number) => (socket: Socket) => socket.write(`${'.'.repeat(bytes)}OK`)
  expect(await ask(after(2 ** 16 - 2), {})).toEqual(passed)
  expect(await ask(after(2 ** 16 - 1), {})).toMatchObject({ healthy: false })
})

test('The answer of a server that repeats what it was sent holds none of it', async () => {
  const secret = 'AUTH hunter2-Secret!\r\n'
  const repeats = (socket: Socket) =>
    socket.on('data', (data) => socket.end(`-ERR 'AUTH', with 'hunter2' and: ${data}`))
  const { text } = await ask(repeats, { send: secret })
  expect(text).toBe(`open, but not the expected answer: "-ERR '*', with '*' and: *"`)
  const cut = (socket: Socket) => socket.write('-ERR hunter2-Sec')
  expect((await ask(cut, { send: secret }, shortMs)).text).toMatch(/within 300ms: "-ERR \*(-\*)?"$/)
})

test('A port that nobody listens on is refused', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((closed) => server.close(closed))
  const target = { kind: 'tcp', host: '127.0.0.1', port, dialogue: { send: '', expect: ['OK'] } } as const
  const found = await probeDialogue(target, longMs, new AbortController().signal)
  expect(found).toMatchObject({ healthy: false, text: 'connection refused' })
})

test('An interrupted probe ends at once', async () => {
  const interrupt = new AbortController()
  const port = await serve(() => interrupt.abort())
  const target = { kind: 'tcp', host: '127.0.0.1', port, dialogue: { send: '', expect: ['OK'] } } as const
  expect(await probeDialogue(target, longMs, interrupt.signal)).toMatchObject({ healthy: false, text: 'interrupted' })
})
