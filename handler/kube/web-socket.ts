/** Opens a WebSocket to the API server. Loaded when the first one is needed. */
import type { IncomingMessage } from 'node:http'
import WebSocket from 'ws'
import type { Presented } from './auth/identity.js'

/** Called with each message, as bytes. */
export type Receive = (message: Buffer) => void

export interface Opened {
  /** Resolves when the connection has ended, whoever ended it. */
  readonly closed: Promise<void>
  /** Ends the connection at once. */
  close(): void
}

/** The server answered with something other than a WebSocket. */
export interface Declined {
  readonly status: number
  readonly body: string
}

/** The most bytes of one message. The kubelet sends at most 32 KiB at once. */
const MAX_MESSAGE_BYTES = 1_048_576
/** The most that is read of an answer that is no WebSocket. */
const MAX_BODY_BYTES = 65_536

/**
 * Resolves once the connection is open, or declined. Rejects when there is no answer, or one that is not HTTP. No socket
 * is left open after the signal aborts, `close`, a rejection, or a refusal.
 * @param protocols the subprotocols, best first
 */
export function openWebSocket(
  url: string,
  protocols: readonly string[],
  { headers, agent }: Presented,
  receive: Receive,
  signal: AbortSignal,
): Promise<Opened | Declined> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted() // of a signal that has aborted before, no event comes
    const socket = new WebSocket(url, [...protocols], {
      ...{ headers, agent, maxPayload: MAX_MESSAGE_BYTES },
      ...{ followRedirects: false, perMessageDeflate: false, skipUTF8Validation: true },
    })
    const close = () => socket.terminate()
    signal.addEventListener('abort', close, { once: true })
    const closed = new Promise<void>((resolve) => {
      socket.once('close', () => {
        signal.removeEventListener('abort', close)
        resolve()
      })
    })
    socket.on('error', reject) // after it was opened, a close follows
    socket.on('unexpected-response', (_request, response) => {
      bodyOf(response)
        .then((body) => resolve({ status: response.statusCode ?? 0, body }), reject)
        .finally(close)
    })
    socket.on('message', (message) => receive(message as Buffer))
    socket.on('open', () => resolve({ closed, close }))
  })
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes >= MAX_BODY_BYTES) break
  }
  return Buffer.concat(chunks).toString()
}
