/**
 * Answers in HTTP/1, read as Go's net/http reads them, which is how the kubelet does: in some ways more lenient than
 * Node's parser in any of its modes (a space in a name, HTTP/9.9, any number of equal lengths), in others stricter (a
 * control character in a value, line feeds between chunks). Reads from any source of bytes; no sockets.
 */

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

type Fields = ReadonlyMap<string, readonly string[]>

interface Head {
  readonly status: number
  readonly isOld: boolean
  readonly fields: Fields
}

/** Reads up to the body. @throws Error when it is no answer, or is cut short */
export async function readAnswer(source: AsyncIterable<Buffer>): Promise<HttpAnswer> {
  const reader = new Reader(source)
  reader.left = MAX_HEAD
  for (;;) {
    const head = await readHead(reader)
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
  const [, ...lines] = (await reader.head()).split('\n')
  return { status: Number(status), isOld, fields: parseFields(lines.map(withoutEnd)) }
}

const withoutEnd = (line: string) => (line.endsWith('\r') ? line.slice(0, -1) : line)

/** Lines up to an empty one, by their names in small letters. A name with a space in it is one that nobody looks for. */
function parseFields(lines: readonly string[]): Fields {
  const fields = new Map<string, string[]>()
  if (isBlank(lines[0])) throw notHttp()
  for (let n = 0; lines[n]; ) {
    let line = lines[n++] ?? ''
    if (!line.includes(':')) throw notHttp()
    line = trim(line)
    while (isBlank(lines[n])) line += ` ${trim(lines[n++] ?? '')}` // folded
    const colon = line.indexOf(':')
    const name = line.slice(0, colon)
    const value = line.slice(colon + 1)
    if (!/^[\w!#$%&'*+.^`|~ -]+$/.test(name) || /[^\t -~\x80-\xff]/.test(value)) throw notHttp()
    const key = name.toLowerCase()
    const values = fields.get(key)
    if (values) values.push(trim(value))
    else fields.set(key, [trim(value)])
  }
  return fields
}

const isBlank = (line = '') => line.startsWith(' ') || line.startsWith('\t')
const trim = (text: string) => text.replace(/^[ \t]+|[ \t]+$/g, '')

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
  const lines = (await reader.upTo('\r\n\r\n', MAX_LINE)).split('\n')
  parseFields(lines.map(withoutEnd))
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
      // Twice what is needed: a head of many MiB that came in small pieces would otherwise be copied for each.
      const store = Buffer.allocUnsafe(2 * (this.#buffer.length + value.length))
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

  /** Where the first of these texts ends, within so many bytes. @throws Error when none is there */
  async #find(texts: readonly string[], limit: number): Promise<number> {
    for (let from = 0; ; ) {
      const buffer = this.#buffer
      const ends = texts.flatMap((text) => {
        const at = buffer.indexOf(text, from, 'latin1')
        return at < 0 || at + text.length > limit ? [] : [at + text.length]
      })
      if (ends.length > 0) return Math.min(...ends)
      from = Math.max(0, buffer.length - 3) // as long as the longest, but for its last character
      if (buffer.length >= limit) throw new Error('headers too long')
      if (!(await this.#fill())) throw new Error('connection closed')
    }
  }

  /** A line, which may end with a line feed alone, is left where it is, and without that. */
  async peekLine(): Promise<string> {
    const end = await this.#find(['\n'], this.left)
    return this.#buffer.toString('latin1', 0, end - 1)
  }

  /** All lines up to an empty one: whether they are a head is not looked at before they are known to be no flood. */
  async head(): Promise<string> {
    return this.#take(await this.#find(['\n\n', '\n\r\n'], this.left)).toString('latin1')
  }

  /** @throws Error when that text does not come within so many bytes */
  async upTo(text: string, limit: number): Promise<string> {
    return this.#take(await this.#find([text], limit)).toString('latin1')
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

function notHttp(): Error {
  return new Error('not HTTP')
}
