// What `status` says and what the next pass does: the same states, once by the dry run of `status` and once by a pass.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { candidates, whyNot } from '../../handler/group/candidates.js'
import { isSwap } from '../../handler/group/decide.js'
import { exitCode } from '../../handler/report/exit-code.js'
import type { GroupReport, Report } from '../../handler/report/report.js'
import { type GroupStatus, statusCode, statusOf } from '../../handler/report/status.js'
import { statusText } from '../../handler/report/status-text.js'
import { NOW } from '../support/builders.js'
import { world } from './arbitraries.js'
import { play } from './played.js'
import { limit, parameters, Tally } from './runs.js'

const nameOf = ({ namespace, services }: GroupStatus | GroupReport) => `${namespace ?? 'all'}/${services}`

const decided = ({ decision }: GroupReport) => ({
  kind: decision.kind,
  code: decision.kind === 'error' ? decision.fault.code : decision.reason.code,
  to: isSwap(decision) ? decision.winner.pod.name : null,
})

/** What is said of the standbys is what a decision would rest on. */
function expectStandbys(group: GroupReport, { pods, standbys }: GroupStatus): void {
  const { members, settings } = group
  const able = candidates(members, settings, NOW)
    .filter(({ role }) => role === 'passive')
    .map(({ pod }) => pod.name)
  const inLine = pods.filter(({ place }) => place !== null).sort((a, b) => (a.place ?? 0) - (b.place ?? 0))
  expect(inLine.map(({ name }) => name)).toEqual(able)
  expect(standbys.ready).toBe(able.length)
  for (const { name, role, place, whyNotCode } of pods) {
    const why = whyNot(members.find(({ pod }) => pod.name === name) as (typeof members)[number], settings)
    if (role === 'active') expect([place, whyNotCode]).toEqual([null, null])
    else expect(whyNotCode).toBe(why?.code ?? (whyNotCode === 'resting' ? whyNotCode : null))
    // One that is not in line is told why.
    if (role === 'passive' && place === null) expect(whyNotCode).not.toBeNull()
  }
}

/** Whether a person has to be woken, by what is shown alone. */
function expectedCode(report: Report, groups: readonly GroupStatus[]): number {
  const code = exitCode({ ...report, dryRun: false })
  const isDue = groups.some(({ next }) => next.to !== null && next.kind !== 'failback')
  return code === 0 && isDue ? 1 : code
}

describe('whatever a cluster holds,', limit, () => {
  test('status says what the next pass decides, of whom, and why', async () => {
    const tally = new Tally()
    await fc.assert(
      fc.asyncProperty(world, async (cluster) => {
        const dry = await play(cluster, true)
        expect(dry.sent).toEqual([])
        const { groups } = statusOf(dry.report, NOW)
        const real = await play(cluster, false)
        if (real.hasLost) return tally.add('lost')
        const pass = new Map(real.report.groups.map((group) => [nameOf(group), group]))
        expect(groups.map(nameOf).sort()).toEqual([...pass.keys()].sort())
        for (const [n, status] of groups.entries()) {
          const { kind, code, to } = status.next
          const group = pass.get(nameOf(status)) as GroupReport
          expect({ kind, code, to }, nameOf(status)).toEqual(decided(group))
          expect(status.active, nameOf(status)).toEqual(group.activeBefore)
          expectStandbys(dry.report.groups[n] as GroupReport, status)
          tally.add(kind)
        }
        const exit = statusCode(dry.report)
        expect(exit).toBe(expectedCode(dry.report, groups))
        tally.add(`exit ${exit}`)
        // All is well: then a pass moves nothing but a failback, and leaves each group that has pods its active one.
        if (exit === 0) {
          for (const group of real.report.groups) {
            expect(['keep', 'count', 'paused', 'empty', 'failback']).toContain(group.decision.kind)
          }
        }
        for (const line of statusText(
          { groups, warnings: [] },
          { colors: false, isWide: false, nowMs: NOW, columns: 80 },
        ).split('\n')) {
          if (line === '') break
          expect(line.length).toBeLessThanOrEqual(80)
        }
      }),
      parameters(),
    )
    tally.expectAll([
      'first',
      'failover',
      'failback',
      'repair',
      'count',
      'keep',
      'blocked',
      'error',
      'exit 0',
      'exit 1',
    ])
  })
})
