import { describe, expect, it } from 'vitest'
import type { Created, KubeEvent } from '../../../handler/kube/events.js'
import { KubeError } from '../../../handler/kube/port.js'
import { announcer } from '../../../handler/notice/announcer.js'
import type { Digest, Message } from '../../../handler/notice/message.js'
import { type Notify, Posts } from '../../../handler/notice/posts.js'
import { Said } from '../../../handler/notice/said.js'
import type { GroupReport } from '../../../handler/report/report.js'
import { aGroupReport, aMember, anActive, aService, failed, MINUTE, NOW } from '../../support/builders.js'

const never = new AbortController().signal
const handover = {
  ...({ at: '2026-01-01T12:00:00.000Z', kind: 'failover', from: 'a', to: 'b', reason: 'active-failed' } as const),
  ...{ text: 'a failed', epoch: 4 },
}
const MOVED = aGroupReport([anActive('b'), aMember('a')], { handover })
const TROUBLE = aGroupReport([anActive('a', { verdict: failed() })])
const WELL = aGroupReport([anActive('a'), aMember('b')])

const refused = (code: KubeError['code']): Created => ({
  kind: 'failed',
  error: new KubeError(code, 'may not create events.k8s.io/events', 'Grant it.'),
})

/** One process. Several of them may share the Events that there are. */
function aProcess({ remembers = false, there = new Set<string>(), services = [aService('web')] } = {}) {
  const asked: KubeEvent[] = []
  const posted: (Message | Digest)[] = []
  const state = { nowMs: NOW, answer: undefined as Created | undefined }
  const notify: Notify = async (message) => void posted.push(message)
  const announce = announcer({
    createEvent: async (event) => {
      asked.push(event)
      if (state.answer) return state.answer
      const kind = there.has(event.name) ? 'exists' : 'created'
      there.add(event.name)
      return { kind }
    },
    posts: new Posts(notify),
    clock: { now: () => state.nowMs },
    ...(remembers ? { said: new Said() } : {}),
  })
  const pass = (report: GroupReport) => {
    const group = { namespace: 'default', services, selector: { app: 'web' }, members: report.members }
    return announce(group, report, never)
  }
  return { asked, posted, state, pass }
}

describe('an announcer', () => {
  it('says nothing of a group that is well', async () => {
    const { asked, posted, pass } = aProcess()
    expect(await pass(WELL)).toEqual([])
    expect([asked, posted]).toEqual([[], []])
  })

  it('creates an Event for each Service, and posts one message for the group', async () => {
    const { asked, posted, pass } = aProcess({ services: [aService('web'), aService('web-all')] })
    expect(await pass(MOVED)).toEqual([])
    expect(asked.map(({ service, reason }) => [service.name, reason])).toEqual([
      ['web', 'FailedOver'],
      ['web-all', 'FailedOver'],
    ])
    expect(posted).toEqual([
      {
        text: 'default/web,web-all: FailedOver: b is active in place of a (epoch 4): a failed',
        ...{ namespace: 'default', service: 'web', handover, trouble: null, dryRun: false },
      },
    ])
  })

  it('of a trouble of an hour of minutes, seen by four CronJobs at once, makes one Event and one message', async () => {
    const there = new Set<string>()
    const posted: (Message | Digest)[] = []
    for (let minute = 0; minute < 60; minute++) {
      const all = Array.from({ length: 4 }, () => aProcess({ there }))
      await Promise.all(all.map(({ pass }) => pass(TROUBLE)))
      posted.push(...all.flatMap((one) => one.posted))
    }
    expect(there.size).toBe(1)
    expect(posted).toMatchObject([{ handover: null, trouble: { reason: 'FailoverBlocked' } }])
  })

  it('that remembers asks once an hour, as long as a trouble lasts, and again when it comes back', async () => {
    const there = new Set<string>()
    const { asked, posted, pass, state } = aProcess({ remembers: true, there })
    const passes = async (count: number, report: GroupReport) => {
      for (let n = 0; n < count; n++) {
        await pass(report)
        state.nowMs += MINUTE
      }
      return [asked.length, posted.length]
    }
    expect(await passes(60, TROUBLE)).toEqual([1, 1])
    there.clear() // an Event lives for an hour
    expect(await passes(60, TROUBLE)).toEqual([2, 2])
    there.clear()
    expect(await passes(1, WELL)).toEqual([2, 2])
    expect(await passes(5, TROUBLE)).toEqual([3, 3])
    expect(await passes(1, WELL)).toEqual([3, 3])
    expect(await passes(5, TROUBLE)).toEqual([4, 3]) // within the hour: it was said
  })

  it('says once what a refusal means, for all Services, and asks again after a minute', async () => {
    const { asked, pass, state } = aProcess({ remembers: true, services: [aService('web'), aService('web-all')] })
    state.answer = refused('denied')
    const warning = 'no Events are written: may not create events.k8s.io/events. Grant it.'
    expect(new Set(await pass(TROUBLE))).toEqual(new Set([warning]))
    const sofar = asked.length
    expect(new Set(await pass(TROUBLE))).toEqual(new Set([warning]))
    expect(asked).toHaveLength(sofar)
    state.nowMs += MINUTE
    state.answer = undefined
    expect(await pass(TROUBLE)).toEqual([])
    expect(asked).toHaveLength(sofar + 2)
  })

  it('without the right to create Events posts handovers; of troubles only a process that remembers knows which are new', async () => {
    const cronjob = aProcess()
    cronjob.state.answer = refused('denied')
    await cronjob.pass(MOVED)
    await cronjob.pass(TROUBLE)
    expect(cronjob.posted.map((one) => one.trouble)).toEqual([null])

    const server = aProcess({ remembers: true })
    server.state.answer = refused('denied')
    for (let minute = 0; minute < 59; minute++) {
      await server.pass(TROUBLE)
      server.state.nowMs += MINUTE
    }
    expect(server.posted).toHaveLength(1)
  })

  it('names the Event and its Service where creating it fails otherwise', async () => {
    const { pass, state } = aProcess()
    state.answer = refused('unreachable')
    expect(await pass(MOVED)).toEqual([
      'no Event FailedOver about service default/web: may not create events.k8s.io/events. Grant it.',
    ])
  })

  it('posts the message of a handover though the API server never answers', async () => {
    const posted: (Message | Digest)[] = []
    const announce = announcer({
      createEvent: () => new Promise(() => {}),
      posts: new Posts(async (message) => void posted.push(message)),
      clock: { now: () => NOW },
    })
    void announce({ namespace: 'default', services: [aService('web')], selector: {}, members: [] }, MOVED, never)
    await new Promise(setImmediate)
    expect(posted).toHaveLength(1)
  })

  it('writes no mentions and no links of tenants into a chat', async () => {
    const { posted, pass } = aProcess()
    const text = 'HTTP <!channel> @here <https://evil.example|click>'
    await pass(aGroupReport([anActive('b')], { handover: { ...handover, text } }))
    expect(posted[0]?.text).toContain('HTTP ‹!channel› ＠here ‹https://evil.example|click›')
  })
})

describe('the memory', () => {
  it('holds ten thousand groups at most, and forgets the oldest', () => {
    const said = new Said()
    for (let n = 0; n <= 10_000; n++) said.attempted(`group ${n}`, 'name', { atMs: NOW })
    expect(said.last('group 0', 'name', NOW)).toBeUndefined()
    expect(said.last('group 1', 'name', NOW)).toEqual({ atMs: NOW })
  })

  it('asks again when the time of the machine has jumped back', () => {
    const said = new Said()
    said.attempted('group', 'name', { atMs: NOW })
    expect(said.last('group', 'name', NOW - 1)).toBeUndefined()
  })
})
