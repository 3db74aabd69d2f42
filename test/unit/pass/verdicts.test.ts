import { describe, expect, it } from 'vitest'
import type { Group } from '../../../handler/group/groups.js'
import { readMember } from '../../../handler/group/members.js'
import { startDeadline } from '../../../handler/handover/deadline.js'
import type { Pod } from '../../../handler/kube/port.js'
import { fairShares } from '../../../handler/pass/fair-share.js'
import { Findings } from '../../../handler/pass/findings.js'
import { type Judging, judgeGroup, notesOn } from '../../../handler/pass/verdicts.js'
import { DEFAULT_SETTINGS, type Settings } from '../../../handler/settings/settings.js'
import { systemClock } from '../../../handler/util/clock.js'
import { aPod, aService } from '../../support/builders.js'

const PASS_MS = 40_000
/** Judges a pod whose readinessProbe may take that long, in a pass of 40 s; no answer comes. */
async function judge(timeoutMs: number, own: Partial<Settings> = {}, maxHealthTimeoutMs = 60_000) {
  const settings = { ...DEFAULT_SETTINGS, failures: 1, ...own }
  const readinessProbe: NonNullable<Pod['containers'][number]['readinessProbe']> = {
    ...{ kind: 'http', timeoutMs, scheme: 'http', port: 8080, path: '/', headers: [] },
  }
  const pod = aPod('web-0', { containers: [{ name: 'main', ports: [], readinessProbe }] })
  const group = {
    namespace: 'default',
    selector: { app: 'web' },
    members: [readMember(pod, 'role')],
    services: [aService('web')],
  } as unknown as Group
  const limits: number[] = []
  const deadline = startDeadline(systemClock, PASS_MS, new AbortController().signal)
  const context = {
    clock: systemClock,
    deadline,
    maxHealthTimeoutMs,
    ...fairShares(systemClock, 64),
    probe: async (_plan: unknown, limitMs: number) => {
      limits.push(limitMs)
      return { healthy: false, text: 'no answer', ms: limitMs }
    },
  } as unknown as Judging
  const [judged] = await judgeGroup(context, group, settings, new Findings(new AbortController().signal), true)
  deadline.close()
  return {
    limits,
    health: judged?.verdict.health,
    notes: notesOn({ members: judged ? [judged] : [], services: group.services }, settings, context),
  }
}

describe('a probe that may take', () => {
  it('as long as a pass is given what a pass has, fails when it takes longer, and its author is told', async () => {
    const { limits, health, notes } = await judge(60_000)
    expect(limits).toEqual([31_500])
    expect(health).toBe('failed')
    expect(notes).toEqual([
      expect.stringMatching(
        /^pod web-0: its check may take 1m, and a pass has time for 31.5s.*--deadline.*health-timeout/,
      ),
    ])
  })

  it('longer than the operator lets it is given that, and its author is told which flag says so', async () => {
    const { limits, health, notes } = await judge(30_000, {}, 5_000)
    expect([limits, health]).toEqual([[5_000], 'failed'])
    expect(notes).toEqual([
      expect.stringMatching(/^pod web-0: its check may take 30s, and --max-health-timeout is 5s.*health-timeout/),
    ])
  })

  it('less is given what it asks for', async () => {
    expect(await judge(30_000)).toEqual({ limits: [30_000], health: 'failed', notes: [] })
  })
})

describe('a burst of probes', () => {
  it.each<[string, Partial<Settings>, number]>([
    ['with more time between them than a pass has', { probes: 3, failures: 3, period: 3_600_000 }, 1],
    ['without a pause between them', { probes: 1_000, failures: 1_000, period: 0 }, 60],
  ])('%s is cut, and the author is told', async (_, settings, made) => {
    const { limits, health, notes } = await judge(1, settings)
    expect([limits.length, health]).toEqual([made, 'failing'])
    expect(notes).toEqual([expect.stringMatching(RegExp(`do not fit into a pass: ${made} (is|are) made in each`))])
  })

  it('that ends before its time with a failure that counts is not', async () => {
    expect((await judge(1, { probes: 1_000, period: 3_600_000 })).notes).toEqual([])
  })
})
