import { setMaxListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { HistoryEntry } from '../../../handler/group/history.js'
import type { Digest, Message } from '../../../handler/notice/message.js'
import { type Post, Posts } from '../../../handler/notice/posts.js'
import { VirtualClock } from '../../support/virtual-clock.js'

const handover: HistoryEntry = {
  ...({ at: '2026-01-01T12:00:00.000Z', kind: 'failover', from: 'a', to: 'b', reason: 'active-failed' } as const),
  ...{ text: 'a failed', epoch: 4 },
}

function about(namespace: string, service: string, reason: string): Post {
  const isHandover = reason !== 'ConfigurationError'
  const message = { text: reason, namespace, service, trouble: isHandover ? null : { reason, text: 'x' } }
  return {
    namespace,
    isHandover,
    reason,
    message: { ...message, handover: isHandover ? handover : null, dryRun: false },
  }
}
const failover = (namespace: string, service: string) => about(namespace, service, 'FailedOver')
const trouble = (namespace: string, service: string) => about(namespace, service, 'ConfigurationError')

/** A chat that answers after `ms`, or with a failure; and a pass that may end. */
function aChat({ ms = 200, failure = undefined as string | undefined, livesOn = false } = {}) {
  const clock = new VirtualClock()
  const posted: { readonly atMs: number; readonly body: Message | Digest }[] = []
  const [warned, log]: [string[], string[]] = [[], []]
  const state = { atOnce: 0, most: 0 }
  const posts = new Posts(
    async (body, signal) => {
      posted.push({ atMs: clock.now(), body })
      state.most = Math.max(state.most, ++state.atOnce)
      await clock.sleep(ms, signal)
      state.atOnce--
      return signal.aborted ? 'the notification failed: no answer' : failure
    },
    livesOn ? { warn: (text) => void log.push(text), clock } : undefined,
  )
  const pass = new AbortController()
  setMaxListeners(0, pass.signal) // as that of a pass
  let ended = 0
  const send = (...some: readonly Post[]) => {
    for (const one of some)
      void posts.send(one, pass.signal).then((warning) => {
        ended++
        if (warning !== undefined) warned.push(warning)
      })
  }
  return { clock, posts, posted, warned, log, pass, send, state, ended: () => ended }
}
type Chat = ReturnType<typeof aChat>

/** `namespace/service`, in the order in which a chat was told. */
const toldOf = ({ posted }: Chat) =>
  posted.map(({ body }) =>
    'handovers' in body
      ? body.handovers.map(({ namespace, service }) => `${namespace}/${service}`)
      : `${body.namespace}/${body.service}`,
  )
const many = (count: number, make: (service: string) => Post) => Array.from({ length: count }, (_, n) => make(`${n}`))

describe('notifications that wait', () => {
  it('of two hundred handovers are all told of, a hundred at a time, to a chat that takes 200 ms', async () => {
    const chat = aChat()
    chat.send(...many(200, (n) => failover('shop', n)))
    await chat.clock.advance(1_000)
    expect([new Set(toldOf(chat).flat()).size, chat.posted.length, chat.state.most]).toEqual([200, 6, 4])
    expect([chat.ended(), chat.warned]).toEqual([200, []])
  })

  it('are one message each as long as there are few', async () => {
    const chat = aChat()
    chat.send(...many(7, (n) => failover('shop', n)))
    await chat.clock.advance(1_000)
    expect(toldOf(chat)).toEqual(many(7, (n) => failover('shop', n)).map(({ message }) => `shop/${message.service}`))
  })

  it('are counted and named in the text of one message, by reason, with all handovers beside it', async () => {
    const chat = aChat()
    chat.send(...many(4, (n) => trouble('shop', n)))
    chat.send(failover('shop', 'a'), about('shop', 'b', 'Repaired'), ...many(21, (n) => failover('shop', n)))
    await chat.clock.advance(300)
    const names = Array.from({ length: 19 }, (_, n) => `shop/${n}`).join(', ')
    expect(chat.posted[4]?.body).toMatchObject({
      text: `23 groups: FailedOver: shop/a, ${names} and 2 more; Repaired: shop/b`,
      ...{ namespace: null, service: null, handover: null, trouble: null, dryRun: false },
    })
    const { handovers = [] } = (chat.posted[4]?.body ?? {}) as Partial<Digest>
    expect([handovers.length, handovers[0]]).toEqual([23, { namespace: 'shop', service: 'a', ...handover }])
  })

  it('of troubles of one tenant hold up no handover of another, and its handovers take turns with them', async () => {
    const chat = aChat({ ms: 800 })
    chat.send(...many(300, (n) => trouble('evil', n)))
    chat.send(...many(200, (n) => failover('evil', n)), failover('victim', 'db'), trouble('victim', 'db'))
    await chat.clock.advance(900)
    expect(toldOf(chat)[4]?.slice(0, 3)).toEqual(['evil/0', 'victim/db', 'evil/1'])
    await chat.clock.advance(800)
    expect(toldOf(chat)).toContain('victim/db') // its trouble, before 294 of the other
  })

  it('are given up when the pass must end, in one warning that names them', async () => {
    const chat = aChat({ ms: 60_000 })
    chat.send(...many(4, (n) => failover('shop', n)), ...many(25, (n) => trouble('shop', n)), failover('bank', 'db'))
    await chat.clock.advance(3_000)
    chat.pass.abort()
    await chat.clock.advance(0)
    expect(chat.ended()).toBe(30)
    expect(new Set(chat.warned)).toEqual(
      new Set([
        expect.stringMatching(/^there was no time to tell people of bank\/db FailedOver, shop\/0 .* and 6 more$/),
        ...many(4, (n) => failover('shop', n)).map(
          ({ message }) => `the notification failed: no answer (of shop/${message.service} FailedOver)`,
        ),
      ]),
    )
  })

  it('of handovers go on after the pass in a process that lives on, and its log has what fails', async () => {
    const chat = aChat({ ms: 2_000, livesOn: true, failure: 'the notification failed: status 500' })
    chat.send(...many(5, (n) => failover('shop', n)), trouble('shop', 'web'))
    await chat.clock.advance(1_000)
    chat.pass.abort()
    await chat.clock.advance(0)
    expect([chat.ended(), chat.posted.length]).toEqual([6, 4])
    expect(new Set(chat.warned)).toEqual(new Set(['there was no time to tell people of shop/web ConfigurationError']))
    await chat.clock.advance(5_000)
    expect(toldOf(chat)).toEqual(['shop/0', 'shop/1', 'shop/2', 'shop/3', 'shop/4'])
    expect(chat.log).toEqual(
      [0, 1, 2, 3, 4].map((n) => `the notification failed: status 500 (of shop/${n} FailedOver)`),
    )
  })

  it('are a thousand at most: the tenant that has the most loses the last of them', async () => {
    const chat = aChat({ ms: 60_000, livesOn: true })
    chat.send(...many(4, (n) => failover('evil', n)), failover('victim', 'db'), trouble('victim', 'db'))
    chat.send(...many(1_000, (n) => failover('evil', `more-${n}`)))
    await chat.clock.advance(0)
    expect(chat.warned).toEqual(
      ['victim/db ConfigurationError', 'evil/more-999 FailedOver'].map(
        (name) => `people are not told of ${name}: 1000 messages wait already`,
      ),
    )
  })

  it('have three seconds when the process ends, and one line names the rest', async () => {
    const chat = aChat({ ms: 2_000, livesOn: true })
    chat.send(...many(4, (n) => failover('shop', n)))
    chat.pass.abort()
    let isClosed = false
    void chat.posts.close().then(() => {
      isClosed = true
    })
    await chat.clock.advance(1_900)
    expect(isClosed).toBe(false)
    await chat.clock.advance(100)
    expect([isClosed, chat.log]).toEqual([true, []])

    const slow = aChat({ ms: 60_000, livesOn: true })
    slow.send(...many(4, (n) => failover('shop', n)), failover('bank', 'db'), failover('bank', 'web'))
    slow.pass.abort()
    void slow.posts.close()
    await slow.clock.advance(3_000)
    expect(slow.log.filter((line) => line.startsWith('there was no time'))).toEqual([
      'there was no time to tell people of bank/db FailedOver, bank/web FailedOver',
    ])
    expect(slow.log).toHaveLength(5)
  })
})
