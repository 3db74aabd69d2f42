/** How long a registry may take for one answer, in seconds, unless a step says otherwise. */
export const SECONDS = 120

/**
 * Sends a GET and reads the whole answer.
 * @param seconds for both together
 * @throws Error with the URL when there is no answer, or none in time
 */
export async function request(url, { headers = {}, seconds = SECONDS } = {}) {
  try {
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(seconds * 1000) })
    const body = Buffer.from(await response.arrayBuffer())
    return { status: response.status, headers: response.headers, body }
  } catch (error) {
    if (error.name === 'TimeoutError') throw new Error(`${url}: no answer within ${seconds} s`)
    throw new Error(`${url}: ${error.cause?.message ?? error.message}`)
  }
}
