/**
 * Reads HTTP/1 answers as Go's net/http does, and so as the kubelet does. Go is more lenient than Node's parser in some
 * ways (a space in a name, HTTP/9.9, several equal lengths) and stricter in others (a control character in a value,
 * line feeds between chunks). Reads from any source of bytes; there are no sockets here.
 *
 * The server may mean harm. Reading takes time in proportion to the bytes received and little memory, and lets other
 * work run meanwhile.
 */
import { setImmediate } from 'node:timers/promises'
import { Reader } from './bytes.js'
import { type Fields, notHttp, readFields, withoutEnd } from './http-fields.js'

/** The answer to a request. Its body is still to be read. */
export interface HttpAnswer {
  readonly status: number
  /** Bytes, one per character. Empty if there is none. */
  readonly location: string
  /** The announced length of the body in bytes. `undefined`: unknown before its end. */
  readonly length: number | undefined
  /** Throws if the body is cut short or does not have the announced form. */
  readonly body: AsyncIterable<Buffer>
}

/** All heads together, those of 1xx included. */
const MAX_HEAD_BYTES = 10 << 20
/** A line between chunks, or all trailers. */
const MAX_LINE_BYTES = 4 << 10
const MAX_EXCESS_BYTES = 16 << 10
/** How many heads (all but the last have a status of 1xx) are read before other work may run. */
const HEADS_AT_ONCE = 256

interface Head {
  readonly status: number
  readonly isOld: boolean
  readonly fields: Fields
}

/** Reads an answer up to its body. @throws Error if it is no answer, or is cut short */
export async function readAnswer(source: AsyncIterable<Buffer>): Promise<HttpAnswer> {
  const reader = new Reader(source)
  reader.left = MAX_HEAD_BYTES
  for (let heads = 1; ; heads++) {
    const head = await readHead(reader)
    if (heads % HEADS_AT_ONCE === 0) await setImmediate()
    const { length, isChunked } = framing(head)
    if (head.status >= 100 && head.status <= 199 && head.status !== 101) continue
    reader.left = Number.POSITIVE_INFINITY
    const location = head.fields.get('location')?.[0] ?? ''
    const body = isChunked ? readChunks(reader) : readPlain(reader, length ?? Number.POSITIVE_INFINITY, length)
    return { status: head.status, location, length, body }
  }
}

async function readHead(reader: Reader): Promise<Head> {
  let piece = await reader.firstPiece()
  // The end of a long first piece is not the end of the status.
  const first = piece.endsWith('\n') ? withoutEnd(piece.slice(0, -1)) : `${piece}…`
  const [, major, minor, status = ''] = /^HTTP\/(\d)\.(\d) +([+-]?\d+)(?: |$)/.exec(first) ?? []
  if (status.length !== 3 || Number(status) < 0) throw notHttp()
  while (!piece.endsWith('\n')) piece = await reader.firstPiece()
  const isOld = Number(major) < 1 || (major === '1' && minor === '0')
  return { status: Number(status), isOld, fields: await readFields(reader) }
}

interface Framing {
  readonly length: number | undefined
  readonly isChunked: boolean
}

/** How the end of the body is found. */
function framing({ status, isOld, fields }: Head): Framing {
  const encodings = isOld ? undefined : fields.get('transfer-encoding')
  if (encodings && (encodings.length > 1 || encodings[0]?.toLowerCase() !== 'chunked')) throw notHttp()
  const lengths = new Set(fields.get('content-length'))
  const [length = '0'] = lengths
  if (lengths.size > 1 || !/^\d+$/.test(length) || BigInt(length) >= 1n << 63n) throw notHttp()
  const isChunked = encodings !== undefined
  if (isChunked && fields.has('trailer')) throw notHttp()
  if ((status >= 100 && status <= 199) || status === 204 || status === 304) return { length: 0, isChunked: false }
  return { length: isChunked || lengths.size === 0 ? undefined : Number(length), isChunked }
}

/** @param announced the announced length. Without it, the end of the connection ends the body */
async function* readPlain(reader: Reader, length: number, announced: number | undefined): AsyncGenerator<Buffer> {
  for (let left = length; left > 0; ) {
    const chunk = await reader.some(left)
    if (chunk.length === 0) {
      if (announced === undefined) return
      throw new Error('body cut short')
    }
    left -= chunk.length
    yield chunk
  }
}

async function* readChunks(reader: Reader): AsyncGenerator<Buffer> {
  let excess = 0 // bytes that are not data
  for (;;) {
    const line = await chunkLine(reader)
    const digits = line.replace(/[ \t]+$/, '').split(';')[0] ?? ''
    if (!/^[0-9A-Fa-f]{1,16}$/.test(digits)) throw notHttp()
    const size = Number.parseInt(digits, 16)
    excess = Math.max(0, excess + line.length + 2 - 16 - 2 * size)
    if (excess > MAX_EXCESS_BYTES) throw notHttp()
    if (size === 0) break
    yield* readPlain(reader, size, size)
    if ((await reader.exactly(2)) !== '\r\n') throw notHttp()
  }
  await readTrailers(reader)
}

/** A line between chunks, without its CR LF. */
async function chunkLine(reader: Reader): Promise<string> {
  const line = await reader.upTo('\n', MAX_LINE_BYTES)
  if (line.indexOf('\r') !== line.length - 2) throw notHttp()
  return line.slice(0, -2)
}

async function readTrailers(reader: Reader): Promise<void> {
  if ((await reader.peek(2)) === '\r\n') return
  const trailers = await reader.upTo('\r\n\r\n', MAX_LINE_BYTES)
  await readFields(new Reader([Buffer.from(trailers, 'latin1')]))
}
