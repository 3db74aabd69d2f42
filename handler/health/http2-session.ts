/** Opens an HTTP/2 session for one request, with limits on what a server may send, as it may mean harm. */
import { once } from 'node:events'
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from 'node:http2'
import type { Socket } from 'node:net'

/**
 * Limits on an answer: a field of one byte costs an object. Node accepts 64 KiB of packed fields at most; these limits
 * are on their unpacked bytes and on their number.
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

/** A session on a connection that is open. Its errors are seen at its stream, which ends with it. */
export function openSession(socket: Socket, origin: string): ClientHttp2Session {
  socket.allowHalfOpen = false // otherwise Node reports a session as closed only when both ends are
  const session = connect(origin, { ...LIMITS, createConnection: () => socket })
  session.on('error', () => {})
  limitBytes(socket, session)
  return session
}

/**
 * The fields of the answer, and the flags of its frame.
 * @throws Error when there is none
 */
export async function answerOf<Fields extends IncomingHttpHeaders>(
  session: ClientHttp2Session,
  stream: ClientHttp2Stream,
): Promise<readonly [fields: Fields, flags: number]> {
  stream.on('error', () => {})
  stream.on('headers', limitInformational(session))
  const answer = await Promise.race([once(stream, 'response'), endOf(stream), endOf(session)])
  return answer as [Fields, number]
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

/** Rejects when the stream or the session ends. */
async function endOf(emitter: ClientHttp2Session | ClientHttp2Stream): Promise<never> {
  await once(emitter, 'close')
  throw new Error('connection closed')
}
