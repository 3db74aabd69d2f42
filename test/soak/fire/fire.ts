/** Handlers on a real control plane, with everything around them failing. */
import { availableParallelism, loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ControlPlane } from '../../support/cluster/control-plane.js'
import { observe } from '../../support/cluster/observer.js'
import type { ServiceAccountUser } from '../../support/cluster/users.js'
import { seededRandom } from '../../support/random.js'
import type { Judgement } from '../judge.js'
import { Chronicle } from './chronicle.js'
import { disturb } from './disturbances.js'
import { judgeFire } from './fire-judge.js'
import { openFireWorld } from './fire-world.js'
import { type Handler, type HandlerDraft, startAgainAndAgain } from './handlers.js'

/** One failure is a failed pod, so that there is much to do. */
const CHECK = ['--failures', '1', '--health-timeout', '500ms']
const SERVE = ['serve', '--port', '0', '--interval', '250ms', ...CHECK]
/** Two that go on until they are killed, and two that make a pass and end; all somewhat far away. */
const HANDLERS: readonly HandlerDraft[] = [
  { name: 'watch', args: [...SERVE, '--watch'], latencyMs: 10 },
  { name: 'loop', args: [...SERVE, '--deadline', '10s'], latencyMs: 40 },
  { name: 'pass', args: CHECK, latencyMs: 20 },
  { name: 'short-pass', args: [...CHECK, '--deadline', '10s'], latencyMs: 60 },
]

export interface FireOptions {
  readonly durationMs: number
  /** The same one does the same things. */
  readonly seed: string
  /** Ends it early. */
  readonly signal?: AbortSignal
}

/** @param plane of this fire alone: it is killed over and over */
export async function soakFire(plane: ControlPlane, { durationMs, seed, signal }: FireOptions): Promise<Judgement> {
  const began = performance.now()
  const chronicle = new Chronicle()
  const world = await openFireWorld(plane, chronicle)
  const { cluster, groups, health } = world
  const users = await Promise.all(HANDLERS.map(({ name }) => world.addUser(name)))
  const observer = await observe(plane.kubeconfig, cluster.namespace)
  const handlers: Handler[] = []
  try {
    for (const [n, draft] of HANDLERS.entries()) {
      const random = seededRandom(`${seed} handler ${n}`)
      const { kubeconfig } = users[n] as ServiceAccountUser
      handlers.push(await startAgainAndAgain(draft, kubeconfig, chronicle, () => random() * 500))
    }
    const over = new AbortController()
    void sleep(durationMs, undefined, { ref: false, ...(signal && { signal }) })
      .catch(() => {})
      .then(() => over.abort())
    const damage = await disturb({ world, handlers, plane, observer, chronicle }, seed, over.signal)
    const endMs = performance.now()
    const lives = (await Promise.all(handlers.splice(0).map((handler) => handler.end()))).flat()
    // Whoever was killed last may have left a claim, and a pass that heals such a thing again says so by its exit code.
    lives.push({ ...(await cluster.run(CHECK)), args: CHECK, ordered: false })
    const lastPass = await cluster.run(CHECK)
    await observer.caughtUp()
    await chronicle.addRequests(
      plane.auditLog,
      users.map(({ username }) => username),
    )
    const { entries } = chronicle
    const minutes = (endMs - began) / 60_000
    const { figures, faults } = judgeFire(
      { groups, history: observer.history, health, endMs, lives, lastPass, entries, ...damage },
      { failovers: Math.floor(minutes * 3), done: Math.ceil(minutes / 5) },
    )
    // Processes that take seconds to start and to answer make every gap longer.
    const load = `load average: ${loadavg()[1]?.toFixed(1)}, on ${availableParallelism()} processors`
    return { figures: [`seed: ${seed}`, load, ...figures], faults }
  } finally {
    await Promise.all(handlers.map((handler) => handler.end()))
    await observer.stop()
    await cluster.close()
  }
}
