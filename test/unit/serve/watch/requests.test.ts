import { createServer, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { connectWatches } from '../../../../handler/kube/watch.js'
import { runReflector } from '../../../../handler/serve/watch/reflector.js'
import { systemClock } from '../../../../handler/util/clock.js'
import { listen, load } from '../../kube/support.js'

const event = (type: string, object: object) => `${JSON.stringify({ type, object })}\n`
const bookmark = event('BOOKMARK', { metadata: { resourceVersion: '1' } })
const list = JSON.stringify({ kind: 'PodList', metadata: { resourceVersion: '1' }, items: [] })

describe('the requests to a server', () => {
  it.each<readonly [string, (response: ServerResponse) => void]>([
    ['ends each watch after a bookmark', (response) => response.end(bookmark)],
    ['breaks each watch after a bookmark', (response) => response.write(bookmark, () => response.destroy())],
    ['tells of nothing that it could be', (response) => response.end(event('MODIFIED', {}))],
    ['says of every version that it has expired', (response) => response.writeHead(410).end()],
    ['closes the connection', (response) => response.destroy()],
    ['answers with a login page', (response) => response.end('<html>Who are you?</html>')],
  ])('that %s are few', async (_name, answer) => {
    let requests = 0
    const { port } = await listen(
      createServer(({ url = '' }, response) => {
        requests++
        if (url.includes('watch=true')) answer(response)
        else response.end(list)
      }),
    )
    const nothing = () => {}
    const store = { replaced: nothing, changed: nothing, deleted: nothing, connected: nothing, steady: nothing }
    const pods = connectWatches(await load({ server: `http://127.0.0.1:${port}` })).pods('shop')
    const end = new AbortController()
    const following = runReflector(pods, store, { clock: systemClock, random: Math.random }, end.signal)
    await sleep(1_000) // for as many as would come
    end.abort()
    await following
    expect(requests).toBeGreaterThan(1)
    expect(requests).toBeLessThan(10)
  })
})
