// A group beside tenants who mean harm, each in a namespace of its own, all at once: one program serves them all, with the
// account and the policies of jobs/, on a control plane of its own. How long it takes is measured by hand, one tenant after
// the other: `npm run bench:fairness -- --attacks`.
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { aWebhook } from '../support/alerts.js'
import { ATTACKS, type BegunAttack, beginAttack, MANY_SERVICES } from '../support/attacks.js'
import { requestsOf } from '../support/cluster/audit.js'
import { findBinaries } from '../support/cluster/binaries.js'
import { type ControlPlane, startControlPlane } from '../support/cluster/control-plane.js'
import { until } from '../support/cluster/poll.js'
import { serviceAccount } from '../support/cluster/users.js'
import { type RunningHandler, repository, startHandler } from '../support/handler.js'
import { kubectlFor } from '../support/kubectl.js'
import { type JsonGroup, type OnCluster, openNamespace, WATCH_RIGHTS } from '../support/on-cluster.js'
import { type Replica, startReplica } from '../support/replica.js'
import type { TestServer } from '../support/servers.js'

/** Of an attack so much as a machine with other tests beside this one makes in seconds. */
const SCALE = { services: 60, probes: 16, pace: 4 }
/** Pods that hang do so for far longer than the tests take: nobody who waits for them is done in time. */
const HANGING = ['--max-health-timeout', '1h', '--deadline', '2h']
// More than half of all groups fail here, in many namespaces: by the rule of --panic it is our view that is broken.
const ARGS = ['-A', '--panic', '0', '--period', '100ms', '--concurrency', `${SCALE.probes}`, ...HANGING]
const SERVE = ['--interval', '1s', '--watch', '--insecure', ...ARGS]
/**
 * Of the account, in each tenant's namespace: what its groups take at first, and in each second what is tried again after
 * the longest pauses. Without pauses it would be ten times that.
 */
const REQUESTS = { first: 300, eachSecond: 60 }
const SOON = { timeoutMs: 60_000 }

describe.skipIf(findBinaries() === undefined)('a group beside tenants who mean harm', { timeout: 90_000 }, () => {
  let cluster: ControlPlane
  let account: { readonly kubeconfig: string; readonly username: string }
  let victim: OnCluster
  let servers: readonly TestServer[]
  const attacks = new Map<string, BegunAttack>()

  beforeAll(async () => {
    cluster = await startControlPlane()
    const user = { namespace: 'active-passive', name: 'active-passive', clusterRules: WATCH_RIGHTS }
    const policies = kubectlFor(cluster.kubeconfig)('apply', '-k', join(repository, 'jobs/policy'))
    account = await serviceAccount(cluster.kubeconfig, user)
    await policies
    victim = await openNamespace(cluster)
    await victim.addService({ name: 'helloworld' })
    servers = [await victim.addPod('helloworld-0'), await victim.addPod('helloworld-1')]
    await victim.run()
    const begin = async (attack: (typeof ATTACKS)[number]) =>
      attacks.set(attack.name, await beginAttack(await openNamespace(cluster), attack, SCALE))
    await Promise.all(ATTACKS.filter(({ isOnServer }) => !isOnServer).map(begin))
  }, 120_000)
  afterAll(async () => {
    await Promise.all([...attacks.values()].map((attack) => attack.end()))
    await victim?.close()
    await cluster?.stop()
  })

  beforeEach(async () => {
    for (const server of servers) {
      await server.behave('ok')
      await victim.setStatus(server.name, { ready: true })
    }
  })

  const requests = () => requestsOf(cluster.auditLog, account.username)
  const probeFails = async (active: string) => servers.find(({ name }) => name === active)?.behave('error')
  const notReady = (active: string) => victim.setStatus(active, { ready: false })

  /** Its active pod fails, and the other one takes over. */
  const failOver = async (fail: (active: string) => Promise<unknown>): Promise<void> => {
    const [before] = await victim.actives()
    await fail(before ?? '')
    await until('another pod is active', async () => (await victim.actives()).find((name) => name !== before), SOON)
    expect(await victim.actives()).toHaveLength(1)
  }

  /** Does this, and counts what the account asks for in the tenants' namespaces meanwhile. */
  const boundedRequests = async (act: () => Promise<unknown>): Promise<void> => {
    const before = (await requests()).length
    const startedAt = performance.now()
    await act()
    const fresh = (await requests()).slice(before)
    const most = REQUESTS.first + (REQUESTS.eachSecond * (performance.now() - startedAt)) / 1_000
    for (const [name, { namespace }] of attacks) {
      expect(fresh.filter((request) => request.namespace === namespace).length, name).toBeLessThan(most)
    }
  }

  it('fails over in a pass that goes on with the others', async () => {
    let pass: RunningHandler | undefined
    await boundedRequests(async () => {
      await failOver(async (active) => {
        await probeFails(active)
        pass = startHandler(['-o', 'json', ...ARGS], { KUBECONFIG: account.kubeconfig })
      })
      expect(pass?.process.exitCode).toBe(null)
      pass?.process.kill() // it ends as soon as it can
      await pass?.done
    })
    const { groups } = JSON.parse((await pass?.done)?.stdout ?? '') as {
      readonly groups: readonly (JsonGroup & { readonly namespace: string })[]
    }
    const own = groups.find(({ namespace }) => namespace === victim.namespace)
    expect(own).toMatchObject({ decision: 'failover', latch: 'latched', warnings: [] })
    expect(own?.error).toBeUndefined()
  })

  describe('in serve', () => {
    let replica: Replica
    beforeAll(async () => {
      replica = await startReplica(SERVE, { KUBECONFIG: account.kubeconfig })
      const groups = () => replica.metric('active_passive_groups')
      await until('it has read what there is', async () => (await groups()) > 0 || undefined)
    })
    afterAll(() => replica?.stop())

    const alert = async (labels: readonly Readonly<Record<string, string>>[]) => {
      const body = JSON.stringify(aWebhook(labels))
      const headers = { 'content-type': 'application/json' }
      return (await fetch(`${replica.url}/alertmanager`, { method: 'POST', headers, body })).text()
    }
    /** Of all groups of a tenant, of many more that it might have, and of as many namespaces as one message may name. */
    const floodOfAlerts = () => {
      const namespace = attacks.get(MANY_SERVICES)?.namespace ?? ''
      void alert(Array.from({ length: 1_000 }, (_, n) => ({ namespace, service: `group-${n}` }))).catch(() => {})
      void alert(Array.from({ length: 250 }, (_, n) => ({ namespace: `none-${n}`, service: 'a' }))).catch(() => {})
    }
    const failsWithAlerts = async (active: string) => {
      floodOfAlerts()
      await probeFails(active)
      void alert([{ namespace: victim.namespace, service: 'helloworld' }]).catch(() => {})
    }

    /** Not in the first pass, which is not held up by any before it. */
    const failsBetweenTicks = async (active: string) => {
      const ticks = () => replica.metric('active_passive_triggers_total', { trigger: 'interval' })
      const before = await ticks()
      await until('two more ticks', async () => (await ticks()) >= before + 2 || undefined, SOON)
      await probeFails(active)
    }

    it.each([
      ['by its loop', failsBetweenTicks],
      ['by its watch', notReady],
      ['by an alert among others that name a thousand groups', failsWithAlerts],
    ])('fails over %s, while passes wait for what hangs', async (_how, fail) => {
      await boundedRequests(() => failOver(fail))
      const [begun, ended] = [
        await replica.metric('active_passive_triggers_total', { trigger: 'interval' }),
        await replica.metric('active_passive_passes_total', { trigger: 'interval' }),
      ]
      expect(ended).toBeLessThan(begun)
    })
  })
})
