// An upgrade and a rollback: the previous version and this one act on one group at the same time.
import { isDeepStrictEqual } from 'node:util'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { requestsOf } from '../support/cluster/audit.js'
import { promotions } from '../support/cluster/history.js'
import { type Observer, observe } from '../support/cluster/observer.js'
import { until } from '../support/cluster/poll.js'
import { serviceAccount } from '../support/cluster/users.js'
import { type RunningHandler, startHandler } from '../support/handler.js'
import { type JsonGroup, type OnCluster, openNamespace, WATCH_RIGHTS } from '../support/on-cluster.js'
import { previousVersion } from '../support/previous-version.js'
import type { TestServer } from '../support/servers.js'

const cluster = inject('cluster')
const previous = cluster && (await previousVersion())
const ROUNDS = 12
const HOME = { selector: { app: 'helloworld', role: 'active' }, annotations: {} }
/** One failure is a failed pod. */
const SERVE = ['serve', '--port', '0', '--interval', '200ms', '--watch', '--failures', '1']
const SLOW = { timeoutMs: 60_000 }

/** One of the two, with an account of its own, so that the audit log tells them apart. */
interface Version {
  readonly kubeconfig: string
  readonly username: string
  readonly program?: string
}

describe.skipIf(!previous)('this version beside the previous one', () => {
  let world: OnCluster
  let pods: readonly TestServer[]
  let observer: Observer
  let versions: { readonly before: Version; readonly now: Version }
  const started: RunningHandler[] = []

  beforeEach(async () => {
    const { kubeconfig } = cluster as NonNullable<typeof cluster>
    world = await openNamespace(cluster as NonNullable<typeof cluster>, WATCH_RIGHTS)
    const { namespace } = world
    const older = await serviceAccount(kubeconfig, { namespace, name: 'active-passive-before', rules: WATCH_RIGHTS })
    const program = previous?.program ?? ''
    versions = {
      before: { ...older, program },
      now: { kubeconfig: world.kubeconfig, username: `system:serviceaccount:${namespace}:active-passive` },
    }
    observer = await observe(kubeconfig, namespace)
    await world.addService({ name: 'helloworld' })
    pods = await Promise.all(['helloworld-0', 'helloworld-1', 'helloworld-2'].map((name) => world.addPod(name)))
  })
  afterEach(async () => {
    for (const { process } of started) process.kill('SIGKILL')
    await observer.stop()
    await world.close()
  })

  const start = ({ kubeconfig, program }: Version, args: readonly string[]): RunningHandler => {
    const handler = startHandler(args, { KUBECONFIG: kubeconfig }, program)
    started.push(handler)
    return handler
  }
  const stop = async ({ process, done }: RunningHandler): Promise<void> => {
    process.kill('SIGTERM')
    expect((await done).code).toBe(0)
  }
  const kill = async ({ process, done }: RunningHandler): Promise<void> => {
    process.kill('SIGKILL')
    await done
  }

  /** The one active pod, once there is one that has not failed, and the Service is as its user wrote it. */
  const settled = (failed?: string) =>
    until(
      `one active pod${failed ? ` that is not ${failed}` : ''}`,
      async () => {
        const [active, ...more] = await world.actives()
        if (active === undefined || active === failed || more.length > 0) return undefined
        return isDeepStrictEqual(await world.service('helloworld'), HOME) ? active : undefined
      },
      SLOW,
    )

  const failovers: readonly ((pod: TestServer) => Promise<() => Promise<unknown>>)[] = [
    async (pod) => {
      await pod.behave('error')
      return () => pod.behave('ok')
    },
    async ({ name }) => {
      await world.setStatus(name, { ready: false })
      return () => world.setStatus(name, {})
    },
    async (pod) => {
      await world.admin.delete(`${world.api}/pods/${pod.name}`)
      return () => world.createPod(pod)
    },
  ]

  /** The active pod fails in one way or another, and another one is active. */
  const failover = async (round: number, meanwhile: () => Promise<unknown> = async () => {}): Promise<void> => {
    const active = await settled()
    const recover = await failovers[round % failovers.length]?.(pods.find(({ name }) => name === active) as TestServer)
    await meanwhile()
    await settled(active)
    await recover?.()
  }

  /** Begins to write, and is killed in the middle of it, or its rival is. */
  const afterAWrite = async (): Promise<void> => {
    const seen = observer.history.length
    await until('a write', () => observer.history.length > seen + 1 || undefined, { ...SLOW, everyMs: 1 })
  }

  it(`never makes two pods active, in ${ROUNDS} failovers by both, kills, an upgrade and a rollback`, {
    timeout: 240_000,
  }, async () => {
    let [before, now] = [start(versions.before, SERVE), start(versions.now, SERVE)]
    for (let round = 0; round < ROUNDS; round++) {
      if (round % 4 === 1) {
        await failover(round, async () => afterAWrite().then(() => kill(before)))
        before = start(versions.before, SERVE)
      } else if (round % 4 === 3) {
        await failover(round, async () => afterAWrite().then(() => kill(now)))
        now = start(versions.now, SERVE)
      } else await failover(round)
    }
    // The upgrade ends, and is taken back.
    await stop(before)
    await failover(0)
    await stop(now)
    before = start(versions.before, SERVE)
    await failover(0)
    await stop(before)

    await observer.caughtUp()
    expect(observer.instantsWithTwoActives).toEqual([])
    expect(observer.instantsWhenServiceSelectsTwo).toEqual([])
    expect(observer.maxActives).toBe(1)
    expect(promotions(observer.history)).toBeGreaterThan(ROUNDS + 2)
    const active = await settled()

    // Each takes what the other has left for its own: nothing is to be done.
    const report = async (version: Version) => {
      const { code, stdout } = await start(version, ['run', '-o', 'json']).done
      const { groups } = JSON.parse(stdout) as { readonly groups: readonly Pick<JsonGroup, 'decision' | 'active'>[] }
      return { code, ...groups[0] }
    }
    for (const version of [versions.before, versions.now, versions.before]) {
      expect(await report(version)).toMatchObject({ code: 0, decision: 'keep', active: { after: active } })
    }
    const { auditLog } = cluster as NonNullable<typeof cluster>
    if (auditLog === undefined) return
    for (const { username } of Object.values(versions)) {
      const requests = await requestsOf(auditLog, username)
      expect(requests.filter(({ verb, resource }) => verb === 'patch' && resource === 'pods').length).toBeGreaterThan(1)
      expect(requests.filter(({ code }) => code === 403)).toEqual([])
    }
  })
})
