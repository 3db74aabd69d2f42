// Passes of serve that meet over one group, with and without a wish of their own, in every order.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { SwitchoverRequest } from '../../handler/group/switchover.js'
import { Passes } from '../../handler/serve/passes.js'
import { DEFAULT_SETTINGS } from '../../handler/settings/settings.js'
import { systemClock } from '../../handler/util/clock.js'
import { type InProcess, NAMESPACE, startInProcess } from '../support/in-process.js'

vi.setConfig({ testTimeout: 120_000 }) // of a machine that is busy with other things

let world: InProcess
let passes: Passes
let letGo: () => void
let first: Promise<string>

/** Pods `a`, which is active, `b` and `c`; a first pass has begun, whose probes wait until they are let go. */
beforeEach(async () => {
  world = await startInProcess(['a', 'b', 'c'])
  await world.pass()
  let begun = 0
  let held: Promise<void> | undefined = new Promise((resolve) => {
    letGo = resolve
  })
  const settings = { ...DEFAULT_SETTINGS, failures: 1, rise: 1, cooldown: 0 }
  passes = new Passes(
    {
      ...{ namespaces: [NAMESPACE], services: [], roleLabel: 'role', dryRun: false },
      ...{ deadlineMs: 60_000, concurrency: 64, settings },
    },
    {
      clock: systemClock,
      random: () => 0.5,
      probe: async ({ pod }) => {
        begun++
        const text = world.health.get(pod.name) ?? '200'
        await held
        return { healthy: text === '200', text, ms: 1 }
      },
    },
    new AbortController().signal,
  )
  first = (await ask()).decision
  await expect.poll(() => begun, { timeout: 60_000 }).toBe(3)
  held = undefined // for later probes
})
afterEach(() => world.close())

/** Resolves once the pass is in line for the group. `decision`: what it decided, and why. */
async function ask(wish?: SwitchoverRequest): Promise<{ readonly decision: Promise<string> }> {
  const targets = [{ namespace: NAMESPACE, service: 'app', otherwise: 'not-found' }] as const
  const { read, report } = passes.serve(world.connect(), targets, 'awaited', () => {}, wish)
  await read
  const decision = report.then(({ groups: [group] }) => {
    const made = group?.decision
    return made && 'reason' in made ? `${made.kind} ${made.reason.code}` : `${made?.kind}`
  })
  return { decision }
}

const move = (to: string, from: string | null = 'a') => ask({ to, from, force: false })

/** Lets the first pass go on. @returns what all have decided, in the order in which they came */
async function decisions(...asked: readonly Awaited<ReturnType<typeof ask>>[]): Promise<readonly string[]> {
  letGo()
  return Promise.all([first, ...asked.map(({ decision }) => decision)])
}

describe('while a group is served', () => {
  it('a switchover waits, then an alert comes: the switchover is refused, and the failover is made', async () => {
    const asked = [await move('b'), await ask(), await ask()]
    for (const pod of ['a', 'b']) world.health.set(pod, '500')
    const failover = 'failover active-failed'
    expect(await decisions(...asked)).toEqual(['keep healthy', 'unmoved unhealthy', failover, failover])
    expect(world.actives()).toEqual(['c'])
  })

  it('two switchovers wait, to different pods: the second one finds that the role has moved', async () => {
    const asked = [await move('b'), await move('c')]
    expect(await decisions(...asked)).toEqual(['keep healthy', 'switchover by-hand', 'unmoved not-from'])
    expect(world.actives()).toEqual(['b'])
  })

  it('a pass waits, then a switchover comes: the switchover is made after it', async () => {
    const asked = [await ask(), await move('c')]
    expect(await decisions(...asked)).toEqual(['keep healthy', 'keep healthy', 'switchover by-hand'])
    expect(world.actives()).toEqual(['c'])
  })

  it('a switchover waits that was agreed where nobody was active: it takes the role from no pod', async () => {
    expect(await decisions(await move('c', null))).toEqual(['keep healthy', 'unmoved not-from'])
    expect(world.actives()).toEqual(['a'])
  })
})
