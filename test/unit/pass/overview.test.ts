import { beforeEach, describe, expect, it } from 'vitest'
import type { Group, Judged } from '../../../handler/group/groups.js'
import type { ProbeResult } from '../../../handler/health/probe-result.js'
import { Overview } from '../../../handler/pass/overview.js'
import { aMember, anActive, aService, conclusively, failed, failing, healthy, MINUTE } from '../../support/builders.js'
import { VirtualClock } from '../../support/virtual-clock.js'

const never = new AbortController().signal
const passes = { healthy: true, text: '200', ms: 1 }
const fails = { healthy: false, text: '500', ms: 1 }
const unreached = { healthy: false, text: 'no answer', ms: 1, reached: false } as const

/** Of commands, which the API server passes on. */
const hung = { ...unreached, heard: { 'api-server': false } } as const
const exited = { healthy: false, text: 'exit code 1', ms: 1, heard: { 'api-server': true } } as const

let clock: VirtualClock
let overview: Overview
beforeEach(() => {
  clock = new VirtualClock(60 * MINUTE)
  overview = new Overview(clock)
})

interface Played {
  readonly group: Group
  readonly active: Judged
  readonly passive: Judged
  /** Ends its pass. */
  end(): void
}

/** A group that a pass is serving: nothing is known of it yet. */
function begin(name: string, namespace = 'default', ready = true): Played {
  const [active, passive] = [anActive(`${name}-0`, { pod: { ready } }), aMember(`${name}-1`)]
  const selector = { app: name, role: 'active' }
  const group = {
    ...{ namespace, selector, services: [aService(name, { namespace })], members: [active, passive] },
  } as unknown as Group
  let end = () => {}
  void overview.during(group, () => new Promise<void>((resolve) => (end = resolve)))
  return { group, active, passive, end: () => end() }
}

const send = ({ group, active }: Played) => overview.asks(group, active)
const answer = ({ group, active }: Played, result: ProbeResult) => {
  overview.asks(group, active)
  overview.answered(group, active, result)
}

const scope = (panic = 0.5, unread = () => 0) => ({ clock, panic, unread })

/** What it makes of it that our check fails its active pod; `waits` until it is known. */
function doubtOn(played: Played, how = scope(), verdict = failed()) {
  const { group, active, passive } = played
  const state: { code: string | undefined; text?: string | undefined } = { code: 'waits' }
  const members = [
    { ...active, verdict },
    { ...passive, verdict: healthy },
  ]
  void overview.doubt(group, members, how, never).then((doubt) => {
    state.code = doubt?.code
    state.text = doubt?.text
  })
  return state
}

const sixth = () => ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => begin(name)) as [Played, ...Played[]]
const settle = () => clock.advance(0)

describe('a group whose active pod fails our check', () => {
  it('acts at once where most others pass, though one of them has not answered', async () => {
    const [first, ...others] = sixth()
    answer(first, fails)
    for (const other of others.slice(0, 3)) answer(other, passes)
    send(others[3] as Played)
    const doubt = doubtOn(first)
    await settle()
    expect(doubt.code).toBeUndefined()
  })

  it('acts at once where there are few groups', async () => {
    const [first, ...others] = ['a', 'b', 'c', 'd'].map((name) => begin(name)) as [Played, ...Played[]]
    answer(first, fails)
    for (const other of others) send(other)
    const doubt = doubtOn(first)
    await settle()
    expect(doubt.code).toBeUndefined()
  })

  it('does nothing where most of them fail, and is told how many, and what to do', async () => {
    const [first, ...others] = sixth()
    answer(first, fails)
    for (const [n, other] of others.entries()) answer(other, n < 3 ? fails : passes)
    const doubt = doubtOn(first)
    await settle()
    expect(doubt.code).toBe('panic')
    expect(doubt.text).toMatch(/^a-0 failed our check \(500\), as do 4 of the 6 active pods.*--panic 0/)
  })

  it('is in doubt before its failures count', async () => {
    const all = sixth()
    for (const one of all) answer(one, fails)
    const doubt = doubtOn(all[0], scope(), failing(1))
    await settle()
    expect(doubt.code).toBe('panic')
  })

  it('waits for those on whom it depends, and no longer than for the first that decides', async () => {
    const [first, ...others] = sixth()
    answer(first, fails)
    answer(others[0] as Played, passes)
    answer(others[1] as Played, passes)
    const doubt = doubtOn(first)
    await settle()
    expect(doubt.code).toBe('waits')
    answer(others[2] as Played, passes)
    await settle()
    expect(doubt.code).toBeUndefined()
  })

  it('waits two seconds at most: who was asked and has not answered fails, and who was not asked says nothing', async () => {
    const all = sixth()
    const [first, ...others] = all
    answer(first, fails)
    answer(others[0] as Played, passes)
    for (const other of others.slice(1)) send(other)
    const doubt = doubtOn(first)
    await clock.advance(1_999)
    expect(doubt.code).toBe('waits')
    await clock.advance(1)
    expect(doubt.code).toBe('panic')

    overview = new Overview(clock)
    const [alone, ...unasked] = sixth()
    answer(alone, fails)
    expect(unasked).toHaveLength(5)
    const other = doubtOn(alone)
    await clock.advance(2_000)
    expect(other.code).toBeUndefined()
  })

  it('waits for what is not read yet, and not for groups that turn out to be none to compare with', async () => {
    let unread = 2
    const first = begin('a')
    answer(first, fails)
    const doubt = doubtOn(
      first,
      scope(0.5, () => unread),
    )
    await settle()
    expect(doubt.code).toBe('waits')
    const others = ['b', 'c', 'd', 'e'].map((name) => begin(name))
    for (const other of others.slice(1)) answer(other, fails)
    unread = 0
    overview.tell()
    await settle()
    expect(doubt.code).toBe('waits')
    overview.omit((others[0] as Played).group)
    await settle()
    expect(doubt.code).toBeUndefined()
  })

  it('waits for no namespace that is slow to be read, where it is one alone or most of the others pass', async () => {
    const first = begin('a')
    answer(first, fails)
    const unread = (n: number) =>
      doubtOn(
        first,
        scope(0.5, () => n),
      )
    const [one, two] = [unread(1), unread(2)]
    await settle()
    expect([one.code, two.code]).toEqual([undefined, 'waits'])
    for (const name of ['b', 'c', 'd', 'e']) answer(begin(name), passes)
    await settle()
    expect(two.code).toBeUndefined()
  })

  it('is not held up by the groups of one other namespace, however many of them hang', async () => {
    const first = begin('a')
    answer(first, fails)
    for (let n = 0; n < 20; n++) send(begin(`x${n}`, 'other'))
    const doubt = doubtOn(first)
    await settle()
    expect(doubt.code).toBeUndefined()
  })

  it('goes its way where its kubelet agrees, or has spoken', async () => {
    const all = ['a', 'b', 'c', 'd', 'e'].map((name) => begin(name))
    for (const one of all) answer(one, fails)
    const notReady = doubtOn(begin('f', 'default', false))
    const gone = doubtOn(all[0] as Played, scope(), conclusively('terminating'))
    await settle()
    expect([notReady.code, gone.code]).toEqual([undefined, undefined])
  })

  it('acts where panic is turned off', async () => {
    const all = sixth()
    for (const one of all) answer(one, fails)
    const doubt = doubtOn(all[0], scope(0))
    await settle()
    expect(doubt.code).toBeUndefined()
  })
})

describe('what was seen before', () => {
  it('counts for a pass over one group, for five minutes', async () => {
    const all = sixth()
    for (const one of all) {
      answer(one, fails)
      one.end()
    }
    await clock.advance(5 * MINUTE)
    const again = begin('a')
    answer(again, fails)
    const doubt = doubtOn(again)
    await settle()
    expect(doubt.code).toBe('panic')
    await clock.advance(1)
    const later = doubtOn(again)
    overview.tell()
    await settle()
    expect(later.code).toBe('panic') // as long as nothing has been seen since
    answer(again, fails)
    const last = doubtOn(again)
    await settle()
    expect(last.code).toBeUndefined()
  })

  it('is over for a group that has another active pod', async () => {
    const all = sixth()
    for (const one of all.slice(0, 4)) answer(one, fails)
    for (const one of all.slice(4)) answer(one, passes)
    for (const { group, passive } of all.slice(1, 3)) overview.moved(group, passive)
    const doubt = doubtOn(all[0])
    await settle()
    expect(doubt.code).toBeUndefined()
  })
})

describe('a view that reaches nothing', () => {
  const lose = (played: Played) => {
    answer(played, unreached)
    overview.answered(played.group, played.passive, unreached)
  }

  it('is blind, of one group', async () => {
    const one = begin('a')
    lose(one)
    const doubt = doubtOn(one)
    await settle()
    expect(doubt.code).toBe('blind')
    expect(doubt.text).toContain('2 of these pods are Ready by their kubelets')
  })

  it('is not where the passive pod answers, even by refusing', async () => {
    const one = begin('a')
    answer(one, unreached)
    overview.answered(one.group, one.passive, fails)
    const doubt = doubtOn(one)
    await settle()
    expect(doubt.code).toBeUndefined()
  })

  it('is not where one pod of another group answers, which is waited for', async () => {
    const [one, other] = [begin('a'), begin('b', 'other')]
    lose(one)
    send(other)
    const doubt = doubtOn(one)
    await settle()
    expect(doubt.code).toBe('waits')
    answer(other, fails)
    await settle()
    expect(doubt.code).toBeUndefined()
  })

  it('is blind though others hang for longer than it waits', async () => {
    const [one, other] = [begin('a'), begin('b')]
    lose(one)
    send(other)
    const doubt = doubtOn(one)
    await clock.advance(2_000)
    expect(doubt.code).toBe('blind')
  })

  it('is not by one pod alone, nor by pods that are not Ready', async () => {
    const one = begin('a')
    answer(one, unreached)
    const { group, passive } = one
    overview.answered(group, { ...passive, pod: { ...passive.pod, ready: false } }, unreached)
    const doubt = doubtOn(one)
    await settle()
    expect(doubt.code).toBeUndefined()
  })
})

describe('addresses and commands are two ways to pods, and', () => {
  const lose = (played: Played, result: ProbeResult) => {
    answer(played, result)
    overview.answered(played.group, played.passive, result)
    return played
  }
  const codeOn = async (played: Played) => {
    const doubt = doubtOn(played)
    await settle()
    return doubt.code
  }

  it.each([
    ['commands that end say nothing about addresses that do not answer', unreached, exited],
    ['commands that pass say nothing about them', unreached, { ...exited, healthy: true }],
    ['addresses that answer say nothing about commands that do not end', hung, fails],
  ])('%s: the view is blind by one of them', async (_, lost, other) => {
    const [one, well] = [lose(begin('a'), lost), lose(begin('b'), other)]
    expect(await codeOn(one)).toBe('blind')
    expect(await codeOn(well)).toBeUndefined()
  })

  it('pods that are silent by the one are not counted for the other', async () => {
    const [one, two] = [begin('a'), begin('b')]
    answer(one, unreached)
    answer(two, hung)
    expect([await codeOn(one), await codeOn(two)]).toEqual([undefined, undefined])
  })

  it.each([
    ['commands that do not end', hung, fails, passes],
    ['addresses that do not answer', unreached, exited, { ...exited, healthy: true }],
  ])('%s make no panic for groups that are reached in the other way', async (_, lost, failure, success) => {
    const [one, ...well] = [begin('a'), begin('b'), begin('c')]
    answer(one, failure)
    for (const other of well) answer(other, success)
    const others = ['v', 'w', 'x', 'y', 'z'].map((name) => begin(name))
    for (const other of others.slice(1)) answer(other, lost)
    const doubt = doubtOn(one)
    await settle()
    expect(doubt.code).toBe('waits') // the last answer may say that they fail by their own fault
    answer(others[0] as Played, lost)
    await settle()
    expect(doubt.code).toBeUndefined()
    expect(await codeOn(others[1] as Played)).toBe('blind')
    answer(others[0] as Played, lost === hung ? exited : fails)
    expect(await codeOn(one)).toBe('panic')
  })

  it('what is to be mended is said of the way that is meant', async () => {
    const of = async (played: Played) => {
      const { group, active, passive } = played
      const members = [active, passive].map((one) => ({ ...one, verdict: failed() }))
      return (await overview.doubt(group, members, scope(), never))?.fault?.remedy
    }
    expect(await of(lose(begin('a'), unreached))).toMatch(/^Run it where the addresses of pods are reached/)
    expect(await of(lose(begin('b'), hung))).toMatch(/^See whether kubectl exec reaches the pods/)
  })

  it('a pod that answers by either has failed by its own fault', async () => {
    const half = { ...fails, heard: { address: false, 'api-server': true } }
    const [one, other] = [begin('a'), begin('b')]
    lose(one, half)
    lose(other, unreached)
    expect([await codeOn(one), await codeOn(other)]).toEqual([undefined, 'blind'])
  })
})
