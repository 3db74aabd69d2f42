import { describe, expect, it } from 'vitest'
import type { Report } from '../../../handler/report/report.js'
import { PassObserver } from '../../../handler/serve/pass-observer.js'
import type { Trigger } from '../../../handler/serve/telemetry/metrics.js'
import { NOT_WELL_MS, Resync } from '../../../handler/serve/watch/resync.js'
import { aGroupReport, aMember, anActive, aReport, MINUTE, NOW } from '../../support/builders.js'
import { VirtualClock } from '../../support/virtual-clock.js'

const DAY = 24 * 60 * MINUTE
const nothing = () => {}

/** The waits that are asked for once a pass has found groups with these pauses. */
function waitsAfter(...pauses: readonly (number | undefined)[]): readonly number[] {
  const waits: number[] = []
  const observer = new PassObserver({
    metrics: { served: nothing, passed: nothing },
    reachability: { passed: nothing },
    resync: { requestWithin: (ms) => void waits.push(ms) },
    log: { info: nothing, warn: nothing, error: nothing },
    clock: { now: () => NOW },
  })
  const members = [anActive('web-0'), aMember('web-1')]
  const groups = pauses.map((pause) => aGroupReport(members, { settings: pause === undefined ? {} : { pause } }))
  observer.passEnded('watch', 'all', aReport(groups))
  return waits
}

describe('the end of a pause', () => {
  it('is followed by a pass, as nothing that could be watched happens then', () => {
    expect(waitsAfter(NOW + 2 * MINUTE)).toEqual([2 * MINUTE])
    expect(waitsAfter(NOW + 3 * MINUTE, undefined, NOW + MINUTE)).toEqual([3 * MINUTE, MINUTE])
  })

  it('is looked for again after a day', () => {
    expect(waitsAfter(NOW + 40 * DAY)).toEqual([DAY])
  })

  it('asks for nothing where there is none, or it has come', () => {
    expect(waitsAfter(undefined, Number.POSITIVE_INFINITY, 0, NOW, NOW - MINUTE)).toEqual([])
  })

  it('wakes a resync that had nothing to wait for', async () => {
    const clock = new VirtualClock(NOW)
    const resync = new Resync(clock)
    const end = new AbortController()
    const passes: number[] = []
    await clock.run(
      (async () => {
        const running = resync.run(async () => {
          passes.push(clock.now())
          end.abort()
        }, end.signal)
        resync.requestWithin(2 * MINUTE)
        resync.requestWithin(NOT_WELL_MS * 100)
        await running
      })(),
    )
    expect(passes).toEqual([NOW + 2 * MINUTE])
  })
})

describe('a defect that one group meets in what is told of it', () => {
  /** The Services that the metrics and the log have been told of, and the errors of the log. */
  function told(tell: (observer: PassObserver, report: Report) => void) {
    const [served, passed, errors]: [string[], Trigger[], (string | undefined)[]] = [[], [], []]
    const observer = new PassObserver({
      metrics: {
        served: ({ groups }) => {
          for (const { services } of groups) {
            if (services[0] === 'odd') throw new TypeError('boom')
            served.push(`${services}`)
          }
        },
        passed: (trigger) => void passed.push(trigger),
      },
      reachability: { passed: nothing },
      resync: { requestWithin: nothing },
      log: { info: nothing, warn: nothing, error: (msg, { service } = {}) => void errors.push(`${service}: ${msg}`) },
      clock: { now: () => NOW },
    })
    const groups = ['app', 'odd', 'web'].map((name) => aGroupReport([anActive(`${name}-0`)], { services: [name] }))
    tell(observer, aReport(groups))
    return { served, passed, errors }
  }

  it('is told in its place, and the others and the pass are told of', () => {
    expect(told((observer, report) => observer.passEnded('interval', 'all', report))).toEqual({
      served: ['app', 'web'],
      passed: ['interval'],
      errors: ['odd: defect: TypeError: boom'],
    })
  })

  it('is told once where the group was told of before the end of its pass', () => {
    const { errors, served } = told((observer, report) => {
      for (const group of report.groups) observer.groupServed({ ...report, groups: [group] })
      observer.passEnded('interval', 'all', report)
    })
    expect([errors, served]).toEqual([['odd: defect: TypeError: boom'], ['app', 'web']])
  })
})
