/** One request in HTTP/2, on a connection of its own. Loaded when a server chooses it. */
import { once } from 'node:events'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from 'node:http2'
import type { Duplex } from 'node:stream'
import type { HttpAnswer } from './http-answer.js'
import { type HttpRequest, http2Fields } from './http-request.js'

/** Of the fields of an answer, as for Go's client; and more of them than anybody has. */
const LIMITS = {
  maxHeaderListPairs: 1 << 20,
  maxSessionMemory: 64,
  settings: { maxHeaderListSize: 10 << 20, enablePush: false },
}

/** @throws Error when there is no answer, or the request cannot be made in HTTP/2 */
export async function exchangeHttp2(socket: Duplex, request: HttpRequest): Promise<HttpAnswer> {
  const fields = http2Fields(request)
  socket.allowHalfOpen = false // node waits for both ends before it says that a session is over
  const session = connect(`https://${request.url.host}`, { ...LIMITS, createConnection: () => socket })
  session.on('error', () => {}) // its stream ends with it
  const stream = session.request(fields, { endStream: true })
  stream.on('error', () => {})
  const [headers] = (await Promise.race([once(stream, 'response'), endOf(stream), endOf(session)])) as [
    IncomingHttpHeaders & IncomingHttpStatusHeader,
  ]
  const length = /^\d+$/.test(headers['content-length'] ?? '') ? Number(headers['content-length']) : undefined
  return { status: headers[':status'] ?? 0, location: headers.location ?? '', length, body: bodyOf(stream, length) }
}

/** A stream that is reset, or whose session ends, ends like any other where all that came was taken. */
async function* bodyOf(stream: ClientHttp2Stream, length = 0): AsyncGenerator<Buffer> {
  let left = length
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    left -= chunk.length
    yield chunk
  }
  if (stream.aborted || stream.rstCode !== 0 || left > 0) throw new Error('reset')
}

/** Rejects when it ends. */
async function endOf(emitter: ClientHttp2Session | ClientHttp2Stream): Promise<never> {
  await once(emitter, 'close')
  throw new Error('connection closed')
}
