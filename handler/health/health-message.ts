/**
 * Writes and reads the two messages of the gRPC health protocol (grpc.health.v1.Health/Check) in their frames: a flag,
 * a length, and protobuf. Pure but for the bytes that it waits for.
 */

const HEAD_BYTES = 5
/** The answer is one number. This leaves room for fields of a later version. */
const MAX_MESSAGE_BYTES = 4 << 10

/** The frame of a question about a service. The empty name asks for the whole server. */
export function healthQuestion(service: string): Buffer {
  const name = Buffer.from(service)
  const message = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, ...varint(name.length)]), name])
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

function varint(value: number): readonly number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)]
}

/**
 * All bytes of an answer of one message.
 * @throws Error as soon as they are too many, or no message that can be read
 */
export async function readFrame(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  let seen: Buffer = Buffer.alloc(0)
  for await (const chunk of chunks) {
    seen = Buffer.concat([seen, chunk])
    if (seen.length < HEAD_BYTES) continue
    const [flag] = seen
    const length = seen.readUInt32BE(1)
    if (flag === 1) throw new Error('compressed message, which was not asked for')
    if (flag !== 0) throw new Error('no gRPC message')
    if (length > MAX_MESSAGE_BYTES) throw new Error(`message of ${length} bytes, at most ${MAX_MESSAGE_BYTES} are read`)
    if (seen.length > HEAD_BYTES + length) throw new Error('more than one message')
  }
  return seen
}

/**
 * The number of the status in the frame of an answer.
 * @throws Error if the frame is cut short or holds no such message
 */
export function healthStatus(frame: Buffer): number {
  if (frame.length === 0) throw new Error('no message')
  if (frame.length < HEAD_BYTES || frame.length < HEAD_BYTES + frame.readUInt32BE(1))
    throw new Error('message cut short')
  let status = 0n
  const fields = new FieldReader(frame.subarray(HEAD_BYTES))
  while (!fields.isOver) {
    const { number, value } = fields.next()
    if (number === 1n && value !== undefined) status = BigInt.asIntN(32, value)
  }
  return Number(status)
}

const MAX_FIELD_NUMBER = (1n << 29n) - 1n
const MAX_VARINT_BYTES = 10

class FieldReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get isOver(): boolean {
    return this.#at === this.#bytes.length
  }

  /** The next field, with its value if that is a number. @throws Error if it is none */
  next(): { readonly number: bigint; readonly value?: bigint } {
    const tag = this.#varint()
    const number = tag >> 3n
    if (number < 1n || number > MAX_FIELD_NUMBER) throw notHealth()
    switch (tag & 7n) {
      case 0n:
        return { number, value: this.#varint() }
      case 1n:
        this.#skip(8n)
        break
      case 2n:
        this.#skip(this.#varint())
        break
      case 5n:
        this.#skip(4n)
        break
      default:
        throw notHealth()
    }
    return { number }
  }

  #varint(): bigint {
    let value = 0n
    for (let n = 0; n < MAX_VARINT_BYTES; n++) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) break
      value |= BigInt(byte & 0x7f) << BigInt(7 * n)
      if (byte < 0x80) {
        if (value >= 1n << 64n) break
        return value
      }
    }
    throw notHealth()
  }

  #skip(bytes: bigint): void {
    if (bytes > BigInt(this.#bytes.length - this.#at)) throw notHealth()
    this.#at += Number(bytes)
  }
}

const notHealth = () => new Error('no message of the health protocol')
