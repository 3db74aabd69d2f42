// When the loop's ticks leave a group alone, in virtual time.
import { describe, expect, it } from 'vitest'
import { readMember } from '../../../handler/group/members.js'
import type { Pod, Service } from '../../../handler/kube/port.js'
import { Backoff, type Seen } from '../../../handler/pass/backoff.js'
import type { Fault } from '../../../handler/util/errors.js'
import { aGroupReport, aMember, anActive, aPod, aService, aWrite, failed } from '../../support/builders.js'

const INTERVAL_MS = 2_000

const aGroup = (pod: Partial<Pod> = {}, service: Partial<Service> = {}): Seen => ({
  services: [aService('web', service)],
  members: [readMember(aPod('web-0', pod), 'role')],
  strangers: [],
  ended: [],
})
/** Of a failover. */
const ending = (code: Fault['code'], rest: Parameters<typeof aGroupReport>[1] = {}) =>
  aGroupReport([anActive('web-0', { verdict: failed() }), aMember('web-1')], {
    faults: [{ code, object: 'it', message: 'is wrong', remedy: 'Do.' }],
    ...rest,
  })
const well = aGroupReport([anActive('web-0')])

/** The ticks, in milliseconds, that make a pass: each ends at once, as is said. */
function ticksThatPass(
  untilMs: number,
  report: (ms: number) => ReturnType<typeof ending>,
  group: (ms: number) => Seen = () => aGroup(),
): readonly number[] {
  const backoff = new Backoff()
  backoff.startAt(INTERVAL_MS)
  const passes: number[] = []
  for (let ms = 0; ms <= untilMs; ms += INTERVAL_MS) {
    if (backoff.isLeft('key', group(ms), ms)) continue
    passes.push(ms)
    backoff.ended('key', group(ms), report(ms), ms)
  }
  return passes
}

/** Every tick up to this one. */
const all = (untilMs: number) => Array.from({ length: untilMs / INTERVAL_MS + 1 }, (_, n) => n * INTERVAL_MS)
const seconds = (...s: readonly number[]) => s.map((one) => one * 1_000)

describe('a group whose pass ended with a write that came to nothing', () => {
  it.each(['failed', 'changed-by-admission', 'deadline', 'latched', 'denied'] as const)(
    'is served by the next two ticks, and then half as often each time, up to every 30 s (%s)',
    (code) => {
      expect(ticksThatPass(124_000, () => ending(code))).toEqual(seconds(0, 2, 4, 8, 16, 32, 62, 92, 122))
    },
  )

  it.each(['unknown', 'throttled'] as const)(
    'is served every 4 s where it was the API server that is in trouble (%s)',
    (result) => {
      const writes = [aWrite('service/web', result)] as const
      expect(ticksThatPass(20_000, () => ending('failed', { writes }))).toEqual(seconds(0, 2, 4, 8, 12, 16, 20))
    },
  )

  it('is left alone for longer where a claim stays, though it needs no swap', () => {
    const kept = aGroupReport([anActive('web-0')], ending('latched'))
    expect(ticksThatPass(14_000, () => ({ ...kept, decision: well.decision }))).toEqual(seconds(0, 2, 4, 8))
  })

  it('is served by each tick again once a pass has ended without', () => {
    const passes = ticksThatPass(20_000, (ms) => (ms < 8_000 ? ending('failed') : well))
    expect(passes).toEqual(seconds(0, 2, 4, 8, 10, 12, 14, 16, 18, 20))
  })

  it.each<[string, Seen]>([
    ['a pod is Ready', aGroup({ ready: true })],
    ['a pod ends', aGroup({ ready: false, phase: 'Failed' })],
    ['a pod is deleted', aGroup({ ready: false, terminating: true })],
    ['a label of a pod changes', aGroup({ ready: false, labels: { role: 'active' } })],
    ['another pod has its name', aGroup({ ready: false, uid: 'another' })],
    ['its Service is annotated', aGroup({ ready: false }, { annotations: { 'active-passive/latch': 'false' } })],
  ])('is served by the next tick when %s', (_, changed) => {
    const group = (ms: number) => (ms >= 10_000 ? changed : aGroup({ ready: false }))
    expect(ticksThatPass(14_000, () => ending('failed'), group)).toEqual(seconds(0, 2, 4, 8, 10, 12, 14))
  })

  it('is left alone whatever its own passes leave on it', () => {
    const marked = (ms: number) =>
      aGroup(
        { labels: { 'active-passive/pod': 'x' }, annotations: { 'active-passive/epoch': `${ms}` } },
        {
          resourceVersion: `${ms}`,
          annotations: { 'active-passive/swap': `token-${ms}` },
          selector: { app: 'web', 'active-passive/pod': `uid-${ms}` },
        },
      )
    expect(ticksThatPass(14_000, () => ending('failed'), marked)).toEqual(seconds(0, 2, 4, 8))
  })

  it('is served again when the time of the machine has jumped back', () => {
    const backoff = new Backoff()
    backoff.startAt(INTERVAL_MS)
    for (const _ of [1, 2]) backoff.ended('key', aGroup(), ending('failed'), 1_000_000)
    expect([1_000_500, 999_000].map((ms) => backoff.isLeft('key', aGroup(), ms))).toEqual([true, false])
  })

  it('leaves others alone that it knows nothing of', () => {
    const backoff = new Backoff()
    for (const _ of [1, 2]) backoff.ended('key', aGroup(), ending('failed'), 0)
    expect(backoff.isLeft('another', aGroup(), 1)).toBe(false)
  })
})

describe('a group is served by each tick', () => {
  const blocked = aGroupReport([anActive('web-0', { verdict: failed() }), aMember('web-1', { verdict: failed() })])
  const late = ending('deadline', {
    decision: { kind: 'blocked', reason: { code: 'not-probed', text: 'late' } } as never,
  })
  it.each([
    ['that has no healthy pod', blocked],
    ['that needs no swap, and of which a pod may not be written', { ...ending('denied'), decision: well.decision }],
    ['for which the credential is not accepted', ending('unauthenticated')],
    ['whose pods were not judged in time', late],
    ['whose settings make no sense', ending('bad-annotation')],
    ['that the API server did not answer for', ending('unreachable')],
    ['whose healing is said again', ending('healed-again')],
  ])('%s', (_, report) => {
    expect(ticksThatPass(10_000, () => report)).toEqual(all(10_000))
  })
})
