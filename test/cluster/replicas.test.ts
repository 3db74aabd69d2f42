import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { spread } from '../bench/measure.js'
import { type Change, promotions } from '../support/cluster/history.js'
import { type Observer, observe } from '../support/cluster/observer.js'
import { until } from '../support/cluster/poll.js'
import { type RunningHandler, startHandler } from '../support/handler.js'
import { type OnCluster, openNamespace, WATCH_RIGHTS } from '../support/on-cluster.js'
import { podStatus } from '../support/pods.js'
import { seededRandom } from '../support/random.js'
import type { TestServer } from '../support/servers.js'

const cluster = inject('cluster')
/** versions.test.ts has twelve more, of replicas that are not alike; `npm run soak` goes on for as long as it is told. */
const FAILOVERS = 15
const HOME = { selector: { app: 'helloworld', role: 'active' }, annotations: {} }
/** One failure is a failed pod. */
const ARGS = ['serve', '--port', '0', '--interval', '250ms', '--watch', '--failures', '1']
/** A machine may be busy, and a pass that finds a claim waits for it: beyond that a failover was missed. */
const MISSED = { timeoutMs: 60_000 }

const failures = ['unhealthy', 'not ready', 'deleted', 'replaced'] as const

describe.skipIf(!cluster)('two replicas of serve that are killed at random', () => {
  const random = seededRandom('replicas')
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T
  const started: RunningHandler[] = []
  let leftClaimed = 0
  let replicas: RunningHandler[]
  let world: OnCluster
  let pods: readonly TestServer[]
  let observer: Observer

  const start = (): RunningHandler => {
    const replica = startHandler(ARGS, { KUBECONFIG: world.kubeconfig })
    started.push(replica)
    return replica
  }

  beforeEach(async () => {
    world = await openNamespace(cluster as NonNullable<typeof cluster>, WATCH_RIGHTS)
    observer = await observe((cluster as NonNullable<typeof cluster>).kubeconfig, world.namespace)
    await world.addService({ name: 'helloworld' })
    pods = await Promise.all(['helloworld-0', 'helloworld-1', 'helloworld-2'].map((name) => world.addPod(name)))
    replicas = [start(), start()]
  })
  afterEach(async () => {
    for (const { process } of started) process.kill('SIGKILL')
    await observer.caughtUp()
    const { instantsWithTwoActives, instantsWhenServiceSelectsTwo } = observer
    await observer.stop()
    await world.close()
    // Whatever else went wrong.
    expect({ instantsWithTwoActives, instantsWhenServiceSelectsTwo }).toEqual({
      instantsWithTwoActives: [],
      instantsWhenServiceSelectsTwo: [],
    })
  })

  /** The uid of the one active, once there is one that has not failed, and the Service is as its user wrote it. */
  const settled = async (failed: readonly string[] = []): Promise<string | undefined> => {
    const actives = (await world.pods()).filter(({ metadata }) => metadata.labels?.role === 'active')
    const uid = actives[0]?.metadata.uid
    if (actives.length !== 1 || uid === undefined || failed.includes(uid)) return undefined
    return isHome(await world.service('helloworld')) ? uid : undefined
  }

  const remove = ({ name }: TestServer) => world.admin.delete(`${world.api}/pods/${name}`)

  /** @returns what makes the pod whole again */
  const fail = async (pod: TestServer, failure: (typeof failures)[number]): Promise<() => Promise<unknown>> => {
    switch (failure) {
      case 'unhealthy':
        await pod.behave('error')
        return () => pod.behave('ok')
      case 'not ready':
        await world.setStatus(pod.name, { ready: false })
        return () => world.setStatus(pod.name, {})
      case 'deleted':
        await remove(pod)
        return () => world.createPod(pod)
      case 'replaced':
        await remove(pod)
        await world.createPod(pod)
        return async () => {}
    }
  }

  /** At some moment after the failure, or in the middle of the swap. */
  const someMoment = async (): Promise<void> => {
    const [inSwap, delayMs] = [random() < 0.7, random() * 40]
    const seen = observer.history.length
    if (inSwap) await until('a write', () => observer.history.length > seen || undefined, { ...MISSED, everyMs: 1 })
    await sleep(delayMs)
  }

  /** Ends one of them, or both, and starts others. */
  const end = async (): Promise<void> => {
    const victims = pick([[0], [1], [0, 1], [0, 1]])
    const signal = pick(['SIGKILL', 'SIGKILL', 'SIGTERM'] as const)
    const pauseMs = random() * 100
    await someMoment()
    for (const victim of victims) replicas[victim]?.process.kill(signal)
    if (signal === 'SIGKILL') {
      await Promise.all(victims.map((victim) => replicas[victim]?.done))
      if (victims.length === 2 && !isHome(await world.service('helloworld'))) leftClaimed++
    }
    await sleep(pauseMs)
    for (const victim of victims) replicas[victim] = start()
  }

  /**
   * Stops both in the middle of a swap, and has the pod fail that was to take over. The first to go on waits for the
   * claim and chooses another pod, unless it is its own; then the other goes on with what it was about to write.
   * @returns the name and the uid of the pod that was to take over
   */
  const overtake = async (failed: readonly string[]): Promise<{ readonly name: string; readonly uid: string }> => {
    const [first, second] = random() < 0.5 ? [0, 1] : [1, 0]
    const seen = observer.history.length
    const claim = await until('a claim', () => claimIn(observer.history.slice(seen)), { ...MISSED, everyMs: 1 })
    for (const { process } of replicas) process.kill('SIGSTOP')
    const name = claim.split(' ')[1] ?? ''
    const { uid } = (
      await world.admin.patch(`${world.api}/pods/${name}/status`, { status: podStatus({ ready: false }) })
    ).metadata
    replicas[first]?.process.kill('SIGCONT')
    // If it does not come to it, because it waits for the other one, that is as good.
    await until('another active', () => settled([...failed, uid]), { timeoutMs: 1_000 }).catch(() => undefined)
    replicas[second]?.process.kill('SIGCONT')
    return { name, uid }
  }

  it(`never make two pods active and miss none of ${FAILOVERS} failovers`, { timeout: 600_000 }, async () => {
    const took: number[] = []
    let overtaken = 0
    const began = performance.now()
    let active = await until('a first active pod', () => settled(), MISSED)
    for (let round = 0; round < FAILOVERS; round++) {
      const uids = new Map((await world.pods()).map(({ metadata }) => [metadata.name, metadata.uid]))
      const pod = pods.find(({ name }) => uids.get(name) === active) as TestServer
      const failed = [active]
      const [failure, twist] = [pick(failures), random()]
      const ending = twist < 0.45 ? end() : undefined
      const overtaking = twist > 0.8 ? overtake(failed) : undefined
      const failedAt = performance.now()
      const recoveries = [await fail(pod, failure)]
      const winner = await overtaking
      if (winner) {
        failed.push(winner.uid)
        recoveries.push(() => world.setStatus(winner.name, {}))
        overtaken++
      }
      active = await until(`failover ${round} (${pod.name} is ${failure})`, () => settled(failed), MISSED)
      if (!winner) took.push(performance.now() - failedAt)
      await ending
      for (const recover of recoveries) await recover()
    }
    await until('one active pod at the end', () => settled(), MISSED)
    for (const { process } of replicas) process.kill('SIGTERM')
    const runs = await Promise.all(started.map(({ done }) => done))
    const seconds = (performance.now() - began) / 1_000
    const killed = runs.filter(({ signal }) => signal === 'SIGKILL').length
    console.log(
      `${FAILOVERS} failovers in ${seconds.toFixed(0)} s, ms from failure to rest: ${spread(took, 0)}; ` +
        `${overtaken} swaps overtaken, ${killed} replicas killed, ${runs.length - 2 - killed} told to end, ${leftClaimed} claims left to nobody`,
    )
    expect(killed).toBeGreaterThan(FAILOVERS / 5)

    await observer.caughtUp()
    expect(observer.maxActives).toBe(1)
    expect(await world.service('helloworld')).toEqual(HOME)
    expect(await world.actives()).toHaveLength(1)
    // And none that nobody needed.
    expect(promotions(observer.history)).toBeGreaterThanOrEqual(FAILOVERS + 1)
    expect(promotions(observer.history)).toBeLessThanOrEqual(FAILOVERS + 1 + overtaken)
    expect(runs.filter(({ stderr }) => stderr.includes('defect'))).toEqual([])
    const told = runs.filter(({ signal, stderr }) => signal !== 'SIGKILL' && stderr.includes('listening'))
    expect(told.filter(({ code }) => code !== 0)).toEqual([])
  })
})

/** What the first claim says: a token, and the pod that is to take over. */
function claimIn(history: readonly Change[]): string | undefined {
  for (const { kind, object } of history) {
    const claim = kind === 'service' ? object.metadata.annotations?.['active-passive/swap'] : undefined
    if (claim !== undefined) return claim
  }
  return undefined
}

function isHome(service: unknown): boolean {
  return isDeepStrictEqual(service, HOME)
}
