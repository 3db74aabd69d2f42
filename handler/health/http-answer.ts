/**
 * Answers in HTTP/1, read as Go's net/http reads them, which is how the kubelet does: in some ways more lenient than
 * Node's parser in any of its modes (a space in a name, HTTP/9.9, any number of equal lengths), in others stricter (a
 * control character in a value, line feeds between chunks). Reads from any source of bytes; no sockets.
 *
 * Whoever answers may mean harm: what is read here takes time and memory in proportion to what came, and lets others run
 * meanwhile.
 */
import { setImmediate } from 'node:timers/promises'

/** The answer to a request, its body still to come. */
export interface HttpAnswer {
  readonly status: number
  /** Bytes, one a character; empty where there is none. */
  readonly location: string
  /** Bytes of body that were announced; `undefined`: it is not known before the end. */
  readonly length: number | undefined
  /** Ends with an error where it is cut short or is not what was announced. */
  readonly body: AsyncIterable<Buffer>
}

/** Of all heads together, those of 1xx included. */
const MAX_HEAD = 10 << 20
/** Of a line between chunks, and of trailers. */
const MAX_LINE = 4 << 10
const MAX_EXCESS = 16 << 10
/** Room that is made for what may come. */
const MOST_AHEAD = 1 << 20

/** By names in small letters: those that somebody looks for. */
type Fields = ReadonlyMap<string, readonly string[]>
const LOOKED_FOR: readonly string[] = ['location', 'content-length', 'transfer-encoding', 'trailer']
/** Lines that are read at a stretch. */
const LINES_AT_ONCE = 4_096
/** The same for heads, of which all but the last are of 1xx. */
const HEADS_AT_ONCE = 256

interface Head {
  readonly status: number
  readonly isOld: boolean
  readonly fields: Fields
}

/** Reads up to the body. @throws Error when it is no answer, or is cut short */
export async function readAnswer(source: AsyncIterable<Buffer>): Promise<HttpAnswer> {
  const reader = new Reader(source)
  reader.left = MAX_HEAD
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
  const first = await reader.peekLine()
  const [, major, minor, status = ''] = /^HTTP\/(\d)\.(\d) +([+-]?\d+)(?: |$)/.exec(withoutEnd(first)) ?? []
  if (status.length !== 3 || Number(status) < 0) throw notHttp()
  const isOld = Number(major) < 1 || (major === '1' && minor === '0')
  const text = await reader.head()
  return { status: Number(status), isOld, fields: await parseFields(text, text.indexOf('\n') + 1) }
}

const withoutEnd = (line: string) => (line.endsWith('\r') ? line.slice(0, -1) : line)

/** Reads the lines from there up to an empty one, which has to be there. A name may have a space in it: nobody looks for that. */
async function parseFields(text: string, from: number): Promise<Fields> {
  const fields = new Map<string, string[]>()
  if (isBlank(text[from])) throw notHttp()
  const lineAt = (start: number) => text.slice(start, text.indexOf('\n', start))
  let at = from
  for (let count = 1; ; count++) {
    if (count % LINES_AT_ONCE === 0) await setImmediate()
    const first = lineAt(at)
    at += first.length + 1
    if (withoutEnd(first) === '') return fields
    if (!first.includes(':')) throw notHttp()
    let line = trim(withoutEnd(first))
    const isWanted = LOOKED_FOR.includes(nameOf(line))
    for (; isBlank(text[at]); count++) {
      const more = lineAt(at) // folded
      at += more.length + 1
      const value = trim(withoutEnd(more))
      if (NOT_IN_VALUE.test(value)) throw notHttp()
      if (isWanted) line += ` ${value}`
      if (count % LINES_AT_ONCE === 0) await setImmediate()
    }
    const colon = line.indexOf(':')
    const value = line.slice(colon + 1)
    if (!/^[\w!#$%&'*+.^`|~ -]+$/.test(line.slice(0, colon)) || NOT_IN_VALUE.test(value)) throw notHttp()
    const name = nameOf(line)
    if (isWanted) fields.set(name, [...(fields.get(name) ?? []), trim(value)])
  }
}

const NOT_IN_VALUE = /[^\t -~\x80-\xff]/
const LONGEST_LOOKED_FOR = Math.max(...LOOKED_FOR.map(({ length }) => length))

/** Of a line, in small letters; of what is longer than any that is looked for, the beginning. */
function nameOf(line: string): string {
  const start = line.slice(0, LONGEST_LOOKED_FOR + 1)
  return start.slice(0, Math.max(0, start.indexOf(':'))).toLowerCase()
}

const isBlank = (character = '') => character === ' ' || character === '\t'

/** Without blanks at both ends. A pattern would look for the end of each run of blanks from each of them. */
export function trim(text: string): string {
  let [start, end] = [0, text.length]
  while (start < end && isBlank(text[start])) start++
  while (start < end && isBlank(text[end - 1])) end--
  return text.slice(start, end)
}

interface Framing {
  readonly length: number | undefined
  readonly isChunked: boolean
}

/** How the body is to be told from what follows it. */
function framing({ status, isOld, fields }: Head): Framing {
  const encodings = isOld ? undefined : fields.get('transfer-encoding')
  if (encodings && (encodings.length > 1 || encodings[0]?.toLowerCase() !== 'chunked')) throw notHttp()
  const lengths = new Set(fields.get('content-length'))
  const [length = '0'] = lengths
  if (lengths.size > 1 || !/^\d+$/.test(length) || BigInt(length) >= 1n << 63n) throw notHttp()
  const isChunked = encodings !== undefined
  if (isChunked && fields.get('trailer')?.some(namesFraming)) throw notHttp()
  if ((status >= 100 && status <= 199) || status === 204 || status === 304) return { length: 0, isChunked: false }
  return { length: isChunked || lengths.size === 0 ? undefined : Number(length), isChunked }
}

function namesFraming(trailer: string): boolean {
  return trailer.split(',').some((name) => /^(transfer-encoding|trailer|content-length)$/i.test(name.trim()))
}

/** @param announced at whose end more has to be there; without it, the end of the connection is the end */
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
  let excess = 0 // of what is no data
  for (;;) {
    const line = await reader.chunkLine()
    const digits = line.replace(/[ \t]+$/, '').split(';')[0] ?? ''
    if (!/^[0-9A-Fa-f]{1,16}$/.test(digits)) throw notHttp()
    const size = Number.parseInt(digits, 16)
    excess = Math.max(0, excess + line.length + 2 - 16 - 2 * size)
    if (excess > MAX_EXCESS) throw notHttp()
    if (size === 0) break
    yield* readPlain(reader, size, size)
    if ((await reader.exactly(2)) !== '\r\n') throw notHttp()
  }
  await readTrailers(reader)
}

async function readTrailers(reader: Reader): Promise<void> {
  if ((await reader.peek(2)) === '\r\n') return
  await parseFields(await reader.upTo('\r\n\r\n', MAX_LINE), 0)
}

/** Takes bytes from a source as they are asked for. */
class Reader {
  /** How many bytes may still be taken. */
  left = Number.POSITIVE_INFINITY
  readonly #source: AsyncIterator<Buffer>
  /** What came and was not taken lies in it from `#start` to `#end`. */
  #store = Buffer.alloc(0)
  #start = 0
  #end = 0
  #isOver = false

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  get #buffer(): Buffer {
    return this.#store.subarray(this.#start, this.#end)
  }

  /** @returns whether there was more */
  async #fill(): Promise<boolean> {
    if (this.#isOver) return false
    const { done, value } = await this.#source.next()
    this.#isOver = done === true
    if (done) return false
    if (this.#end + value.length > this.#store.length) {
      // More than is needed: a head of many MiB that came in small pieces would otherwise be copied for each.
      const needed = this.#buffer.length + value.length
      const store = Buffer.allocUnsafe(needed + Math.min(needed, MOST_AHEAD))
      this.#end = this.#buffer.copy(store)
      this.#start = 0
      this.#store = store
    }
    this.#end += value.copy(this.#store, this.#end)
    return true
  }

  /** A copy, as what is behind it is written again. */
  #take(bytes: number): Buffer {
    const taken = Buffer.from(this.#buffer.subarray(0, bytes))
    this.#start += taken.length
    this.left -= taken.length
    return taken
  }

  /**
   * Where something ends, within so many bytes. @throws Error when it is not there
   * @param endIn tells from what came, from a place on before which it does not end
   */
  async #find(endIn: (buffer: Buffer, from: number) => number | undefined, limit: number): Promise<number> {
    for (let from = 0; ; ) {
      const buffer = this.#buffer
      const end = endIn(buffer, from)
      if (end !== undefined && end <= limit) return end
      from = Math.max(0, buffer.length - 3) // as long as the longest end, but for its last character
      if (buffer.length >= limit) throw new Error('headers too long')
      if (!(await this.#fill())) throw new Error('connection closed')
    }
  }

  /** A line, which may end with a line feed alone, is left where it is, and without that. */
  async peekLine(): Promise<string> {
    const end = await this.#find(endOf('\n'), this.left)
    return this.#buffer.toString('latin1', 0, end - 1)
  }

  /** All lines up to an empty one: whether they are a head is not looked at before they are known to be no flood. */
  async head(): Promise<string> {
    const end = await this.#find(endOfHead, this.left)
    const head = this.#buffer.toString('latin1', 0, end)
    this.#start += end
    this.left -= end
    return head
  }

  /** @throws Error when that text does not come within so many bytes */
  async upTo(text: string, limit: number): Promise<string> {
    return this.#take(await this.#find(endOf(text), limit)).toString('latin1')
  }

  /** A line between chunks, which ends properly. */
  async chunkLine(): Promise<string> {
    const line = await this.upTo('\n', MAX_LINE)
    if (line.indexOf('\r') !== line.length - 2) throw notHttp()
    return line.slice(0, -2)
  }

  /** So many bytes, which are left where they are; fewer at the end. */
  async peek(bytes: number): Promise<string> {
    while (this.#buffer.length < Math.min(bytes, this.left) && (await this.#fill()));
    return this.#buffer.toString('latin1', 0, bytes)
  }

  async exactly(bytes: number): Promise<string> {
    await this.peek(bytes)
    return this.#take(bytes).toString('latin1')
  }

  /** At least one byte and at most so many; none at the end. */
  async some(most: number): Promise<Buffer> {
    while (this.#buffer.length === 0 && (await this.#fill()));
    return this.#take(most)
  }
}

const endOf = (text: string) => (buffer: Buffer, from: number) => {
  const at = buffer.indexOf(text, from, 'latin1')
  return at < 0 ? undefined : at + text.length
}

const LF = 0x0a
const CR = 0x0d

/** Line by line: to look for each kind of an empty line by itself would be to look through all that follows the first. */
function endOfHead(buffer: Buffer, from: number): number | undefined {
  for (let at = buffer.indexOf(LF, from); at >= 0; at = buffer.indexOf(LF, at + 1)) {
    if (buffer[at + 1] === LF) return at + 2
    if (buffer[at + 1] === CR && buffer[at + 2] === LF) return at + 3
  }
  return undefined
}

function notHttp(): Error {
  return new Error('not HTTP')
}
