/** An API server's subresource `exec`, which answers in every odd way. It listens on loopback only. */
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { testCert, testKey } from './tls.js'

export interface Asked {
  readonly url: string
  readonly headers: IncomingMessage['headers']
  /** It came with a certificate. */
  readonly hasCertificate: boolean
}

/** What to do about one request: speak over a WebSocket, or do with the socket what it wants. */
export type Answer =
  | { readonly speak: (socket: WebSocket) => void; readonly protocol?: string | undefined }
  | { readonly raw: (socket: Socket) => void }

export interface ExecServer {
  readonly url: string
  readonly port: number
  readonly asked: readonly Asked[]
  readonly open: ReadonlySet<Socket>
}

/** @param answers one for each request; the last one again and again */
export async function startExecServer(kind: 'http' | 'tls', ...answers: readonly Answer[]): Promise<ExecServer> {
  const asked: Asked[] = []
  const open = new Set<Socket>()
  const maxHeaderSize = 1 << 20 // as the API server's
  const tls = { key: testKey, cert: testCert, ca: testCert, requestCert: true, rejectUnauthorized: false }
  const server = kind === 'tls' ? createTlsServer({ ...tls, maxHeaderSize }) : createServer({ maxHeaderSize })
  server.on(kind === 'tls' ? 'secureConnection' : 'connection', (socket: Socket) => {
    open.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => open.delete(socket))
  })
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const certificate = (socket as { getPeerX509Certificate?: () => unknown }).getPeerX509Certificate?.()
    asked.push({ url: request.url ?? '', headers: request.headers, hasCertificate: certificate !== undefined })
    const answer = answers[Math.min(asked.length, answers.length) - 1] as Answer
    if ('raw' in answer) {
      socket.resume().once('end', () => socket.end()) // or the end of the other side changes nothing
      answer.raw(socket)
      return
    }
    const { protocol = 'v5.channel.k8s.io', speak } = answer
    const handleProtocols = () => protocol || false
    new WebSocketServer({ noServer: true, handleProtocols }).handleUpgrade(request, socket, head, speak)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    for (const socket of open) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return { url: `${kind === 'tls' ? 'https' : 'http'}://127.0.0.1:${port}`, port, asked, open }
}

/** A whole answer that is no WebSocket. */
export function declines(
  status: number,
  body: string | object,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const text = typeof body === 'string' ? body : JSON.stringify({ kind: 'Status', code: status, ...body })
  const lines = Object.entries({ 'content-length': `${Buffer.byteLength(text)}`, ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  )
  return { raw: (socket) => void socket.write(`HTTP/1.1 ${status} No\r\n${lines.join('')}\r\n${text}`) }
}

const message = (channel: number, text: string) => Buffer.concat([Buffer.from([channel]), Buffer.from(text)])

/** Writes to the channels as a kubelet does, and ends with this Status. */
export function says(
  status: object,
  { stdout = '', stderr = '', protocol = undefined as string | undefined } = {},
): Answer {
  return {
    protocol,
    speak: (socket) => {
      if (stdout) socket.send(message(1, stdout))
      if (stderr) socket.send(message(2, stderr))
      socket.send(message(3, JSON.stringify({ metadata: {}, ...status })))
      socket.close()
    },
  }
}

export const SUCCESS = { status: 'Success' }

/** The Status of a command that ended with this code. */
export function exited(code: number | string): object {
  return {
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${code}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: `${code}` }] },
  }
}

/** The Status of a command that could not be run. */
export function notRun(message: string): object {
  return { status: 'Failure', message, reason: 'InternalError', details: { causes: [{ message }] }, code: 500 }
}
