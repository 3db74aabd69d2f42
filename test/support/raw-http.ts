/** HTTP as it is on the wire, for what a proper client would not send. */
import { connect, type Socket } from 'node:net'

export interface Conversation {
  readonly socket: Socket
  /** All that came so far. */
  heard(): string
  send(text: string): void
  /** Resolves when so many answers have begun. @throws Error when the other side ends or is silent for too long */
  answers(count: number): Promise<string>
  /** All that came, when the other side has ended or reset the connection. */
  readonly ended: Promise<string>
}

/** Long enough for a machine that is busy with other things. */
const PATIENCE_MS = 60_000

/** Connects to a port of this machine; says something, if told to. */
export async function converse(port: number, text = ''): Promise<Conversation> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  let heard = ''
  socket.on('error', () => {}) // of a server that cuts it off
  socket.setEncoding('latin1').on('data', (more: string) => {
    heard += more
  })
  const timer = setTimeout(() => socket.destroy(), PATIENCE_MS)
  const ended = new Promise<string>((resolve) => {
    const end = () => {
      clearTimeout(timer)
      socket.destroy()
      resolve(heard)
    }
    socket.once('end', end).once('close', end)
  })
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()).once('close', () => resolve()))
  if (text !== '') socket.write(text)
  return {
    ...{ socket, ended },
    heard: () => heard,
    send: (more) => void socket.write(more),
    answers: (count) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (statuses(heard).length < count) return
          socket.off('data', look)
          resolve(heard)
        }
        socket.on('data', look)
        void ended.then(() => reject(new Error(`ended after: ${JSON.stringify(heard.slice(0, 500))}`)))
        look()
      }),
  }
}

/** The statuses of the answers in what was heard. */
export function statuses(heard: string): readonly number[] {
  return [...heard.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
}

/** A request, with what it needs unless it is told otherwise. */
export function aRequest(line: string, headers: Readonly<Record<string, string>> = {}, body = ''): string {
  const all = { Host: 'localhost', ...(body === '' ? {} : { 'Content-Length': `${body.length}` }), ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${line} HTTP/1.1\r\n${lines.join('')}\r\n${body}`
}
