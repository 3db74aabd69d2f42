import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { spread } from '../bench/measure.js'
import { type RunningHandler, startHandler } from '../support/handler.js'
import { type OnCluster, openNamespace, WATCH_RIGHTS } from '../support/on-cluster.js'
import { podDraft } from '../support/pods.js'
import { seededRandom } from '../support/random.js'
import type { TestServer } from '../support/servers.js'
import type { Change } from './history.js'
import { type Observer, observe } from './observer.js'
import { until } from './poll.js'

const cluster = inject('cluster')
const FAILOVERS = 100
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
    await observer.stop()
    await world.close()
  })

  /** The uid of the one active, once there is one that has not failed, and the Service is as its user wrote it. */
  const settled = async (failed: readonly (string | undefined)[] = []): Promise<string | undefined> => {
    const actives = (await world.pods()).filter(({ metadata }) => metadata.labels?.role === 'active')
    const uid = actives[0]?.metadata.uid
    if (actives.length !== 1 || failed.includes(uid)) return undefined
    return isHome(await world.service('helloworld')) ? uid : undefined
  }

  const create = async ({ name, port }: TestServer) => {
    await world.admin.post(`${world.api}/pods`, podDraft({ name, port }))
    await world.setStatus(name, {})
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
        return () => create(pod)
      case 'replaced':
        await remove(pod)
        await create(pod)
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

  /** Stops one of them for longer than the other one waits, and lets it go on with what it was about to write. */
  const hold = async (): Promise<void> => {
    const { process } = pick(replicas)
    const holdMs = 400 + random() * 300
    await someMoment()
    process.kill('SIGSTOP')
    await sleep(holdMs)
    process.kill('SIGCONT')
  }

  it(`never make two pods active and miss none of ${FAILOVERS} failovers`, { timeout: 600_000 }, async () => {
    const took: number[] = []
    let alsoFailed = 0
    const began = performance.now()
    let active = await until('a first active pod', () => settled(), MISSED)
    for (let round = 0; round < FAILOVERS; round++) {
      const known = await world.pods()
      const uidOf = ({ name }: TestServer) => known.find(({ metadata }) => metadata.name === name)?.metadata.uid
      const pod = pods.find((pod) => uidOf(pod) === active) as TestServer
      const failure = pick(failures)
      // The one that is about to take over fails as well: who has looked earlier chooses another than who looks later.
      const next = random() < 0.4 ? pick(pods.filter((other) => other !== pod)) : undefined
      const nextAfterMs = random() * 60
      const disturbance = random() < 0.6 ? pick([end, end, hold])() : undefined
      const failedAt = performance.now()
      const recoveries = [await fail(pod, failure)]
      if (next) {
        alsoFailed++
        await sleep(nextAfterMs)
        recoveries.push(await fail(next, 'not ready'))
      }
      const failed = [active, next && uidOf(next)]
      active = await until(`failover ${round} (${pod.name} is ${failure})`, () => settled(failed), MISSED)
      took.push(performance.now() - failedAt)
      await disturbance
      active = await until(`one active pod after failover ${round}`, () => settled(failed), MISSED)
      for (const recover of recoveries) await recover()
    }
    await until('one active pod at the end', () => settled(), MISSED)
    for (const { process } of replicas) process.kill('SIGTERM')
    const runs = await Promise.all(started.map(({ done }) => done))
    const seconds = (performance.now() - began) / 1_000
    const killed = runs.filter(({ signal }) => signal === 'SIGKILL').length
    console.log(
      `${FAILOVERS} failovers in ${seconds.toFixed(0)} s, ms from failure to rest: ${spread(took, 0)}; ` +
        `${killed} replicas killed, ${runs.length - 2 - killed} told to end, ${leftClaimed} claims left to nobody`,
    )
    expect(killed).toBeGreaterThan(FAILOVERS / 5)

    await observer.caughtUp()
    expect(observer.instantsWithTwoActives).toEqual([])
    expect(observer.instantsWhenServiceSelectsTwo).toEqual([])
    expect(observer.maxActives).toBe(1)
    expect(await world.service('helloworld')).toEqual(HOME)
    expect(await world.actives()).toHaveLength(1)
    // And none that nobody needed.
    expect(promotions(observer.history)).toBeGreaterThanOrEqual(FAILOVERS + 1)
    expect(promotions(observer.history)).toBeLessThanOrEqual(FAILOVERS + 1 + alsoFailed)
    expect(runs.filter(({ stderr }) => stderr.includes('defect'))).toEqual([])
    const told = runs.filter(({ signal, stderr }) => signal !== 'SIGKILL' && stderr.includes('listening'))
    expect(told.filter(({ code }) => code !== 0)).toEqual([])
  })
})

function isHome(service: unknown): boolean {
  return isDeepStrictEqual(service, HOME)
}

/** How often a pod became active. */
function promotions(history: readonly Change[]): number {
  let active: string | undefined
  let count = 0
  for (const { kind, deleted, object } of history) {
    const { uid, labels } = object.metadata
    if (kind !== 'pod' || deleted || labels?.role !== 'active' || uid === active) continue
    active = uid
    count++
  }
  return count
}
