/** Reads bytes of a source on demand. It holds the last chunk and the beginning of a line, never a whole head. */

/** The most bytes of a line that are taken at a time. */
const MAX_PIECE_BYTES = 16 << 10
const LF = 0x0a
const CR = 0x0d

/** Reads bytes. In a text, each byte is one character. */
export class Reader {
  /** The number of bytes that may still be taken. */
  left = Number.POSITIVE_INFINITY
  readonly #source: AsyncIterator<Buffer>
  /** The bytes received; those before `#start` have been taken. */
  #store: Buffer = Buffer.alloc(0)
  #start = 0
  #isOver = false

  constructor(source: AsyncIterable<Buffer> | Iterable<Buffer>) {
    this.#source = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : all(source)
  }

  get #buffer(): Buffer {
    return this.#store.subarray(this.#start)
  }

  /** Reads the next chunk. @returns whether there was one */
  async #fill(): Promise<boolean> {
    if (this.#isOver) return false
    const { done, value } = await this.#source.next()
    this.#isOver = done === true
    if (done) return false
    this.#store = this.#start === this.#store.length ? value : Buffer.concat([this.#buffer, value])
    this.#start = 0
    return true
  }

  #take(bytes: number): Buffer {
    const taken = this.#store.subarray(this.#start, this.#start + bytes)
    this.#start += taken.length
    this.left -= taken.length
    return taken
  }

  /**
   * The bytes received of a line, with its line feed if that has come. `undefined` if there are none: `more` waits for
   * them.
   */
  piece(): string | undefined {
    const lineFeed = this.#store.indexOf(LF, this.#start)
    const there = lineFeed < 0 ? this.#store.length : lineFeed + 1
    let end = Math.min(there, this.#start + Math.min(MAX_PIECE_BYTES, this.left))
    // It may belong to a line feed that has not come yet.
    if (end !== lineFeed + 1 && this.#store[end - 1] === CR) end--
    return end > this.#start ? this.#take(end - this.#start).toString('latin1') : undefined
  }

  /** Waits for more bytes. @throws Error if the source has ended, or no more may be taken */
  async more(): Promise<void> {
    if (this.#buffer.length >= this.left) throw new Error('headers too long')
    if (!(await this.#fill())) throw new Error('connection closed')
  }

  /** The first piece of a line: the whole line, or a long part of it. @throws Error as `more` does */
  async firstPiece(): Promise<string> {
    while (!this.#buffer.includes(LF) && this.#buffer.length < MAX_PIECE_BYTES) await this.more()
    return this.piece() ?? ''
  }

  /** Takes all up to the end of a text. @throws Error if it does not end within `limit` bytes */
  async upTo(text: string, limit: number): Promise<string> {
    for (;;) {
      const at = this.#buffer.indexOf(text, 0, 'latin1')
      const end = at + text.length
      if (at >= 0 && end <= limit) return this.#take(end).toString('latin1')
      if (this.#buffer.length >= limit) throw new Error('headers too long')
      if (!(await this.#fill())) throw new Error('connection closed')
    }
  }

  /** The next bytes, without taking them. Fewer at the end of the source. */
  async peek(bytes: number): Promise<string> {
    while (this.#buffer.length < Math.min(bytes, this.left) && (await this.#fill()));
    return this.#buffer.toString('latin1', 0, bytes)
  }

  async exactly(bytes: number): Promise<string> {
    await this.peek(bytes)
    return this.#take(bytes).toString('latin1')
  }

  /** At least one byte and at most `most`. None at the end of the source. */
  async some(most: number): Promise<Buffer> {
    while (this.#buffer.length === 0 && (await this.#fill()));
    return this.#take(most)
  }
}

async function* all(chunks: Iterable<Buffer>): AsyncGenerator<Buffer> {
  yield* chunks
}
