import { afterEach, describe, expect, it, vi } from 'vitest'
import { BODY_LIMIT, HELD_LIMIT, RequestBodies } from '../../../../handler/serve/http/body.js'

const bodies = new RequestBodies()
afterEach(() => vi.useRealTimers())

/** A request whose body goes on when it is told to. */
function aRequest(bytes: number) {
  let end = () => {}
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      controller.enqueue(new Uint8Array(bytes).fill(32))
      end = () => controller.close()
    },
  })
  const request = new Request('http://localhost/', { method: 'POST', body, duplex: 'half' } as RequestInit)
  return { request, end: () => end() }
}

describe('bodies that are read at once', () => {
  it('take no more memory together than they may: one more is to come again, until one has ended', async () => {
    const sent = Array.from({ length: HELD_LIMIT / BODY_LIMIT }, () => aRequest(BODY_LIMIT))
    const reading = sent.map(({ request }) => bodies.read(request))
    await new Promise((resolve) => setImmediate(resolve))
    expect(await bodies.read(aRequest(1).request)).toEqual({ kind: 'busy' })
    for (const { end } of sent) end()
    for (const body of await Promise.all(reading)) expect(body).toMatchObject({ kind: 'text' })
    const last = aRequest(1)
    last.end()
    expect(await bodies.read(last.request)).toEqual({ kind: 'text', text: ' ' })
  })

  it('are given up when they come too slowly', async () => {
    vi.useFakeTimers()
    const reading = bodies.read(aRequest(1).request)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await reading).toEqual({ kind: 'slow' })
  })
})
