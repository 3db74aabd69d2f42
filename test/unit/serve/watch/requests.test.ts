import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { describe, expect, it } from 'vitest'
import { connectWatches } from '../../../../handler/kube/watch.js'
import { runReflector } from '../../../../handler/serve/watch/reflector.js'
import type { Clock } from '../../../../handler/util/clock.js'
import { MINUTE } from '../../../support/builders.js'
import { listen, load } from '../../kube/support.js'

const event = (type: string, object: object) => `${JSON.stringify({ type, object })}\n`
const bookmark = event('BOOKMARK', { metadata: { resourceVersion: '1' } })
const list = JSON.stringify({ kind: 'PodList', metadata: { resourceVersion: '1' }, items: [] })

/** Somebody who does not wait makes more before anybody looks. */
const MANY = 100

/** The pauses of whoever waits for this signal are over at once and add up, to a minute; nobody else's time comes. */
function hurried(end: AbortController): Clock {
  let nowMs = 0
  return {
    now: () => nowMs,
    sleep: async (ms, signal) => {
      if (signal !== end.signal) return void (signal?.aborted || (signal && (await once(signal, 'abort'))))
      nowMs += ms
      if (nowMs >= MINUTE) end.abort()
    },
  }
}

describe('the requests to a server', () => {
  it.each<readonly [string, (response: ServerResponse) => void]>([
    ['ends each watch after a bookmark', (response) => response.end(bookmark)],
    ['breaks each watch after a bookmark', (response) => response.write(bookmark, () => response.destroy())],
    ['tells of nothing that it could be', (response) => response.end(event('MODIFIED', {}))],
    ['says of every version that it has expired', (response) => response.writeHead(410).end()],
    ['closes the connection', (response) => response.destroy()],
    ['answers with a login page', (response) => response.end('<html>Who are you?</html>')],
  ])('that %s are few in a minute', async (_name, answer) => {
    const end = new AbortController()
    let requests = 0
    const { port } = await listen(
      createServer(({ url = '' }, response) => {
        if (++requests === MANY) end.abort()
        if (url.includes('watch=true')) answer(response)
        else response.end(list)
      }),
    )
    const nothing = () => {}
    const store = {
      replaced: nothing,
      changed: nothing,
      deleted: nothing,
      connected: nothing,
      steady: nothing,
      begins: nothing,
    }
    const pods = connectWatches(await load({ server: `http://127.0.0.1:${port}` })).pods('shop')
    await runReflector(pods, store, { clock: hurried(end), random: Math.random }, end.signal)
    expect(requests).toBeGreaterThan(10)
    expect(requests).toBeLessThan(40)
  })
})
