import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { type Observer, observe } from '../support/cluster/observer.js'
import { startHandler } from '../support/handler.js'
import { type OnCluster, openNamespace } from '../support/on-cluster.js'
import { seededRandom } from '../support/random.js'
import type { TestServer } from '../support/servers.js'

const cluster = inject('cluster')
/**
 * A few: `test/model` tries every order of requests, `replicas.test.ts` and `test/soak/fire` kill processes by the
 * hundred. Here are two that begin at the same moment, which nothing else has on a real API server.
 */
const ROUNDS = 5
/** Of a kill: some time after the first write that was seen. */
const LATEST_MS = 50
const HOME = { selector: { app: 'helloworld', role: 'active' }, annotations: {} }
/** One failure is a failed pod: each round is a swap. */
const ARGS = ['--failures', '1', '-o', 'json']

describe.skipIf(!cluster)('two handlers at once, each time that the active pod fails', () => {
  let world: OnCluster
  let pods: readonly TestServer[]
  let observer: Observer

  beforeEach(async () => {
    world = await openNamespace(cluster as NonNullable<typeof cluster>)
    await world.addService({ name: 'helloworld' })
    pods = [await world.addPod('helloworld-0'), await world.addPod('helloworld-1')]
    await world.run()
    observer = await observe((cluster as NonNullable<typeof cluster>).kubeconfig, world.namespace)
  })
  afterEach(async () => {
    await observer.stop()
    await world.close()
  })

  /** The active pod fails, the other recovers. @returns the name of the one that ought to be active */
  const failActive = async (): Promise<string> => {
    const [active] = await world.actives()
    await Promise.all(pods.map((pod) => pod.behave(pod.name === active ? 'error' : 'ok')))
    return pods.find(({ name }) => name !== active)?.name ?? ''
  }
  const start = () => startHandler(ARGS, { KUBECONFIG: world.kubeconfig })

  const expectNoOverlap = async () => {
    await observer.caughtUp()
    expect(observer.history.length).toBeGreaterThan(ROUNDS * 4) // it did see the swaps
    expect(observer.instantsWithTwoActives).toEqual([])
    expect(observer.instantsWhenServiceSelectsTwo).toEqual([])
    expect(observer.maxActives).toBe(1)
  }

  it(`end with one active and the Service as its user wrote it, ${ROUNDS} times`, { timeout: 240_000 }, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const winner = await failActive()
      const runs = await Promise.all([start().done, start().done])
      expect({ round, codes: runs.map(({ code }) => code), stderr: runs.map(({ stderr }) => stderr) }).toEqual({
        round,
        codes: [0, 0],
        stderr: ['', ''],
      })
      expect({ round, actives: await world.actives() }).toEqual({ round, actives: [winner] })
      expect(await world.service('helloworld')).toEqual(HOME)
    }
    await expectNoOverlap()
  })

  it(`end so after one more pass when one of them is killed in its swap, ${ROUNDS} times`, {
    timeout: 240_000,
  }, async () => {
    const random = seededRandom('rivals')
    let leftClaimed = 0
    for (let round = 0; round < ROUNDS; round++) {
      const winner = await failActive()
      const seen = observer.history.length
      const delayMs = (LATEST_MS * (round + random())) / ROUNDS // over the whole of a swap, however few rounds
      const victim = start()
      const rivalFirst = round % 2 === 0 ? start() : undefined
      while (observer.history.length === seen && victim.process.exitCode === null) await sleep(1)
      await sleep(delayMs)
      victim.process.kill('SIGKILL')
      await victim.done
      if (isClaimed(await world.service('helloworld'))) leftClaimed++
      await (rivalFirst ?? start()).done
      const { code } = await start().done
      expect({ round, delayMs, code, actives: await world.actives() }).toEqual({
        round,
        delayMs,
        code: 0,
        actives: [winner],
      })
      expect(await world.service('helloworld')).toEqual(HOME)
    }
    expect(leftClaimed).toBeGreaterThan(0) // a kill did hit a swap
    await expectNoOverlap()
  })
})

function isClaimed({ annotations }: { readonly annotations: Readonly<Record<string, string>> }): boolean {
  return 'active-passive/swap' in annotations
}
