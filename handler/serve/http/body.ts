/** Reads the body of a request as text, with bounds on its length, on that of all bodies together, and on the time. */
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'

const MIB = 1024 * 1024

/**
 * Hundreds of alerts fit in. A longer body, such as 1,500 alerts, is about so many groups that a pass may serve all.
 */
export const BODY_LIMIT = MIB
/** All bodies that are being read at the same time, of all senders together. */
export const HELD_LIMIT = 16 * MIB
/**
 * A body that is too long is read up to here and thrown away, because a client that cannot send its body to the end
 * does not read the answer.
 */
const DRAINED_LIMIT = 16 * MIB
/**
 * Less than the server's own limit on a request: the server would answer with 408, after which Alertmanager does not
 * send the alert again.
 */
const TIMEOUT_MS = 10_000

/** `unreadable`: the body came, and cannot be understood. `busy`, `slow`, `cut`: it was not read to its end. */
type Body =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'unreadable'; readonly why: string }
  | { readonly kind: 'busy' }
  | { readonly kind: 'slow' }
  | { readonly kind: 'cut' }

const TOO_LONG: Body = {
  kind: 'unreadable',
  why: `the body is longer than ${BODY_LIMIT} bytes, which max_alerts in Alertmanager would prevent`,
}

type Chunks = AsyncIterator<Uint8Array, unknown>

export class RequestBodies {
  private heldBytes = 0

  /** Never rejects. */
  async read(request: Request): Promise<Body> {
    const chunks = (request.body as unknown as AsyncIterable<Uint8Array> | null)?.[Symbol.asyncIterator]()
    if (chunks === undefined) return { kind: 'text', text: '' }
    if (Number(request.headers.get('content-length') ?? 0) > BODY_LIMIT) {
      void drain(chunks)
      return TOO_LONG
    }
    const body = await this.hold(chunks)
    return Buffer.isBuffer(body) ? decode(body, request.headers.get('content-encoding') ?? '') : body
  }

  private async hold(chunks: Chunks): Promise<Buffer | Body> {
    const held: Uint8Array[] = []
    let bytes = 0
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, TIMEOUT_MS, undefined)
    })
    try {
      for (;;) {
        const next = chunks.next()
        next.catch(() => {}) // it may reject after the time is over
        const result = await Promise.race([next, late])
        if (result === undefined) return { kind: 'slow' }
        if (result.done) return Buffer.concat(held)
        const { byteLength } = result.value
        bytes += byteLength
        this.heldBytes += byteLength
        if (bytes > BODY_LIMIT) {
          void drain(chunks)
          return TOO_LONG
        }
        if (this.heldBytes > HELD_LIMIT) return { kind: 'busy' }
        held.push(result.value)
      }
    } catch {
      return { kind: 'cut' }
    } finally {
      clearTimeout(timer)
      this.heldBytes -= bytes
    }
  }
}

/** Never rejects. */
async function drain(chunks: Chunks): Promise<void> {
  try {
    for (let bytes = 0; bytes < DRAINED_LIMIT; ) {
      const { done, value } = await chunks.next()
      if (done) return
      bytes += value.byteLength
    }
    await chunks.return?.()
  } catch {
    // The body was cut short, so its sender is gone.
  }
}

const DECODERS: Readonly<Record<string, typeof gunzipSync>> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
}

/**
 * Synchronous, so that only one body is unpacked at a time. A host may have unpacked it already: the header then names
 * an encoding, and the body is plain text.
 */
function decode(bytes: Buffer, header: string): Body {
  const encoding = header.trim().toLowerCase()
  const plain: Body = { kind: 'text', text: bytes.toString().replace(/^\uFEFF/, '') }
  if (encoding === '' || encoding === 'identity') return plain
  try {
    const decoder = Object.hasOwn(DECODERS, encoding) ? DECODERS[encoding] : undefined
    if (decoder) return { kind: 'text', text: decoder(bytes, { maxOutputLength: BODY_LIMIT }).toString() }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return TOO_LONG
  }
  if (/^\s*\{/.test(plain.text)) return plain
  const why = `the body could not be unpacked: content-encoding is ${JSON.stringify(encoding.slice(0, 40))}`
  return { kind: 'unreadable', why }
}
