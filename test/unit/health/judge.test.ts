import { describe, expect, test } from 'vitest'
import type { Count } from '../../../handler/health/count.js'
import { judgeByProbes, judgeByState, notProbed, type Verdict } from '../../../handler/health/judge.js'
import type { Plan } from '../../../handler/health/plan.js'
import type { Probe } from '../../../handler/health/probe.js'
import { FAILED_AT, FAILURES, HEALTHY_SINCE } from '../../../handler/kube/keys.js'
import type { Pod } from '../../../handler/kube/port.js'
import { DEFAULT_SETTINGS, type Settings } from '../../../handler/settings/settings.js'
import { aPod, MINUTE, NOW, SECOND } from '../../support/builders.js'
import { VirtualClock } from '../../support/virtual-clock.js'

const planFor = (pod: Pod = aPod('web-0')): Plan => ({
  kind: 'http',
  pod,
  targets: [{ kind: 'tcp', host: '10.0.0.1', port: 80 }],
  evidence: 'check',
  timeoutMs: 2_000,
})
const never: Count = { failures: 0, failedAtMs: undefined }
const at = (ms: number) => new Date(NOW + ms).toISOString()

/** `200` is healthy, `hang` never answers, `unmade` was not made; each takes `ms`. */
type Answer = string | { readonly text: string; readonly ms: number }

interface Burst {
  readonly verdict: Verdict
  /** When each probe began, milliseconds from the first. */
  readonly probedAt: readonly number[]
}

/** Judges a pod whose probes find these answers, one after the other; one probe more than those is an error. */
async function judge(
  answers: readonly Answer[],
  {
    stored = never,
    cutAfterMs,
    pod,
    ...settings
  }: Partial<Settings> & { readonly stored?: Count; readonly cutAfterMs?: number; readonly pod?: Pod } = {},
): Promise<Burst> {
  const clock = new VirtualClock(NOW)
  const cut = new AbortController()
  if (cutAfterMs !== undefined) void clock.sleep(cutAfterMs).then(() => cut.abort())
  const probedAt: number[] = []
  const probe: Probe = async (plan, timeoutMs, signal) => {
    expect(timeoutMs).toBe(plan.timeoutMs)
    const answer = answers[probedAt.length]
    if (answer === undefined) throw new Error(`probe ${probedAt.length + 1} was not expected`)
    probedAt.push(clock.now() - NOW)
    const { text, ms } = typeof answer === 'string' ? { text: answer, ms: 0 } : answer
    const tookMs = text === 'hang' ? timeoutMs : ms
    await clock.sleep(tookMs, signal)
    const unmade = { code: 'denied', message: 'may not', remedy: 'Grant it.' } as const
    return { healthy: text === '200', text, ms: tookMs, ...(text === 'unmade' ? { unmade } : {}) }
  }
  const work = judgeByProbes(
    planFor(pod),
    stored,
    { ...DEFAULT_SETTINGS, rise: 1, ...settings },
    { clock, probe },
    cut.signal,
  )
  return { verdict: await clock.run(work), probedAt }
}

describe('a pod’s state', () => {
  const judged = (pod: Partial<Pod>, needsReady = true) => judgeByState(planFor(aPod('web-0', pod)), never, needsReady)

  test.each<[string, Partial<Pod>]>([
    ['terminating', { terminating: true }],
    ['terminating', { terminating: true, phase: 'Failed', ready: false }],
    ['Pending', { phase: 'Pending', ready: false }],
    ['Failed', { phase: 'Failed', ready: false }],
    ['Succeeded', { phase: 'Succeeded' }],
    ['Unknown', { phase: 'Unknown' }],
    ['no phase', { phase: '' }],
    ['not Ready', { ready: false }],
  ])('%s is conclusive at once: no probe, no count, nothing to write', (result, pod) => {
    expect(judged(pod)).toEqual({
      health: 'failed',
      conclusive: true,
      failures: 0,
      check: { kind: 'http', result, ms: 0 },
      evidence: 'check',
      marks: {},
    })
  })

  test('says nothing against a pod that is Running and Ready', () => {
    expect(judged({})).toBeUndefined()
  })

  test('need not be Ready where the Services publish addresses that are not', () => {
    expect(judged({ ready: false }, false)).toBeUndefined()
    expect(judged({ ready: false, terminating: true }, false)?.check.result).toBe('terminating')
  })

  test('does not touch what was counted before', () => {
    const stored = { failures: 2, failedAtMs: NOW }
    expect(judgeByState(planFor(aPod('web-0', { ready: false })), stored, true)).toMatchObject({
      failures: 2,
      marks: {},
    })
    expect(notProbed(planFor(), stored)).toMatchObject({ health: 'unknown', failures: 2, marks: {} })
  })
})

describe('a pod that has failed', () => {
  const stored = { failures: 1, failedAtMs: NOW - MINUTE }

  test('lately has to pass as often in a row as it is asked to', async () => {
    const { verdict, probedAt } = await judge(['200', '200', '200'], { stored, rise: 3 })
    expect(probedAt).toEqual([0, 1_000, 2_000])
    expect(verdict).toMatchObject({ health: 'healthy', failures: 0 })
    expect(verdict).not.toHaveProperty('isRecovering')
  })

  test('in this very burst has to as well', async () => {
    const { verdict, probedAt } = await judge(['500', '200', '200'], { rise: 2 })
    expect(probedAt).toEqual([0, 1_000, 2_000])
    expect(verdict).toMatchObject({ health: 'healthy', failures: 0, marks: {} })
  })

  test('begins anew with each failure, which goes on counting', async () => {
    const { verdict } = await judge(['200', '500', '200', '500'], { stored, rise: 2, failures: 3 })
    expect(verdict).toMatchObject({ health: 'failed', failures: 3, check: { result: '500' } })
  })

  test('ends the burst with a failure after as many probes as there may be', async () => {
    const { verdict, probedAt } = await judge(['500', '200', '500'], { rise: 2, failures: 9, probes: 3 })
    expect(probedAt).toHaveLength(3)
    expect(verdict).toMatchObject({ health: 'failing', failures: 2 })
  })

  test('is probed beyond that while it passes', async () => {
    const { verdict, probedAt } = await judge(['500', '500', '200', '200'], { rise: 2, failures: 9, probes: 3 })
    expect(probedAt).toHaveLength(4)
    expect(verdict.health).toBe('healthy')
  })

  test('is recovering when there was no time for all of it: the count stays', async () => {
    const { verdict } = await judge(['200', '200'], { stored, rise: 2, cutAfterMs: 500 })
    expect(verdict).toMatchObject({
      health: 'failing',
      isRecovering: true,
      failures: 1,
      check: { result: '200, 1 of 2 times in a row since it failed' },
      marks: {},
    })
  })

  test('has nothing to pass where its Ready condition says it all', async () => {
    const plan = { ...planFor(), targets: [] }
    const clock = new VirtualClock(NOW)
    const probe: Probe = async () => ({ healthy: true, text: 'Ready', ms: 0 })
    const work = judgeByProbes(
      plan,
      stored,
      { ...DEFAULT_SETTINGS, rise: 5 },
      { clock, probe },
      new AbortController().signal,
    )
    expect(await clock.run(work)).toMatchObject({ health: 'healthy' })
    expect(clock.now()).toBe(NOW)
  })
})

describe('a healthy pod', () => {
  test('is probed once, and nothing is written', async () => {
    const { verdict, probedAt } = await judge([{ text: '200', ms: 7 }])
    expect(probedAt).toEqual([0])
    expect(verdict).toEqual({
      health: 'healthy',
      conclusive: false,
      failures: 0,
      check: { kind: 'http', result: '200', ms: 7 },
      evidence: 'check',
      marks: {},
    })
  })

  test('that stumbles within a burst is healthy: failures must be consecutive', async () => {
    const { verdict, probedAt } = await judge(['500', '500', '200'])
    expect(probedAt).toEqual([0, 1_000, 2_000])
    expect(verdict).toMatchObject({ health: 'healthy', failures: 0, marks: {} })
  })

  test('that had failures under the threshold has them cleared', async () => {
    const pod = aPod('web-0', { annotations: { [FAILURES]: '2', [FAILED_AT]: at(-MINUTE) } })
    const { verdict } = await judge(['200'], { pod, stored: { failures: 2, failedAtMs: NOW - MINUTE } })
    expect(verdict).toMatchObject({ health: 'healthy', failures: 0, marks: { [FAILURES]: null, [FAILED_AT]: null } })
  })

  test('that had failed is told since when it is healthy: from the answer on', async () => {
    const pod = aPod('web-0', { annotations: { [FAILURES]: '3', [FAILED_AT]: at(-MINUTE) } })
    const { verdict } = await judge([{ text: '200', ms: 300 }], {
      pod,
      stored: { failures: 3, failedAtMs: NOW - MINUTE },
    })
    expect(verdict.marks).toEqual({ [FAILURES]: null, [FAILED_AT]: null, [HEALTHY_SINCE]: at(300) })
  })
})

describe('a failing pod', () => {
  test('has failed after one burst, a period between the starts of its probes', async () => {
    const { verdict, probedAt } = await judge(['500', '500', '503'])
    expect(probedAt).toEqual([0, 1_000, 2_000])
    expect(verdict).toEqual({
      health: 'failed',
      conclusive: false,
      failures: 3,
      check: { kind: 'http', result: '503', ms: 0 },
      evidence: 'check',
      marks: { [FAILURES]: '3', [FAILED_AT]: at(2_000) },
    })
  })

  test('whose probes hang is probed one after the other, and never two at a time', async () => {
    const { verdict, probedAt } = await judge(['hang', 'hang', 'hang'])
    expect(probedAt).toEqual([0, 2_000, 4_000])
    expect(verdict).toMatchObject({ health: 'failed', failures: 3, marks: { [FAILED_AT]: at(6_000) } })
  })

  test('is probed no more once it has failed', async () => {
    const { verdict, probedAt } = await judge(['500'], { failures: 1, probes: 5 })
    expect(probedAt).toEqual([0])
    expect(verdict).toMatchObject({ health: 'failed', failures: 1 })
  })

  test('is only failing when a burst is shorter than the threshold', async () => {
    const { verdict, probedAt } = await judge(['500', '500'], { failures: 5, probes: 2 })
    expect(probedAt).toEqual([0, 1_000])
    expect(verdict).toMatchObject({
      health: 'failing',
      failures: 2,
      marks: { [FAILURES]: '2', [FAILED_AT]: at(1_000) },
    })
  })

  test('goes on from what earlier passes have counted', async () => {
    const stored = { failures: 2, failedAtMs: NOW - MINUTE }
    const { verdict, probedAt } = await judge(['500'], { stored })
    expect(probedAt).toEqual([0])
    expect(verdict).toMatchObject({ health: 'failed', failures: 3, marks: { [FAILURES]: '3', [FAILED_AT]: at(0) } })
  })

  test('that another pass counted a moment ago is not counted twice', async () => {
    const stored = { failures: 1, failedAtMs: NOW - 200 }
    expect((await judge(['500'], { stored, probes: 1 })).verdict).toMatchObject({
      health: 'failing',
      failures: 1,
      marks: {},
    })
    const { verdict, probedAt } = await judge(['500', '500', '500'], { stored })
    expect(probedAt).toEqual([0, 1_000, 2_000])
    expect(verdict).toMatchObject({ health: 'failed', failures: 3 })
  })

  test.each([3, 4, 999_999_999])(
    'at the threshold already (%d) is probed once, and nothing is written',
    async (failures) => {
      const { verdict, probedAt } = await judge(['500'], { stored: { failures, failedAtMs: NOW - MINUTE } })
      expect(probedAt).toEqual([0])
      expect(verdict).toMatchObject({ health: 'failed', failures, marks: {} })
    },
  )

  test('is probed without a pause when there is no period', async () => {
    const { verdict, probedAt } = await judge(['500', '500', '500'], { period: 0 })
    expect(probedAt).toEqual([0, 0, 0])
    expect(verdict.health).toBe('failed')
  })

  test('whose last failure lies in the future counts all the same', async () => {
    const { verdict } = await judge(['500'], { stored: { failures: 2, failedAtMs: NOW + MINUTE } })
    expect(verdict).toMatchObject({ health: 'failed', marks: { [FAILED_AT]: at(0) } })
  })
})

describe('over several passes', () => {
  test('of one probe each, a pod fails at the third, and no pass after that writes', async () => {
    let stored = never
    const written: unknown[] = []
    for (let pass = 0; pass < 5; pass++) {
      const { verdict } = await judge(['500'], { stored, probes: 1 })
      written.push([verdict.health, verdict.failures, Object.keys(verdict.marks).length])
      stored = { failures: verdict.failures, failedAtMs: NOW - SECOND }
    }
    expect(written).toEqual([
      ['failing', 1, 2],
      ['failing', 2, 2],
      ['failed', 3, 2],
      ['failed', 3, 0],
      ['failed', 3, 0],
    ])
  })
})

describe('a check that could not be made', () => {
  test('ends the burst: it says nothing of the pod, whose count stays', async () => {
    const { verdict, probedAt } = await judge(['unmade'], { failures: 1, stored: { failures: 2, failedAtMs: NOW } })
    expect(probedAt).toEqual([0])
    expect(verdict).toMatchObject({ health: 'failing', failures: 2, marks: {}, unmade: { code: 'denied' } })
  })

  test.each([0, 1])(
    'after failures of the same burst counts none of them, beside %d of earlier passes',
    async (failures) => {
      const stored = { failures, failedAtMs: failures > 0 ? NOW - MINUTE : undefined }
      const { verdict } = await judge(['500', 'unmade'], { failures: 3, stored })
      expect(verdict).toMatchObject({ health: 'failing', failures, marks: {}, unmade: { code: 'denied' } })
    },
  )

  test('after the failure that reaches the threshold is not made: the pod has failed', async () => {
    const { verdict, probedAt } = await judge(['500', '500', 'unmade'], { failures: 2 })
    expect(probedAt).toHaveLength(2)
    expect(verdict).toMatchObject({ health: 'failed', failures: 2 })
  })
})

describe('a deadline', () => {
  test('between two probes keeps what was counted', async () => {
    const { verdict, probedAt } = await judge(['500', '500'], { cutAfterMs: 1_500 })
    expect(probedAt).toEqual([0, 1_000])
    expect(verdict).toMatchObject({
      health: 'failing',
      failures: 2,
      marks: { [FAILURES]: '2', [FAILED_AT]: at(1_000) },
    })
  })

  test('in the middle of a probe does not count that probe: it says nothing of the pod', async () => {
    const { verdict, probedAt } = await judge(['500', 'hang'], { cutAfterMs: 1_500 })
    expect(probedAt).toEqual([0, 1_000])
    expect(verdict).toMatchObject({ health: 'failing', failures: 1, check: { result: '500' } })
  })

  test('in the middle of the first probe leaves the pod unknown, with the count that it had', async () => {
    const { verdict } = await judge(['hang'], { cutAfterMs: 100, stored: { failures: 2, failedAtMs: NOW - MINUTE } })
    expect(verdict).toMatchObject({ health: 'unknown', failures: 2, check: { result: 'not probed' }, marks: {} })
  })

  test('before the first probe lets none begin', async () => {
    const clock = new VirtualClock(NOW)
    const probe: Probe = () => Promise.reject(new Error('a probe began'))
    const verdict = await judgeByProbes(planFor(), never, DEFAULT_SETTINGS, { clock, probe }, AbortSignal.abort())
    expect(verdict).toEqual(notProbed(planFor(), never))
  })

  test('does not take a healthy answer away that came with it', async () => {
    const { verdict } = await judge([{ text: '200', ms: 500 }], { cutAfterMs: 300 })
    expect(verdict.health).toBe('healthy')
  })
})
