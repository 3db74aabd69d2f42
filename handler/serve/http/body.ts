/** The body of a request as text: no more than so much of it, of all of them together, and within a time. */
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'

const MIB = 1024 * 1024

/** Hundreds of alerts fit in. What is longer, as 1,500 are, is about so many groups that all may as well be served. */
export const BODY_LIMIT = MIB
/** Of bodies that are being read at once, whoever sends them. */
export const HELD_LIMIT = 16 * MIB
/** What is too long is read on and thrown away up to here: a client that is not heard to the end hears no answer. */
const DRAINED_LIMIT = 16 * MIB
/** Less than the server allows a request: it would answer with 408, and Alertmanager would send the alert no more. */
const TIMEOUT_MS = 10_000

/** `unreadable`: it is there, and nobody knows what it says. `busy`, `slow`, `cut`: it was not read to its end. */
export type Body =
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
        next.catch(() => {}) // when nobody waits for it any more
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
    // It was cut short: whoever sent it is gone.
  }
}

const DECODERS: Readonly<Record<string, typeof gunzipSync>> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
}

/** One after the other, so that few megabytes are unpacked at a time. A host may have undone what the header says. */
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
