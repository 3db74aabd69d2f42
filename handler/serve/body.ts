/** The body of a request, no more than so much of it. */

/** Messages of hundreds of alerts fit in. */
export const BODY_LIMIT = 1024 * 1024

/** `undefined` when it is longer than the limit: the rest is not read. @throws whatever cuts the request short */
export async function readBody(request: Request): Promise<string | undefined> {
  if (Number(request.headers.get('content-length') ?? 0) > BODY_LIMIT) return undefined
  if (request.body === null) return ''
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength
    if (bytes > BODY_LIMIT) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
