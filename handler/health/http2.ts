/** Sends one HTTP/2 request on a connection of its own. Loaded when a server chooses HTTP/2. */
import { once } from 'node:events'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from 'node:http2'
import type { Socket } from 'node:net'
import type { HttpAnswer } from './http-answer.js'
import { type HttpRequest, http2Fields } from './http-request.js'

/**
 * Limits on an answer, as the server may mean harm: a field of one byte costs an object. Node accepts 64 KiB of packed
 * fields at most; these limits are on their unpacked bytes and on their number.
 */
const LIMITS = {
  maxHeaderListPairs: 2_048,
  settings: { maxHeaderListSize: 256 << 10, enablePush: false },
}
/**
 * All informational (1xx) answers together: the size of their fields as HTTP/2 counts it, and what each answer costs
 * besides.
 */
const MAX_INFORMATIONAL_BYTES = 64 << 10
const FIELD_BYTES = 32
const ANSWER_BYTES = 256
/** All frames received until the answer is complete. More of the body than is looked at is never received. */
const MAX_BYTES = 1 << 20
const LOOK_EVERY_MS = 10

/** @throws Error if there is no answer, or the request cannot be made in HTTP/2 */
export async function exchangeHttp2(socket: Socket, request: HttpRequest): Promise<HttpAnswer> {
  const fields = http2Fields(request)
  socket.allowHalfOpen = false // otherwise Node reports a session as closed only when both ends are
  const session = connect(`https://${request.url.host}`, { ...LIMITS, createConnection: () => socket })
  session.on('error', () => {}) // its stream ends with it
  limitBytes(socket, session)
  const stream = session.request(fields, { endStream: true })
  stream.on('error', () => {})
  stream.on('headers', limitInformational(session))
  const [headers] = (await Promise.race([once(stream, 'response'), endOf(stream), endOf(session)])) as [
    IncomingHttpHeaders & IncomingHttpStatusHeader,
  ]
  const length = /^\d+$/.test(headers['content-length'] ?? '') ? Number(headers['content-length']) : undefined
  return { status: headers[':status'] ?? 0, location: headers.location ?? '', length, body: bodyOf(stream, length) }
}

/**
 * Ends the session if too much is received. Node does not report frames without a meaning, so the bytes of the socket
 * are counted.
 */
function limitBytes(socket: Socket, session: ClientHttp2Session): void {
  const timer = setInterval(() => {
    if (socket.bytesRead > MAX_BYTES) session.destroy(new Error('too many frames'))
  }, LOOK_EVERY_MS)
  session.once('close', () => clearInterval(timer))
}

/** Ends the session if its informational answers are too large. */
function limitInformational(session: ClientHttp2Session): (headers: IncomingHttpHeaders) => void {
  let bytes = 0
  return (headers) => {
    bytes += ANSWER_BYTES
    for (const [name, value] of Object.entries(headers)) bytes += name.length + String(value).length + FIELD_BYTES
    if (bytes > MAX_INFORMATIONAL_BYTES) session.destroy(new Error('headers too long'))
  }
}

/** A stream that was reset, or whose session ended, ends like any other once all of its data is taken. */
async function* bodyOf(stream: ClientHttp2Stream, length = 0): AsyncGenerator<Buffer> {
  let left = length
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    left -= chunk.length
    yield chunk
  }
  if (stream.aborted || stream.rstCode !== 0 || left > 0) throw new Error('reset')
}

/** Rejects when the stream or the session ends. */
async function endOf(emitter: ClientHttp2Session | ClientHttp2Stream): Promise<never> {
  await once(emitter, 'close')
  throw new Error('connection closed')
}
