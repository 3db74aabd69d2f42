import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Probe } from '../../handler/health/probe.js'
import type { Kube } from '../../handler/kube/port.js'
import { type PassOptions, pass } from '../../handler/pass/pass.js'
import type { Report } from '../../handler/report/report.js'
import { DEFAULT_SETTINGS } from '../../handler/settings/settings.js'
import { type InProcess, NAMESPACE, startInProcess } from '../support/in-process.js'
import { VirtualClock } from '../support/virtual-clock.js'

const TIMEOUT_MS = 2_000

let world: InProcess
let clock: VirtualClock
/** On the clock, since the pass began: when a pod was labelled active. */
let movedAtMs: number | undefined
/** Probes that have begun and not ended, by pod. */
let underWay: string[]

beforeEach(async () => {
  world = await startInProcess(['a', 'b', 'c'])
  await world.pass()
  expect(world.actives()).toEqual(['a'])
  world.takeRequests()
  clock = new VirtualClock(Date.now())
  movedAtMs = undefined
  underWay = []
})
afterEach(() => world.close())

/** `hang`: no answer within the timeout; a number: after so many milliseconds it passes; else what it says, at once. */
type Answer = 'hang' | number | string

async function passWith(
  answers: Readonly<Record<string, Answer>>,
  options: Partial<PassOptions> = {},
): Promise<Report> {
  const startedAtMs = clock.now()
  world.api.store.on(() => {
    if (world.actives().length === 1 && !world.actives().includes('a')) movedAtMs ??= clock.now() - startedAtMs
  })
  const probe: Probe = async ({ pod }, timeoutMs, signal) => {
    const answer = answers[pod.name] ?? '200'
    underWay.push(pod.name)
    if (answer === 'hang' || typeof answer === 'number')
      await clock.sleep(answer === 'hang' ? timeoutMs : answer, signal)
    underWay.splice(underWay.indexOf(pod.name), 1)
    if (signal.aborted) return { healthy: false, text: 'interrupted', ms: 0 }
    if (answer === 'hang') return { healthy: false, text: 'no answer within 2s', ms: timeoutMs }
    return typeof answer === 'number' || answer === '200'
      ? { healthy: true, text: '200', ms: 1 }
      : { healthy: false, text: answer, ms: 1 }
  }
  let report: Report | undefined
  const all = {
    ...{ namespaces: [NAMESPACE], services: [], roleLabel: 'role', dryRun: false, deadlineMs: 20_000, concurrency: 64 },
    ...options,
    settings: { ...DEFAULT_SETTINGS, 'health-timeout': TIMEOUT_MS, ...options.settings },
  }
  const requests = underWayAt(world.connect())
  const effects = { kube: requests.kube, clock, probe, random: () => 0.5 }
  const ending = pass(all, effects, new AbortController().signal).then((ended) => {
    report = ended
  })
  // The API answers in real time. What sleeps is woken once no request is under way, and nothing has followed from it.
  for (let quiet = 0; !report; quiet = requests.count() === 0 ? quiet + 1 : 0) {
    await new Promise((resolve) => setImmediate(resolve))
    if (!report && quiet >= TURNS) {
      quiet = 0
      await clock.wakeNext()
    }
  }
  await ending
  return report
}

/** FairShare of the event loop in which whatever follows from an answer has begun. */
const TURNS = 20

/** The same API, and how many requests to it have not been answered. */
function underWayAt(api: Kube): { readonly kube: Kube; readonly count: () => number } {
  let count = 0
  const kube = new Proxy(api, {
    get: (target, name) => {
      const value = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...args: readonly unknown[]) => {
        const answer = Reflect.apply(value, target, args)
        if (!(answer instanceof Promise)) return answer
        count++
        return answer.finally(() => {
          count--
        })
      }
    },
  })
  return { kube, count: () => count }
}

const remove = (pod: string) => world.api.store.finalise('pods', NAMESPACE, pod)

describe('with the active pod gone, the label moves', () => {
  it('at once to a pod that is healthy, whatever a pod does that comes after it', async () => {
    remove('a')
    const report = await passWith({ c: 'hang' })
    const [group] = report.groups
    expect(group).toMatchObject({ activeAfter: 'b', decision: { kind: 'failover' }, faults: [] })
    expect(movedAtMs).toBe(0)
    expect(report.requests).toBe(7)
    const hanging = group?.members.find(({ pod }) => pod.name === 'c')
    expect(hanging?.verdict).toMatchObject({ health: 'unknown', check: { result: 'not waited for' }, marks: {} })
    expect(world.annotations('c')).not.toHaveProperty('active-passive/failures')
    expect(underWay).toEqual([])
  })

  it('and a dry run of it tells of every pod, and decides and writes the same', async () => {
    remove('a')
    const planned = await passWith({ c: 'hang' }, { dryRun: true })
    const [group] = planned.groups
    expect(group).toMatchObject({ decision: { kind: 'failover', winner: { pod: { name: 'b' } } }, faults: [] })
    const hanging = group?.members.find(({ pod }) => pod.name === 'c')
    expect(hanging?.verdict).toMatchObject({ health: 'failed', check: { result: 'no answer within 2s' } })
    expect(underWay).toEqual([])
    const writesOf = ([one]: Report['groups']) => one?.writes.map(({ kind, name }) => `${kind} ${name}`)
    expect(writesOf(planned.groups)).toEqual(writesOf((await passWith({ c: 'hang' })).groups))
  })

  it('after half a second though a pod hangs that would come before it', async () => {
    remove('a')
    const report = await passWith({ b: 'hang' })
    expect(report.groups[0]).toMatchObject({ activeAfter: 'c', faults: [] })
    expect(movedAtMs).toBe(500)
    expect(underWay).toEqual([])
  })

  it('to a pod that comes before the others, when it answers within that time', async () => {
    remove('a')
    expect((await passWith({ b: 400 })).groups[0]).toMatchObject({ activeAfter: 'b' })
    expect(movedAtMs).toBe(400)
  })

  it('at once when that pod fails a probe: its burst decides nothing', async () => {
    remove('a')
    const report = await passWith({ b: '500' })
    expect(report.groups[0]).toMatchObject({ activeAfter: 'c', faults: [] })
    expect(movedAtMs).toBe(0)
  })

  it('to the only healthy pod as soon as it answers, not before', async () => {
    remove('a')
    expect((await passWith({ b: 'hang', c: 1_000 })).groups[0]).toMatchObject({ activeAfter: 'c' })
    expect(movedAtMs).toBe(1_500)
  })

  it('to a pod that is at least running only when all bursts have ended', async () => {
    remove('a')
    expect((await passWith({ b: '500', c: 'hang' })).groups[0]).toMatchObject({ activeAfter: 'b' })
    expect(movedAtMs).toBeGreaterThanOrEqual(3 * TIMEOUT_MS)
  })

  it('to a pod that was not waited for at first, when the winner is gone in the middle', async () => {
    remove('a')
    let promotions = 0
    world.api.intercept(({ method, path }) => {
      if (method === 'PATCH' && path.endsWith('/pods/b') && ++promotions === 1) remove('b')
      return undefined
    })
    const report = await passWith({ c: 1_000 })
    expect(report.groups[0]).toMatchObject({ activeAfter: 'c', faults: [] })
    expect(world.actives()).toEqual(['c'])
    expect(movedAtMs).toBe(1_000)
  })
})

describe('what is no hurry waits for every burst:', () => {
  it('an active pod that is healthy is kept, and the failures of the others are counted', async () => {
    const report = await passWith({ c: 'hang' })
    expect(report.groups[0]).toMatchObject({ decision: { kind: 'keep' } })
    expect(world.annotations('c')).toMatchObject({ 'active-passive/failures': '3' })
  })

  it('an active pod that fails is probed to its threshold, and no longer is waited than that', async () => {
    const report = await passWith({ a: '500', c: 'hang' })
    expect(report.groups[0]).toMatchObject({ activeAfter: 'b', decision: { reason: { code: 'active-failed' } } })
    expect(movedAtMs).toBe(2 * 999)
  })
})
