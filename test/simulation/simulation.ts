/** Carries out a plan: parallel passes of the real code on a cluster in trouble, then calm, then the final checks. */
import { KubeError } from '../../handler/kube/port.js'
import { pass } from '../../handler/pass/pass.js'
import type { Code } from '../model/run.js'
import { NOW } from '../support/builders.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { LATEST_MS } from './fate.js'
import { Passes } from './passes.js'
import { chanceOf, oneOf, type Plan } from './plan.js'
import { brokenAtRest, hasCandidate, isServed } from './simulated-promises.js'
import { World } from './simulated-world.js'
import type { Figures } from './simulation-figures.js'

/** So many passes serve every group again that can be served, once nothing goes wrong any more. */
export const PASSES_TO_REST = 3
/** A pass that moves the role may leave others uncounted, and of one that hangs a pass counts one failure. */
const PASSES_TO_COUNT = 1
/** As of a CronJob: longer than a pass, and than the cooldown of any group. */
const BETWEEN_PASSES_MS = 60_000
/** Longer than any failback, and than a clock was ahead. */
const LATER_MS = 3 * 3_600_000

/** @throws Error what is broken, and what led there */
export async function simulate(plan: Plan, code: Code = { pass, KubeError }): Promise<Figures> {
  const clock = new VirtualClock(NOW)
  const world = new World(plan, clock)
  const passes = new Passes(plan, world, clock, code)
  const waits = new Waits(world, clock)
  try {
    await clock.run(Promise.race([passes.broken, carryOut(plan, clock, world, passes, waits)]))
  } finally {
    clock.abandon()
  }
  const { figures } = passes
  return { ...figures, groups: plan.groups, troubles: world.troubles, ...waits.figures }
}

async function carryOut(plan: Plan, clock: VirtualClock, world: World, passes: Passes, waits: Waits): Promise<void> {
  void world.live()
  const random = chanceOf(plan, 'schedule')
  const started: Promise<void>[] = []
  const start = async () => {
    const startedAtMs = clock.now()
    if (await passes.make(true)) waits.afterPass(startedAtMs)
  }
  for (let round = 0; round < plan.rounds; round++) {
    started.push(start())
    while (random() * 100 < plan.overlaps / 1.3) {
      await clock.sleep(oneOf(random, [20, 100, 100, 3_000]) * random())
      started.push(start())
    }
    await clock.sleep(random() * 30_000)
  }
  await Promise.all(started)

  world.calm()
  waits.calm()
  await clock.sleep(LATEST_MS)
  const quiet = async (isQuiet: (app: string) => boolean) => {
    const before = passes.writesByGroup()
    await passes.make(false)
    for (const [app, writes] of passes.writesByGroup()) {
      if (writes !== before.get(app) && isQuiet(app)) passes.fail(app, 'a pass writes though nothing has changed')
    }
  }
  for (let n = 0; n < PASSES_TO_REST; n++) {
    await passes.make(false)
    waits.afterCalmPass()
    await clock.sleep(BETWEEN_PASSES_MS)
  }
  for (const group of world.groups.values()) passes.fail(group.app, brokenAtRest(world, group))
  for (let n = 0; n < PASSES_TO_COUNT; n++) await passes.make(false)
  await quiet((app) => !world.group(app).hasFailback)
  await clock.sleep(LATER_MS)
  for (let n = 0; n < PASSES_TO_REST; n++) await passes.make(false)
  for (const group of world.groups.values()) passes.fail(group.app, brokenAtRest(world, group))
  for (let n = 0; n < PASSES_TO_COUNT; n++) await passes.make(false)
  await quiet(() => true)
}

/** For how many passes, one after the other, groups wait that could be served: those with a cooldown are told to. */
class Waits {
  private readonly waiting = new Map<string, { readonly passes: number; readonly untilMs: number }>()
  readonly figures = { longestWait: 0, longestCalmWait: 0 }

  constructor(
    private readonly world: World,
    private readonly clock: VirtualClock,
  ) {}

  afterPass(startedAtMs: number): void {
    this.figures.longestWait = Math.max(this.figures.longestWait, this.longest(startedAtMs))
  }

  calm(): void {
    this.waiting.clear()
  }

  afterCalmPass(): void {
    this.figures.longestCalmWait = Math.max(this.figures.longestCalmWait, this.longest(this.clock.now()))
  }

  private longest(sinceMs: number): number {
    for (const group of this.world.groups.values()) {
      const before = this.waiting.get(group.app)
      if (isServed(this.world, group) || group.hasCooldown || !hasCandidate(this.world, group, sinceMs)) {
        this.waiting.delete(group.app)
      } else if (!before || before.untilMs <= sinceMs) {
        this.waiting.set(group.app, { passes: (before?.passes ?? 0) + 1, untilMs: this.clock.now() })
      }
    }
    return Math.max(0, ...[...this.waiting.values()].map(({ passes }) => passes))
  }
}
