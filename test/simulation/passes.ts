/** Runs passes of the real code, each with its own clock, connection and fate, and checks the promises. */

import type { SwitchoverRequest } from '../../handler/group/switchover.js'
import type { Probe } from '../../handler/health/probe.js'
import { CLAIM } from '../../handler/kube/keys.js'
import type { Pod, Service, Written } from '../../handler/kube/port.js'
import { fairShares } from '../../handler/pass/fair-share.js'
import { DEFAULT_PANIC } from '../../handler/pass/overview.js'
import type { PassOptions } from '../../handler/pass/pass.js'
import { SingleFlight } from '../../handler/pass/single-flight.js'
import type { Report } from '../../handler/report/report.js'
import { DEFAULT_SETTINGS } from '../../handler/settings/settings.js'
import type { Clock } from '../../handler/util/clock.js'
import type { Code } from '../model/run.js'
import { describeCall } from '../model/story.js'
import { expectNoDefect } from '../support/defects.js'
import { hasEnded, isPromotion, isSeal } from '../support/roles.js'
import type { Call, WriteCall } from '../support/stored.js'
import { fateOf, refusedFate } from './fate.js'
import { NAMESPACES } from './groups.js'
import { chanceOf, oneOf, type Plan } from './plan.js'
import type { Admit } from './simulated-cluster.js'
import { connect, nameOf, never, type Server } from './simulated-connection.js'
import {
  brokenByEnd,
  brokenByMove,
  brokenByPlan,
  brokenByReport,
  brokenByWrite,
  type Knowledge,
} from './simulated-promises.js'
import { Traffic } from './simulated-traffic.js'
import type { World } from './simulated-world.js'

const MINUTE_MS = 60_000
const OPTIONS = {
  namespaces: NAMESPACES,
  services: [],
  roleLabel: 'role',
  dryRun: false,
  concurrency: 64,
  settings: { ...DEFAULT_SETTINGS, cooldown: 0 }, // those with a cooldown ask for it
}
const FEW_PROBES = 4
/** Of the passes in trouble, in per cent. */
const SWITCHOVERS = 15
/** A pass that ends with less time than this left had only time to release. */
const RELEASE_MS = 1_500
/** Of what happened to a group, so much is told where a promise is broken. */
const TOLD = 60

export class Passes {
  readonly figures = { passes: 0, killed: 0, requests: 0, writes: 0, promotions: 0, faults: 0 }
  /** Rejects as soon as a promise is broken. */
  readonly broken: Promise<never>
  private break: (error: Error) => void = () => {}
  private readonly stories = new Map<string, string[]>()
  private readonly writes = new Map<string, number>()
  private readonly traffic: Traffic
  private made = 0

  constructor(
    private readonly plan: Plan,
    private readonly world: World,
    private readonly clock: Clock,
    private readonly code: Code,
  ) {
    this.traffic = new Traffic(world)
    this.broken = new Promise((_resolve, reject) => {
      this.break = reject
    })
  }

  writesByGroup(): ReadonlyMap<string, number> {
    return new Map(this.writes)
  }

  fail(app: string, broken: string | undefined): void {
    if (broken === undefined) return
    this.break(new Error([broken, ...(this.stories.get(app) ?? [])].join('\n  ')))
  }

  /** Makes one pass. @param isTroubled whether anything goes wrong @returns whether it came to its end */
  async make(isTroubled: boolean): Promise<boolean> {
    const id = this.made++
    const random = chanceOf(this.plan, 'pass', id)
    const offsetMs = isTroubled ? (2 * random() - 1) * this.plan.jumpMinutes * MINUTE_MS : 0
    const someDeadlineMs = oneOf(random, [10_000, 20_000, 40_000])
    const deadlineMs = isTroubled ? someDeadlineMs : 40_000
    const [dies, diesAfterMs, isStopped, stopsAfterMs] = [
      isTroubled && random() * 100 < this.plan.deaths,
      random() ** 4 * 10_000,
      isTroubled && random() < 0.1,
      random() * 10_000,
    ]
    let isDead = false
    let isOver = false
    const startedAtMs = this.clock.now()
    const clock: Clock = {
      now: () => this.clock.now() + offsetMs,
      sleep: async (ms, signal) => {
        await this.clock.sleep(ms, signal)
        return isDead ? never() : undefined
      },
    }
    const asked = isTroubled ? this.wishOf(id) : {}
    const knowledge: Knowledge = {
      read: new Map(),
      probed: new Map(),
      unwell: new Set(),
      claims: new Map(),
      tried: new Set(),
      begun: new Set(),
      altered: new Set(),
      wish: asked.switchover,
    }
    const server = this.serverFor(id, knowledge, isTroubled, () => isOver)
    const heard = (call: WriteCall, object: Pod | Service) => {
      if (this.world.admission.isAltered(object)) knowledge.altered.add(appOf(call) as string)
    }
    const kube = connect({ ...server, heard }, this.clock, this.code, () => isDead)
    const probe: Probe = async ({ pod, kind }, timeoutMs, signal) => {
      if (kind !== 'ready' && this.world.hangs(pod)) {
        await clock.sleep(timeoutMs, signal)
        knowledge.probed.set(pod.uid, false)
        knowledge.unwell.add(pod.uid)
        return { healthy: false, text: 'no answer', ms: timeoutMs }
      }
      const found = this.world.cluster.pod(pod.namespace, pod.name)
      const healthy = kind === 'ready' || (found?.uid === pod.uid && this.world.passesItsProbe(pod))
      knowledge.probed.set(pod.uid, healthy)
      if (!healthy) knowledge.unwell.add(pod.uid)
      return { healthy, text: healthy ? '200' : '500', ms: 1 }
    }
    const stop = new AbortController()
    if (isStopped) void this.clock.sleep(stopsAfterMs).then(() => stop.abort())
    // In the end each group is to be served that can be, though most may fail together.
    const panic = isTroubled ? DEFAULT_PANIC : 0
    const options = {
      ...OPTIONS,
      ...{ panic, deadlineMs, quickCheck: random() < 0.5 },
      ...this.sharedBy(clock),
      ...asked,
    }
    const ending = this.code.pass(options, { kube, clock, probe, random }, stop.signal).then((report) => {
      expectNoDefect(report)
      this.hear(report, knowledge)
      return true
    })
    const death = async () => {
      await this.clock.sleep(diesAfterMs)
      isDead = true
      return false
    }
    const isDone = await Promise.race([ending, ...(dies ? [death()] : [])])
    this.figures.passes++
    this.figures.requests += kube.requests
    if (!isDone) this.figures.killed++
    isOver = isDone && this.clock.now() - startedAtMs < deadlineMs - RELEASE_MS
    if (isOver) {
      for (const [claim, app] of knowledge.claims) this.fail(app, brokenByEnd(this.world, this.world.group(app), claim))
    }
    return isDone
  }

  /** Where pods hang, few probes may be made at once, and whose turn it is goes by the time of the simulation. */
  private sharedBy(clock: Clock): Partial<Pick<PassOptions, 'shared'>> {
    if (!this.plan.hanging) return {}
    const turns = (this.code.fairShares ?? fairShares)(clock, FEW_PROBES)
    const nothing = () => {}
    return { shared: { turns, singleFlight: new SingleFlight(), busy: 'awaited', onRead: nothing, onGroup: nothing } }
  }

  /** Of one pass in a few: somebody asks for a switchover of a group, to one of its pods or to the best. */
  private wishOf(id: number): Partial<Omit<PassOptions, 'switchover'>> & { readonly switchover?: SwitchoverRequest } {
    const random = chanceOf(this.plan, 'switchover', id)
    if (random() * 100 >= SWITCHOVERS) return {}
    const group = oneOf(random, [...this.world.groups.values()])
    const to = oneOf(random, [undefined, ...this.world.podsOf(group).map(({ name }) => name)])
    return {
      namespaces: [group.namespace],
      services: [{ namespace: group.namespace, name: group.app }],
      switchover: { to, force: false },
    }
  }

  /** From when to when the credential of a pass is not accepted: of a few, for a moment, or from then on. */
  private voidOf(id: number): readonly [fromMs: number, untilMs: number] {
    const random = chanceOf(this.plan, 'credential', id)
    if (random() * 100 >= this.plan.deaths / 2) return [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
    const fromMs = this.clock.now() + random() ** 4 * 10_000
    return [fromMs, random() < 0.5 ? fromMs + random() * 500 : Number.POSITIVE_INFINITY]
  }

  /** Looks whether what a pass says is all that it should. */
  private hear({ groups }: Report, knowledge: Knowledge): void {
    for (const group of this.world.groups.values()) {
      const own = groups.find(
        ({ namespace, services }) => namespace === group.namespace && services.includes(group.app),
      )
      // Of a group that was not served at all another report tells.
      if (own)
        this.fail(
          group.app,
          brokenByReport(
            group,
            knowledge,
            own.faults.map(({ code }) => code),
          ),
        )
    }
  }

  /** @param isOver whether the pass has come to its end, in good time */
  private serverFor(
    id: number,
    knowledge: Knowledge,
    isTroubled: boolean,
    isOver: () => boolean,
  ): Omit<Server, 'heard'> {
    const { cluster } = this.world
    const startedAt = cluster.version
    const [voidFrom, voidUntil] = this.voidOf(id)
    const told = (call: Call, what: string) => this.tell(call, `pass ${id + 1} ${describeCall(call)}: ${what}`)
    return {
      fateOf: (call, nth) => {
        const chance = chanceOf(this.plan, 'request', id, nameOf(call), nth)
        const isVoid = isTroubled && this.clock.now() >= voidFrom && this.clock.now() < voidUntil
        const fate = isVoid ? refusedFate(chance) : fateOf(chance, isTroubled ? this.plan.api : 0)
        if (fate.kind === 'well') return fate
        this.figures.faults++
        told(call, fate.kind)
        return fate
      },
      isDenied: (call) => {
        const group = this.world.group(appOf(call))
        if ('service' in call) return call.verb !== 'testService' && group.isDenied
        const pod = cluster.pod(call.pod.namespace, call.pod.name)
        return group.keepsTheDead && pod !== undefined && hasEnded(pod)
      },
      read: (call) => {
        const objects = cluster.read(call)
        if (call.verb !== 'listPods') return { objects, heard: () => {} }
        const pods = byGroup(objects as readonly Pod[])
        if (isTroubled) this.world.stir(pods.keys(), chanceOf(this.plan, 'stir', id, nameOf(call), this.clock.now()))
        const { version } = cluster
        const heard = () => {
          for (const [app, members] of pods) knowledge.read.set(app, { pods: members, version })
          for (const { uid, ready } of objects as readonly Pod[]) if (!ready) knowledge.unwell.add(uid)
        }
        return { objects, heard }
      },
      write: (call) => {
        const app = appOf(call) as string
        this.fail(app, brokenByPlan(this.world, knowledge, call))
        const claim = call.verb === 'patchService' && call.patch.annotations[CLAIM]
        if (claim) knowledge.claims.set(claim, app)
        if (isPromotion(call)) knowledge.tried.add(call.pod.uid)
        if (isSeal(call) || isPromotion(call)) knowledge.begun.add(app)
        const readAt = knowledge.read.get(app)?.version ?? startedAt
        return () => {
          const group = this.world.group(app)
          const moves = this.traffic.watch(group)
          const admit: Admit = (before, after) => this.world.admission.admit(before, after)
          const effect = cluster.write(call, admit, (_call, before, after) => {
            told(call, this.world.admission.isAltered(after) ? 'applied, but changed by admission' : 'applied')
            this.wrote(call, readAt, before, after)
            if (claim && isOver())
              this.fail(app, `a pass has ended, and its claim of ${call.service.name} is made after that`)
            for (const move of this.world.meddledAt(group) > 0 ? [] : moves())
              this.fail(app, brokenByMove(this.world, knowledge, readAt, before, move))
          })
          if (effect.kind !== 'applied') told(call, effect.kind)
          return effect as Written<Pod | Service>
        }
      },
    }
  }

  private wrote(call: WriteCall, readAt: number, before: Pod | Service, after: Pod | Service): void {
    const app = appOf(call) as string
    this.figures.writes++
    this.writes.set(app, (this.writes.get(app) ?? 0) + 1)
    if ('phase' in after && 'phase' in before && after.labels.role === 'active' && before.labels.role !== 'active')
      this.figures.promotions++
    if (call.verb === 'patchPod' && !this.world.admission.isAltered(after)) this.world.disown(call.pod)
    this.fail(app, brokenByWrite(this.world, readAt, before, after))
    if ('phase' in after && 'phase' in before)
      this.fail(app, this.world.reconcile(this.world.group(app), before, after))
  }

  private tell(call: Call, text: string): void {
    const app = appOf(call)
    if (app === undefined) return
    const story = this.stories.get(app) ?? []
    this.stories.set(app, [...story.slice(-TOLD), `${(this.clock.now() / 1_000).toFixed(3)} ${text}`])
  }
}

function byGroup(pods: readonly Pod[]): ReadonlyMap<string, readonly Pod[]> {
  const groups = new Map<string, Pod[]>()
  for (const pod of pods) {
    const app = pod.labels.app as string
    groups.set(app, [...(groups.get(app) ?? []), pod])
  }
  return groups
}

function appOf(call: Call): string | undefined {
  if ('pod' in call) return call.pod.labels.app
  return 'service' in call ? call.service.selector.app : call.options.labels?.app
}
