// People are told of a handover after all of its writes, and nothing waits for that but the end of the pass.
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect } from '../../handler/kube/client.js'
import { announcer } from '../../handler/notice/announcer.js'
import { notifier } from '../../handler/notice/notification.js'
import { Posts } from '../../handler/notice/posts.js'
import { exitCode } from '../../handler/report/exit-code.js'
import { toJson } from '../../handler/report/json.js'
import { toText } from '../../handler/report/text.js'
import { systemClock } from '../../handler/util/clock.js'
import { type InProcess, NAMESPACE, startInProcess } from '../support/in-process.js'
import { startServer, type TestServer } from '../support/servers.js'
import { VirtualClock } from '../support/virtual-clock.js'

const HANDOVER = [
  ...['GET services', 'GET pods', 'PATCH services/app', 'PATCH pod/a', 'GET services', 'PATCH pod/b'],
  'PATCH services/app',
]

describe('a pass that tells people', () => {
  let world: InProcess
  let chat: TestServer
  /** The requests to the API server, and the messages to the chat, in order. */
  let order: string[]
  beforeEach(async () => {
    order = []
    world = await startInProcess()
    chat = await startServer((socket) => {
      order.push('POST chat')
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    })
    await world.pass()
    world.health.set('a', '500')
    world.takeRequests()
    world.api.intercept(({ method, path }) => {
      order.push(`${method} ${path.replace(/^.*\/(services|pods|events)/, '$1').replace('pods/', 'pod/')}`)
      return undefined
    })
  })
  afterEach(async () => {
    await chat.close()
    await world.close()
  })

  const pass = (options: Parameters<InProcess['pass']>[0] = {}, sleep = systemClock.sleep) => {
    const config = new KubeConfig()
    config.loadFromString(world.api.kubeconfig)
    const kube = connect(config)
    const notify = notifier({ url: new URL(`${chat.url}/SECRET`) }, {}, { sleep })
    const announce = announcer({ createEvent: kube.createEvent, clock: systemClock, posts: new Posts(notify) })
    return world.pass(options, { kube, announce, clock: { now: systemClock.now, sleep } })
  }

  it('sends an Event and a message after the release, and counts the request', async () => {
    const report = await pass()
    expect(order.slice(0, 7)).toEqual(HANDOVER)
    expect(order.slice(7).sort()).toEqual(['POST chat', 'POST events'])
    expect(report.requests).toBe(8)
    expect(world.api.store.list('events', NAMESPACE)).toMatchObject([{ reason: 'FailedOver', related: { name: 'b' } }])
    expect(report.warnings).toEqual([])
  })

  it('is steady in two requests', async () => {
    world.health.delete('a')
    expect((await pass()).requests).toBe(2)
    expect(order).toEqual(['GET services', 'GET pods'])
  })

  it('that is a dry run sends nothing', async () => {
    await pass({ dryRun: true })
    expect(order).toEqual(['GET services', 'GET pods', 'GET services'])
  })

  it.each(['hang', 'refuse', 'redirect-away', 'error', 'flood', 'garbage'] as const)(
    'to a chat that does %s makes the same requests, and says so without the URL',
    async (behaviour) => {
      await chat.behave(behaviour)
      const clock = new VirtualClock()
      const report = await (async () => {
        const running = pass({}, (ms, signal) =>
          ms === 3_000 ? clock.sleep(ms, signal) : systemClock.sleep(ms, signal),
        )
        const ended = running.then(() => true)
        while (!(await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 1))]))) {
          // The limit comes when everything else is done.
          if (order.includes('POST events') && world.actives().join() === 'b') await clock.advance(3_000)
        }
        return running
      })()
      expect(order.slice(0, 8)).toEqual([...HANDOVER, 'POST events'])
      expect(exitCode(report)).toBe(0)
      const said = toText(report) + toJson(report)
      if (behaviour !== 'flood') expect(report.warnings).toEqual([expect.stringMatching(/^the notification failed: /)])
      expect(said).not.toMatch(/SECRET|192\.0\.2/)
      expect(said).not.toContain(chat.url)
    },
  )

  it('without the right to create Events says so once, and exits as if it had it', async () => {
    world.addService({ name: 'app-all', selector: { app: 'helloworld', role: 'active' } })
    world.api.intercept(({ path }) =>
      path.endsWith('/events')
        ? {
            kind: 'answer',
            status: 403,
            body: { kind: 'Status', message: 'User "ap" cannot create resource "events"' },
          }
        : undefined,
    )
    const report = await pass()
    expect(report.warnings).toEqual([
      expect.stringMatching(/^no Events are written: may not create events\.k8s\.io\/events in namespace default: /),
    ])
    expect(exitCode(report)).toBe(0)
  })
})
