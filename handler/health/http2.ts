/** Sends one HTTP/2 request on a connection of its own. Loaded when a server chooses HTTP/2. */
import type { ClientHttp2Stream, IncomingHttpHeaders, IncomingHttpStatusHeader } from 'node:http2'
import type { Socket } from 'node:net'
import type { HttpAnswer } from './http-answer.js'
import { type HttpRequest, http2Fields } from './http-request.js'
import { answerOf, openSession } from './http2-session.js'

/** @throws Error if there is no answer, or the request cannot be made in HTTP/2 */
export async function exchangeHttp2(socket: Socket, request: HttpRequest): Promise<HttpAnswer> {
  const fields = http2Fields(request)
  const session = openSession(socket, `https://${request.url.host}`)
  const stream = session.request(fields, { endStream: true })
  const [headers] = await answerOf<IncomingHttpHeaders & IncomingHttpStatusHeader>(session, stream)
  const length = /^\d+$/.test(headers['content-length'] ?? '') ? Number(headers['content-length']) : undefined
  return { status: headers[':status'] ?? 0, location: headers.location ?? '', length, body: bodyOf(stream, length) }
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
